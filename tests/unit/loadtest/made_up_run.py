"""Runs that nobody made, as they could have been."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace

from loadtest.history import Depth, Event, Memory, Outcome, Sample, Walked
from loadtest.schedule import Arm, Arrival, Block, Kind, Operation, Rates, Schedule, draw

#: The generator's clock at the start, milliseconds.
START_MS = 1_795_468_000_000.0
_MIB = 1 << 20

#: Of the probes' wait, median in milliseconds, by arm and kind; the control's grows with its queue.
_MEDIAN_MS = {Kind.IDLE: 3.2, Kind.FLOOD: 5.5}


def made_up_schedule(sets: int = 2, control_sets: int = 1, block_s: float = 9.0) -> Schedule:
    return draw(7, sets=sets, control_sets=control_sets, block_s=block_s, rates=Rates(25.0, 35.0))


def made_up_run(schedule: Schedule, *, processed_per_s: float = 12.0) -> list[Event]:
    """A good topology, and a control whose probes stand behind its orders."""
    source = random.Random(schedule.seed)
    events, at_ms = list[Event](), START_MS
    for block in schedule.blocks:
        block_events, at_ms = _walk(block, at_ms, source, processed_per_s)
        events += block_events
    return events


def _walk(
    block: Block, began_ms: float, source: random.Random, processed_per_s: float
) -> tuple[list[Event], float]:
    offered = sum(arrival.operation is Operation.ORDER for arrival in block.arrivals)
    growth_per_s = max(0.0, offered / block.duration_s - processed_per_s)
    samples = list[Event]()
    for arrival in block.arrivals:
        intended_ms = began_ms + arrival.at_s * 1000
        backlog_ms = arrival.at_s * growth_per_s / processed_per_s * 1000
        wait_ms = source.lognormvariate(0, 0.45) * _MEDIAN_MS[block.kind]
        behind_orders = arrival.operation is Operation.ORDER or block.arm is Arm.CONTROL
        wait_ms += backlog_ms if behind_orders else 0
        samples.append(_sample(block, arrival, intended_ms, wait_ms, source))
    ended_ms = began_ms + block.duration_s * 1000
    drained_ms = ended_ms + block.duration_s * growth_per_s / processed_per_s * 1000 + 300
    walked = Walked(
        block.arm, block.number, block.set_number, block.kind, began_ms, ended_ms, drained_ms
    )
    depths = list(_depths(walked, growth_per_s, processed_per_s, source))
    return [*samples, *depths, walked], drained_ms + 200


def _sample(
    block: Block, arrival: Arrival, intended_ms: float, wait_ms: float, source: random.Random
) -> Sample:
    sent_ms = intended_ms + source.expovariate(1 / 0.4)
    enqueued_ms = round(sent_ms + source.lognormvariate(0, 0.3) * 4)
    started_ms = enqueued_ms + round(wait_ms)
    return Sample(
        arm=block.arm,
        block=block.number,
        set_number=block.set_number,
        kind=block.kind,
        operation=arrival.operation,
        key=arrival.key,
        at_s=arrival.at_s,
        outcome=Outcome.DONE,
        intended_ms=intended_ms,
        sent_ms=sent_ms,
        answered_ms=enqueued_ms + 2.5,
        http_status=202,
        task_id=f"task-{arrival.key}",
        first_enqueued_ms=enqueued_ms,
        enqueued_ms=enqueued_ms,
        received_ms=enqueued_ms + round(wait_ms * 0.8),
        started_ms=started_ms,
        finished_ms=started_ms + (80 if arrival.operation is Operation.ORDER else 20),
        deliveries=1,
    )


def _depths(
    walked: Walked, growth_per_s: float, processed_per_s: float, source: random.Random
) -> Iterator[Depth]:
    at_ms = walked.began_ms
    assert walked.drained_ms is not None
    deepest = (walked.ended_ms - walked.began_ms) / 1000 * growth_per_s
    while at_ms < walked.drained_ms:
        if at_ms < walked.ended_ms:
            waiting = (at_ms - walked.began_ms) / 1000 * growth_per_s
        else:
            waiting = max(0.0, deepest - (at_ms - walked.ended_ms) / 1000 * processed_per_s)
        priority = int(source.random() < 0.08) if walked.arm is Arm.MAIN else 0
        yield Depth(at_ms, round(waiting), priority, round(waiting), priority)
        at_ms += 250


def with_orders_shed(events: list[Event], share: float = 0.5) -> list[Event]:
    """The same run, with so many of its orders refused."""
    source = random.Random(1)
    return [
        replace(
            event,
            outcome=Outcome.SHED,
            http_status=503,
            retry_after_s=2.0,
            first_enqueued_ms=None,
            enqueued_ms=None,
            received_ms=None,
            started_ms=None,
            finished_ms=None,
            deliveries=0,
        )
        if isinstance(event, Sample)
        and event.operation is Operation.ORDER
        and source.random() < share
        else event
        for event in events
    ]


def made_up_memory(
    minutes: float = 60.0, growth_mib: Mapping[str, float] | None = None
) -> list[Memory]:
    """A reading a 10 seconds of each process; by default one of them leaks."""
    source = random.Random(2)
    growth_mib = growth_mib or {
        "api": 1.5,
        "worker default": 2.0,
        "worker priority": 14.0,
        "beat": 0.1,
        "redis": 3.0,
    }
    bases = dict(zip(growth_mib, (92, 118, 104, 71, 14, 60, 50, 40, 30, 20), strict=False))
    count = round(minutes * 6)
    return [
        Memory(
            START_MS + number * 10_000,
            process,
            round((bases[process] + grown * number / count + source.gauss(0, 0.3)) * _MIB),
        )
        for number in range(count)
        for process, grown in growth_mib.items()
    ]
