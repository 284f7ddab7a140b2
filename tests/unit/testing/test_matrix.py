"""What the matrix makes of what it has seen."""

from pathlib import Path

import pytest

from testing.faults.refusals import TRIP_FAULTS
from testing.faults.trips import Point
from testing.matrix import points, services, table
from testing.matrix.operations import OPERATIONS
from testing.matrix.processes import Case as ProcessCase
from testing.matrix.processes import Connection, Extent, cases
from testing.matrix.processes import Outcome as ProcessOutcome
from testing.matrix.running import Drawn, Ran, a_world
from testing.matrix.services import Case, Outcome, Passed
from testing.matrix.world import Snapshot

PLACE = Point("shop-api", "EVALSHA place_order")
FIND = Point("shop-api", "HGETALL order:{id}")
GREETING = Point("shop-api", "CLIENT SETNAME")


def passed(*seen: Point) -> Passed:
    from collections import Counter

    return Passed(Snapshot((), ()), (), Counter(seen), Counter(), ())


def outcome(fault: str, *violations: str, point: Point = PLACE) -> Outcome:
    return Outcome(Case("place", fault, point, 1), True, violations)


def test_each_round_trip_meets_each_fault_that_says_something_of_it() -> None:
    found = list(services.cases({"place": passed(PLACE, PLACE, FIND)}))

    assert len({(case.point, case.occurrence, case.fault) for case in found}) == len(found)
    assert {case.fault for case in found if case.point == PLACE} == set(TRIP_FAULTS)
    assert {case.occurrence for case in found if case.point == PLACE} == {1, 2}
    assert not {"NOSCRIPT", "script-OOM"} & {case.fault for case in found if case.point == FIND}


def test_a_greeting_is_spoilt_once_for_each_name() -> None:
    looks = {"place": passed(GREETING, PLACE), "find": passed(GREETING, GREETING, FIND)}
    greetings = [case for case in services.cases(looks) if case.point == GREETING]

    assert {(case.operation, case.occurrence) for case in greetings} == {("place", 1), ("find", 2)}


def test_each_connection_meets_each_fault_once_and_for_a_time() -> None:
    found = list(cases({"api": {PLACE, FIND, Point("shop-api-publisher", "LPUSH default")}}))

    assert {case.extent for case in found} == set(Extent)
    assert len([case for case in found if case.connection.name == "shop-api"]) == 2 * len(
        TRIP_FAULTS
    )
    assert "NOSCRIPT" not in {
        case.fault.name for case in found if case.connection.name == "shop-api-publisher"
    }


def test_a_share_is_drawn_by_its_seed() -> None:
    everything = range(10_000)

    assert Drawn().of(everything) == list(everything)
    assert Drawn(20, 1).of(everything) == Drawn(20, 1).of(everything)
    assert Drawn(20, 1).of(everything) != Drawn(20, 2).of(everything)
    assert 300 < len(Drawn(20, 1).of(everything)) < 700
    assert Drawn(only="77").of(range(100, 300)) == [177, 277]
    assert not Drawn(only="77").is_all


def test_what_is_not_in_the_table_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "FILE", tmp_path / "points.json")
    assert points.known() == {}
    points.write({"api": {PLACE}, "services": {FIND}})
    points.write({"api": {PLACE, GREETING}})

    assert points.known() == {"api": {PLACE, GREETING}, "services": {FIND}}
    assert points.unknown({"api": {PLACE, FIND}, "services": {FIND}}) == []
    publisher = Point("shop-api-publisher", "LPUSH default")
    assert points.unknown({"api": {publisher}, "beat": {PLACE}, "services": {PLACE}}) == [
        "api shop-api-publisher",
        "beat shop-api",
        f"services {PLACE}",
    ]


def test_the_tables_show_verdicts(tmp_path: Path) -> None:
    page = tmp_path / "matrix.md"
    marks = [
        mark.format(what)
        for what in ("services-totals", "services", "processes-totals", "processes", "points")
        for mark in (table.BEGIN, table.END)
    ]
    page.write_text("\n".join(["# Title", *marks, "last line"]))
    connection = Connection("api", "shop-api")
    ran = Ran(
        services=[outcome("OOM"), outcome("BUSY", "ERR"), outcome("BUSY"), outcome("close")],
        processes=[
            ProcessOutcome(ProcessCase(connection, TRIP_FAULTS["OOM"], Extent.ONCE), 1, 0.5, ()),
            ProcessOutcome(
                ProcessCase(connection, TRIP_FAULTS["OOM"], Extent.PERIOD), 9, None, ("owed",)
            ),
        ],
    )
    table.write(ran, {"api": {PLACE}, "services": {PLACE}}, page)
    # Of which the other half stays.
    table.write(Ran(services=ran.services), {"services": {PLACE}}, page)
    text = page.read_text()

    assert "| `shop-api` | `EVALSHA place_order` | 1 |  |  | 1 |" in text
    assert "**✗ 1 of 2**" in text
    assert "| `api` | `shop-api` |  |  |  | 0.5 / **✗ never** |" in text
    assert "| `api` | `shop-api` | `EVALSHA place_order` |" in text
    assert text.count("4 cases, of which 4 took hold; 1 broken.") == 1
    assert text.count("Processes: 1 connections, 2 cases, 1 broken") == 1
    assert text.startswith("# Title")
    assert text.endswith("last line")


def test_one_round_trip_that_is_refused_is_survived() -> None:
    with a_world() as world:
        looks = {"place": services.look(world, OPERATIONS["place"])}
        usual = services.usual_connections(looks)
        case = next(
            case
            for case in services.cases(looks)
            if case.fault == "READONLY" and case.point.command.startswith("EVAL ")
        )
        ran = services.run(world, case, looks, usual)

    assert ran == Outcome(case, True, ())
