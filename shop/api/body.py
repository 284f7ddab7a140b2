"""JSON bodies, read strictly: what two readers could understand differently is refused."""

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from shop.api.problems import INVALID_REQUEST, UNSUPPORTED_ENCODING, Problem

M = TypeVar("M", bound=BaseModel)

#: Errors named in one answer; a small body can hold thousands.
MAX_ERRORS = 20
#: Characters of foreign text that an answer repeats.
MAX_SHOWN_CHARS = 100
#: The field named when the body as a whole is wrong.
WHOLE_BODY = "body"

#: More digits than any field takes. Python refuses to read integers beyond 4300 digits, and
#: the error would not say which field it was.
_MAX_DIGITS = 70
_BEYOND_ANY_LIMIT = int("9" * _MAX_DIGITS)
_BELOW_ANY_LIMIT = -_BEYOND_ANY_LIMIT

#: What some editors and libraries begin a text with; RFC 8259 forbids it in JSON.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "UTF-8"),
    # Before UTF-16, whose own it begins with.
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)

#: The shop's words where pydantic's are about Python.
_MESSAGES = {"missing": "is missing", "extra_forbidden": "is not a known field"}


class _Refused(ValueError):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


async def read_json(request: Request, model: type[M]) -> M:
    """The body as a valid `model`; raises `Problem` naming each field that is wrong."""
    _check_encoding(request)
    try:
        _check_media_type(request.headers.get("content-type"))
        return model.model_validate(_parse(await request.body()))
    except _Refused as error:
        found = [{"field": error.field, "message": str(error)}]
    except ValidationError as error:
        found = field_errors(
            error.errors(include_url=False, include_context=False, include_input=False)[:MAX_ERRORS]
        )
    raise invalid_request(found)


def invalid_request(errors: Sequence[Mapping[str, str]]) -> Problem:
    detail = "; ".join(f"{error['field']}: {error['message']}" for error in errors[:3])
    if len(errors) > 3:
        detail += "; and more"
    return Problem(INVALID_REQUEST, detail, errors=errors)


def field_errors(errors: Iterable[Mapping[str, Any]], *, skip: int = 0) -> list[dict[str, str]]:
    """Pydantic's errors as the members of a problem; `skip` leaves out the start of a place."""
    return [
        {
            "field": shown(".".join(map(str, error["loc"][skip:]))) or WHOLE_BODY,
            "message": _MESSAGES.get(error["type"]) or error["msg"].removeprefix("Value error, "),
        }
        for error in errors
    ]


def shown(text: str) -> str:
    """Foreign text, as much of it as an answer repeats."""
    return text if len(text) <= MAX_SHOWN_CHARS else text[: MAX_SHOWN_CHARS - 3] + "..."


def _check_encoding(request: Request) -> None:
    for header, plain in (("content-encoding", "identity"), ("transfer-encoding", "chunked")):
        for value in request.headers.getlist(header):
            if value.strip().lower() != plain:
                raise Problem(
                    UNSUPPORTED_ENCODING,
                    f"The body is encoded as {shown(value)}; send it without {header.title()}.",
                )


def _check_media_type(content_type: str | None) -> None:
    if content_type == "application/json":
        return
    media_type = (content_type or "").partition(";")[0].strip().lower()
    # A browser sends other types across origins without asking first; this one it does not.
    if media_type != "application/json" and not re.fullmatch(
        r"application/[^/\s]+\+json", media_type
    ):
        raise _Refused(WHOLE_BODY, "must be sent with Content-Type: application/json")


def _parse(body: bytes) -> dict[str, Any]:
    if not body:
        raise _Refused(WHOLE_BODY, "is empty")
    for mark, encoding in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            raise _Refused(
                WHOLE_BODY, f"begins with the byte order mark of {encoding}; send UTF-8 without one"
            )
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _Refused(WHOLE_BODY, f"is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _Refused(WHOLE_BODY, f"is not JSON: {error.msg} at {place}") from None
    except RecursionError:
        raise _Refused(WHOLE_BODY, "is nested too deeply") from None
    if not isinstance(value, dict):
        raise _Refused(WHOLE_BODY, "must be a JSON object")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = Counter(name for name, _ in pairs)
        raise _Refused(shown(names.most_common(1)[0][0]), "is given more than once")
    return fields


def _integer(digits: str) -> int:
    if len(digits) <= _MAX_DIGITS:
        return int(digits)
    return _BELOW_ANY_LIMIT if digits.startswith("-") else _BEYOND_ANY_LIMIT


def _constant(name: str) -> NoReturn:
    raise _Refused(WHOLE_BODY, f"is not JSON: {name} is no number there")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)
