"""What `/metrics` shows of the shop as a whole, read when it is asked for.

Every process shows the same of these, unlike what it counts of itself.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from typing import TypeVar

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from shop.api.deps import in_time
from shop.api.tallies import tally_metrics
from shop.bootstrap import ApiServices
from shop.domain.errors import StoreUnavailable
from shop.domain.work import Waiting

T = TypeVar("T")


async def shop_gauges(services: ApiServices) -> list[Metric]:
    """What cannot be read in time is left out: a number that is not known is no zero."""
    workload, queues, tally = await asyncio.gather(
        _if_there(services.workload.read()),
        _if_there(services.queues.read()),
        _if_there(services.tallies.read()),
    )
    gauges: list[Metric] = [
        GaugeMetricFamily(
            "shop_store_up", "Whether the store answered.", value=float(workload is not None)
        )
    ]
    if workload is not None:
        gauges += [
            GaugeMetricFamily(
                "shop_open_orders",
                "Orders that are owed their processing or their invoice.",
                value=workload.open_orders,
            ),
            GaugeMetricFamily(
                "shop_open_notifications",
                "Notifications that are owed their delivery.",
                value=workload.open_notifications,
            ),
            GaugeMetricFamily("shop_dead_orders", "Orders given up.", value=workload.dead_orders),
            GaugeMetricFamily(
                "shop_dead_messages",
                "Messages that no worker can process, kept to be looked into.",
                value=workload.dead_messages,
            ),
        ]
    if queues:
        gauges += _queue_gauges(queues)
    if tally is not None:
        gauges += tally_metrics(tally)
    return gauges


def _queue_gauges(queues: Mapping[str, Waiting]) -> list[Metric]:
    depth = GaugeMetricFamily(
        "shop_queue_depth", "Messages that no worker has taken yet.", labels=["queue"]
    )
    oldest = GaugeMetricFamily(
        "shop_queue_oldest_message_age_seconds",
        "How long ago the oldest message that waits was published; 0 for an empty queue.",
        labels=["queue"],
    )
    for queue, waiting in queues.items():
        depth.add_metric([queue], waiting.depth)
        if waiting.oldest_s is not None:
            oldest.add_metric([queue], waiting.oldest_s)
    return [depth, oldest]


class Scrape(Collector):
    """One answer to a scrape: metrics that are kept, and those that were read for it."""

    def __init__(self, kept: Collector, read: Iterable[Metric]) -> None:
        self._kept = kept
        self._read = read

    def collect(self) -> Iterator[Metric]:
        yield from self._kept.collect()
        yield from self._read


async def _if_there(reading: Awaitable[T]) -> T | None:
    try:
        return await in_time(reading)
    except StoreUnavailable:
        return None
