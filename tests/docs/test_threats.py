"""docs/threats.md names a test or a command for each threat, and they are there."""

import pytest

from tests.docs.markdown import REPOSITORY, read

PAGE = read("docs/threats.md")
ROWS = [*PAGE.table("port"), *PAGE.table("of a container")]
PORTS = ("8000", "5555", "6379", "5672", "8089")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].text + ": " + row[1].text[:40])
def test_what_shows_it_is_there(row: tuple) -> None:
    commands = row[-1].codes

    assert commands
    named = [word for command in commands for word in command.split() if word.startswith("tests/")]
    assert [path for path in named if not (REPOSITORY / path).exists()] == []


@pytest.mark.parametrize("port", PORTS)
def test_no_port_is_left_out(port: str) -> None:
    assert any(port in row[0].text for row in ROWS)


def test_it_fits_on_a_page() -> None:
    assert len((REPOSITORY / "docs/threats.md").read_text().splitlines()) <= 60
