"""The benches by their names, in the order in which they run."""

from collections.abc import Mapping

from loadtest.bench.backlog import Backlog
from loadtest.bench.bench import Bench
from loadtest.bench.drain import Drain
from loadtest.bench.intake import Intake
from loadtest.bench.invoice import Invoice
from loadtest.bench.memory import Memory
from loadtest.bench.overload import Overload
from loadtest.bench.report import Report
from loadtest.bench.scale import Scale
from loadtest.bench.stamps import Stamps
from loadtest.bench.start import Start
from loadtest.bench.status import Status
from loadtest.bench.sweep import Sweep
from loadtest.bench.workers import Workers

_ALL: tuple[Bench, ...] = (
    Intake(),
    Overload(),
    Drain(),
    Invoice(),
    Sweep(),
    Report(),
    Status(),
    Stamps(),
    Start(),
    Memory(),
    Backlog(),
    Workers(),
    Scale(),
)

BENCHES: Mapping[str, Bench] = {bench.name: bench for bench in _ALL}
