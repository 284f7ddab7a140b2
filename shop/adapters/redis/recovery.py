"""Finds work whose message was lost; the same for orders and notifications."""

from redis import Redis

from shop.adapters.redis import keys
from shop.adapters.redis.client import store_errors
from shop.adapters.redis.scripts import source

#: What may lie between taking a message and starting its task, while a later one overtakes it.
IN_HAND_SLACK_MS = 1_000
#: Work is taken for lost after so long in any case, whatever the watermark says.
LOST_AT_LATEST_AFTER_MS = 60 * 60 * 1_000
#: The reason of work that was given up because somebody damaged its record.
UNREADABLE = "unreadable"


class LostWork:
    """One sorted set of open work, scored by when each piece is overdue."""

    def __init__(
        self, client: Redis, open_key: str, dead_key: str, *, overdue_after_ms: int
    ) -> None:
        self._client = client
        self._open_key = open_key
        self._dead_key = dead_key
        self._work = open_key.partition(":")[0]
        self._overdue_after_ms = overdue_after_ms
        self._claim = client.register_script(source("claim_lost"))
        self._set_aside = client.register_script(source("set_aside"))

    def claim(
        self, queue: str, *, queue_is_idle: bool, limit: int, due_by_ms: int | None
    ) -> tuple[int, list[str]]:
        """The store's time in milliseconds, and the ids that are now this caller's to send."""
        with store_errors():
            at_ms, *ids = self._claim(
                keys=[self._open_key, keys.watermark(queue), keys.METRICS_SWEEPS],
                args=[
                    int(queue_is_idle),
                    self._overdue_after_ms,
                    IN_HAND_SLACK_MS,
                    LOST_AT_LATEST_AFTER_MS,
                    limit,
                    self._work,
                    "" if due_by_ms is None else due_by_ms,
                ],
            )
        return at_ms, ids

    def forget(self, member: str) -> None:
        """Nothing is owed for it any more."""
        with store_errors():
            self._client.zrem(self._open_key, member)

    def give_up(self, member: str, record_key: str) -> None:
        """Put it where people look: its record cannot be read, and so what is owed is not known."""
        with store_errors():
            self._set_aside(
                keys=[record_key, self._open_key, self._dead_key, keys.METRICS_DEAD],
                args=[member, UNREADABLE, self._work.removesuffix("s")],
            )
