"""What one API process takes of orders, the more clients press; and how notifications fare."""

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace

import numpy as np

from loadtest.bench.bench import BenchBroke, Comparison, Figure, Reach, Result, Show
from loadtest.bench.contenders import Shop
from loadtest.bench.crowd import Crowd, Seen
from loadtest.bench.processes import Program
from loadtest.bench.rounds import in_turns
from testing.stacks.ports import HOST

ROUNDS = 3
WARM_UP_S, MEASURED_S = 3.0, 4.0
#: With so many, no API is overloaded; what is taken of them is what it can take.
FEW = 32
CROWDS = (64, 72, 128, 256, 512, 1_000, 2_000)
#: Connections of those whose orders arrive, whether others are answered or not.
ARRIVING = 2_000
#: Of what was taken of `FEW`, in the same round.
TIMES_CAPACITY = (2, 10)
PROBES_PER_S = 25.0
GOODPUT = Reach(at_least=0.8)
ANSWERED_MS = 2_000.0
#: Notifications are quick at so many ms, whatever they take when nothing else is asked.
QUICK_MS = 50.0
TIMES_IDLE = 5.0
#: A connection may be closed for want of use in the moment in which it is used.
MAX_OTHERS = 0.01


@dataclass(frozen=True, slots=True)
class Point:
    """A crowd whose goodput is compared with that of a few clients."""

    name: str
    clients: int
    is_polite: bool = False
    times_capacity: float = 0.0


@dataclass(slots=True)
class Measured:
    """A point in one round."""

    accepted_per_s: float
    accepted_per_cpu_s: float
    slowest_accepted_ms: float
    slowest_refused_ms: float
    probe_p95_ms: float


POINTS = (
    *(Point(f"{clients:,} clients, rude", clients) for clients in CROWDS),
    *(Point(f"{clients:,} clients, polite", clients, is_polite=True) for clients in CROWDS),
    *(
        Point(f"arrivals at {times:g} x capacity", ARRIVING, times_capacity=times)
        for times in TIMES_CAPACITY
    ),
)


class Overload:
    """One API process, no workers; real clients' connections, an order at a time on each."""

    name = "overload"
    question = "how many orders does one API process take, the more clients press?"

    def __init__(
        self,
        points: Sequence[Point] = POINTS,
        warm_up_s: float = WARM_UP_S,
        measured_s: float = MEASURED_S,
    ) -> None:
        self._points = points
        self._warm_up_s = warm_up_s
        self._measured_s = measured_s

    def run(self, rounds: int | None, show: Show) -> Result:
        found: dict[Point, list[Measured]] = {point: [] for point in self._points}
        few: dict[Point, list[Measured]] = {point: [] for point in self._points}
        idle_ms = list[float]()
        with ExitStack() as up:
            show("starting")
            shop = up.enter_context(Shop())
            crowd, probe = (up.enter_context(_program()) for _ in range(2))
            for number, turn in enumerate(in_turns(self._points, rounds or ROUNDS)):
                idle = Crowd(
                    *(HOST, shop.port, 0, self._warm_up_s, self._measured_s), pid=shop.api_pid
                )
                idle_ms.append(_p95(_asked(probe, _probing(idle)).probe_ms))
                for place, point in enumerate(turn):
                    show(f"round {number + 1} of {rounds or ROUNDS}, {point.name}")
                    # Right before it, for a machine with other work does not stay the same.
                    asked = replace(idle, clients=FEW, prefix=f"r{number}-{place}-few")
                    few[point].append(_measure(asked, crowd, probe))
                    asked = replace(
                        idle,
                        clients=point.clients,
                        is_polite=point.is_polite,
                        arrivals_per_s=point.times_capacity * few[point][-1].accepted_per_s,
                        prefix=f"r{number}-{place}",
                    )
                    found[point].append(_measure(asked, crowd, probe))
                    shop.clear()
        return _result(found, few, idle_ms)


def _program() -> Program:
    return Program((sys.executable, "-m", "loadtest.bench.crowd"))


def _probing(crowd: Crowd) -> Crowd:
    return replace(crowd, clients=0, arrivals_per_s=0.0, probes_per_s=PROBES_PER_S)


def _asked(program: Program, crowd: Crowd) -> Seen:
    program.tell(json.dumps(asdict(crowd)))
    return _answer(program)


def _answer(program: Program) -> Seen:
    said = json.loads(program.answer())
    if "failure" in said:
        raise BenchBroke(f"the crowd: {said['failure']}")
    return Seen(**said)


def _measure(crowd: Crowd, program: Program, probe: Program) -> Measured:
    """Both at once; notifications from a process of their own."""
    probe.tell(json.dumps(asdict(_probing(crowd))))
    seen = _asked(program, crowd)
    probed = _answer(probe)
    if (others := seen.others + probed.others) > MAX_OTHERS * (seen.accepted + seen.refused):
        raise BenchBroke(f"{crowd.clients} clients: {others} wrong answers, or none at all")
    return Measured(
        seen.accepted / seen.lasted_s,
        seen.accepted / max(seen.cpu_s, 0.01),
        max(seen.accepted_ms, default=0.0),
        max(seen.refused_ms, default=0.0),
        _p95(probed.probe_ms),
    )


def _result(
    found: Mapping[Point, Sequence[Measured]],
    few: Mapping[Point, Sequence[Measured]],
    idle_ms: Sequence[float],
) -> Result:
    floor_ms = QUICK_MS / TIMES_IDLE
    idle = [max(value, floor_ms) for value in idle_ms]
    goodput, per_cpu, quick = list[Comparison](), list[Comparison](), list[Comparison]()
    for point, ones in found.items():
        name, base = f"{point.name} / {FEW} clients", few[point]
        goodput.append(
            Comparison(
                *(name, "orders/s"),
                [one.accepted_per_s for one in ones],
                [one.accepted_per_s for one in base],
                GOODPUT,
            )
        )
        # What the API would take with a core to itself; it says nothing of time that it idles.
        per_cpu.append(
            Comparison(
                *(name, "orders per CPU second"),
                [one.accepted_per_cpu_s for one in ones],
                [one.accepted_per_cpu_s for one in base],
            )
        )
        quick.append(
            Comparison(
                *(f"notification p95, {point.name} / idle or {floor_ms:g} ms", "ms"),
                *([one.probe_p95_ms for one in ones], idle),
                Reach(at_most=TIMES_IDLE),
            )
        )
    slowest = Reach(at_most=ANSWERED_MS)
    return Result(
        comparisons=[*goodput, *per_cpu, *quick],
        figures=[
            Figure("slowest order taken", "ms", _slowest(found, "slowest_accepted_ms"), slowest),
            Figure("slowest refusal", "ms", _slowest(found, "slowest_refused_ms"), slowest),
        ],
    )


def _slowest(points: Mapping[Point, Sequence[Measured]], name: str) -> list[float]:
    """Of all points, one a round."""
    rounds = zip(*points.values(), strict=True)
    return [max(getattr(one, name) for one in ones) for ones in rounds]


def _p95(values: Sequence[float]) -> float:
    if not values:
        raise BenchBroke("no notification was taken")
    return float(np.quantile(values, 0.95))
