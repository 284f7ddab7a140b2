"""The process that gathers and judges: lines in, lines out."""

import json
import subprocess
import sys

from loadtest.history import as_line
from loadtest.web.digesting import Tell, digest, tell
from tests.unit.loadtest.verdict.made_up import START_MS, MadeUpRun, made_schedule

RUN = MadeUpRun(made_schedule(sets=1, control_sets=0))
LINES = [as_line(event) for event in RUN.events]
END_MS = START_MS + 60_000


def test_it_answers_where_it_is_asked_and_only_there() -> None:
    lines = [tell(Tell.BEGIN, START_MS), *LINES, tell(Tell.STATE, END_MS)]

    answers = [json.loads(line) for line in digest(lines)]

    assert [answer["now_s"] for answer in answers] == [60.0]
    assert sum(answers[0]["counts"]["notification"].values()) > 0


def test_a_new_test_knows_nothing_of_the_last() -> None:
    began = tell(Tell.BEGIN, START_MS)
    lines = [began, *LINES, tell(Tell.FLOOD, START_MS), began, tell(Tell.LAST, END_MS)]

    (answer,) = [json.loads(line) for line in digest(lines)]

    assert answer["counts"] == {"order": {"done": 0}, "notification": {"done": 0}}
    assert answer["floods"] == []


def test_a_flood_is_seen_while_it_lasts() -> None:
    looks = [tell(Tell.FLOOD, START_MS + at_ms) for at_ms in (1_000, 1_500)]

    (answer,) = digest([tell(Tell.BEGIN, START_MS), *looks, tell(Tell.STATE, START_MS + 1_600)])

    assert json.loads(answer)["floods"] == [[1.0, 1.5]]


def test_as_a_process_it_answers_at_once_and_ends_with_its_input() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "loadtest.web.digesting"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(tell(Tell.BEGIN, START_MS) + tell(Tell.STATE, END_MS))
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["now_s"] == 60.0
        process.stdin.close()

        assert process.wait(timeout=10) == 0
