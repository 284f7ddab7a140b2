"""Log lines of what may happen thousands of times a second."""

import asyncio
import logging
from typing import Any

LOG_EVERY_S = 1.0


class BatchedWarning:
    """Logs how often something happened, in a line a second at most.

    A line each would take more time than what it tells of.
    """

    def __init__(self, logger: logging.Logger, message: str, *details: Any) -> None:
        """`message` has a place for the count, and then one for each of the `details`."""
        self._logger = logger
        self._message = message
        self._details = details
        self._count = 0

    def count(self) -> None:
        """Once more; in the event loop."""
        if not self._count:
            asyncio.get_running_loop().call_later(LOG_EVERY_S, self._log)
        self._count += 1

    def _log(self) -> None:
        self._logger.warning(self._message, self._count, *self._details)
        self._count = 0
