"""What will arrive and when, drawn from a seed before a run begins."""

import hashlib
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Operation(StrEnum):
    """What an arrival asks for."""

    ORDER = "order"
    #: A probe: it is what the verdict is about.
    NOTIFICATION = "notification"


class Kind(StrEnum):
    """What a block of a schedule is for."""

    #: Probes only.
    IDLE = "idle"
    #: Probes, and orders faster than they can be processed.
    FLOOD = "flood"
    #: Probes, and orders that can be processed as they come.
    STEADY = "steady"


class Arm(StrEnum):
    """Which stack a block is walked on."""

    #: The topology in question.
    MAIN = "main"
    #: The same, with notifications routed to `default`: what it looks like when it is wrong.
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request to come."""

    #: After its block's start, seconds.
    at_s: float
    operation: Operation
    #: The order's id, or the probe's name; in no schedule twice.
    key: str
    #: The request's JSON.
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of one kind; the shop is drained to empty before and after it."""

    number: int
    arm: Arm
    #: Blocks of one set, in the order ABBA or BAAB, are compared with each other.
    set_number: int
    kind: Kind
    duration_s: float
    arrivals: Sequence[Arrival] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Rates:
    """Arrivals a second, as means of Poisson processes."""

    probes_per_s: float
    orders_per_s: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """All blocks of a run, in the order in which they are walked."""

    seed: int
    blocks: Sequence[Block]

    def of(self, arm: Arm) -> list[Block]:
        return [block for block in self.blocks if block.arm is arm]

    @property
    def sha256(self) -> str:
        """Equal for equal schedules, whatever drew them."""
        digest = hashlib.sha256()
        for line in self.lines():
            digest.update(line.encode())
        return digest.hexdigest()

    def lines(self) -> Iterator[str]:
        """JSON: the seed, then each block's line before those of its arrivals."""
        yield json.dumps({"seed": self.seed}) + "\n"
        for block in self.blocks:
            head = {
                "block": block.number,
                "arm": block.arm,
                "set": block.set_number,
                "kind": block.kind,
                "duration_s": block.duration_s,
            }
            yield json.dumps(head) + "\n"
            for arrival in block.arrivals:
                yield json.dumps(asdict(arrival)) + "\n"

    def write(self, file: Path) -> None:
        with file.open("w") as out:
            out.writelines(self.lines())

    @classmethod
    def read(cls, file: Path) -> "Schedule":
        """The inverse of `write`."""
        seed, blocks = 0, list[Block]()
        arrivals = list[Arrival]()
        with file.open() as lines:
            for line in lines:
                data = json.loads(line)
                if "seed" in data:
                    seed = data["seed"]
                elif "block" in data:
                    arrivals = []
                    blocks.append(
                        Block(
                            number=data["block"],
                            arm=Arm(data["arm"]),
                            set_number=data["set"],
                            kind=Kind(data["kind"]),
                            duration_s=data["duration_s"],
                            arrivals=arrivals,
                        )
                    )
                else:
                    data["operation"] = Operation(data["operation"])
                    arrivals.append(Arrival(**data))
        return cls(seed, blocks)


def draw(
    seed: int, *, sets: int, control_sets: int, block_s: float, rates: Rates, items: int = 10
) -> Schedule:
    """Sets of four blocks, ABBA and BAAB by turns; the control walks the first sets again.

    Orders are for `items` items, named `LAB-0` and on.
    """
    blocks = list[Block]()
    for arm, count in ((Arm.MAIN, sets), (Arm.CONTROL, control_sets)):
        for set_number in range(count):
            first, second = (
                (Kind.IDLE, Kind.FLOOD) if set_number % 2 == 0 else (Kind.FLOOD, Kind.IDLE)
            )
            for place, kind in enumerate((first, second, second, first)):
                # Named by its place, not by its arm: both arms walk the same.
                source = random.Random(f"{seed} {set_number} {place}")
                name = f"{seed}-{arm}-{set_number}-{place}"
                arrivals = draw_block(
                    source, name, kind=kind, duration_s=block_s, rates=rates, items=items
                )
                blocks.append(Block(len(blocks), arm, set_number, kind, block_s, arrivals))
    return Schedule(seed, blocks)


def draw_steady(
    seed: int, *, blocks: int, block_s: float, rates: Rates, items: int = 10
) -> Schedule:
    """One kind of block over and over, for what shows with time only."""
    drawn = list[Block]()
    for number in range(blocks):
        source = random.Random(f"{seed} {number}")
        arrivals = draw_block(
            source,
            f"{seed}-steady-{number}",
            kind=Kind.STEADY,
            duration_s=block_s,
            rates=rates,
            items=items,
        )
        drawn.append(Block(number, Arm.MAIN, number, Kind.STEADY, block_s, arrivals))
    return Schedule(seed, drawn)


def draw_block(
    source: random.Random, name: str, *, kind: Kind, duration_s: float, rates: Rates, items: int
) -> list[Arrival]:
    """Arrivals of one block, by time; keys begin with `name`, the beginning of an order's id."""
    arrivals = [
        Arrival(at_s, Operation.NOTIFICATION, key, {"email": "probe@example.com", "message": key})
        for number, at_s in enumerate(poisson(source, rates.probes_per_s, duration_s))
        for key in [f"{name}-n{number}"]
    ]
    if kind is not Kind.IDLE:
        arrivals += [
            Arrival(
                at_s,
                Operation.ORDER,
                key,
                {
                    "id": key,
                    "item": f"LAB-{source.randrange(items)}",
                    "qty": 1,
                    "email": "flood@example.com",
                },
            )
            for number, at_s in enumerate(poisson(source, rates.orders_per_s, duration_s))
            for key in [f"{name}-o{number}"]
        ]
    return sorted(arrivals, key=lambda arrival: arrival.at_s)


def poisson(source: random.Random, rate_per_s: float, duration_s: float) -> Iterator[float]:
    """Seconds of the arrivals of a Poisson process; none for a rate of 0."""
    if rate_per_s <= 0:
        return
    at_s = source.expovariate(rate_per_s)
    while at_s < duration_s:
        yield round(at_s, 6)
        at_s += source.expovariate(rate_per_s)
