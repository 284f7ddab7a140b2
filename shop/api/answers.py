"""Answers as bytes, made once: a response model would validate them a second time."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

import pydantic_core
from starlette.responses import Response

#: Answers change, and show customers' data: no cache may keep them.
NO_STORE: Final = {"Cache-Control": "no-store"}

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def to_json(value: Any) -> bytes:
    """`value` as compact JSON in UTF-8."""
    try:
        return pydantic_core.to_json(value, inf_nan_mode="null")
    except pydantic_core.PydanticSerializationError:
        # A task sent by hand may carry a lone surrogate, which has no UTF-8: it becomes a `?`.
        return _ENCODER.encode(value).encode("utf-8", "replace")


def answer(
    content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer."""
    all_headers = {**NO_STORE, **headers} if headers else NO_STORE
    return Response(to_json(content), status, all_headers, "application/json")


def location(task_id: str) -> dict[str, str]:
    """The header that says where a task's state is; foreign clients choose their tasks' ids."""
    # The shop's own need no quoting, and looking takes a fifth of the time.
    if not (task_id.isascii() and task_id.replace("-", "").isalnum()):
        task_id = quote(task_id, safe="")
    return {"Location": f"/status/{task_id}"}


def utc(at_ms: int | None) -> str | None:
    """`1767225600005` becomes `2026-01-01T00:00:00.005Z`."""
    if at_ms is None:
        return None
    second, ms = divmod(at_ms, 1000)
    return f"{_second(second)}.{ms:03}Z"


@lru_cache(maxsize=1024)
def _second(at_s: int) -> str:
    # The stamps of an answer lie close together, and those of the next one too.
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
