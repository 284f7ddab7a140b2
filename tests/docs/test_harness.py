"""docs/harness.md: its programs run as they stand there and print what it shows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import REPOSITORY, read

#: Imports all of it but what pytest and Schemathesis load themselves, and says what of the lab's
#: and the tests' came along.
IMPORT_ALL = """
import sys
from pkgutil import walk_packages

import testing

for module in walk_packages(testing.__path__, "testing."):
    # Celery's own suite is pytest's, and what runs it too.
    if not module.name.endswith(
        ("__main__", "pytest_plugin", "generated.hooks")
    ) and not module.name.startswith("testing.celery_suite"):
        __import__(module.name)
print(sorted({"loadtest", "locust", "pytest", "hypothesis", "fakeredis"} & set(sys.modules)))
"""

DOCUMENT = read("docs/harness.md")
ENDS_WITHIN_S = 180.0


def test_the_programs_print_what_is_shown(tmp_path: Path) -> None:
    parcels, *harness = (block.text for block in DOCUMENT.blocks if block.language == "python")
    (shown,) = (block.text for block in DOCUMENT.blocks if not block.language)
    (tmp_path / "parcels.py").write_text(parcels)
    (tmp_path / "breaking_parcels.py").write_text("\n\n".join(harness))

    done = subprocess.run(
        [sys.executable, "breaking_parcels.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN_S,
    )

    assert done.stdout == shown, done.stderr


@pytest.mark.parametrize("path", DOCUMENT.named("room"))
def test_each_room_is_there(path: str) -> None:
    assert (REPOSITORY / path).exists() or "/" not in path


def test_it_needs_neither_the_lab_nor_pytest() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], cwd=REPOSITORY, capture_output=True, text=True
    )

    assert done.stdout == "[]\n", done.stderr
