"""A store that is away raises `StoreUnavailable`, whichever port is asked."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from shop.domain.errors import StoreUnavailable
from shop.domain.stock import StockLevel, StockReport
from shop.domain.work import TaskName
from tests.builders import a_delivery, a_notification, an_order, follow_ups
from tests.contract.backends import Backend, Ports

DAY = date(2026, 3, 1)

ASYNCHRONOUS: dict[str, Callable[[Ports], Any]] = {
    "place an order": lambda ports: ports.intake.place(an_order(), "task-1"),
    "find an order": lambda ports: ports.intake.find("1001"),
    "show an invoice": lambda ports: ports.intake.invoice("1001"),
    "place a notification": lambda ports: ports.notification_intake.place(
        a_notification(), "task-1"
    ),
    "look a task up": lambda ports: ports.lookup.find("task-1"),
}

SYNCHRONOUS: dict[str, Callable[[Ports], Any]] = {
    "begin": lambda ports: ports.book.begin(an_order(), "task-1", "one"),
    "settle": lambda ports: ports.book.settle("1001", "SKU-1", follow_ups(an_order())),
    "begin an invoice": lambda ports: ports.book.begin_invoice("1001", "invoice-task", "one"),
    "store an invoice": lambda ports: ports.book.store_invoice("1001", b"%PDF"),
    "find": lambda ports: ports.book.find("1001"),
    "bury": lambda ports: ports.book.bury("1001", "attempts_exhausted"),
    "revoke": lambda ports: ports.book.revoke("1001", TaskName.PROCESS_ORDER, "task-1"),
    "revive": lambda ports: ports.book.revive("1001"),
    "claim": lambda ports: ports.book.claim_lost("default", queue_is_idle=True, limit=1),
    "begin a notification": lambda ports: ports.notifications.begin(
        a_notification(), "task-1", "one"
    ),
    "delivered": lambda ports: ports.notifications.delivered("task-1"),
    "postpone": lambda ports: ports.notifications.postpone("task-1", 1.0, "busy"),
    "bury a notification": lambda ports: ports.notifications.bury("task-1", "refused"),
    "find a notification": lambda ports: ports.notifications.find("task-1"),
    "claim notifications": lambda ports: ports.notifications.claim_lost(
        "priority", queue_is_idle=True, limit=1
    ),
    "levels": lambda ports: list(ports.stock.levels()),
    "put": lambda ports: ports.stock.put(StockLevel("SKU-1", 1)),
    "put missing": lambda ports: ports.stock.put_missing([StockLevel("SKU-1", 1)]),
    "report": lambda ports: ports.stock.report(DAY),
    "store a report": lambda ports: ports.stock.store_report(StockReport(DAY, 1, {})),
    "read a report": lambda ports: ports.stock.stored_report(DAY),
    "today": lambda ports: ports.stock.today(),
    "stamp a start": lambda ports: ports.ledger.started(a_delivery()),
    "stamp an end": lambda ports: ports.ledger.finished("task-1"),
    "beat": lambda ports: ports.presence.beat("default", "celery@one"),
    "leave": lambda ports: ports.presence.leave("default", "celery@one"),
}


@pytest.mark.parametrize("call", ASYNCHRONOUS.values(), ids=ASYNCHRONOUS)
async def test_the_api_is_told(backend: Backend, call: Callable[[Ports], Any]) -> None:
    with pytest.raises(StoreUnavailable):
        await call(backend.unplugged())


@pytest.mark.parametrize("call", SYNCHRONOUS.values(), ids=SYNCHRONOUS)
def test_the_task_is_told(backend: Backend, call: Callable[[Ports], Any]) -> None:
    with pytest.raises(StoreUnavailable):
        call(backend.unplugged())
