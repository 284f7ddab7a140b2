"""What the services do, each as somebody asks for it.

What runs scripts of the tasks and of the API is done twice, for the second time is another: the
first time there is no connection, and the server knows no script.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any
from uuid import uuid4

from shop.domain.errors import DeliveryFailed, SenderRefused
from shop.domain.notification import Mail, Notification
from shop.domain.order import Order
from shop.domain.ports import Mailer
from shop.domain.stock import StockLevel
from shop.domain.work import Job, TaskName
from testing.matrix.world import SKU, Delivering, Shop, World

WORKER = "default@matrix"

#: One thing that is asked of a shop; it may raise.
Step = Callable[[Shop], object]


class Postponing:
    """A mailer whose mail server turns away what comes first, and takes it the next time."""

    lease_s = 0.0

    def __init__(self, error: type[DeliveryFailed] = DeliveryFailed) -> None:
        self._error = error
        self._turned_away: set[str] = set()

    def deliver(self, mail: Mail) -> None:
        if mail.message not in self._turned_away:
            self._turned_away.add(mail.message)
            raise self._error("try again later")


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One use of the services."""

    name: str
    #: One line, for the documents.
    what: str
    #: Brings the world to where it begins, and returns what is done then, step by step.
    arrange: Callable[[World], list[Step]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    mailer: Callable[[], Mailer] = Delivering


_numbers = count(1)


def order(item: str = SKU, qty: int = 2) -> Order:
    number = next(_numbers)
    return Order(id=f"o-{number}", item=item, qty=qty, email=f"customer-{number}@example.com")


def notification() -> Notification:
    number = next(_numbers)
    return Notification(email=f"reader-{number}@example.com", message=f"message {number}")


def _placing(world: World) -> list[Step]:
    return [_place(world, order()) for _ in range(2)]


def _place(world: World, new: Order) -> Step:
    def place(shop: Shop) -> object:
        placed = shop.ask(lambda api: api.orders.place(new))
        world.is_accepted(new)
        return placed

    return place


def _placing_again(world: World) -> list[Step]:
    known = order()
    world.accept(known)
    return [_place(world, known), _place(world, known)]


def _notifying(_: World) -> list[Step]:
    return [
        lambda shop, new=new: shop.ask(lambda api: api.notifications.send(new))  # type: ignore[misc]
        for new in (notification(), notification())
    ]


def _processing(world: World) -> list[Step]:
    return _runs(*(world.accept(order()) for _ in range(2)))


def _failing(world: World) -> list[Step]:
    fate = {"status": "failed", "has_invoice": False}
    return _runs(
        world.accept(order(item="unheard-of"), **fate), world.accept(order(qty=5_000), **fate)
    )


def _giving_up(world: World) -> list[Step]:
    jobs = [world.accept(order(), status="failed", notices=0, has_invoice=False) for _ in range(2)]
    for job in jobs:
        world.store.hset(f"order:{job.args[0]}", "attempts", 99)
    return _runs(*jobs)


def _invoicing(world: World) -> list[Step]:
    return _runs(*(_processed(world, TaskName.GENERATE_INVOICE) for _ in range(2)))


def _giving_up_invoices(world: World) -> list[Step]:
    jobs = [_processed(world, TaskName.GENERATE_INVOICE, has_invoice=False) for _ in range(2)]
    for job in jobs:
        world.store.hset(f"order:{job.args[0]}", "invoice_attempts", 99)
    return _runs(*jobs)


def _delivering(world: World) -> list[Step]:
    return _runs(
        world.notify(notification()),
        world.notify(notification()),
        _processed(world, TaskName.SEND_NOTIFICATION),
    )


def _sweeping(world: World) -> list[Step]:
    world.accept(order())
    world.notify(notification())
    _processed(world, TaskName.GENERATE_INVOICE)
    world.time_passes()

    return [lambda shop: shop.worker.sweep.run() for _ in range(2)]


def _retrying(world: World) -> list[Step]:
    failed = order(item="SKU-2")
    world.beside.run(world.accept(failed, notices=2))
    world.beside.worker.stock.put(StockLevel("SKU-2", 10))
    dead = _processed(world, TaskName.GENERATE_INVOICE)
    world.store.hset(f"order:{dead.args[0]}", "invoice_attempts", 99)
    world.beside.run(dead)
    return [
        lambda shop, name=name: shop.worker.processor.retry(name)  # type: ignore[misc]
        for name in (failed.id, str(dead.args[0]))
    ]


def _looking_up(world: World) -> list[Step]:
    known = order()
    job = world.accept(known)
    steps: list[Step] = []
    for _ in range(2):
        steps += [
            lambda shop: shop.ask(lambda api: api.orders.find(known.id)),
            lambda shop: shop.ask(lambda api: api.orders.invoice(known.id)),
            lambda shop: shop.ask(lambda api: api.tasks.find(job.task_id)),
        ]
    return steps


def _measuring(_: World) -> list[Step]:
    def read(shop: Shop) -> object:
        shop.ask(lambda api: api.workload.read())
        shop.ask(lambda api: api.queues.read())
        return shop.ask(lambda api: api.tallies.read())

    return [read]


def _asking_whether_ready(_: World) -> list[Step]:
    return [lambda shop: shop.ask(lambda api: api.readiness.missing()) for _ in range(2)]


def _housekeeping(world: World) -> list[Step]:
    """Tasks that Beat sends."""
    world.accept(order())
    world.time_passes()
    names = (TaskName.DAILY_STOCK_REPORT, TaskName.AUDIT_STOCK, TaskName.CHECK_PENDING_ORDERS)
    return _runs(*map(_own, names))


def _publishing(world: World) -> list[Step]:
    """Without a task's round trips, as commands do."""
    jobs = [world.accept(order()) for _ in range(2)]
    return [lambda shop, job=job: shop.worker.publisher.publish(job) for job in jobs]  # type: ignore[misc]


def _being_there(_: World) -> list[Step]:
    return [
        *(lambda shop: shop.worker.presence.beat("default", WORKER) for _ in range(2)),
        lambda shop: shop.worker.presence.leave("default", WORKER),
    ]


def _commanding(world: World) -> list[Step]:
    """What `shop stock` and `shop order` ask."""
    known = order()
    world.accept(known)
    return [
        *(lambda shop: shop.worker.stock.put(StockLevel("SKU-3", 3, 100)) for _ in range(2)),
        lambda shop: shop.worker.stock.put_missing([StockLevel("SKU-4", 4)]),
        lambda shop: shop.worker.stock.levels(),
        lambda shop: shop.worker.stock.price(SKU),
        lambda shop: shop.worker.stock.stored_report(shop.worker.stock.today()),
        lambda shop: shop.worker.orders.find(known.id),
    ]


def _runs(*jobs: Job) -> list[Step]:
    return [lambda shop, job=job: shop.run(job) for job in jobs]  # type: ignore[misc]


def _own(name: TaskName) -> Job:
    return Job(name, (), str(uuid4()), 0)


def _processed(world: World, wanted: TaskName, **fate: Any) -> Job:
    """The message of one kind that a processed order gave rise to."""
    world.beside.run(world.accept(order(), **fate))
    sent = [job for job in world.drained() if job.task == wanted]
    return replace(sent[-1])


_ALL = (
    Operation("place", "a new order is placed", _placing),
    Operation("place-again", "the same order is placed again", _placing_again),
    Operation("notify", "a notification is placed", _notifying),
    Operation("process", "an order is processed", _processing),
    Operation(
        "process-slowly",
        "the same, where preparing it takes time",
        _processing,
        settings={"order_delay_ms": 1},
    ),
    Operation("fail", "an order fails: unknown item, out of stock", _failing),
    Operation("give-up", "an order is given up after its last attempt", _giving_up),
    Operation("invoice", "an invoice is made", _invoicing),
    Operation("give-up-invoice", "an invoice is given up", _giving_up_invoices),
    Operation("deliver", "a notification is delivered", _delivering),
    Operation(
        "postpone", "the mail server turns a notification away", _delivering, mailer=Postponing
    ),
    Operation(
        "slow-down",
        "the mail server wants fewer mails",
        _delivering,
        mailer=partial(Postponing, SenderRefused),
    ),
    Operation("sweep", "lost messages are sent again", _sweeping),
    Operation("retry", "a failed order and a dead one are taken up again", _retrying),
    Operation("look-up", "an order, its invoice and its task are looked up", _looking_up),
    Operation("measure", "the gauges and counts of /metrics are read", _measuring),
    Operation("ready", "readiness is asked for", _asking_whether_ready),
    Operation("beat-tasks", "report, audit and sweep run as tasks", _housekeeping),
    Operation("publish", "a message is published", _publishing),
    Operation("heartbeat", "a worker says that it is there, and that it leaves", _being_there),
    Operation("commands", "stock and orders are asked for and set by commands", _commanding),
)

#: By name.
OPERATIONS: Mapping[str, Operation] = {operation.name: operation for operation in _ALL}
