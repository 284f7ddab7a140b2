"""Whatever a Redis refuses for a while: no process ends, and what was accepted is finished.

A full, read-only, busy or closed Redis answers with an error to each request. So does one whose
accounts are changed under the feet of those who are connected.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from testing.stack import BROKER_DB, WORKER_DEFAULT, WORKER_PRIORITY, ServiceHandle, Stack
from testing.stacks.local import LocalStack
from testing.waiting import PATIENT_S, wait_for
from tests.integration.customer import Customer, Goods, new_id

#: Every process meets the refusal: the slowest beats, polls or listens each few seconds.
REFUSED_FOR_S = 4.0
HEALED_WITHIN_S = 60.0
NOTIFICATIONS = 40
#: Of a task whose result could not be stored.
NOT_KEPT = "its outcome was not kept"

Refusing = Callable[[Redis], Iterator[None]]


@pytest.fixture(scope="module")
def shared_stack() -> Iterator[LocalStack]:
    with LocalStack() as stack:
        yield stack


def _with(**settings: str) -> Refusing:
    def refusing(server: Redis) -> Iterator[None]:
        names = {name.replace("_", "-"): value for name, value in settings.items()}
        before = {name: server.config_get(name)[name] for name in names}
        for name, value in names.items():
            server.config_set(name, value)
        yield
        for name, value in before.items():
            server.config_set(name, value)

    return refusing


def _without_room_for_clients(server: Redis) -> Iterator[None]:
    before = server.config_get("maxclients")["maxclients"]
    server.config_set("maxclients", 1)
    _lose_all_others(server)
    yield
    server.config_set("maxclients", before)


def _with_another_password(server: Redis) -> Iterator[None]:
    server.config_set("requirepass", "somebody-else-s")
    _lose_all_others(server)
    yield
    server.config_set("requirepass", "")


def _without_permission(server: Redis) -> Iterator[None]:
    server.execute_command("ACL SETUSER default -@write -eval -evalsha")
    yield
    server.execute_command("ACL SETUSER default +@all")


def _as_a_replica(server: Redis) -> Iterator[None]:
    # Of a server that is not there: it keeps its data, and is up again at once.
    server.replicaof("127.0.0.1", 1)
    yield
    server.replicaof("NO", "ONE")


def _as_a_replica_without_its_master(server: Redis) -> Iterator[None]:
    server.config_set("replica-serve-stale-data", "no")
    yield from _as_a_replica(server)
    server.config_set("replica-serve-stale-data", "yes")


def _with_a_disk_that_is_full(server: Redis) -> Iterator[None]:
    # A folder of the name that its file would have.
    config = server.config_get("d*")
    in_the_way = Path(str(config["dir"]), str(config["dbfilename"]))
    saved = in_the_way.with_suffix(".kept")
    if in_the_way.exists():
        in_the_way.rename(saved)
    in_the_way.mkdir()
    server.config_set("save", "3600 1000000")
    server.bgsave()
    wait_for(
        "saving has failed",
        lambda: server.info("persistence")["rdb_last_bgsave_status"] == "err",
        within_s=10,
    )
    yield
    in_the_way.rmdir()
    server.config_set("save", "")
    server.bgsave()


def _with_an_endless_script(server: Redis) -> Iterator[None]:
    server.config_set("busy-reply-threshold", 50)

    def run() -> None:
        # Asked once, with all patience: asked again, it would begin anew after it was killed.
        options = server.connection_pool.connection_kwargs
        other = Redis(
            host=options["host"],
            port=options["port"],
            socket_timeout=None,
            retry=Retry(NoBackoff(), 0),
        )
        with suppress(RedisError), other:
            other.eval("while true do end", 0)

    def is_killed() -> bool:
        with suppress(ResponseError):
            server.script_kill()
        return not busy.is_alive()

    busy = threading.Thread(target=run)
    busy.start()
    yield
    wait_for("the script is killed", is_killed, within_s=PATIENT_S)
    server.config_set("busy-reply-threshold", 5000)


def _lose_all_others(server: Redis) -> None:
    server.client_kill_filter(_type="normal", skipme=True)
    server.client_kill_filter(_type="pubsub", skipme=True)


REFUSALS: dict[str, Refusing] = {
    "OOM": _with(maxmemory="1"),
    "NOREPLICAS": _with(min_replicas_to_write="1"),
    "MISCONF": _with_a_disk_that_is_full,
    "READONLY": _as_a_replica,
    "MASTERDOWN": _as_a_replica_without_its_master,
    "BUSY": _with_an_endless_script,
    "NOPERM": _without_permission,
    "NOAUTH": _with_another_password,
    "max number of clients": _without_room_for_clients,
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_costs_time_and_nothing_else(
    customer: Customer, goods: Goods, stack: Stack, refusal: str
) -> None:
    processes = {service.name: service.pids()[0] for service in stack.services}
    crashes = _crashes(stack)
    before = [customer.place(goods.sku, qty=1) for _ in range(10)]
    told = [customer.notify("before it refuses") for _ in range(NOTIFICATIONS)]

    with _refused(stack, REFUSALS[refusal]):
        during, statuses = _orders_meanwhile(customer, goods)

    assert statuses <= {200, 202, 404, 503}
    assert 503 in statuses, f"{refusal} did not take hold"
    for order_id in (*before, *during):
        customer.invoiced(order_id)
    for task_id in told:
        assert customer.ended(task_id)["state"] == "SUCCESS"
    broker = stack.redis(BROKER_DB)
    customer.until("nothing is in hand", lambda: not broker.hlen("unacked"), HEALED_WITHIN_S)
    customer.until("it is ready", lambda: customer.http.get("/health/ready").is_success)
    assert {service.name: service.pids()[0] for service in stack.services} == processes
    assert _crashes(stack) == crashes


def test_a_redis_without_room_for_clients_costs_no_slot(customer: Customer, stack: Stack) -> None:
    """Threads of the pool that cannot connect can neither begin a task nor store that it failed."""
    worker = stack.service(WORKER_PRIORITY)
    # Its threads have connections by now.
    worker.restart()
    stack.wait_ready()
    not_kept = worker.logs().count(NOT_KEPT)
    with stack.redis().client() as server:
        before = server.config_get("maxclients")["maxclients"]
        server.config_set("maxclients", len(server.client_list()) + 6)
        try:
            told = [customer.notify("to too many") for _ in range(100)]
            customer.until("threads fail", lambda: worker.logs().count(NOT_KEPT) > not_kept)
        finally:
            server.config_set("maxclients", before)

    for task_id in told:
        assert customer.ended(task_id)["state"] == "SUCCESS"
    broker = stack.redis(BROKER_DB)
    customer.until("nothing is in hand", lambda: not broker.hlen("unacked"))
    inspect = stack.celery().control.inspect(pattern="priority@*", matcher="glob", timeout=5)
    for held in (inspect.active(), inspect.reserved()):
        assert held, "the worker answers"
        assert not any(held.values())


@pytest.mark.parametrize("refusal", ["OOM", "NOREPLICAS", "NOPERM"])
def test_a_worker_that_is_started_meanwhile_waits(
    customer: Customer, goods: Goods, stack: Stack, refusal: str
) -> None:
    workers = [stack.service(name) for name in (WORKER_DEFAULT, WORKER_PRIORITY)]
    order_id = customer.place(goods.sku, qty=1)
    with _refused(stack, REFUSALS[refusal]):
        for worker in workers:
            worker.restart()
        customer.until("they were refused", lambda: all(map(_is_refused, workers)))
        assert all(worker.is_running for worker in workers)
    customer.invoiced(order_id)


def _is_refused(worker: ServiceHandle) -> bool:
    return worker.logs(5).count("Redis refuses for now") > 1


def _orders_meanwhile(customer: Customer, goods: Goods) -> tuple[list[str], set[int]]:
    """The orders that were accepted, and the statuses of all answers, for as long as it lasts."""
    accepted, statuses = [], set()
    until_s = time.monotonic() + REFUSED_FOR_S
    while time.monotonic() < until_s:
        order_id = new_id("order")
        answer = customer.order(goods.sku, order_id, qty=1)
        if answer.is_success:
            accepted.append(order_id)
        paths = "/health/ready", f"/order/{order_id}", "/metrics"
        statuses |= {answer.status_code, *(customer.http.get(path).status_code for path in paths)}
    return accepted, statuses


@contextmanager
def _refused(stack: Stack, refusing: Refusing) -> Iterator[None]:
    """A Redis that refuses, in the hands of one connection that was made before."""
    with stack.redis().client() as server:
        server.ping()
        refused = refusing(server)
        next(refused)
        try:
            yield
        finally:
            next(refused, None)


def _crashes(stack: Stack) -> int:
    return sum(handle.logs().count("Unrecoverable error") for handle in stack.services)
