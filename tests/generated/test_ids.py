"""What may be an id: judged by the rule as it is written, not as it is coded."""

import string
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shop.domain.order import OrderId
from tests.generated.strategies import JSON

ALLOWED = string.ascii_letters + string.digits + "._-"
#: Close to the edge of the rule, on both sides of it.
NEARLY_IDS = st.one_of(
    st.text(alphabet=ALLOWED, max_size=66),
    st.text(alphabet=ALLOWED + "/:\\ \n\x00*é０", min_size=1, max_size=12),
    st.text(alphabet=ALLOWED, min_size=60, max_size=66).map("{}\n".format),
    st.text(alphabet=ALLOWED, min_size=60, max_size=66).map("{}~".format),
    st.integers(),
    st.integers(min_value=-(10**65), max_value=10**65),
)


def is_an_id(value: Any) -> bool:
    """1 to 64 of `A-Z a-z 0-9 . _ -`, not starting with a dot; a number is taken as its digits."""
    text = str(value) if type(value) is int else value
    return (
        isinstance(text, str)
        and 1 <= len(text) <= 64
        and not text.startswith(".")
        and all(character in ALLOWED for character in text)
    )


@given(NEARLY_IDS | JSON)
def test_what_the_rule_says_is_accepted_and_nothing_else(value: Any) -> None:
    try:
        accepted = OrderId.model_validate(value).root
    except ValidationError:
        assert not is_an_id(value)
    else:
        assert is_an_id(value)
        assert accepted == str(value)
