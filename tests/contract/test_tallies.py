"""`Tallies`: what was done is counted in the step that did it, and once."""

import re
from collections.abc import Callable

import pytest

from shop.adapters.redis.scripts import source
from shop.domain.errors import StoreUnavailable
from shop.domain.order import Reason
from shop.domain.tally import BUCKETS_MS, Histogram, Tally
from tests.builders import a_delivery, a_notification, an_order, follow_ups
from tests.contract.backends import Backend, Ports


def twice(call: Callable[[], object]) -> None:
    """As a client does whose first reply was lost."""
    call()
    call()


async def test_an_empty_shop_has_done_nothing(ports: Ports) -> None:
    assert await ports.tallies.read() == Tally()


async def test_orders_are_counted_by_what_became_of_them(ports: Ports, backend: Backend) -> None:
    backend.set_by_hand("stock", "SKU-1", "3")
    unknown = an_order("unknown", item="NO-SUCH")
    for order in (an_order("sold"), an_order("short"), unknown, an_order("dead")):
        await ports.intake.place(order, f"task-of-{order.id}")
        await ports.intake.place(order, f"task-of-{order.id}")
    for order in (an_order("sold"), an_order("short"), unknown):
        twice(lambda o=order: ports.book.settle(o.id, o.item, follow_ups(o)))  # type: ignore[misc]
    twice(lambda: ports.book.store_invoice("sold", b"%PDF"))
    twice(lambda: ports.book.bury("dead", Reason.ATTEMPTS_EXHAUSTED))

    tally = await ports.tallies.read()

    assert tally.orders == {
        "placed": 4,
        "processed": 1,
        "out_of_stock": 1,
        "unknown_item": 1,
        "attempts_exhausted": 1,
        "invoiced": 1,
    }
    assert tally.dead == {"order": 1}

    ports.book.revive("dead")
    assert (await ports.tallies.read()).orders["revived"] == 1


async def test_an_order_sent_by_hand_is_placed_by_its_first_delivery(ports: Ports) -> None:
    for delivery_id in ("one", "two"):
        ports.book.begin(an_order(), "task-1", delivery_id)

    assert (await ports.tallies.read()).orders == {"placed": 1}


async def test_an_invoice_that_was_given_up_is_a_dead_letter(
    ports: Ports, backend: Backend
) -> None:
    backend.set_by_hand("stock", "SKU-1", "3")
    order = an_order()
    ports.book.begin(order, "task-1", "one")
    ports.book.settle(order.id, order.item, follow_ups(order))
    twice(lambda: ports.book.bury(order.id, Reason.INVOICE_ATTEMPTS_EXHAUSTED))

    tally = await ports.tallies.read()

    assert tally.dead == {"invoice": 1}
    assert tally.orders == {"placed": 1, "processed": 1}


async def test_notifications_are_counted_by_what_became_of_them(ports: Ports) -> None:
    for task_id in ("good", "bad"):
        ports.notifications.begin(a_notification(), task_id, "one")
    twice(lambda: ports.notifications.postpone("bad", 1.0, "refused"))
    ports.notifications.begin(a_notification(), "bad", "two")
    twice(lambda: ports.notifications.postpone("bad", 1.0, "refused"))
    twice(lambda: ports.notifications.delivered("good"))
    twice(lambda: ports.notifications.bury("bad", "refused"))

    tally = await ports.tallies.read()

    assert tally.notifications == {"delivered": 1, "failed": 1, "postponed": 2}
    assert tally.dead == {"notification": 1}
    assert tally.mail_replies == {"none": 2}


async def test_the_mail_servers_replies_are_counted_once_each(ports: Ports) -> None:
    book = ports.notifications
    for task_id in ("good", "bad", "busy"):
        book.begin(a_notification(), task_id, "one")
    twice(lambda: book.defer("busy", 1.0, "no connection was free"))
    book.begin(a_notification(), "busy", "two")
    twice(lambda: book.defer("busy", 1.0, "450 slower", 450, slow_down=True))
    twice(lambda: book.postpone("good", 1.0, "451 later", 451))
    twice(lambda: book.delivered("good", 250))
    twice(lambda: book.bury("bad", "550 no such user", 550))

    tally = await ports.tallies.read()

    assert tally.mail_replies == {"250": 1, "450": 1, "451": 1, "550": 1}
    assert tally.notifications == {"delivered": 1, "failed": 1, "postponed": 1, "deferred": 2}

    book.defer("good", 1.0, "too late", slow_down=True)
    book.begin(a_notification(), "more", "one")
    book.defer("more", 1.0, "450 slower", 450, slow_down=True)
    twice(lambda: book.begin(a_notification(), "left", "one"))
    assert (await ports.tallies.read()).notifications["deferred"] == 4


async def test_a_sweep_counts_itself_and_what_it_found(ports: Ports, backend: Backend) -> None:
    for number in range(3):
        await ports.intake.place(an_order(f"o-{number}"), f"task-{number}")
    backend.pass_time(60_000)
    for _ in range(2):
        # Two calls make a sweep: the first finds as many as it may claim.
        ports.book.claim_lost("default", queue_is_idle=True, limit=3)
    ports.notifications.claim_lost("priority", queue_is_idle=True, limit=3)

    tally = await ports.tallies.read()

    assert tally.sweeps == {"orders": 1, "notifications": 1}
    assert tally.claimed == {"orders": 3}


def total(histogram: Histogram) -> int:
    return sum(histogram.counts)


async def test_waits_and_runs_are_counted_once_for_each_delivery(
    ports: Ports, backend: Backend
) -> None:
    waited_ms = 45_000
    delivery = a_delivery(enqueued_at_ms=backend.now_ms() - waited_ms)
    twice(lambda: ports.ledger.started(delivery))
    twice(lambda: ports.ledger.finished("task-1"))
    ports.ledger.started(a_delivery(delivery_id="again", task="process_order"))
    ports.ledger.finished("task-1")
    ports.ledger.started(a_delivery("foreign", task="generate_invoice", enqueued_at_ms=10**15))
    ports.ledger.finished("never-started")

    tally = await ports.tallies.read()

    # Of the second delivery, and of one that cannot be, there is no stamp to count from.
    assert {task: total(waits) for task, waits in tally.waits.items()} == {"process_order": 1}
    waits = tally.waits["process_order"]
    assert waits.counts[BUCKETS_MS.index(60_000)] == 1
    assert waited_ms <= waits.sum_ms < waited_ms + 5_000
    assert {task: total(runs) for task, runs in tally.runs.items()} == {"process_order": 2}
    assert tally.redelivered == {"process_order": 1}


async def test_what_is_longer_than_every_bound_counts_too(ports: Ports, backend: Backend) -> None:
    ports.ledger.started(a_delivery(enqueued_at_ms=backend.now_ms() - 3_600_000))

    waits = (await ports.tallies.read()).waits["process_order"]

    assert waits.counts[-1] == total(waits) == 1
    assert waits.cumulated()[-2:] == [(600.0, 0), (float("inf"), 1)]


def test_the_scripts_have_the_same_bounds() -> None:
    (bounds,) = re.findall(r"ipairs\(\{([\d,\s]+)\}\)", source("start_task"))

    assert tuple(map(int, bounds.split(","))) == BUCKETS_MS


async def test_a_store_that_is_away_says_so(backend: Backend) -> None:
    with pytest.raises(StoreUnavailable):
        await backend.unplugged().tallies.read()
