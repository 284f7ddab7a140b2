"""A history, sorted by what its events are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadtest.history import Depth, Event, Sample, Walked
from loadtest.schedule import Arm, Kind, Operation

#: The kinds whose probes a ratio is made of.
COMPARED = (Kind.IDLE, Kind.FLOOD)


@dataclass(frozen=True, slots=True)
class Record:
    """What a run left, each in the order in which it was written."""

    samples: Sequence[Sample]
    depths: Sequence[Depth]
    walked: Sequence[Walked]

    @classmethod
    def of(cls, events: Iterable[Event]) -> "Record":
        samples, depths, walked = list[Sample](), list[Depth](), list[Walked]()
        for event in events:
            match event:
                case Sample():
                    samples.append(event)
                case Depth():
                    depths.append(event)
                case Walked():
                    walked.append(event)
        return cls(samples, depths, walked)

    def probes(self, arm: Arm, kind: Kind) -> list[Sample]:
        """Notifications only."""
        return [
            sample
            for sample in self.samples
            if sample.arm is arm
            and sample.kind is kind
            and sample.operation is Operation.NOTIFICATION
        ]
