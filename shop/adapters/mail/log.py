"""The demonstration's mailer: as slow as a network, and delivers into the log."""

import logging
import time

from shop.domain.notification import Notification

logger = logging.getLogger(__name__)


class LogMailer:
    """Waits `delay_s`, then logs the message."""

    def __init__(self, *, delay_s: float) -> None:
        self._delay_s = delay_s

    @property
    def max_delivery_s(self) -> float:
        return self._delay_s

    def deliver(self, notification: Notification) -> None:
        time.sleep(self._delay_s)
        logger.info("notified %s: %s", notification.email, notification.message)
