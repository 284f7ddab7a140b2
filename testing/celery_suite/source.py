"""The suite, out of Celery's source distribution."""

import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path, PurePosixPath

#: Where the suite's tests are, below the folder that it is unpacked into.
TESTS = "t/integration"
#: What the suite is run with there; its own file also says how to run all other tests of Celery.
INI = """\
[pytest]
python_classes = test_*
xfail_strict = true
markers =
    amqp
    flaky
    timeout
"""


class NoSuite(Exception):
    """The suite could not be had; the message says why."""


def celery_version() -> str:
    """The version that is installed: its suite is the one that fits."""
    return version("celery")


def fetch_suite(folder: Path) -> None:
    """Have pip download the source distribution, and unpack the suite into `folder`."""
    wanted = f"celery=={celery_version()}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--no-deps", "--no-binary", ":all:", "--dest", str(folder), wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    archives = list(folder.glob("celery-*.tar.gz"))
    if done.returncode or len(archives) != 1:
        raise NoSuite(f"pip has no source distribution of {wanted}: {done.stderr.strip()[-500:]}")
    unpack_suite(archives[0], folder)


def unpack_suite(archive: Path, folder: Path) -> None:
    """Put the tests, and the modules of `t` that they use, into `folder`.

    Celery itself stays out: the installed one is to be tested.
    """
    with tarfile.open(archive) as source:
        for member in source.getmembers():
            inner = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            is_helper = inner.parent == PurePosixPath("t")
            if not member.isfile() or not (is_helper or inner.is_relative_to(TESTS)):
                continue
            member.name = str(inner)
            source.extract(member, folder, filter="data")
    if not (folder / TESTS).is_dir():
        raise NoSuite(f"{archive.name} has no folder {TESTS}")
    (folder / "pytest.ini").write_text(INI)
