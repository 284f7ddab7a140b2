"""Short plays, each bringing out one sabotage; a sound shop comes through all of them."""

from collections.abc import Callable

from testing.faults import ConnectionsCut, ConnectionsSlowed, Fault, RedisKilled
from testing.sabotage.faults import PoolFrozen, WorkerKilledBeforeStarting
from testing.sabotage.sabotage import Scenario
from testing.sabotage.scene import Scene
from testing.stack import WORKER_DEFAULT
from testing.waiting import wait_for

PLENTY = {f"PLENTY-{number}": 1_000 for number in range(5)}
#: One unit of each, and a buyer for each process of the pool.
SCARCE = {f"SCARCE-{number}": 1 for number in range(3)}
#: Processes of the default worker where it matters, and so the messages that it has in hand.
POOL = 4
ORDERS = 12
#: Of each task, beyond the one that the shop sends.
REPEATED_DELIVERIES = 2
#: One way, so that a round trip to Redis takes as long as to another machine far away.
SLOWED_BY_S = 0.01
ATTEMPTED_WITHIN_S = 10.0


def _worker_killed(scene: Scene) -> None:
    orders = scene.some_of(list(PLENTY), ORDERS)
    with _killed_before_starting(scene, lambda: scene.place(orders)):
        pass


def _store_cut(scene: Scene) -> None:
    orders = scene.some_of(list(PLENTY), ORDERS)

    def place() -> None:
        with ConnectionsCut(scene.stack.api_store, history=scene.history):
            driver = scene.start(orders)
            wait_for(
                "every order was accepted, or refused and sent again",
                lambda: driver.is_done or driver.attempts >= 2 * len(orders),
                within_s=ATTEMPTED_WITHIN_S,
            )
        scene.finish(driver)

    with _killed_before_starting(scene, place):
        pass


def _rush(scene: Scene) -> None:
    with ConnectionsSlowed(scene.stack.link, delay_s=SLOWED_BY_S, history=scene.history):
        for sku in scene.shuffled(list(SCARCE)):
            scene.place(scene.orders(*[sku] * POOL, qty=1))
            scene.done()


def _repeated_deliveries(scene: Scene) -> None:
    orders = scene.some_of(list(PLENTY), ORDERS)
    scene.place(orders)
    scene.done()
    with scene.stack.celery() as client:
        for order in scene.shuffled(orders * REPEATED_DELIVERIES):
            arguments = [order.payload[name] for name in ("id", "item", "qty", "email")]
            client.send_task("process_order", arguments, queue="default")


def _redis_killed(scene: Scene) -> None:
    before, after = (scene.some_of(list(PLENTY), ORDERS) for _ in range(2))
    scene.place(before)
    with RedisKilled(scene.stack, scene.history):
        driver = scene.start(after)
    scene.finish(driver)


def _killed_before_starting(scene: Scene, place: Callable[[], None]) -> Fault:
    return WorkerKilledBeforeStarting(
        scene.stack, WORKER_DEFAULT, place, scene.history, holding=POOL
    )


def _pool_frozen(scene: Scene) -> None:
    with PoolFrozen(scene.stack, WORKER_DEFAULT, scene.history):
        scene.place(scene.some_of(list(PLENTY), ORDERS))


WORKER_KILLED = Scenario(
    what="the default worker is killed with messages in hand that it has not started",
    play=_worker_killed,
    stock=PLENTY,
    settings={"DEFAULT_CONCURRENCY": str(POOL)},
    faults={WorkerKilledBeforeStarting.name: 1},
)
STORE_CUT = Scenario(
    what="orders come while the API cannot reach its records, then the worker is killed with "
    "their messages in hand",
    play=_store_cut,
    stock=PLENTY,
    settings={"DEFAULT_CONCURRENCY": str(POOL)},
    faults={ConnectionsCut.name: 1, WorkerKilledBeforeStarting.name: 1},
)
RUSH = Scenario(
    what="four processes serve four orders for each last unit, and the records are slow to reach",
    play=_rush,
    stock=SCARCE,
    settings={"DEFAULT_CONCURRENCY": str(POOL)},
    faults={ConnectionsSlowed.name: 1},
)
REPEATED = Scenario(
    what="every order's task is delivered three times",
    play=_repeated_deliveries,
    stock=PLENTY,
)
REDIS_KILLED = Scenario(
    what="Redis is killed and started again",
    play=_redis_killed,
    stock=PLENTY,
    faults={RedisKilled.name: 1},
)
POOL_FROZEN = Scenario(
    what="the default worker's pool stands still, alive and connected",
    play=_pool_frozen,
    stock=PLENTY,
    settings={"STALL_AFTER_S": "2"},
    faults={PoolFrozen.name: 1},
)
