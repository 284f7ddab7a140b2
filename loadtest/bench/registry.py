"""The benches by their names, in the order in which they run."""

from collections.abc import Mapping

from loadtest.bench.bench import Bench
from loadtest.bench.intake import Intake
from loadtest.bench.invoice import Invoice
from loadtest.bench.report import Report
from loadtest.bench.start import Start
from loadtest.bench.sweep import Sweep

_ALL: tuple[Bench, ...] = (Intake(), Invoice(), Sweep(), Report(), Start())

BENCHES: Mapping[str, Bench] = {bench.name: bench for bench in _ALL}
