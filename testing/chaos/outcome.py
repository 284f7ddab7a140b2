"""What a run has shown: the checkers' judgement, and the promises that are about time."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from testing.chaos.finishing import Finish
from testing.chaos.plan import Plan
from testing.checkers import Judgement, Verdict

#: The promise: everything accepted is finished so long after the last fault has healed.
DRAIN_PROMISED_S = 30.0
#: Then the run is judged as it stands.
DRAIN_WITHIN_S = 90.0


@dataclass(slots=True)
class Outcome:
    """Everything that a run is judged by."""

    plan: Plan
    judgement: Judgement
    #: From the last fault's end, or the last answer if that was later; None: not drained in time.
    drain_s: float | None
    #: From the last fault's end in any case; with what was accepted long after it.
    drain_after_fault_s: float | None
    #: Of all that was accepted before the last fault had healed, the slowest first.
    finishes: Sequence[Finish]
    took_s: float
    #: Services that ended by themselves and were started again, as their supervisor would.
    restarts: dict[str, int]
    #: Workers that ended themselves because they had work and started none of it.
    stalls: int
    attempts: int
    given_up: int
    #: Arrivals waited so long in all, for there was too much work: see `driver.MAX_OWED`.
    arrivals_waited_s: float

    @property
    def late(self) -> list[Finish]:
        """What was accepted before the last fault had healed, and kept longer than promised."""
        return [finish for finish in self.finishes if finish.after_s > DRAIN_PROMISED_S]

    @property
    def verdict(self) -> Verdict:
        return Verdict.INVALID if self._broken() else self.judgement.verdict

    @property
    def reasons(self) -> list[str]:
        return [*self.judgement.reasons, *self._broken()]

    def _broken(self) -> list[str]:
        """What the checkers do not see: promises about time, and services that did not last."""
        broken = []
        if self.given_up:
            broken.append(f"{self.given_up} sends were never answered")
        if self.drain_s is None:
            broken.append(f"not drained within {DRAIN_WITHIN_S:.0f} s")
        elif self.drain_s > DRAIN_PROMISED_S:
            broken.append(f"drained after {self.drain_s:.1f} s: {DRAIN_PROMISED_S:.0f} promised")
        if late := self.late:
            broken.append(
                f"{len(late)} of {len(self.finishes)} that were accepted before the last fault "
                f"had healed took longer than {DRAIN_PROMISED_S:.0f} s after it; the slowest, "
                f"{late[0].subject}, {late[0].after_s:.1f} s"
            )
        if self.stalls:
            broken.append(f"stalls that the watchdog ended: {self.stalls}")
        if self.restarts:
            ended = ", ".join(f"{name} {count}" for name, count in sorted(self.restarts.items()))
            broken.append(f"services that ended by themselves: {ended}")
        return broken

    def as_json(self) -> dict[str, Any]:
        return {
            **self.judgement.as_json(),
            "verdict": self.verdict.value,
            "reasons": self.reasons,
            "seed": self.plan.seed,
            "profile": asdict(self.plan.profile),
            "drain_s": self.drain_s,
            "drain_after_fault_s": self.drain_after_fault_s,
            "accepted_before_heal": {
                "count": len(self.finishes),
                "late": [asdict(finish) for finish in self.late],
                "slowest": asdict(self.finishes[0]) if self.finishes else None,
            },
            "took_s": self.took_s,
            "restarts": self.restarts,
            "stalls": self.stalls,
            "attempts": self.attempts,
            "given_up": self.given_up,
            "arrivals_waited_s": self.arrivals_waited_s,
        }
