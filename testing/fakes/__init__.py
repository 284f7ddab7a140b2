"""A fake of every port: in memory, under a manual clock, tested by the adapters' own suite."""

from testing.fakes.ledger import FakeTaskLedger, FakeTaskLookup
from testing.fakes.notifications import FakeNotificationBook, FakeNotificationIntake
from testing.fakes.orders import FakeOrderBook, FakeOrderIntake
from testing.fakes.output import FakeInvoiceRenderer, FakeMailer, FakeWarehouse
from testing.fakes.presence import FakePresence, FakeReadiness
from testing.fakes.publisher import FakeAsyncPublisher, FakePublisher
from testing.fakes.stock import FakeStockRoom
from testing.fakes.store import FakeResult, FakeStore, ManualClock
from testing.fakes.workload import FakeQueueGauge, FakeTallies, FakeWorkloadGauge

__all__ = [
    "FakeAsyncPublisher",
    "FakeInvoiceRenderer",
    "FakeMailer",
    "FakeNotificationBook",
    "FakeNotificationIntake",
    "FakeOrderBook",
    "FakeOrderIntake",
    "FakePresence",
    "FakePublisher",
    "FakeQueueGauge",
    "FakeReadiness",
    "FakeResult",
    "FakeStockRoom",
    "FakeStore",
    "FakeTallies",
    "FakeTaskLedger",
    "FakeTaskLookup",
    "FakeWarehouse",
    "FakeWorkloadGauge",
    "ManualClock",
]
