"""What the data store holds once a run was drained: the other half of a judgement's evidence."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self, TypeVar

from redis import Redis

from shop.adapters.redis import keys
from testing.history import now_ms

T = TypeVar("T")

SCAN_STEP = 1_000
#: Of invoices: tens of kilobytes each.
FETCHED_AT_ONCE = 100

_STATUS_SUFFIX = keys.order_status("").removeprefix(keys.order(""))


@dataclass(frozen=True, slots=True)
class FinalOrder:
    """An order's record as it is stored; None where a field is not there."""

    order_id: str
    status: str
    item: str | None
    qty: int | None
    email: str | None
    task_id: str | None = None
    reason: str | None = None
    attempts: int = 0
    processed_at_ms: int | None = None
    notification_task_id: str | None = None
    #: When the task that makes its invoice ended, for the last time.
    invoice_ended_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class FinalNotification:
    """A notification's record as it is stored."""

    task_id: str
    status: str
    email: str
    message: str
    attempts: int = 0
    reason: str | None = None
    #: When it was delivered or given up.
    closed_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class FinalState:
    """A snapshot; nothing may have been going on while it was taken."""

    #: Milliseconds since the epoch, by this machine's clock.
    read_at_ms: int
    #: sku -> units before the run.
    initial_stock: Mapping[str, int]
    #: sku -> units now; None if what is there is no number.
    stock: Mapping[str, int | None]
    orders: Mapping[str, FinalOrder] = field(default_factory=dict)
    #: order id -> SHA-256 of the PDF, hexadecimal.
    invoices: Mapping[str, str] = field(default_factory=dict)
    notifications: Mapping[str, FinalNotification] = field(default_factory=dict)
    orders_open: frozenset[str] = frozenset()
    orders_dead: frozenset[str] = frozenset()
    notifications_open: frozenset[str] = frozenset()
    notifications_dead: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, Any]:
        fields = asdict(self)
        return {
            name: sorted(value) if isinstance(value, frozenset) else value
            for name, value in fields.items()
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """What `as_json` gave, as it comes back from a file."""
        sets = ("orders_open", "orders_dead", "notifications_open", "notifications_dead")
        return cls(
            **{
                **fields,
                **{name: frozenset(fields[name]) for name in sets},
                "orders": {key: FinalOrder(**row) for key, row in fields["orders"].items()},
                "notifications": {
                    key: FinalNotification(**row) for key, row in fields["notifications"].items()
                },
            }
        )


def read_final_state(client: Redis, initial_stock: Mapping[str, int]) -> FinalState:
    """`client` is one of the data store, and does not decode replies: invoices are bytes."""
    found = sorted({key.decode() for key in client.scan_iter(count=SCAN_STEP)})
    return FinalState(
        read_at_ms=now_ms(),
        initial_stock=dict(initial_stock),
        stock=_stock(client, _below(keys.STOCK_PREFIX, found)),
        orders=_orders(client, _order_ids(found)),
        invoices=_invoices(client, _below(keys.invoice(""), found)),
        notifications=_notifications(client, _below(keys.notification(""), found)),
        orders_open=_members(client, keys.ORDERS_OPEN),
        orders_dead=_members(client, keys.ORDERS_DEAD),
        notifications_open=_members(client, keys.NOTIFICATIONS_OPEN),
        notifications_dead=_members(client, keys.NOTIFICATIONS_DEAD),
    )


def _below(prefix: str, found: Iterable[str]) -> list[str]:
    return [key.removeprefix(prefix) for key in found if key.startswith(prefix)]


def _order_ids(found: Iterable[str]) -> list[str]:
    """Of every order of which anything is stored, be it its status alone."""
    return sorted({rest.removesuffix(_STATUS_SUFFIX) for rest in _below(keys.order(""), found)})


def _orders(client: Redis, ids: list[str]) -> dict[str, FinalOrder]:
    orders = {}
    for batch in _batches(ids):
        with client.pipeline(transaction=False) as pipe:
            for order_id in batch:
                pipe.hgetall(keys.order(order_id))
                pipe.get(keys.order_status(order_id))
            replies = pipe.execute()
        hashes = [_texts(hash_) for hash_ in replies[::2]]
        with client.pipeline(transaction=False) as pipe:
            for fields in hashes:
                pipe.hget(keys.task(fields.get("invoice_task_id", "")), "finished_at")
            ended = pipe.execute()
        for order_id, fields, status, ended_at in zip(
            batch, hashes, replies[1::2], ended, strict=True
        ):
            orders[order_id] = FinalOrder(
                order_id=order_id,
                # As the shop itself takes an order without a status.
                status="pending" if status is None else status.decode(),
                item=fields.get("item"),
                qty=_number(fields.get("qty")),
                email=fields.get("email"),
                task_id=fields.get("task_id"),
                reason=fields.get("reason"),
                attempts=_number(fields.get("attempts")) or 0,
                processed_at_ms=_number(fields.get("processed_at")),
                notification_task_id=fields.get("notification_task_id"),
                invoice_ended_at_ms=_number(ended_at.decode() if ended_at else None),
            )
    return orders


def _notifications(client: Redis, ids: list[str]) -> dict[str, FinalNotification]:
    notifications = {}
    for batch in _batches(ids):
        with client.pipeline(transaction=False) as pipe:
            for task_id in batch:
                pipe.hgetall(keys.notification(task_id))
            replies = pipe.execute()
        for task_id, hash_ in zip(batch, replies, strict=True):
            fields = _texts(hash_)
            notifications[task_id] = FinalNotification(
                task_id=task_id,
                status=fields.get("status", ""),
                email=fields.get("email", ""),
                message=fields.get("message", ""),
                attempts=_number(fields.get("attempts")) or 0,
                reason=fields.get("reason"),
                closed_at_ms=_number(fields.get("closed_at")),
            )
    return notifications


def _invoices(client: Redis, ids: list[str]) -> dict[str, str]:
    digests = {}
    for batch in _batches(ids):
        pdfs: list[Any] = client.mget([keys.invoice(order_id) for order_id in batch])
        for order_id, pdf in zip(batch, pdfs, strict=True):
            # MGET shows nothing for a key that is no string.
            if pdf is not None:
                digests[order_id] = hashlib.sha256(pdf).hexdigest()
    return digests


def _stock(client: Redis, skus: list[str]) -> dict[str, int | None]:
    stock = {}
    for batch in _batches(skus):
        texts: list[Any] = client.mget([keys.stock(sku) for sku in batch])
        for sku, text in zip(batch, texts, strict=True):
            stock[sku] = None if text is None else _number(text.decode(errors="replace"))
    return stock


def _members(client: Redis, key: str) -> frozenset[str]:
    members: list[Any] = client.zrange(key, 0, -1)
    return frozenset(member.decode() for member in members)


def _batches(ids: list[T]) -> Iterator[list[T]]:
    for begin in range(0, len(ids), FETCHED_AT_ONCE):
        yield ids[begin : begin + FETCHED_AT_ONCE]


def _texts(hash_: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in hash_.items()}


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
