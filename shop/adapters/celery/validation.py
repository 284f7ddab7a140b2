"""Whether a message is a task, found out before Celery handles it.

Celery 5.7 and kombu 5.7 find out while they handle a message: some of what they stumble over they
put aside, the rest ends the worker, and the next one that takes the same message. An error of
theirs does not say whose fault it is, so none is caught here: what passes is a task that they can
read.
Every answer says what is wrong without a word of what the message holds.
"""

from base64 import b64decode
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import Any

from celery.utils.time import maybe_iso8601, maybe_make_aware, timezone

#: A longer one was never issued, says the API.
MAX_ID_CHARS = 255
#: Deeper ones may be read here, and not written by who stands deeper in his own calls: Python
#: bounds both by the same 1 000.
MAX_DEPTH = 100
#: A task that may take longer has no limit.
MAX_LIMIT_S = 10.0**9

_BODY_ENCODINGS = (None, "base64", "utf-8")
#: Headers that are texts, if they are there.
_TEXTS = ("group", "origin", "parent_id", "root_id", "shadow", "lang")
#: Those that are shown to people and nothing else.
_SHOWN = ("argsrepr", "kwargsrepr")
_TIMES = ("eta", "expires")


def envelope_problem(envelope: Any) -> str | None:
    """What kombu could not make a message of; None if there is nothing."""
    if not isinstance(envelope, dict):
        return "it is no JSON object"
    properties, headers = envelope.get("properties"), envelope.get("headers", {})
    if not isinstance(properties, dict):
        return "it has no properties"
    info = properties.get("delivery_info")
    if not isinstance(info, dict) or not _are_texts(info.get(key) for key in _ADDRESS):
        return "it does not say where it was sent to"
    if not isinstance(properties.get("priority"), int | None):
        return "its priority is no number"
    if not isinstance(headers, dict):
        return "its headers are no JSON object"
    if not _are_texts((envelope.get("content-type"),)):
        return "it has no content type"
    if not isinstance(envelope.get("content-encoding"), str | None):
        return "its content encoding is no text"
    return _body_problem(envelope.get("body"), properties.get("body_encoding"))


_ADDRESS = ("exchange", "routing_key")


def _body_problem(body: Any, encoding: Any) -> str | None:
    if encoding not in _BODY_ENCODINGS:
        return "nobody knows the encoding of its body"
    if not isinstance(body, str) or not body:
        return "it has no body"
    if encoding == "base64":
        try:
            b64decode(body.encode())
        except ValueError:
            return "its body is no base64"
    return None


def task_problem(message: Any, zone: tzinfo) -> str | None:
    """What Celery could not make a task of; None if there is nothing.

    `message` is kombu's; its body is decoded here, and kombu keeps what comes of it.
    """
    if (unreadable := payload_problem(message)) is not None:
        return unreadable
    fields, call = _read(message.headers, message.decode())
    if fields is None or call is None:
        return "it is shaped like no task"
    args, kwargs, embedded = call
    problem = (
        _call_problem(args, kwargs)
        # Celery merges both, and looks for what comes after the task in what comes of it.
        or _after_problem(fields)
        or _after_problem(embedded)
        or _field_problem(fields, zone)
    )
    return problem or ("it is nested too deeply" if is_too_deep([fields, *call]) else None)


def payload_problem(message: Any) -> str | None:
    """Why kombu cannot read the body of its `message`; None if it can."""
    try:
        for _, error, _ in message.errors:
            raise error
        message.decode()
    except MemoryError:
        raise
    except Exception as error:
        # Nothing but kombu's decoders has run.
        return f"its body cannot be read ({type(error).__name__})"
    return None


def escape_what_is_shown(headers: dict[str, Any]) -> None:
    """Celery 5.7 shows half a character of a nested argument as it is: no log or page could."""
    for name in _SHOWN:
        if isinstance(text := headers.get(name), str) and not text.isascii():
            headers[name] = text.encode(errors="backslashreplace").decode()


def is_too_deep(value: Any) -> bool:
    """Without calling itself."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list | tuple)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _read(headers: Mapping[str, Any], payload: Any) -> tuple[Any, Any]:
    """The fields of a task, and its arguments with what is to be sent after it.

    In version 2 of Celery's protocol the headers are the fields, in version 1 the body; there is a
    form between the two.
    """
    if "task" in headers and isinstance(payload, list) and len(payload) == 3:
        return headers, payload
    if not isinstance(payload, dict) or ("task" in headers and "args" not in payload):
        return None, None
    fields = {**payload, **headers} if "task" in headers else payload
    return fields, (payload.get("args", []), payload.get("kwargs", {}), payload)


def _call_problem(args: Any, kwargs: Any) -> str | None:
    if not isinstance(args, list | tuple):
        return "its arguments are no list"
    if not isinstance(kwargs, dict):
        return "its named arguments are no JSON object"
    return None


def _after_problem(given: Any) -> str | None:
    if not isinstance(given, Mapping | None):
        return "what is to be sent after it is no JSON object"
    after = given or {}
    lists = (after.get(name) for name in ("callbacks", "errbacks", "chain"))
    if not all(
        tasks is None or (isinstance(tasks, list) and all(map(_is_signature, tasks)))
        for tasks in lists
    ) or not (after.get("chord") is None or _is_signature(after["chord"])):
        return "what is to be sent after it is shaped like no task"
    return None


def _is_signature(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and _is_text(value.get("task"))
        and isinstance(value.get("args"), list | None)
        and isinstance(value.get("kwargs"), dict | None)
        and isinstance(value.get("options"), dict | None)
    )


def _field_problem(fields: Mapping[str, Any], zone: tzinfo) -> str | None:
    if not is_name(fields.get("task")):
        return "the name of its task is no text"
    if not is_name(fields.get("id")):
        return "its id is no text, or too long"
    if not all(fields.get(name) is None or _is_text(fields[name]) for name in _TEXTS):
        return "a header that Celery reads is no text"
    if not all(isinstance(fields.get(name), str | None) for name in _SHOWN):
        return "what is shown of its arguments is no text"
    if not all(_is_time(fields.get(name), zone) for name in _TIMES):
        return "it has a time that is none"
    limits = fields.get("timelimit") or ()
    if not isinstance(limits, list | tuple) or not (
        len(limits) in (0, 2) and all(map(_is_limit, limits))
    ):
        return "it has a time limit that is none"
    if not isinstance(fields.get("retries"), int | None):
        return "its number of retries is none"
    stamps, stamped = fields.get("stamps"), fields.get("stamped_headers") or []
    if not isinstance(stamps, dict | None) or not (
        isinstance(stamped, list) and all(map(_is_text, stamped))
    ):
        return "its stamps are none"
    return None


def is_name(value: Any) -> bool:
    """Whether Celery may keep and look up something under it."""
    return _is_text(value) and 0 < len(value) <= MAX_ID_CHARS


def _is_text(value: Any) -> bool:
    """JSON may hold halves of characters, which nobody can write down in UTF-8."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _are_texts(values: Iterable[Any]) -> bool:
    return all(map(_is_text, values))


def _is_limit(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and 0 <= value <= MAX_LIMIT_S)


def _is_time(value: Any, zone: tzinfo) -> bool:
    """As Celery reads it, which of some goes wrong only beyond the ends of the calendar."""
    if value is None:
        return True
    if not isinstance(value, str) or not value:
        return False
    try:
        timezone.to_system(maybe_make_aware(maybe_iso8601(value), zone)).isoformat()
    except (ValueError, OverflowError):
        return False
    return True
