"""What the schema cannot say of a valid request, for Schemathesis; loaded by its command."""

from typing import Any

import schemathesis
from hypothesis import strategies as st

from testing.generated.campaign import ITEM_IN_STOCK

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_LABEL = st.text(alphabet=_LETTERS, min_size=1, max_size=8)
_LOCAL_PART = st.text(alphabet=f"{_LETTERS}!#$%&'*+-/=?^_`{{|}}~", min_size=1, max_size=10)

# Addresses that mail could go to: names that are reserved for tests are refused.
schemathesis.openapi.format(
    "email",
    st.builds("{}@{}.{}".format, _LOCAL_PART, _LABEL, st.sampled_from(["com", "org", "net"])),
)


@schemathesis.hook
def filter_body(_context: schemathesis.HookContext, body: Any) -> bool:
    """`5.0` is an integer to a schema, and none to the shop."""
    fields = body.values() if isinstance(body, dict) else ()
    return not any(isinstance(value, float) and value.is_integer() for value in fields)


@schemathesis.hook
def map_body(_context: schemathesis.HookContext, body: Any) -> Any:
    """Every other order is one of what there is."""
    if not isinstance(body, dict) or not isinstance(body.get("item"), str):
        return body
    in_stock = isinstance(body.get("qty"), int) and body["qty"] % 2
    # Only where the item was well-formed: what is meant to be refused must stay so.
    return {**body, "item": ITEM_IN_STOCK} if in_stock and _is_identifier(body["item"]) else body


def _is_identifier(text: str) -> bool:
    return 0 < len(text) <= 64 and text.isascii() and text.replace("-", "").isalnum()
