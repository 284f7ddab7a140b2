"""The faults of workers and of Redis on containers: they take hold, heal, and do no harm."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from testing.faults import (
    Fault,
    PoolProcessKilled,
    RedisFrozen,
    RedisKilled,
    WorkerFrozen,
    WorkerKilled,
)
from testing.history import HistoryWriter, Recorder
from testing.stack import REDIS, WORKER_DEFAULT
from testing.stacks.containers import ContainerStack
from tests.faults.aftermath import TOOK_HOLD, Flood, all_done, phases, place_anyway
from tests.integration.customer import Customer, Goods, new_id

pytestmark = pytest.mark.docker

FAULTS: dict[str, Callable[[ContainerStack, Recorder], Fault]] = {
    "worker-frozen": lambda stack, history: WorkerFrozen(stack, WORKER_DEFAULT, history),
    "redis-killed": RedisKilled,
    "redis-frozen": RedisFrozen,
}


@pytest.fixture(scope="module")
def shared_stack() -> Iterator[ContainerStack]:
    with ContainerStack() as stack:
        yield stack


@pytest.mark.parametrize("fault_type", [PoolProcessKilled, WorkerKilled])
def test_a_death_mid_task(
    fault_type: type[PoolProcessKilled | WorkerKilled],
    customer: Customer,
    goods: Goods,
    stack: ContainerStack,
    history: HistoryWriter,
    history_file: Path,
) -> None:
    fault = fault_type(stack, WORKER_DEFAULT, history)
    with Flood(customer, goods) as flood, fault:
        order_ids = flood.end()
        worker_runs = stack.service(WORKER_DEFAULT).is_running

    assert worker_runs == (fault_type is PoolProcessKilled)
    assert phases(history_file) == TOOK_HOLD
    all_done(customer, goods, order_ids)


@pytest.mark.parametrize("name", FAULTS)
def test_a_disturbance(
    name: str,
    customer: Customer,
    goods: Goods,
    stack: ContainerStack,
    history: HistoryWriter,
    history_file: Path,
) -> None:
    before = customer.place(goods.sku)
    with FAULTS[name](stack, history) as fault:
        assert fault.name == name
        disturbed = stack.service(WORKER_DEFAULT if name == "worker-frozen" else REDIS)
        assert disturbed.is_frozen == name.endswith("-frozen")
        during = new_id("order")
        placing = Thread(target=place_anyway, args=(customer, goods, during))
        placing.start()
    placing.join()
    after = new_id("order")
    place_anyway(customer, goods, after)

    assert not disturbed.is_frozen
    assert phases(history_file) == TOOK_HOLD
    all_done(customer, goods, [before, during, after])
