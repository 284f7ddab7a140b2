"""The collector, in a process of its own: its settings are the whole interpreter's."""

import subprocess
import sys

from shop.adapters.memory import OLDER, YOUNGEST

SAID = """
import gc
from shop.adapters.memory import collect_less_often
collect_less_often()
print(*gc.get_threshold(), gc.get_freeze_count() > 1000, gc.isenabled())
"""


def test_it_looks_less_often_and_not_at_what_was_there() -> None:
    said = subprocess.run(
        [sys.executable, "-c", SAID], capture_output=True, text=True, check=True, timeout=30
    )

    assert said.stdout.split() == [str(YOUNGEST), str(OLDER), str(OLDER), "True", "True"]
