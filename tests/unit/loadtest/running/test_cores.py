"""Who runs on which core; asked of the kernel."""

import os
import subprocess
import sys

import pytest

from loadtest.running.cores import apart, shared

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system lets nobody choose cores"
)
ASK = "import os; print(*sorted(os.sched_getaffinity(0)))"


def cores_of_a_child() -> set[int]:
    said = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    return set(map(int, said.stdout.split()))


@pytest.mark.skipif(os.cpu_count() == 1, reason="there is one core only")
def test_the_shop_and_the_generator_share_none() -> None:
    every = os.sched_getaffinity(0)

    with apart() as take_the_generators:
        shops = cores_of_a_child()
        take_the_generators()
        generators = cores_of_a_child()

    assert generators == {max(every)}
    assert shops == every - generators
    assert cores_of_a_child() == every


def test_otherwise_all_run_on_all() -> None:
    every = os.sched_getaffinity(0)

    with shared() as take_the_generators:
        take_the_generators()

        assert cores_of_a_child() == every
