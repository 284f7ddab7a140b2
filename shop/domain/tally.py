"""What the shop has done so far, counted in the same step as it was done."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shop.domain.stock import StockAudit

#: Upper bounds of the histograms of tasks, milliseconds: from 1 ms to 10 min.
BUCKETS_MS = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000),
    *(60_000, 120_000, 300_000, 600_000),
)

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Spans of time, by the bucket that each falls into."""

    #: One more than there are bounds: the last holds what is longer than all of them.
    counts: tuple[int, ...]
    sum_ms: int

    def cumulated(self) -> list[tuple[float, int]]:
        """(upper bound in seconds, how many were at most that), the last for all of them."""
        total = 0
        buckets: list[tuple[float, int]] = []
        for bound_ms, count in zip((*BUCKETS_MS, None), self.counts, strict=True):
            total += count
            buckets.append((float("inf") if bound_ms is None else bound_ms / 1000, total))
        return buckets


@dataclass(frozen=True, slots=True)
class Tally:
    """All counts since the store is there; nothing that was done is counted twice."""

    #: `placed`, `processed`, each reason of a failure, `revived`, `invoiced`.
    orders: Counts = field(default_factory=dict)
    #: `delivered`, `failed`, `postponed`, `deferred`.
    notifications: Counts = field(default_factory=dict)
    #: Orders for items that had no price, processed or refused, by item.
    priceless: Counts = field(default_factory=dict)
    #: What the mail server said to a mail, by code; `none` where it said nothing.
    mail_replies: Counts = field(default_factory=dict)
    #: What was given up: `order`, `invoice`, `notification`, `message`.
    dead: Counts = field(default_factory=dict)
    #: Searches for lost work that came to their end, of `orders` and `notifications`.
    sweeps: Counts = field(default_factory=dict)
    #: What they found lost and claimed, to send it again.
    claimed: Counts = field(default_factory=dict)
    #: Starts of a task beyond its first delivery, by task.
    redelivered: Counts = field(default_factory=dict)
    #: From publication to start, by task; of messages with no stamp nothing is known.
    waits: Mapping[str, Histogram] = field(default_factory=dict)
    #: From start to end, by task.
    runs: Mapping[str, Histogram] = field(default_factory=dict)
    #: The last one, if there was any.
    audit: StockAudit | None = None
