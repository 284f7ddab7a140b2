"""From what speaks against a run to its conclusion."""

from collections.abc import Sequence

from loadtest.verdict.verdict import Conclusion, Gate, Interval


def conclude(
    gates: Sequence[Gate],
    *,
    failures: Sequence[str] = (),
    doubts: Sequence[str] = (),
    confirmed: Sequence[str] = (),
) -> tuple[Conclusion, list[str]]:
    """The conclusion, and a line for each reason, the gravest first.

    A failure needs no gate: what was seen was seen. PASS needs every gate, and that nothing is
    left in doubt; `confirmed` are its reasons.
    """
    failed = [*failures, *(line(one) for one in gates if one.is_failure and not one.holds)]
    broken = [line(one) for one in gates if not one.is_failure and not one.holds]
    if failed:
        return Conclusion.FAIL, failed + broken
    if doubts or broken:
        return Conclusion.INCONCLUSIVE, [*doubts, *broken]
    return Conclusion.PASS, list(confirmed)


def line(gate: Gate) -> str:
    """A gate as a reason."""
    return f"{gate.name}: {gate.detail}"


def times(ratio: Interval) -> str:
    """A ratio with its interval."""
    return f"{ratio.point:.1f} ({ratio.low:.1f} to {ratio.high:.1f})"
