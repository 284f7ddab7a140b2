"""Each fault takes hold, is healed, and the shop does all that it was asked, once."""

from collections.abc import Callable
from pathlib import Path
from threading import Thread

import httpx
import pytest

from testing.faults import (
    ApiKilledBeforePublishing,
    ConnectionsCut,
    ConnectionsSlowed,
    Fault,
    FaultDidNotTakeHold,
    PoolProcessKilled,
    RedisFrozen,
    RedisKilled,
    RoutedStack,
    WorkerFrozen,
    WorkerKilled,
)
from testing.history import HistoryWriter, Phase, Recorder
from testing.stack import API, REDIS, WORKER_DEFAULT
from tests.faults.aftermath import TOOK_HOLD, Flood, all_done, phases, place_anyway
from tests.integration.customer import Customer, Goods, new_id

FAULTS: dict[str, Callable[[RoutedStack, Recorder], Fault]] = {
    "worker-frozen": lambda stack, history: WorkerFrozen(stack, WORKER_DEFAULT, history),
    "redis-killed": RedisKilled,
    "redis-frozen": RedisFrozen,
    "connections-cut": lambda stack, history: ConnectionsCut(
        stack.link, stack.api_broker, history=history
    ),
    "connections-slowed": lambda stack, history: ConnectionsSlowed(
        stack.link, stack.api_broker, delay_s=0.02, history=history
    ),
}


@pytest.mark.parametrize("fault_type", [PoolProcessKilled, WorkerKilled])
def test_a_death_mid_task(
    fault_type: type[PoolProcessKilled | WorkerKilled],
    customer: Customer,
    goods: Goods,
    stack: RoutedStack,
    history: HistoryWriter,
    history_file: Path,
) -> None:
    with Flood(customer, goods) as flood, fault_type(stack, WORKER_DEFAULT, history):
        order_ids = flood.end()

    assert phases(history_file) == TOOK_HOLD
    all_done(customer, goods, order_ids)


@pytest.mark.parametrize("name", FAULTS)
def test_a_disturbance(
    name: str,
    customer: Customer,
    goods: Goods,
    stack: RoutedStack,
    history: HistoryWriter,
    history_file: Path,
) -> None:
    before = customer.place(goods.sku)
    with FAULTS[name](stack, history) as fault:
        assert fault.name == name
        during = new_id("order")
        placing = Thread(target=place_anyway, args=(customer, goods, during))
        placing.start()
    after = new_id("order")
    placing.join()
    place_anyway(customer, goods, after)

    assert phases(history_file) == TOOK_HOLD
    all_done(customer, goods, [before, during, after])


def test_the_api_dies_between_recording_and_publishing(
    customer: Customer,
    goods: Goods,
    stack: RoutedStack,
    history: HistoryWriter,
    history_file: Path,
) -> None:
    order_id = new_id("order")
    answers: list[int] = []

    def place() -> None:
        with pytest.raises(httpx.TransportError):
            answers.append(customer.order(goods.sku, order_id).status_code)

    fault = ApiKilledBeforePublishing(stack, stack.api_broker, order_id, place, history)
    with fault:
        assert not stack.service(API).is_running

    assert answers == []
    assert phases(history_file) == TOOK_HOLD
    all_done(customer, goods, [order_id])
    assert customer.order(goods.sku, order_id).status_code == 200


def test_a_fault_heals_whatever_happens(
    customer: Customer, goods: Goods, stack: RoutedStack
) -> None:
    with pytest.raises(ZeroDivisionError), RedisKilled(stack):
        raise ZeroDivisionError
    assert stack.service(REDIS).is_running


def test_a_fault_that_does_not_take_hold_says_so(
    stack: RoutedStack, history: HistoryWriter, history_file: Path
) -> None:
    """Nobody orders anything, so that the worker has nothing in hand."""
    fault = PoolProcessKilled(stack, WORKER_DEFAULT, history, busy_within_s=0.1)
    with pytest.raises(FaultDidNotTakeHold, match="a task in hand"), fault:
        pytest.fail("entered")
    assert phases(history_file) == [Phase.INJECTED, Phase.NOT_CONFIRMED, Phase.HEALED]
