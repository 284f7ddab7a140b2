"""Somebody who does what the README says, and compares what comes with what it shows.

Ports are put in the place of the README's, and what is new each time is taken for the same: ids
(but the same one wherever the README has the same one), times and durations.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from testing.environment import without_settings
from testing.waiting import wait_for
from tests.docs.markdown import Code

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
DURATION = re.compile(r'("\w+_ms"):\d+')

#: For work that goes on in the background.
SHOWN_WITHIN_S = 20.0
COMMAND_WITHIN_S = 30.0


def clean_environment() -> dict[str, str]:
    """This process's, without what changes how the README's commands work."""
    # `make test` is one of these commands: what make hands down is not for the next make.
    ours = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "ARGS"}
    ours |= {
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "PYTHONHOME",
        "COLUMNS",
        "LINES",
        "NO_COLOR",
        "FORCE_COLOR",
    }
    kept = {
        name: value
        for name, value in without_settings(os.environ).items()
        if name.upper() not in ours
    }
    return {**kept, "PYTHONIOENCODING": "utf-8", "no_proxy": "*"}


@dataclass(frozen=True)
class Step:
    """One command of a `console` block, and what it is said to print."""

    command: str
    shown: str

    @property
    def may_be_repeated(self) -> bool:
        """Whether it only looks, so that one may look until all is done."""
        return " -X POST " not in self.command


def steps(block: Code) -> list[Step]:
    """Its commands, each behind a `$ `, with what stands between it and the next one."""
    parts = re.split(r"^\$ (.*)\n", block.text, flags=re.MULTILINE)
    assert parts[0] == "", "a console block begins with a command"
    return [Step(command, shown) for command, shown in zip(parts[1::2], parts[2::2], strict=True)]


@dataclass
class Reader:
    """Has a folder to work in, and a shop at the ports that are given."""

    folder: Path
    #: What is written in the README, and what stands in its place here.
    places: Mapping[str, str]
    environment: Mapping[str, str]
    #: Ids in the order in which they appeared, as the README has them and as they are.
    _written: tuple[str, ...] = field(default=(), init=False)
    _real: tuple[str, ...] = field(default=(), init=False)

    def do(self, step: Step) -> None:
        """Run it; what it prints must be what is shown, now or (if it only looks) soon."""
        expected, written = _numbered(step.shown.strip("\n"), self._written)
        command = self.here(step.command)
        printed = ""

        def fits() -> bool:
            nonlocal printed
            out = _subset(self.run(command), of=expected)
            printed, real = _numbered(out, self._real)
            if printed == expected:
                self._written, self._real = written, real
            return printed == expected

        wait_for(
            f"`{step.command}` prints what the README shows",
            fits,
            within_s=SHOWN_WITHIN_S if step.may_be_repeated else 0,
            explain=lambda: f"--- shown:\n{expected}\n--- printed:\n{printed}",
        )

    def run(self, command: str) -> str:
        """What a command prints; it must not fail."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=COMMAND_WITHIN_S,
        )
        assert done.returncode == 0, (
            f"{command}: exit code {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}"
        )
        return done.stdout.decode().replace("\r\n", "\n").strip("\n")

    def run_python(self, block: Code, python: Path) -> None:
        script = self.folder / "client.py"
        script.write_text(self.here(block.text), encoding="utf-8")
        self.run(f"'{python}' client.py")

    def here(self, text: str) -> str:
        for place, here in self.places.items():
            text = text.replace(place, here)
        for written, real in zip(self._written, self._real, strict=True):
            text = text.replace(written, real)
        return text


def _numbered(text: str, known: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """With ids as numbers in the order of their appearance, and without times and durations."""
    ids = list(known)

    def number(match: re.Match[str]) -> str:
        if match[0] not in ids:
            ids.append(match[0])
        return f"<id {ids.index(match[0]) + 1}>"

    text = UUID.sub(number, text)
    text = TIME.sub("<time>", text)
    return DURATION.sub(r"\1:<duration>", text), tuple(ids)


def _subset(out: str, *, of: str) -> str:
    """Of an answer with headers, those lines of its head that name a header of `of`."""
    if not of.startswith("HTTP/"):
        return out
    named = {line.partition(":")[0].lower() for line in of.partition("\n\n")[0].splitlines()[1:]}
    (status, *headers), body = out.partition("\n\n")[0].splitlines(), out.partition("\n\n")[2]
    kept = [line for line in headers if line.partition(":")[0].lower() in named]
    return "\n".join((status, *kept, "", body))
