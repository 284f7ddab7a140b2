"""A worker that is frozen mid-task, and wakes after another one has done its work, does no harm."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shop.adapters.redis import keys
from shop.local.service import Service
from testing.brokers import REDIS_BROKER, chosen_broker
from testing.faults import WorkerFrozen
from testing.history import HistoryWriter
from testing.stack import BEAT, FLOWER, WORKER_DEFAULT
from testing.stacks.local import LocalStack
from tests.faults.aftermath import TOOK_HOLD, all_done, phases
from tests.integration.customer import Customer, Goods, new_id

SECOND = "worker-second"
ORDERS = 4
SETTINGS = {
    # So long that a worker is easily caught at one, and shorter than the lease.
    "ORDER_DELAY_MS": "1000",
    "DEFAULT_CONCURRENCY": "1",
    "OVERDUE_AFTER_S": "2",
}


class TwoWorkers(LocalStack):
    """A stack with a second worker of `default`."""

    def _definitions(self, folder: Path, run_dir: Path) -> list[Service]:
        services = super()._definitions(folder, run_dir)
        (first,) = [service for service in services if service.name == WORKER_DEFAULT]
        argv = tuple("second@%h" if part == "default@%h" else part for part in first.argv)
        return [*services, replace(first, name=SECOND, argv=argv)]


def _with_a_short_lease(service: Service) -> Service:
    argv = ("tests.faults.short_lease" if part == "shop.worker" else part for part in service.argv)
    return replace(service, argv=tuple(argv))


def _past_the_visibility_timeout() -> TwoWorkers:
    """Nobody but the broker gives the work to the other worker."""
    settings = {**SETTINGS, "SWEEP_EVERY_S": "0"}
    return TwoWorkers(settings, without={BEAT, FLOWER}, alter=_with_a_short_lease)


def _until_the_sweep() -> TwoWorkers:
    """Nobody but the sweep does: the lease is the shop's own, of an hour."""
    return TwoWorkers(SETTINGS, without={BEAT, FLOWER})


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            _past_the_visibility_timeout,
            marks=pytest.mark.skipif(
                chosen_broker() != REDIS_BROKER, reason="RabbitMQ has no visibility timeout"
            ),
        ),
        _until_the_sweep,
    ],
    ids=["past-the-visibility-timeout", "until-the-sweep"],
)
def shared_stack(request: pytest.FixtureRequest) -> Iterator[TwoWorkers]:
    with request.param() as stack:
        yield stack


def test_a_worker_wakes_up_after_its_work_was_done_elsewhere(
    customer: Customer,
    goods: Goods,
    stack: TwoWorkers,
    history: HistoryWriter,
    history_file: Path,
) -> None:
    order_ids = [customer.place(goods.sku, order_id=new_id("order")) for _ in range(ORDERS)]
    first, second = stack.service(WORKER_DEFAULT), stack.service(SECOND)

    with WorkerFrozen(stack, WORKER_DEFAULT, history, mid_task=True) as frozen:
        (task_id,) = frozen.proof["task_ids"]
        all_done(customer, goods, order_ids)
        invoices = [customer.invoiced(order_id) for order_id in order_ids]
        # Whatever that task is, an order or an invoice.
        done = f"[{task_id}] succeeded"
        assert done in second.logs()
        assert done not in first.logs()

    customer.until("it finishes what it had in hand", lambda: done in first.logs())
    assert phases(history_file) == TOOK_HOLD
    assert int(stack.redis().hget(keys.task(task_id), "deliveries") or 0) > 1
    all_done(customer, goods, order_ids)
    assert [customer.invoiced(order_id) for order_id in order_ids] == invoices
    notices = list(stack.redis().scan_iter(keys.notification("*")))
    assert len(notices) == ORDERS
