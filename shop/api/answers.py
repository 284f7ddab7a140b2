"""Answers as bytes, made once: a response model would validate them a second time."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.responses import Response

#: Answers change, and show customers' data: no cache may keep them.
NO_STORE: Final = {"Cache-Control": "no-store"}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def to_json(value: Any) -> bytes:
    """`value` as compact JSON in UTF-8."""
    # A task sent by hand may carry a lone surrogate, which has no UTF-8: it becomes a `?`.
    return _ENCODER.encode(value).encode("utf-8", "replace")


def answer(
    content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer."""
    all_headers = {**NO_STORE, **headers} if headers else NO_STORE
    return Response(to_json(content), status, all_headers, "application/json")


def utc(at_ms: int | None) -> str | None:
    """`1767225600005` becomes `2026-01-01T00:00:00.005Z`."""
    if at_ms is None:
        return None
    at = _EPOCH + timedelta(milliseconds=at_ms)
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
