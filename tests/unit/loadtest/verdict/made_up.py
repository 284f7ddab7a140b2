"""Runs that never were: every arrival of a schedule with a life as a test wants it."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from loadtest.history import Depth, Event, Outcome, Sample, Walked
from loadtest.schedule import Arm, Arrival, Block, Kind, Operation, Rates, Schedule, draw
from loadtest.verdict.bootstrap import Observations

START_MS = 1_772_366_400_000.0
DRAIN_MS = 1_000.0
RATES = Rates(probes_per_s=20, orders_per_s=40)


def made_schedule(
    *, sets: int = 2, control_sets: int = 1, block_s: float = 8.0, seed: int = 7
) -> Schedule:
    return draw(seed, sets=sets, control_sets=control_sets, block_s=block_s, rates=RATES)


class MadeUpRun:
    """A run that goes well as far as a test does not say otherwise; it spoils events."""

    def __init__(
        self,
        schedule: Schedule | None = None,
        *,
        flood_times: float = 2.0,
        control_times: float = 300.0,
        accept_times: float = 1.5,
        shed: bool = False,
    ) -> None:
        """The flood multiplies waits of around 10 ms, and acceptances of around 8 ms.

        `shed` has every second order answered with 503.
        """
        self.schedule = schedule if schedule is not None else made_schedule()
        self.samples: list[Sample] = []
        self.depths: list[Depth] = []
        self.walked: list[Walked] = []
        self._source = random.Random(11)
        self._shed = shed
        self._times = {Arm.MAIN: flood_times, Arm.CONTROL: control_times}
        self._accept_times = accept_times
        began_ms = START_MS
        for block in self.schedule.blocks:
            ended_ms = began_ms + block.duration_s * 1000
            for arrival in block.arrivals:
                self.samples.append(self._lived(block, arrival, began_ms))
            for step in range(int(block.duration_s * 2)):
                waiting = step * 20 if block.kind is Kind.FLOOD else 0
                self.depths.append(Depth(began_ms + step * 500, waiting, 1, waiting, 1))
            drained_ms = ended_ms + DRAIN_MS
            self.walked.append(
                Walked(
                    block.arm,
                    block.number,
                    block.set_number,
                    block.kind,
                    began_ms,
                    ended_ms,
                    drained_ms,
                )
            )
            began_ms = drained_ms

    @property
    def events(self) -> list[Event]:
        return [*self.samples, *self.depths, *self.walked]

    def spoil(
        self,
        where: Callable[[Sample], bool] = lambda sample: True,
        *,
        count: int | None = 1,
        **changes: Any,
    ) -> list[str]:
        """Changes the first `count` samples (None is all) that fit; gives their keys."""
        keys = list[str]()
        for place, sample in enumerate(self.samples):
            if where(sample) and (count is None or len(keys) < count):
                self.samples[place] = replace(sample, **changes)
                keys.append(sample.key)
        assert keys, "the test spoils nothing"
        return keys

    def _lived(self, block: Block, arrival: Arrival, began_ms: float) -> Sample:
        in_flood = block.kind is Kind.FLOOD
        intended_ms = began_ms + arrival.at_s * 1000
        sent_ms = intended_ms + self._source.uniform(0.1, 2)
        accept_ms = self._source.lognormvariate(2, 0.3) * (self._accept_times if in_flood else 1)
        wait_ms = self._source.lognormvariate(2.3, 0.4) * (
            self._times[block.arm] if in_flood else 1
        )
        answered_ms = sent_ms + accept_ms
        enqueued_ms = sent_ms + accept_ms / 2
        sample = Sample(
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
            answered_ms=answered_ms,
            http_status=202,
        )
        is_shed = arrival.operation is Operation.ORDER and int(arrival.key.rpartition("o")[2]) % 2
        if self._shed and is_shed:
            return replace(sample, outcome=Outcome.SHED, http_status=503, retry_after_s=1.0)
        return replace(
            sample,
            task_id=f"task-{arrival.key}",
            first_enqueued_ms=enqueued_ms,
            enqueued_ms=enqueued_ms,
            received_ms=enqueued_ms + wait_ms / 4,
            started_ms=enqueued_ms + wait_ms,
            finished_ms=enqueued_ms + wait_ms + 20,
            deliveries=1,
        )


def is_probe(sample: Sample) -> bool:
    return sample.operation is Operation.NOTIFICATION


def is_order(sample: Sample) -> bool:
    return sample.operation is Operation.ORDER


def observations(
    source: np.random.Generator,
    *,
    scale: float,
    sets: int = 5,
    blocks: int = 2,
    block_s: int = 10,
    rate_per_s: int = 20,
    set_factors: np.typing.NDArray[np.float64] | None = None,
    first_block: int = 0,
) -> Observations:
    """Log-normal values around `scale`, each set's multiplied by its factor."""
    per_set = blocks * block_s * rate_per_s
    set_numbers = np.repeat(np.arange(sets), per_set)
    values = scale * source.lognormal(0, 0.5, size=sets * per_set)
    if set_factors is not None:
        values *= set_factors[set_numbers]
    return Observations(
        values,
        set_numbers,
        first_block + np.repeat(np.arange(sets * blocks), block_s * rate_per_s),
        np.tile(np.linspace(1, 1 + block_s, block_s * rate_per_s, endpoint=False), sets * blocks),
    )
