"""What `GET /invoice/{order_id}` says."""

import json
from collections.abc import Mapping
from enum import Enum

OK, NOT_FOUND, AWAY = 200, 404, 503
_NOT_READY = "/invoice-not-ready"


class Invoice(Enum):
    """What came of asking for one."""

    #: A PDF.
    THERE = "there"
    #: Asking again later makes sense.
    LATER = "later"
    #: None will come, or what came is no invoice.
    NEVER = "never"


def judge(status: int, headers: Mapping[str, str], body: bytes) -> Invoice:
    """Names in `headers` are in lower case."""
    if status == OK:
        is_pdf = headers.get("content-type") == "application/pdf" and body.startswith(b"%PDF-")
        return Invoice.THERE if is_pdf else Invoice.NEVER
    if status == AWAY:
        return Invoice.LATER
    if status == NOT_FOUND:
        try:
            problem = json.loads(body)
        except ValueError:
            return Invoice.NEVER
        kind = problem.get("type") if isinstance(problem, dict) else None
        if isinstance(kind, str) and kind.endswith(_NOT_READY):
            return Invoice.LATER
    return Invoice.NEVER
