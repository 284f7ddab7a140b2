"""Whoever is excused from one of ruff's security rules says why, on the same line."""

import re

import pytest

from tests.unit.checkout import REPOSITORY

EXCUSED = re.compile(r"#\s*noqa:[^#(]*\bS\d+")
RULES = re.compile(r'"S\d*"')


@pytest.mark.parametrize("room", ["loadtest", "shop", "testing"])
def test_in_the_source(room: str) -> None:
    bare = [
        f"{path.relative_to(REPOSITORY)}:{number}"
        for path in (REPOSITORY / room).rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if EXCUSED.search(line) and not re.search(r"\(\w.*\)\s*$", line)
    ]

    assert bare == []


def test_in_the_configuration() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text()
    section = text.partition("[tool.ruff.lint.per-file-ignores]")[2].partition("\n[")[0]
    excused = [line for line in section.splitlines() if RULES.search(line)]

    assert len(excused) > 5
    assert [line for line in excused if "#" not in line] == []
