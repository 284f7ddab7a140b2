"""Every task's stamps, and each queue's watermark."""

from collections.abc import Mapping

from redis import Redis

from shop.adapters.redis import keys
from shop.adapters.redis.client import store_errors
from shop.adapters.redis.scripts import source
from shop.adapters.redis.trips import Command, RoundTrips
from shop.domain.task_state import TaskState
from shop.domain.work import Delivery, Timings


class RedisTaskLedger:
    """Stamps by the server's clock; they need no answer, and may share others' round trips."""

    def __init__(self, client: Redis, trips: RoundTrips | None = None) -> None:
        self._trips = trips or RoundTrips(client)
        self._start = self._trips.script(source("start_task"))
        self._finish = self._trips.script(source("finish_task"))
        self._begin = self._trips.script(source("begin_task"))

    def started(self, delivery: Delivery) -> None:
        stamp = delivery.enqueued_at_ms
        with store_errors():
            self._trips.post(
                self._start.command(
                    keys=[
                        keys.task(delivery.task_id),
                        keys.watermark(delivery.queue),
                        keys.METRICS_TASKS,
                    ],
                    args=[
                        delivery.task,
                        delivery.delivery_id,
                        "" if stamp is None else stamp,
                        delivery.age_ms,
                        keys.TASK_TTL_S,
                    ],
                )
            )

    def finished(self, task_id: str, *, failed: bool = False, has_result: bool = True) -> None:
        state = TaskState.FAILURE if failed else TaskState.SUCCESS
        with store_errors():
            self._trips.post(
                self._finish.command(
                    keys=[keys.task(task_id), keys.METRICS_TASKS],
                    args=[keys.TASK_TTL_S, state, int(has_result)],
                )
            )

    def begun(self, task: str, task_id: str, delivery_id: str) -> int:
        with store_errors():
            attempts: int = self._begin(
                keys=[keys.task(task_id)], args=[task, delivery_id, keys.TASK_TTL_S]
            )
        return attempts

    def ended(self, task_id: str) -> None:
        with store_errors():
            self._trips.post(Command(("HDEL", keys.task(task_id), "attempt", "attempts")))


def timings(fields: Mapping[str, str]) -> Timings:
    """The stamps in a `task:{task_id}` hash."""

    def stamp(name: str) -> int | None:
        text = fields.get(name)
        return None if text is None else int(text)

    return Timings(
        # Until it has started, there is but one publication to speak of.
        first_enqueued_at_ms=stamp("first_enqueued_at") or stamp("enqueued_at"),
        enqueued_at_ms=stamp("enqueued_at"),
        received_at_ms=stamp("received_at"),
        started_at_ms=stamp("started_at"),
        finished_at_ms=stamp("finished_at"),
        deliveries=stamp("deliveries") or 0,
    )
