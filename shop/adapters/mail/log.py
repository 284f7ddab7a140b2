"""The demonstration's mailer: as slow as a network, and delivers into the log."""

import logging
import time

from shop.adapters.privacy import masked
from shop.domain.notification import Mail

logger = logging.getLogger(__name__)


class LogMailer:
    """Waits `delay_s`, then logs the message: in clear if `in_clear`, which production is not."""

    def __init__(self, *, delay_s: float, in_clear: bool) -> None:
        self._delay_s = delay_s
        self._in_clear = in_clear

    @property
    def lease_s(self) -> float:
        return self._delay_s

    def deliver(self, mail: Mail) -> None:
        if self._delay_s:
            time.sleep(self._delay_s)
        if self._in_clear:
            logger.info("notified %s: %s", mail.email, mail.message)
        else:
            length = len(mail.message)
            logger.info("notified %s: %d characters", masked(mail.email), length)
