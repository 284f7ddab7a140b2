"""Log lines for programs: JSON, the same fields whoever wrote them, and no customer's address.

A line costs an API process and a worker as much as what it tells of. Through structlog's chain of
processors it took twice as long as here (`docs/decisions/0016`).
"""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from shop.adapters.privacy import masked, unquoted
from shop.correlation import correlation_id

#: Quotes messages that are no tasks, as they are.
_QUOTING = "celery.worker.consumer.consumer"


class JsonLines(logging.Formatter):
    """One object a line; `service` names the process, `mask` hides the secrets."""

    def __init__(self, service: str, mask: Callable[[str], str]) -> None:
        super().__init__()
        self._service = service
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.name == _QUOTING:
            message = unquoted(message)
        line = {
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": _utc(record.created),
            "service": self._service,
            # Whoever wrote it: a foreign client's message, an exception, a path may name one.
            "message": self._shown(message),
        }
        if found := correlation_id.get():
            line["correlation_id"] = found
        if "client" in record.__dict__:
            line["client"] = record.__dict__["client"]
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = self._shown(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack_info"] = self._shown(record.stack_info)
        # JSON escapes every control character but one.
        return json.dumps(line).replace("\x7f", "\\u007f")

    def _shown(self, text: str) -> str:
        return masked(self._mask(text))


def _utc(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="microseconds")[:-6] + "Z"
