"""Log files of several processes: rotated by size, nothing lost or torn while they are kept."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from shop.adapters.logs import KEPT_FILES, MAX_FILE_BYTES
from tests.unit.checkout import REPOSITORY

#: As the pool of the `default` worker: processes that share one file.
PROCESSES = 3
SMALL_BYTES = 20_000
#: A file is full with the line that goes over its size.
LINE_BYTES = 200
#: Far below what the kept files hold together, and far above one of them.
LINES_KEPT = 150
LINES_TOO_MANY = 600

WRITER = """\
import logging, sys
from shop.adapters import logs
from shop.settings import Settings

folder, size, writer, lines = sys.argv[1], *map(int, sys.argv[2:])
logs.MAX_FILE_BYTES = size
logs.configure_logging(Settings(log_dir=folder, log_format="json"), "worker-default")
for number in range(lines):
    logging.getLogger("anybody").info("line %d of %d", number, writer)
"""


def written(folder: Path, lines: int) -> list[Path]:
    """The files, once every process has said `lines` of them at the same time."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), *map(str, (SMALL_BYTES, writer, lines))],
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
        )
        for writer in range(PROCESSES)
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0] * PROCESSES
    return sorted(folder.glob("worker-default.log*"))


def test_no_line_is_lost_or_torn_by_a_rotation(tmp_path: Path) -> None:
    files = written(tmp_path, LINES_KEPT)

    assert len(files) > 2
    assert max(file.stat().st_size for file in files) <= SMALL_BYTES + LINE_BYTES
    said = Counter(
        json.loads(line)["message"] for file in files for line in file.read_text().splitlines()
    )
    assert said == Counter(
        f"line {number} of {writer}" for number in range(LINES_KEPT) for writer in range(PROCESSES)
    )


def test_the_oldest_goes_and_the_disk_stays_free(tmp_path: Path) -> None:
    files = written(tmp_path, LINES_TOO_MANY)

    names = {file.name for file in files}
    assert names == {"worker-default.log", *(
        f"worker-default.log.{number}" for number in range(1, KEPT_FILES + 1)
    )}  # fmt: skip
    assert sum(file.stat().st_size for file in files) <= (SMALL_BYTES + LINE_BYTES) * (
        KEPT_FILES + 1
    )
    # Whoever was the last had this to say.
    assert any(f"line {LINES_TOO_MANY - 1} of" in file.read_text() for file in files)


def test_a_service_keeps_no_more_than_a_disk_can_spare() -> None:
    assert (KEPT_FILES + 1) * MAX_FILE_BYTES <= 64 * 1024**2
