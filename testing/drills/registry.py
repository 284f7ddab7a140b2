"""Every drill by name."""

import importlib
from dataclasses import dataclass
from typing import cast

from testing.drills.drill import Drill


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a drill is, and how often it is repeated if nobody says."""

    module: str
    times: int

    def load(self) -> Drill:
        """Imported when it is run, so that the list of names costs nothing."""
        return cast(Drill, importlib.import_module(self.module).run)


#: In the order in which they are run.
DRILLS = {
    "taking-up": Entry("testing.drills.taking_up", 10),
    "resuming": Entry("testing.drills.resuming", 5),
    "answering": Entry("testing.drills.answering", 5),
    "resetting": Entry("testing.drills.resetting", 200),
    "stopping": Entry("testing.drills.stopping", 25),
}
