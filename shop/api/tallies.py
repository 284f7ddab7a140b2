"""What the shop has done so far, as metrics: the store's counts, the same in every process."""

import math
from collections.abc import Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from shop.domain.notification import NotificationStatus
from shop.domain.order import OrderStatus, Reason
from shop.domain.stock import StockAudit
from shop.domain.tally import Counts, Histogram, Tally

#: Shown from the start, as 0: a series that begins with its first event hides that event's rate.
_ORDER_OUTCOMES = (
    OrderStatus.PROCESSED,
    Reason.UNKNOWN_ITEM,
    Reason.OUT_OF_STOCK,
    Reason.NO_PRICE,
    Reason.ATTEMPTS_EXHAUSTED,
    Reason.REVOKED,
)
_NOTIFICATION_OUTCOMES = (
    NotificationStatus.DELIVERED,
    NotificationStatus.FAILED,
    "postponed",
    "deferred",
)
#: A mail that was taken, one that never will be, one that may be later, all of them, no answer.
_MAIL_REPLIES = ("250", "550", "451", "421", "none")
_DEAD = ("order", "invoice", "notification", "message")
_SWEPT = ("orders", "notifications")


def tally_metrics(tally: Tally) -> list[Metric]:
    metrics: list[Metric] = [
        _counter("shop_orders_placed", "Orders taken in.", tally.orders.get("placed", 0)),
        _counters(
            "shop_orders",
            "Orders that were processed, or failed and why; one taken up again counts again.",
            "outcome",
            _ORDER_OUTCOMES,
            tally.orders,
        ),
        _counter(
            "shop_orders_revived",
            "Failed or dead orders taken up again.",
            tally.orders.get("revived", 0),
        ),
        _counter(
            "shop_invoices", "Orders that got their invoice.", tally.orders.get("invoiced", 0)
        ),
        _counters(
            "shop_orders_without_price",
            "Orders for items that had no price, processed or refused.",
            "item",
            tally.priceless,
            tally.priceless,
        ),
        _counters(
            "shop_notifications",
            "Notifications delivered or given up, and deliveries put off: after a failure, or for "
            "a reason that says nothing of them.",
            "outcome",
            _NOTIFICATION_OUTCOMES,
            tally.notifications,
        ),
        _counters(
            "shop_mail_replies",
            "The mail server's replies to mails, by code; `none` where there was no reply.",
            "code",
            sorted({*_MAIL_REPLIES, *tally.mail_replies}),
            tally.mail_replies,
        ),
        _counters(
            "shop_dead_letters",
            "Work given up, and messages that no worker can process.",
            "work",
            _DEAD,
            tally.dead,
        ),
        _counters(
            "shop_sweeps", "Searches for lost work that came to their end.", "work", _SWEPT,
            tally.sweeps,
        ),
        _counters(
            "shop_sweep_repairs", "Lost work that was found, to be sent again.", "work", _SWEPT,
            tally.claimed,
        ),
        _counters(
            "shop_task_redeliveries",
            "Starts of a task after its first one.",
            "task",
            tally.redelivered,
            tally.redelivered,
        ),
        _histograms(
            "shop_task_wait_seconds", "From a task's publication to its start.", tally.waits
        ),
        _histograms("shop_task_run_seconds", "From a task's start to its end.", tally.runs),
    ]  # fmt: skip
    if tally.audit is not None:
        metrics += _audit_gauges(tally.audit)
    return metrics


def _audit_gauges(audit: StockAudit) -> list[Metric]:
    return [
        _gauges(
            "shop_stock_units",
            "Units by the stock's books: initial + restocked = left + sold, but for the drift.",
            "account",
            {
                "initial": audit.initial,
                "restocked": audit.restocked,
                "sold": audit.sold,
                "left": audit.left,
            },
        ),
        _gauges(
            "shop_stock_drift_units",
            "Units that are left beyond what the books say, or missing.",
            "direction",
            {"surplus": audit.surplus, "missing": audit.missing},
        ),
        _gauges(
            "shop_stock_items",
            "Items in the books, and those of them that are wrong.",
            "state",
            {
                "all": audit.items,
                "drifting": audit.drifting,
                "negative": audit.negative,
                "unreadable": audit.unreadable,
            },
        ),
        GaugeMetricFamily(
            "shop_stock_audit_timestamp_seconds",
            "When the stock's books were last audited.",
            value=audit.at_ms / 1000,
        ),
    ]


def _counter(name: str, about: str, value: int) -> Metric:
    return CounterMetricFamily(name, about, value=value)


def _counters(
    name: str, about: str, label: str, shown: Iterable[str], counts: Counts
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, about, labels=[label])
    for value in shown:
        family.add_metric([value], counts.get(value, 0))
    return family


def _gauges(name: str, about: str, label: str, values: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, about, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


def _histograms(name: str, about: str, tasks: Mapping[str, Histogram]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, about, labels=["task"])
    for task, histogram in tasks.items():
        buckets = [
            ("+Inf" if math.isinf(bound) else str(bound), float(count))
            for bound, count in histogram.cumulated()
        ]
        family.add_metric([task], buckets, histogram.sum_ms / 1000)
    return family
