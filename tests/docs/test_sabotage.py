"""docs/sabotage.md shows every sabotage, with what is broken and which checker goes red."""

import pytest

from loadtest.experiments.priority_under_flood import SABOTAGES as TOPOLOGIES
from testing.checkers import Check
from testing.sabotage.registry import SABOTAGES
from tests.docs.markdown import read, source

DOCUMENT = read("docs/sabotage.md")
#: Of the shop; the load lab's stand in a table of their own.
ROWS = DOCUMENT.table("sabotage")


def test_the_table_is_the_registry() -> None:
    assert [row[0].codes for row in ROWS] == [(name,) for name in SABOTAGES]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].text)
def test_a_row_says_what_is_done(row: tuple) -> None:
    name, breaks, happens, check, command = row
    sabotage = SABOTAGES[name.text]

    assert breaks.text == sabotage.breaks
    assert happens.text == sabotage.scenario.what
    assert check.codes == (sabotage.check.value,)
    assert command.codes == (f"make sabotage ARGS={name.text}",)


def test_the_checkers_are_checkers() -> None:
    assert {row[3].text for row in ROWS} <= {check.value for check in Check}


def test_the_load_labs_are_there() -> None:
    rows = DOCUMENT.table("topology")
    assert [row[0].text for row in rows] == [*TOPOLOGIES]
    assert [row[1].text for row in rows] == [
        what.replace("`", "") for what, _ in TOPOLOGIES.values()
    ]


def test_make_runs_it() -> None:
    assert "\nsabotage: " in source("Makefile")
    assert [line for block in DOCUMENT.blocks for line in block.lines if "sabotage" in line]
