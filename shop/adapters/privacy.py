"""What a log says of customers: enough to tell them apart, too little to reach them."""

import re

#: Much wider than what an address may be: one part too many is masked rather than one too few.
_NO_PART = r"\s@<>\"(),:;\[\]\\"
_ADDRESS = re.compile(rf"([^{_NO_PART}'])[^{_NO_PART}]*@(?=[^{_NO_PART}]+\.[^{_NO_PART}])")
#: Where Celery begins to quote a message that it cannot make a task of.
_QUOTED = re.compile(r"The full contents of the message|\[type:")


def masked(text: str) -> str:
    """`text` with every address in it as `a***@example.com`."""
    return _ADDRESS.sub(r"\1***@", text) if "@" in text else text


def unquoted(text: str) -> str:
    """`text` up to where Celery quotes a whole message, arguments and all."""
    quote = _QUOTED.search(text)
    return text if quote is None else f"{text[: quote.start()].rstrip()} (the message is left out)"
