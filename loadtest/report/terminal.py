"""A verdict for the terminal."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from loadtest.verdict.verdict import Conclusion, Verdict

STYLES = {
    Conclusion.PASS: "bold green",
    Conclusion.FAIL: "bold red",
    Conclusion.INCONCLUSIVE: "bold yellow",
}


def summary(verdict: Verdict) -> Group:
    """The ratios, the gates, and the conclusion last, where the eye is."""
    ratios = Table("ratio", "", "95 % interval", box=None, header_style="bold", pad_edge=False)
    for name, ratio in verdict.ratios.items():
        ratios.add_row(name, f"{ratio.point:.2f}", f"{ratio.low:.2f} to {ratio.high:.2f}")
    gates = Table("gate", "", "seen", box=None, header_style="bold", pad_edge=False)
    for gate in verdict.gates:
        mark = Text("holds", "green") if gate.holds else Text("broken", "red")
        gates.add_row(gate.name, mark, Text(gate.detail))
    reasons = Text("\n".join(f"  {reason}" for reason in verdict.reasons))
    conclusion = Text(verdict.conclusion.name, STYLES[verdict.conclusion])
    return Group(ratios, "", gates, "", conclusion, reasons)
