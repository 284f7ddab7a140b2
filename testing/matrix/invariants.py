"""What holds of a world when a fault is healed and all that was owed is done."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import TimeoutError as RedisSilent

from shop.domain.errors import PublishFailed, ShopError, StoreUnavailable
from testing.matrix.world import SKU, STOCK, Accepted, Shop, World

#: What storing a task's result may raise: it is Celery's, which waits and tries again.
GONE = (RedisGone, RedisSilent, OSError)
ROUNDS = 8


def is_an_answer(error: Exception) -> bool:
    """Whether it says something of what was asked, and not of the server."""
    return isinstance(error, ShopError) and not isinstance(error, StoreUnavailable | PublishFailed)


def is_foreseen(error: Exception) -> bool:
    """Whether it is what the ports say, and Celery for a result, where the server is away."""
    return isinstance(error, (StoreUnavailable, PublishFailed, *GONE))


def finish(world: World, shop: Shop) -> str | None:
    """Time passes, `shop` sweeps and works; what it could not finish, if anything."""
    error: BaseException | None = None
    for is_swept in (False, *[True] * ROUNDS):
        try:
            if is_swept:
                world.time_passes()
                shop.worker.sweep.run()
            for job in world.drained():
                shop.run(job)
        except Exception as raised:
            error = raised
        if not _owed(world):
            return None
    return f"never finished: {_owed(world)}" + (f", {error!r}" if error else "")


def violations(world: World) -> Iterator[str]:
    """Each in a line."""
    if owed := _owed(world):
        yield f"owed: {owed}"
    sold: Counter[str] = Counter()
    texts = _notices(world)
    for accepted in world.orders:
        yield from _of_order(world, accepted, texts)
        if accepted.status == "processed":
            sold[accepted.order.item] += accepted.order.qty
    left = int(world.store.get(f"stock:{SKU}") or 0)
    if left != STOCK - sold[SKU]:
        yield f"{STOCK} in stock, {sold[SKU]} sold, {left} left"
    books = int(world.store.hget("audit:sold", SKU) or 0)
    if books != sold[SKU]:
        yield f"{sold[SKU]} sold, {books} by the books"
    known = {accepted.order.email for accepted in world.orders}
    for email in texts.keys() - known:
        if "customer-" in email:
            yield f"{email} is told of an order that nobody placed"
    for key in world.store.scan_iter("notification:*"):
        status: Any = world.store.hget(key, "status")
        if status != "delivered":
            yield f"{key} is {status}"


def _owed(world: World) -> dict[str, int]:
    with world.store.pipeline(transaction=False) as pipe:
        pipe.zcard("orders:open")
        pipe.zcard("notifications:open")
        orders, notifications = pipe.execute()
    counts = {"orders": orders, "notifications": notifications}
    for queue in ("default", "priority"):
        counts[queue] = int(world.broker.llen(queue))
    return {what: number for what, number in counts.items() if number}


def _notices(world: World) -> Counter[str]:
    """How many notifications each customer has, in whatever state."""
    emails = (world.store.hget(key, "email") for key in world.store.scan_iter("notification:*"))
    return Counter(str(email) for email in emails)


def _of_order(world: World, accepted: Accepted, notices: Counter[str]) -> Iterator[str]:
    order = accepted.order
    status: Any = world.store.get(f"order:{order.id}:status")
    if status != accepted.status:
        yield f"order {order.id} is {status}, not {accepted.status}"
    has_invoice = bool(world.store.exists(f"invoice:{order.id}"))
    if has_invoice != accepted.has_invoice:
        yield f"order {order.id} has {'an' if has_invoice else 'no'} invoice"
    if notices[order.email] != accepted.notices:
        yield f"order {order.id} has {notices[order.email]} notifications, not {accepted.notices}"
    task_id: Any = world.store.hget(f"order:{order.id}", "task_id")
    report = world.beside.ask(lambda api: api.tasks.find(task_id))
    if report is None:
        yield f"the task of order {order.id} is unknown"
    elif report.state != "SUCCESS" or (report.result or {}).get("status") != status:
        shown = json.dumps(report.result or report.error)
        yield f"order {order.id} is {status}, its task {report.state} {shown}"
