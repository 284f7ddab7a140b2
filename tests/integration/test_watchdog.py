"""A worker that has work and starts none of it ends itself, unless an operator wants it so."""

import signal
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from shop.adapters.doctor import Finding, State, examine
from shop.settings import Settings
from testing.stack import BROKER_DB, WORKER_DEFAULT, WORKER_PRIORITY, Stack
from testing.stacks.local import LocalStack
from tests.integration.customer import Customer, Goods

WORKERS = {"default": WORKER_DEFAULT, "priority": WORKER_PRIORITY}
STALL_AFTER_S = 6.0
#: Many times as long as the watchdog waits, and the sweep.
LONG_S = 2.5 * STALL_AFTER_S


@pytest.fixture(scope="module")
def shared_stack() -> Iterator[LocalStack]:
    """Impatient, and not so much that it takes a busy machine for a stall."""
    with LocalStack({"STALL_AFTER_S": str(STALL_AFTER_S)}) as stack:
        yield stack


def test_a_worker_that_starts_nothing_ends_itself(
    customer: Customer, goods: Goods, stack: Stack
) -> None:
    worker = stack.service(WORKER_DEFAULT)
    # Alive, connected and of no use: what it takes is held, and never started.
    _, *pool = worker.pids()
    for pid in pool:
        worker.send_signal(pid, signal.SIGSTOP)

    # One more than it holds.
    orders = [customer.place(goods.sku, qty=1) for _ in range(4 * len(pool) + 1)]

    customer.until("the worker has ended itself", lambda: not worker.is_running)
    assert "this worker ends itself" in worker.logs()
    assert customer.seen(orders[0])["status"] == "pending"

    worker.start()
    for order_id in orders:
        customer.invoiced(order_id)
    # What a killed worker had in hand comes once more after an hour, and does no harm: not here.
    stack.redis(BROKER_DB).delete("unacked", "unacked_index")


@pytest.mark.parametrize("queue", WORKERS)
def test_a_pause_holds_until_it_is_taken_back(
    customer: Customer, stack: LocalStack, queue: str
) -> None:
    worker = stack.service(WORKERS[queue])
    (pid, *_), broker = worker.pids(), stack.redis(BROKER_DB)
    _until_nothing_is_owed(customer, stack)
    control = stack.celery().control
    control.cancel_consumer(queue, reply=True, timeout=5)
    try:
        customer.until("it is named", lambda: _missing(customer) == [f"worker:{queue} is paused"])
        task_id = stack.celery().send_task(*_work(queue), queue=queue).id
        # Also where its connection to the broker is lost meanwhile.
        for client in broker.client_list():
            if client["name"] == f"shop-worker-{queue}-broker":
                broker.client_kill_filter(_id=client["id"])
        customer.until("it listens again", lambda: _listens(stack, queue))

        _stays("it waits", lambda: broker.llen(queue) == 1 and worker.is_running)

        assert _missing(customer) == [f"worker:{queue} is paused"]
        found = _found(stack, f"queue {queue}")
        assert (found.state, "paused" in found.detail) == (State.FAIL, True)
        assert f"add_consumer {queue}" in found.advice
    finally:
        control.add_consumer(queue, reply=True, timeout=5)
    customer.until("it is ready", lambda: customer.http.get("/health/ready").is_success)
    customer.until("it is done", lambda: stack.celery().AsyncResult(task_id).successful())
    assert worker.pids()[0] == pid


@pytest.mark.parametrize("queue", WORKERS)
def test_a_rate_limit_holds_until_it_is_taken_back(
    customer: Customer, goods: Goods, stack: LocalStack, queue: str
) -> None:
    """And what it holds back is not taken for lost."""
    task, _ = _work(queue)
    worker = stack.service(WORKERS[queue])
    (pid, *_), store = worker.pids(), stack.redis()
    open_key = "orders:open" if queue == "default" else "notifications:open"
    _until_nothing_is_owed(customer, stack)
    control = stack.celery().control
    control.rate_limit(task, "1/m", reply=True, timeout=5)
    try:
        customer.until("it is named", lambda: _ready(customer) == {task: "1/m"})
        if queue == "default":
            first, *_ = [customer.place(goods.sku, qty=1) for _ in range(3)]
            customer.decided(first)
        else:
            first, *_ = [customer.notify("slowly") for _ in range(3)]
            customer.ended(first)

        # The others, and what waits behind them: the first order's invoice.
        customer.until("the first is settled", lambda: _waiting(stack, queue) <= 3)
        _stays(
            "each waits once",
            lambda: worker.is_running and _two_or_three_wait(stack, queue),
        )

        found = _found(stack, f"queue {queue}")
        assert (found.state, f"{task} limited to 1/m" in found.detail) == (State.WARN, True)
    finally:
        control.rate_limit(task, 0, reply=True, timeout=5)
    customer.until("all are done", lambda: not store.zcard(open_key))
    customer.until("no limit is named", lambda: _ready(customer) == {})
    assert worker.pids()[0] == pid


def _until_nothing_is_owed(customer: Customer, stack: Stack) -> None:
    store, broker = stack.redis(), stack.redis(BROKER_DB)
    customer.until(
        "nothing is owed",
        lambda: (
            not any(map(store.zcard, ("orders:open", "notifications:open")))
            and not broker.hlen("unacked")
            and not any(map(broker.llen, WORKERS))
        ),
    )


def _waiting(stack: Stack, queue: str) -> int:
    """Messages in the queue, or in hand."""
    return stack.broker.waiting(queue) + len(stack.broker.taken_ids(queue))


def _two_or_three_wait(stack: Stack, queue: str) -> bool:
    """One that is on its way between two looks is counted twice, or not at all: look again."""
    return any(2 <= _waiting(stack, queue) <= 3 for _ in range(3))


def _listens(stack: Stack, queue: str) -> bool:
    """To what operators tell it."""
    pattern = {"pattern": f"{queue}@*", "matcher": "glob", "limit": 1}
    return bool(stack.celery().control.inspect(timeout=1, **pattern).ping())


def _work(queue: str) -> tuple[str, list[str | int]]:
    """A task of the queue, and its arguments."""
    if queue == "default":
        return "process_order", ["paused-order", "no-such-item", 1, "ann@example.com"]
    return "send_notification", ["ann@example.com", "while paused"]


def _missing(customer: Customer) -> list[str] | None:
    answer: httpx.Response = customer.http.get("/health/ready")
    missing: list[str] | None = answer.json().get("missing")
    return missing


def _ready(customer: Customer) -> dict[str, str]:
    answer = customer.http.get("/health/ready")
    assert answer.status_code == 200
    limits: dict[str, str] = answer.json().get("rate_limits", {})
    return limits


def _found(stack: LocalStack, check: str) -> Finding:
    settings = Settings(redis_port=int(stack.redis_url(0).rpartition(":")[2].partition("/")[0]))
    (found,) = [finding for finding in examine(settings) if finding.check == check]
    return found


def _stays(what: str, condition: Callable[[], bool]) -> None:
    """There is no sign of that nothing will happen: it is watched for a long time."""
    until_s = time.monotonic() + LONG_S
    while time.monotonic() < until_s:
        assert condition(), what
        time.sleep(0.1)
