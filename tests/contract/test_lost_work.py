"""`claim_lost`: what was lost is found soon, and what merely waits is left alone.

`ports.ledger.started` raises the watermark: the publication of a task that has been started.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from shop.adapters.redis.recovery import IN_HAND_SLACK_MS, LOST_AT_LATEST_AFTER_MS
from tests.builders import a_delivery, a_notification, an_order, follow_ups
from tests.contract.backends import (
    OVERDUE_AFTER_MS,
    Backend,
    Ports,
    RedisBackend,
    on_a_real_server,
)

LONG_MS = 10 * 60 * 1000
ALL = 1_000


class Work:
    """Orders or notifications, of which the sweep asks the same."""

    def __init__(
        self, queue: str, publish: Callable[[str], object], claim: Callable[..., list[str]]
    ) -> None:
        self.queue = queue
        self.publish = publish
        self.claim = claim


@pytest.fixture(params=["orders", "notifications"])
def work(request: pytest.FixtureRequest, ports: Ports) -> Work:
    if request.param == "orders":

        def claim(*, idle: bool, limit: int = ALL, queue: str = "default") -> list[str]:
            lost = ports.book.claim_lost(queue, queue_is_idle=idle, limit=limit)
            return [record.order_id for record in lost.records]

        def publish(key: str) -> object:
            return ports.book.begin(an_order(key), f"task-of-{key}", "one")

        return Work("default", publish, claim)

    def claim_notifications(*, idle: bool, limit: int = ALL, queue: str = "priority") -> list[str]:
        lost = ports.notifications.claim_lost(queue, queue_is_idle=idle, limit=limit)
        return [record.task_id for record in lost.records]

    def publish_notification(key: str) -> object:
        return ports.notifications.begin(a_notification(), key, "one")

    return Work("priority", publish_notification, claim_notifications)


@pytest.fixture
def started(ports: Ports, backend: Backend, work: Work) -> Callable[[], None]:
    """Start another task of the same queue, published just now."""

    def start() -> None:
        ports.ledger.started(
            a_delivery("another", queue=work.queue, enqueued_at_ms=backend.now_ms())
        )

    return start


class TestBusyQueue:
    def test_what_waits_is_left_alone_however_long(self, backend: Backend, work: Work) -> None:
        work.publish("first")
        backend.pass_time(LONG_MS)

        assert work.claim(idle=False) == []

    def test_what_was_published_before_what_is_started_now_is_left_alone_if_it_is_younger(
        self, backend: Backend, work: Work, started: Callable[[], None]
    ) -> None:
        started()
        backend.pass_time(LONG_MS)
        work.publish("younger-than-the-watermark")
        backend.pass_time(LONG_MS)

        assert work.claim(idle=False) == []

    def test_what_was_overtaken_is_lost(
        self, backend: Backend, work: Work, started: Callable[[], None]
    ) -> None:
        work.publish("overtaken")
        backend.pass_time(LONG_MS)
        started()
        work.publish("younger")

        assert work.claim(idle=False) == ["overtaken"]

    def test_what_may_still_be_in_hand_is_left_alone(
        self, backend: Backend, work: Work, started: Callable[[], None]
    ) -> None:
        work.publish("in-hand")
        backend.pass_time(IN_HAND_SLACK_MS // 2)
        started()
        backend.pass_time(LONG_MS)

        assert work.claim(idle=False) == []

    def test_beyond_the_slack_it_is_lost(
        self, backend: Backend, work: Work, started: Callable[[], None]
    ) -> None:
        work.publish("overtaken")
        backend.pass_time(IN_HAND_SLACK_MS)
        started()
        backend.pass_time(OVERDUE_AFTER_MS)

        assert work.claim(idle=False) == ["overtaken"]

    def test_what_is_not_overdue_is_not_lost_though_it_was_overtaken(
        self, backend: Backend, work: Work, started: Callable[[], None]
    ) -> None:
        work.publish("recent")
        backend.pass_time(OVERDUE_AFTER_MS // 2)
        started()

        assert work.claim(idle=False) == []

    def test_after_the_fallback_it_is_lost_in_any_case(self, backend: Backend, work: Work) -> None:
        work.publish("forgotten")
        backend.pass_time(LOST_AT_LATEST_AFTER_MS - OVERDUE_AFTER_MS)
        assert work.claim(idle=False) == []

        backend.pass_time(OVERDUE_AFTER_MS)
        assert work.claim(idle=False) == ["forgotten"]

    def test_another_queues_progress_says_nothing(
        self, backend: Backend, work: Work, started: Callable[[], None]
    ) -> None:
        work.publish("waits")
        backend.pass_time(LONG_MS)
        started()

        assert work.claim(idle=False, queue="another") == []

    @pytest.mark.parametrize("stamp", [10**15, 10**400, -(10**15), -1, None])
    def test_a_foreign_stamp_makes_nothing_lost(
        self, ports: Ports, backend: Backend, work: Work, stamp: int | None
    ) -> None:
        work.publish("waits")
        backend.pass_time(LONG_MS)
        ports.ledger.started(a_delivery("foreign", queue=work.queue, enqueued_at_ms=stamp))

        assert work.claim(idle=False) == []

    def test_the_watermark_never_falls(
        self, ports: Ports, backend: Backend, work: Work, started: Callable[[], None]
    ) -> None:
        work.publish("overtaken")
        backend.pass_time(LONG_MS)
        started()
        ports.ledger.started(a_delivery("old", queue=work.queue, enqueued_at_ms=1))

        assert work.claim(idle=False) == ["overtaken"]


class TestIdleQueue:
    def test_what_is_overdue_is_lost(self, backend: Backend, work: Work) -> None:
        work.publish("lost")
        backend.pass_time(OVERDUE_AFTER_MS)

        assert work.claim(idle=True) == ["lost"]

    def test_what_is_not_overdue_is_left_alone(self, backend: Backend, work: Work) -> None:
        work.publish("recent")
        backend.pass_time(OVERDUE_AFTER_MS // 2)

        assert work.claim(idle=True) == []


class TestClaims:
    def test_the_longest_overdue_comes_first_up_to_the_limit(
        self, backend: Backend, work: Work
    ) -> None:
        for key in ("c", "a", "b"):
            work.publish(key)
            backend.pass_time(1_000)
        backend.pass_time(OVERDUE_AFTER_MS)

        assert work.claim(idle=True, limit=2) == ["c", "a"]
        assert work.claim(idle=True, limit=2) == ["b"]

    def test_what_is_claimed_is_overdue_again_later(self, backend: Backend, work: Work) -> None:
        work.publish("lost")
        backend.pass_time(OVERDUE_AFTER_MS)

        assert work.claim(idle=True) == ["lost"]
        assert work.claim(idle=True) == []
        backend.pass_time(OVERDUE_AFTER_MS)
        assert work.claim(idle=True) == ["lost"]

    def test_of_several_sweeps_at_once_one_claims_it(self, backend: Backend, work: Work) -> None:
        keys = [f"lost-{number}" for number in range(40)]
        for key in keys:
            work.publish(key)
        backend.pass_time(OVERDUE_AFTER_MS)

        with ThreadPoolExecutor(4) as sweeps:
            claims = [sweeps.submit(work.claim, idle=True, limit=10) for _ in range(8)]
            claimed = [key for claim in claims for key in claim.result(timeout=10)]

        assert sorted(claimed) == sorted(keys)

    def test_a_delivery_that_begins_pushes_the_due_time_back(
        self, backend: Backend, work: Work
    ) -> None:
        work.publish("slow")
        backend.pass_time(OVERDUE_AFTER_MS)
        work.publish("slow")

        assert work.claim(idle=True) == []


class TestWhatIsClaimed:
    def test_a_pending_order_with_its_content(self, ports: Ports, backend: Backend) -> None:
        order = an_order()
        ports.book.begin(order, "task-1", "one")
        backend.pass_time(OVERDUE_AFTER_MS)
        before_ms = backend.now_ms()

        claim = ports.book.claim_lost("default", queue_is_idle=True, limit=ALL)

        assert claim.records == (ports.book.find(order.id),)
        assert before_ms <= claim.at_ms <= backend.now_ms()

    def test_a_processed_order_until_its_invoice_is_there(
        self, ports: Ports, backend: Backend
    ) -> None:
        order = an_order()
        backend.set_by_hand("stock", order.item, "10")
        ports.book.begin(order, "task-1", "one")
        ports.book.settle(order.id, order.item, follow_ups(order))
        backend.pass_time(OVERDUE_AFTER_MS)

        (record,) = ports.book.claim_lost("default", queue_is_idle=True, limit=ALL).records
        assert record.owed == "generate_invoice"

        ports.book.store_invoice(order.id, b"%PDF")
        backend.pass_time(LONG_MS)
        assert ports.book.claim_lost("default", queue_is_idle=True, limit=ALL).records == ()

    def test_what_an_order_gives_rise_to_is_given_its_time(
        self, ports: Ports, backend: Backend
    ) -> None:
        order = an_order()
        backend.set_by_hand("stock", order.item, "10")
        ports.book.begin(order, "task-1", "one")
        backend.pass_time(OVERDUE_AFTER_MS)
        ports.book.settle(order.id, order.item, follow_ups(order))

        def lost() -> list[int]:
            return [
                len(book.claim_lost("any", queue_is_idle=True, limit=ALL).records)
                for book in (ports.book, ports.notifications)
            ]

        assert lost() == [0, 0]
        backend.pass_time(OVERDUE_AFTER_MS)
        assert lost() == [1, 1]

    def test_failed_and_buried_orders_never(self, ports: Ports, backend: Backend) -> None:
        for order_id in ("failed", "buried"):
            ports.book.begin(an_order(order_id), f"task-of-{order_id}", "one")
        ports.book.settle("failed", "SKU-1", follow_ups(an_order("failed"), notify=False))
        ports.book.bury("buried", "attempts_exhausted")
        backend.pass_time(LONG_MS)

        assert ports.book.claim_lost("default", queue_is_idle=True, limit=ALL).records == ()

    def test_an_order_whose_record_was_deleted_is_forgotten(
        self, ports: Ports, backend: Backend
    ) -> None:
        ports.book.begin(an_order("deleted"), "task-1", "one")
        ports.book.begin(an_order("kept"), "task-2", "one")
        backend.pass_time(OVERDUE_AFTER_MS)
        backend.delete_by_hand(order_id="deleted")

        (record,) = ports.book.claim_lost("default", queue_is_idle=True, limit=ALL).records

        assert record.order_id == "kept"
        assert backend.open_orders() == {"kept"}

    def test_a_notification_whose_record_was_deleted_is_forgotten(
        self, ports: Ports, backend: Backend
    ) -> None:
        ports.notifications.begin(a_notification(), "deleted", "one")
        backend.pass_time(OVERDUE_AFTER_MS)
        backend.delete_by_hand(task_id="deleted")

        claim = ports.notifications.claim_lost("priority", queue_is_idle=True, limit=ALL)

        assert claim.records == ()
        assert backend.open_notifications() == set()


def test_thousands_of_waiting_orders_hide_no_lost_one(ports: Ports, backend: Backend) -> None:
    ports.book.begin(an_order("lost"), "task-1", "one")
    backend.pass_time(LONG_MS)
    backend.wait_behind(5_000)
    ports.ledger.started(a_delivery("another", enqueued_at_ms=backend.now_ms()))

    claim = ports.book.claim_lost("default", queue_is_idle=False, limit=ALL)

    assert [record.order_id for record in claim.records] == ["lost"]


@on_a_real_server
def test_a_sweep_does_as_much_for_thousands_of_waiting_orders_as_for_none(
    ports: Ports, backend: RedisBackend
) -> None:
    def calls_of_a_sweep() -> dict[str, int]:
        before = backend.calls()
        claim = ports.book.claim_lost("default", queue_is_idle=False, limit=ALL)
        assert claim.records == ()
        after = backend.calls()
        made = {name: count - before.get(name, 0) for name, count in after.items()}
        return {name: count for name, count in made.items() if count and name != "info"}

    calls_of_a_sweep()  # Loads the script.
    idle = calls_of_a_sweep()
    backend.wait_behind(5_000)

    assert calls_of_a_sweep() == idle
    assert idle["zrangebyscore"] == 1
    assert "zadd" not in idle
