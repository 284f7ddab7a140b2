"""A queue of 100 000 orders that wait: nothing of it is sent twice, and looking at it is cheap."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from shop.adapters.celery.app import create_publisher_app
from shop.adapters.celery.publisher import CeleryPublisher
from shop.adapters.redis import keys
from shop.adapters.redis.client import connect
from shop.adapters.redis.ledger import RedisTaskLedger
from shop.adapters.redis.notifications import RedisNotificationBook
from shop.adapters.redis.orders import RedisOrderBook
from shop.adapters.redis.scripts import source
from shop.domain.work import Job, TaskName
from shop.services.recovery import Sweep
from shop.settings import Settings
from testing.servers import ValkeyProcess
from tests.builders import a_delivery
from tests.conftest import MakeSettings

SMALL, LARGE = 1_000, 100_000
AT_A_TIME = 10_000
LONG_MS = 10 * 60 * 1000
SWEEPS = 20
SWEEPS_AT_ONCE = 8
#: Below this, a sweep's time is that of its round trips, and noise.
NOISE_S = 0.002
#: A sweep that looked at all that waits would take a hundred times as long.
RATIO = 10
QUEUE = "default"


class Shop:
    """Redis as the API leaves it when orders come in and no worker is there."""

    def __init__(self, settings: Settings, store: Redis, broker: Redis) -> None:
        self.store, self.broker = store, broker
        self.publisher = CeleryPublisher(create_publisher_app(settings, socket_timeout_s=5))
        self.ledger = RedisTaskLedger(store)
        overdue_after_ms = settings.overdue_after_ms
        self.sweep = Sweep(
            RedisOrderBook(store, overdue_after_ms=overdue_after_ms),
            RedisNotificationBook(store, overdue_after_ms=overdue_after_ms),
            self.publisher,
        )
        self._overdue_after_ms = overdue_after_ms
        self._place = store.register_script(source("place_order"))

    def record(self, order_ids: list[str]) -> list[int]:
        """Place orders as the API does, but do not publish them; when each was placed, ms."""
        placed_ms: list[int] = []
        for begin in range(0, len(order_ids), AT_A_TIME):
            with self.store.pipeline(transaction=False) as pipe:
                for order_id in order_ids[begin : begin + AT_A_TIME]:
                    task_id = f"task-of-{order_id}"
                    self._place(
                        keys=[
                            keys.order(order_id),
                            keys.order_status(order_id),
                            keys.ORDERS_OPEN,
                            keys.task(task_id),
                            keys.invoice(order_id),
                            keys.METRICS_ORDERS,
                        ],
                        args=[
                            *(order_id, "SKU-1", 1, "ann@example.com", task_id),
                            TaskName.PROCESS_ORDER,
                            self._overdue_after_ms,
                            keys.TASK_TTL_S,
                            0,
                            "EUR",
                        ],
                        client=pipe,
                    )
                replies = pipe.execute()
            assert {reply[0] for reply in replies} == {"placed"}
            placed_ms += [reply[2] for reply in replies]
        return placed_ms

    def queue_up(self, order_ids: list[str]) -> list[int]:
        """Record them and queue a message for each; when each was placed, ms."""
        placed_ms = self.record(order_ids)
        # One is published for real, and the others are its copies with ids of their own.
        first, *rest = order_ids
        job = Job(
            TaskName.PROCESS_ORDER,
            (first, "SKU-1", 1, "ann@example.com"),
            f"task-of-{first}",
            placed_ms[0],
        )
        self.publisher.publish(job)
        message = self.newest_message()
        for begin in range(0, len(rest), AT_A_TIME):
            copies = [
                message.replace(f"task-of-{first}", f"task-of-{order_id}")
                for order_id in rest[begin : begin + AT_A_TIME]
            ]
            self.broker.lpush(QUEUE, *copies)
        return placed_ms

    def pass_time(self, ms: int) -> None:
        """All that is owed is so much older."""
        members = self.store.zrange(keys.ORDERS_OPEN, 0, -1, withscores=True)
        older = {member: score - ms for member, score in members}
        self.store.zadd(keys.ORDERS_OPEN, older)
        if self.store.exists(keys.watermark(QUEUE)):
            self.store.decrby(keys.watermark(QUEUE), ms)

    def waiting(self) -> int:
        count: int = self.broker.llen(QUEUE)
        return count

    def newest_message(self) -> str:
        message: str | None = self.broker.lindex(QUEUE, 0)
        assert message is not None
        return message

    def sweep_takes_s(self) -> float:
        """At best, for the machine does other things too; nothing may be sent."""
        took_s = []
        for _ in range(SWEEPS):
            began_s = time.perf_counter()
            swept = self.sweep.run()
            took_s.append(time.perf_counter() - began_s)
            assert not swept
        return min(took_s)


@pytest.fixture
def shop(valkey: ValkeyProcess, make_settings: MakeSettings) -> Iterator[Shop]:
    settings = make_settings(redis_port=valkey.port)
    with connect(settings.store_dsn, "contract") as store, valkey.client() as broker:
        yield Shop(settings, store, broker)
    # The next test need not load what this one left.
    with valkey.client() as client:
        client.flushall()


def test_a_backlog_of_100_000_waiting_orders_is_not_sent_again(shop: Shop) -> None:
    """While no worker is there, and while one is far behind; a lost one among them is found."""
    orders = [f"waiting-{number}" for number in range(LARGE)]
    shop.record(["lost"])
    shop.pass_time(LONG_MS)
    first_ms, *_ = shop.queue_up(orders[:SMALL])
    shop.pass_time(LONG_MS)
    small_s = shop.sweep_takes_s()

    shop.queue_up(orders[SMALL:])
    shop.pass_time(LONG_MS)
    large_s = shop.sweep_takes_s()

    assert shop.waiting() == LARGE
    assert large_s <= RATIO * max(small_s, NOISE_S)

    shop.ledger.started(a_delivery(f"task-of-{orders[0]}", enqueued_at_ms=first_ms - 2 * LONG_MS))
    with ThreadPoolExecutor(SWEEPS_AT_ONCE) as threads:
        sweeps = [threads.submit(shop.sweep.run) for _ in range(SWEEPS_AT_ONCE)]
        swept = [sweep.result(timeout=30) for sweep in sweeps]
    assert [found for found in swept if found] == [{TaskName.PROCESS_ORDER: 1}]
    assert '"task-of-lost"' in shop.newest_message()
    behind_s = shop.sweep_takes_s()

    assert shop.waiting() == LARGE + 1
    assert behind_s <= RATIO * max(small_s, NOISE_S)
