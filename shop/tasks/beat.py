"""Beat's scheduler, which shows that it is alive, and waits for a broker that refuses."""

import logging
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from celery.beat import ScheduleEntry, SchedulingError
from celery.utils.time import maybe_make_aware

from shop.adapters.celery.errors import BROKER_ERRORS
from shop.tasks.ownership import OwnedScheduler

logger = logging.getLogger(__name__)

#: The longest sleep between two looks at the schedule, seconds.
MAX_INTERVAL_S = 5.0
#: A clock that is put right by less is nobody's concern.
AHEAD = timedelta(seconds=5)
#: Whatever is scheduled is due if it ran last so long ago.
LONGEST_PERIOD = timedelta(days=1)
#: Between two tries to send what is due.
SEND_AGAIN_S = 1.0


class LivelyScheduler(OwnedScheduler):
    """Touches `beat.alive` in `SHOP_RUN_DIR` at each tick, for a container's health check."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        run_dir = self.app.conf.get("shop_run_dir")
        self._alive = Path(run_dir) / "beat.alive" if run_dir else None

    def tick(self, *args: Any, **kwargs: Any) -> float:
        self._forget_runs_ahead()
        due_in_s: float = super().tick(*args, **kwargs)
        self._touch()
        return due_in_s

    def _forget_runs_ahead(self) -> None:
        """What ran last at a time that is still to come ran before the clock was set back.

        Celery 5.7 waits until that time is there again, without a word: hours, or days.
        """
        for entry in self.schedule.values():
            now = entry.default_now()
            last = maybe_make_aware(entry.last_run_at, now.tzinfo)
            if last <= now + AHEAD:
                continue
            logger.warning("%s ran last at %s, which lies ahead: it is due", entry.name, last)
            entry.last_run_at = now - LONGEST_PERIOD
            # Made of the times that each was due.
            self._heap = None

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send what is due, however long the broker refuses it.

        Celery 5.7 logs a traceback then, and sends it the next time that it is due: a report that
        is due once a day, tomorrow.
        """
        is_refused = False
        while self._is_refused(entry, producer, is_told=is_refused):
            is_refused = True
            self._touch()
            time.sleep(SEND_AGAIN_S)

    def _is_refused(self, entry: ScheduleEntry, producer: Any, *, is_told: bool) -> bool:
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            if not isinstance(error.__context__, BROKER_ERRORS):
                logger.exception("%s is not sent", entry.name)
                return False
            if not is_told:
                logger.warning("%s waits for the broker: %s", entry.name, error.__context__)
            return True
        logger.info("%s is sent", entry.name)
        return False

    def _touch(self) -> None:
        if self._alive is not None:
            self._alive.touch()
