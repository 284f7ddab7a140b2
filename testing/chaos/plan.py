"""What a run consists of, drawn from its seed before it begins."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from testing.brokers import REDIS_BROKER
from testing.faults import (
    ApiKilledBeforePublishing,
    BrokerKilled,
    ConnectionsCut,
    PoolProcessKilled,
    RedisKilled,
    WorkerKilled,
)
from testing.history import Operation
from testing.stack import WORKER_DEFAULT, WORKER_PRIORITY

PLENTIFUL, SCARCE = 10, 5
PLENTY = 1_000_000
#: Of all orders, so much is for items that run out.
SCARCE_SHARE = 0.15
#: Of those, so much can be sold.
SCARCE_SUPPLY = 0.4
#: Of all orders, and all drawn apart from each other.
REPEATED_SHARE, CONFLICTING_SHARE, UNKNOWN_ITEM_SHARE = 0.10, 0.03, 0.01
NOTIFICATION_SHARE = 0.03
MAX_QTY = 3
MEAN_QTY = 2
WORKERS = WORKER_DEFAULT, WORKER_PRIORITY
#: Seconds after the first send at which an order is sent again.
AGAIN_AFTER_S = (0.0, 3.0)


@dataclass(frozen=True, slots=True)
class Profile:
    """How much of everything."""

    name: str
    orders: int
    orders_per_s: float
    pool_kills: int
    worker_kills: int
    redis_kills: int
    cuts: int
    api_kills: int
    #: Between the end of one fault and the next, seconds.
    gap_s: tuple[float, float]
    broker: str = REDIS_BROKER
    #: Of a broker that is not Redis.
    broker_kills: int = 0


FULL = Profile("full", 2_000, 15.0, 7, 4, 2, 2, 1, (3.5, 6.5))
QUICK = Profile("quick", 300, 12.0, 2, 1, 1, 1, 1, (0.5, 1.5))


@dataclass(frozen=True, slots=True)
class Send:
    """One thing that a customer wants, sent until it is answered."""

    operation: Operation
    #: The order's id; for a notification, a name of its own.
    subject: str
    payload: Mapping[str, Any]
    #: Sent only after another one of the same order, so much later.
    again_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One fault, and when."""

    fault: str
    #: After the one before it has healed.
    gap_s: float
    #: How long what it breaks stays broken, for faults that last.
    lasts_s: float
    #: Which one it hits, of faults that hit a worker.
    worker: str = WORKER_DEFAULT

    @property
    def waits_for_mail(self) -> bool:
        """Whether what it hits has nothing else in hand than mail."""
        return self.worker == WORKER_PRIORITY


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is sent together with its repetitions."""

    #: After the arrival before it.
    gap_s: float
    sends: Sequence[Send]


@dataclass(frozen=True, slots=True)
class Plan:
    """The same seed and profile give the same plan."""

    seed: int
    profile: Profile

    @property
    def stock(self) -> dict[str, int]:
        """sku -> units at the beginning."""
        supply = self.profile.orders * SCARCE_SHARE * SCARCE_SUPPLY * MEAN_QTY / SCARCE
        return {f"PLENTY-{n}": PLENTY for n in range(PLENTIFUL)} | {
            f"SCARCE-{n}": max(1, round(supply)) for n in range(SCARCE)
        }

    @property
    def faults_expected(self) -> dict[str, int]:
        return dict(Counter(disturbance.fault for disturbance in self.disturbances()))

    def arrivals(self) -> Iterator[Arrival]:
        """Without end: a run takes at least its profile's orders, and goes on while it has faults.

        A notification counts as none.
        """
        draw = random.Random(f"{self.seed} arrivals")
        number = 0
        while True:
            number += 1
            gap_s = draw.expovariate(self.profile.orders_per_s)
            order = _order(draw, number)
            sends = [Send(Operation.ORDER, order["id"], order)]
            if draw.random() < REPEATED_SHARE:
                sends.append(_again(draw, order))
            if draw.random() < CONFLICTING_SHARE:
                sends.append(_again(draw, {**order, "qty": order["qty"] + MAX_QTY}))
            if draw.random() < NOTIFICATION_SHARE:
                payload = {"email": f"reader-{number}@example.com", "message": f"News {number}"}
                sends.append(Send(Operation.NOTIFICATION, f"notification-{number}", payload))
            yield Arrival(gap_s, sends)

    def disturbances(self) -> list[Disturbance]:
        """In random order; the two workers are killed in turn, and the seed says which is first."""
        draw = random.Random(f"{self.seed} faults")
        profile = self.profile
        faults = [
            *[PoolProcessKilled.name] * profile.pool_kills,
            *[WorkerKilled.name] * profile.worker_kills,
            *[RedisKilled.name] * profile.redis_kills,
            *[ConnectionsCut.name] * profile.cuts,
            *[BrokerKilled.name] * profile.broker_kills,
            *[ApiKilledBeforePublishing.name] * profile.api_kills,
        ]
        draw.shuffle(faults)
        # Drawn apart, as what is sent: a seed's faults and gaps do not depend on it.
        first = random.Random(f"{self.seed} workers").randrange(len(WORKERS))
        in_turn = islice(cycle(WORKERS), first, None)
        return [
            Disturbance(
                fault,
                draw.uniform(*profile.gap_s),
                draw.uniform(0.2, 1.5),
                next(in_turn) if fault == WorkerKilled.name else WORKER_DEFAULT,
            )
            for fault in faults
        ]


def _order(draw: random.Random, number: int) -> dict[str, Any]:
    kind = draw.random()
    if kind < UNKNOWN_ITEM_SHARE:
        item = "NO-SUCH"
    elif kind < UNKNOWN_ITEM_SHARE + SCARCE_SHARE:
        item = f"SCARCE-{draw.randrange(SCARCE)}"
    else:
        item = f"PLENTY-{draw.randrange(PLENTIFUL)}"
    return {
        "id": f"order-{number}",
        "item": item,
        "qty": draw.randint(1, MAX_QTY),
        "email": f"customer-{number}@example.com",
    }


def _again(draw: random.Random, order: Mapping[str, Any]) -> Send:
    return Send(Operation.ORDER, order["id"], order, draw.uniform(*AGAIN_AFTER_S))
