"""The load generator, asked from here."""

import json
import sys
from dataclasses import asdict

from loadtest.bench.bench import BenchBroke
from loadtest.bench.generator import ENDS_WITHIN_S, Counted, Job
from loadtest.bench.processes import Program

#: For what is not measured by time: orders that are placed, each once.
PLACED_WITHIN_S = 300.0


class Generator(Program):
    """A context manager: the process lives as long as it is entered."""

    def __init__(self) -> None:
        super().__init__((sys.executable, "-m", "loadtest.bench.generator"))

    def carry_out(self, job: Job) -> Counted:
        """Raises `BenchBroke` if the contender failed, or answered otherwise than it had to."""
        timed_s = job.warm_up_s + job.measured_s + ENDS_WITHIN_S + 10
        within_s = timed_s if job.measured_s else PLACED_WITHIN_S
        said = json.loads(self.ask(json.dumps(asdict(job)), within_s))
        if "failure" in said:
            raise BenchBroke(f"port {job.port}: {said['failure']}")
        counted = Counted(**said)
        if not counted.answered:
            raise BenchBroke(f"port {job.port} answered no request by {job.status}")
        if job.orders and counted.answered != job.orders:
            raise BenchBroke(f"port {job.port} took {counted.answered} of {job.orders} orders")
        return counted
