"""The history's file: nothing that was recorded is lost, and what is damaged is said."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from testing.history import (
    Effect,
    Event,
    HistoryDamaged,
    HistoryWriter,
    Kind,
    Observer,
    Operation,
    Phase,
    now_ms,
    read_history,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


def test_every_kind_comes_back_as_it_was_recorded(path: Path) -> None:
    before_ms = now_ms()
    with HistoryWriter(path) as history:
        history.request(Operation.ORDER, "1001", "send-1", {"id": "1001", "item": "\u202eשלום\n"})
        history.answer("1001", "send-1", latency_ms=1.25, status=202, task_id="task-1")
        history.answer("1002", "send-2", latency_ms=2000.0, error="timed out")
        history.effect(Effect.STOCK_TAKEN, "1001", sku="SKU-1")
        history.fault("redis-killed", "1", Phase.INJECTED, pid=17)
        history.watching(Observer.STORE)
        history.blind(Observer.STORE, 5, 7)

    read = read_history(path)

    assert not read.torn
    assert [(event.kind, event.subject) for event in read.events] == [
        (Kind.REQUEST, "1001"),
        (Kind.ANSWER, "1001"),
        (Kind.ANSWER, "1002"),
        (Kind.EFFECT, "1001"),
        (Kind.FAULT, "redis-killed"),
        (Kind.OBSERVER, "store"),
        (Kind.OBSERVER, "store"),
    ]
    request, answer, unanswered, effect, fault, _, blind = (event.data for event in read.events)
    assert request["payload"] == {"id": "1001", "item": "\u202eשלום\n"}
    assert (answer["status"], answer["task_id"], answer["latency_ms"]) == (202, "task-1", 1.25)
    assert (unanswered["status"], unanswered["error"]) == (None, "timed out")
    assert effect == {"effect": "stock_taken", "sku": "SKU-1"}
    assert fault == {"fault": "1", "phase": "injected", "pid": 17}
    assert blind == {"sight": "blind", "from_ms": 5, "to_ms": 7}
    assert before_ms <= read.events[0].at_ms <= read.events[-1].at_ms <= now_ms()


def test_it_is_read_in_order_of_time(path: Path) -> None:
    with HistoryWriter(path) as history:
        history.delivery("late", task="process_order", deliveries=1, started_at_ms=20)
        history.delivery("early", task="process_order", deliveries=1, started_at_ms=10)
        history.delivery("as-late", task="process_order", deliveries=1, started_at_ms=20)

    assert [event.subject for event in read_history(path).events] == ["early", "late", "as-late"]


def test_many_threads_write_whole_lines(path: Path) -> None:
    with HistoryWriter(path) as history, ThreadPoolExecutor(8) as threads:
        for number in range(800):
            threads.submit(history.effect, Effect.MAIL_DELIVERED, str(number), text="x" * 5_000)

    subjects = {event.subject for event in read_history(path).events}

    assert subjects == {str(number) for number in range(800)}


def test_what_was_recorded_survives_the_end_of_its_writer(path: Path) -> None:
    program = (
        "import os, pathlib, signal, sys\n"
        "from testing.history import HistoryWriter, Observer\n"
        "HistoryWriter(pathlib.Path(sys.argv[1])).watching(Observer.MAIL)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False)

    assert ended.returncode < 0
    assert [event.subject for event in read_history(path).events] == ["mail"]


@pytest.mark.parametrize("kept_bytes", [1, 20, -1])
def test_a_last_line_that_was_cut_off_is_left_out_and_said(path: Path, kept_bytes: int) -> None:
    whole = Event(1, Kind.EFFECT, "1001", {"effect": "stock_taken"}).as_line()
    path.write_text(whole + whole[:kept_bytes])

    read = read_history(path)

    assert read.torn
    assert len(read.events) == 1


def test_an_empty_history_is_whole(path: Path) -> None:
    HistoryWriter(path).close()

    assert read_history(path).events == ()
    assert not read_history(path).torn


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        "17",
        "{}",
        '{"at_ms": 1, "kind": "miracle", "subject": "x", "data": {}}',
        "\udc80",
    ],
)
def test_a_damaged_line_before_the_last_is_an_error(path: Path, line: str) -> None:
    whole = Event(1, Kind.EFFECT, "1001", {}).as_line()
    path.write_bytes((whole + line + "\n" + whole).encode(errors="surrogateescape"))

    with pytest.raises(HistoryDamaged) as damaged:
        read_history(path)

    assert damaged.value.line_number == 2


def test_two_runs_never_share_a_file(path: Path) -> None:
    HistoryWriter(path).close()

    with pytest.raises(FileExistsError):
        HistoryWriter(path)
