"""What breaks the shop's code, in the process that imports this; each is a context manager.

A patch that does not fit the code any more raises `PatchDoesNotFit`: a sabotage that breaks nothing
would look like a hole in the checkers.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from shop import bootstrap
from shop.adapters.redis import keys, orders, scripts
from shop.domain.errors import PublishFailed, StoreUnavailable
from shop.domain.order import FollowUps, Order, OrderStatus, Placement, Settlement
from shop.services.ordering import OrderDesk, process_order_job

logger = logging.getLogger(__name__)

NO_IDEMPOTENCY = "no-idempotency"
STOCK_OUTSIDE = "stock-outside"
PUBLISHING_FIRST = "publishing-first"

Patch = Callable[[], AbstractContextManager[object]]


class PatchDoesNotFit(Exception):
    """The text to replace is not there exactly once: the script has changed."""

    def __init__(self, script: str, text: str) -> None:
        super().__init__(f"{script}.lua does not hold exactly once: {text}")
        self.script = script
        self.text = text


@contextmanager
def no_idempotency() -> Iterator[None]:
    """An order is settled however often its task comes."""
    with _altered_script("settle_order", {"if status == 'pending' then": "if status then"}):
        yield


@contextmanager
def stock_outside() -> Iterator[None]:
    """GET, compare, DECRBY; the script is told what was seen, last, and moves the order only."""
    altered = {
        "whole_number_at(KEYS[4])": "tonumber(ARGV[#ARGV])",
        "redis.call('DECRBY', KEYS[4], qty)": "-- taken by the caller",
    }
    with (
        _altered_script("settle_order", altered),
        patch.object(bootstrap, "RedisOrderBook", CarelessOrderBook),
    ):
        yield


@contextmanager
def publishing_first() -> Iterator[None]:
    """The message goes out before there is a record, and whether there will be one is no matter."""
    with patch.object(bootstrap, "OrderDesk", HastyOrderDesk):
        yield


class CarelessOrderBook(orders.RedisOrderBook):
    """Checks, then acts."""

    def settle(self, order_id: str, item: str, follow_ups: FollowUps) -> Settlement:
        seen: Any = self._client.get(keys.stock(item))
        qty: Any = self._client.hget(keys.order(order_id), "qty")
        status: Any = self._client.get(keys.order_status(order_id))
        if status == OrderStatus.PENDING and seen is not None and int(seen) >= int(qty):
            self._client.decrby(keys.stock(item), int(qty))
        script = self._settle

        def settle(*, keys: list[str], args: list[Any]) -> Any:
            return script(keys=keys, args=[*args, seen or ""])

        with patch.object(self, "_settle", settle):
            return super().settle(order_id, item, follow_ups)

    def begin_and_settle(
        self,
        order: Order,
        task_id: str,
        delivery_id: str,
        follow_ups: FollowUps,
        *,
        max_attempts: int,
    ) -> Settlement | None:
        begun = self.begin(order, task_id, delivery_id)
        if begun.is_exhausted(max_attempts):
            return None
        return self.settle(order.id, order.item, follow_ups)


class HastyOrderDesk(OrderDesk):
    """The mirror image of the sound one: there recording must succeed, and publishing may fail."""

    async def place(self, order: Order) -> Placement:
        task_id, now_ms = str(uuid4()), time.time_ns() // 1_000_000
        try:
            await self._publisher.publish(process_order_job(order, task_id, now_ms))
        except PublishFailed as error:
            raise StoreUnavailable(str(error)) from error
        try:
            return await self._orders.place(order, task_id)
        except StoreUnavailable as error:
            logger.warning("order %s is published, not recorded: %s", order.id, error)
            return Placement(task_id, True, OrderStatus.PENDING, now_ms)


PATCHES: Mapping[str, Patch] = {
    NO_IDEMPOTENCY: no_idempotency,
    STOCK_OUTSIDE: stock_outside,
    PUBLISHING_FIRST: publishing_first,
}


def _altered_script(name: str, altered: Mapping[str, str]) -> AbstractContextManager[object]:
    """The script `name` of orders, and what includes it, with each text in `altered` replaced."""
    sound = text = scripts.body(name)
    for old, new in altered.items():
        if text.count(old) != 1:
            raise PatchDoesNotFit(name, old)
        text = text.replace(old, new)

    def source(wanted: str) -> str:
        return scripts.source(wanted).replace(sound, text)

    return patch.object(orders, "source", source)
