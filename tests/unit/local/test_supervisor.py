"""The supervisor, over real processes."""

import os
import signal
import time
from pathlib import Path

import pytest

from testing.waiting import wait_for
from tests.unit.local.supervised import WITHIN_S, Small, is_running, lock_is_free, supervised

WAITS = "note(NAME + ' runs'); sleep()"
NOTES_ITS_END = "on_term(lambda: note(NAME + ' stops')); note(NAME + ' runs'); sleep()"
#: Ends at its first start, as it is told to; the second runs.
FIRST_TIME = (
    "first = not os.path.exists('been'); open('been', 'w'); note(NAME + ' runs'); "
    "first and {}; sleep()"
)
#: Seconds of the restarts' clock in one of the others.
FAST = 20.0
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN); note(NAME + ' runs'); sleep()"


def test_services_are_stopped_stage_by_stage(tmp_path: Path) -> None:
    slow = "on_term(lambda: (time.sleep(0.3), note(NAME + ' stops')))"
    with supervised(
        tmp_path,
        Small("store", NOTES_ITS_END, stop_stage=2),
        Small("worker", f"{slow}; note(NAME + ' runs'); sleep()", stop_stage=1),
        Small("intake", NOTES_ITS_END),
    ) as stack:
        stack.wait_for_note("runs", times=3)
        stack.send(signal.SIGTERM)
        assert stack.end() == 0
        assert [n for n in stack.notes if "stops" in n] == [
            "intake stops",
            "worker stops",
            "store stops",
        ]
        assert "SIGTERM: stopping" in stack.output
        stack.wait_until_gone(within_s=0)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_that_asks_to_stop_does(tmp_path: Path, signum: signal.Signals) -> None:
    with supervised(tmp_path, Small("a", WAITS)) as stack:
        stack.wait_for_note("runs")
        stack.send(signum)
        assert stack.end() == 0
        stack.wait_until_gone(within_s=0)


def test_under_nohup_it_outlives_the_terminal(tmp_path: Path) -> None:
    with supervised(tmp_path, Small("a", WAITS), ignore_hangup=True) as stack:
        stack.wait_for_note("runs")
        stack.send(signal.SIGHUP)
        # Had it been heard, it would have been the first.
        stack.send(signal.SIGTERM)
        assert stack.end() == 0
        assert "SIGTERM: stopping" in stack.output
        assert "SIGHUP" not in stack.output


@pytest.mark.parametrize(
    ("end", "shown"),
    [
        ("sys.exit(0)", "with exit code 0"),
        ("sys.exit(1)", "with exit code 1"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "by SIGKILL (exit code 137)"),
        ("os.kill(os.getpid(), signal.SIGTERM)", "by SIGTERM (exit code 143)"),
    ],
)
def test_a_service_that_ends_is_started_again_while_the_others_go_on(
    tmp_path: Path, end: str, shown: str
) -> None:
    with supervised(
        tmp_path,
        Small("other", WAITS),
        Small("casualty", FIRST_TIME.format(end)),
        speed=FAST,
    ) as stack:
        stack.wait_for_note("casualty runs", times=2)
        assert f"casualty ended {shown}; it is started again in 1 s" in stack.output
        stack.send(signal.SIGTERM)
        assert stack.end() == 0
        assert stack.notes.count("other runs") == 1
        stack.wait_until_gone(within_s=0)


def test_who_ends_again_and_again_is_given_up_with_all_others(tmp_path: Path) -> None:
    with supervised(
        tmp_path,
        Small("survivor", NOTES_ITS_END),
        Small("casualty", "print('its last words'); sys.exit(3)", after=["survivor"]),
        speed=FAST,
    ) as stack:
        assert stack.end() == 1
        for delay_s in (1, 2, 4, 8):
            assert (
                f"casualty ended with exit code 3; it is started again in {delay_s} s"
                in stack.output
            )
        failure = "casualty ended with exit code 3, the 5th end within a minute"
        assert f"failure: {failure}; all others are stopped" in stack.output
        assert stack.output.count("casualty | its last words") == 5
        assert "survivor stops" in stack.notes
        stack.wait_until_gone(within_s=0)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_while_a_service_waits_for_its_restart_is_a_stop(
    tmp_path: Path, signum: signal.Signals
) -> None:
    with supervised(
        tmp_path,
        Small("other", NOTES_ITS_END),
        Small("casualty", "note(NAME + ' runs'); sys.exit(1)"),
        # What it waits for does not come.
        speed=0.001,
    ) as stack:
        stack.wait_for_note("other runs")
        stack.wait_for_output("is started again in 1 s")
        stack.send(signum)
        assert stack.end() == 0
        assert "other stops" in stack.notes
        assert stack.notes.count("casualty runs") == 1
        stack.wait_until_gone(within_s=0)


def test_a_supervisor_that_has_nothing_but_a_restart_to_wait_for_waits(tmp_path: Path) -> None:
    program = FIRST_TIME.format("sys.exit(1)")
    with supervised(tmp_path, Small("only", program), speed=FAST) as stack:
        stack.wait_for_note("only runs", times=2)
        stack.send(signal.SIGTERM)
        assert stack.end() == 0


def test_a_service_that_ends_while_others_start_is_started_again(tmp_path: Path) -> None:
    slow = "note(NAME + ' runs'); time.sleep(0.5); open('is-ready', 'w'); sleep()"
    with supervised(
        tmp_path,
        Small("slow", slow, ready="is-ready"),
        Small("casualty", FIRST_TIME.format("sys.exit(1)")),
        speed=FAST,
    ) as stack:
        stack.wait_for_output("ALL READY")
        assert stack.notes.count("casualty runs") == 2


@pytest.mark.parametrize("code", [2, 78])
def test_who_was_set_up_wrongly_is_not_started_again(tmp_path: Path, code: int) -> None:
    with supervised(
        tmp_path,
        Small("survivor", NOTES_ITS_END),
        Small("wrong", f"print('its line'); note(NAME + ' runs'); sys.exit({code})"),
    ) as stack:
        assert stack.end() == 1
        assert f"failure: wrong ended with exit code {code}; all others are stopped" in stack.output
        assert "wrong    | its line" in stack.output
        assert stack.notes.count("wrong runs") == 1
        stack.wait_until_gone(within_s=0)


@pytest.mark.parametrize("code", [2, 78])
def test_such_a_code_is_like_any_other_once_the_service_was_ready(
    tmp_path: Path, code: int
) -> None:
    program = (
        "first = not os.path.exists('been'); open('been', 'w'); note(NAME + ' runs')\n"
        f"while first and not os.path.exists('go'): time.sleep(0.01)\n"
        f"first and sys.exit({code})\n"
        "sleep()"
    )
    with supervised(tmp_path, Small("a", program, ready="been"), speed=FAST) as stack:
        stack.wait_for_output("ALL READY")
        (tmp_path / "go").touch()
        stack.wait_for_note("a runs", times=2)


def test_a_service_whose_start_is_not_tried_again_ends_all(tmp_path: Path) -> None:
    with supervised(
        tmp_path,
        Small("needed", "print('its line'); sys.exit(1)", ready="never", retries_start=False),
        Small("late", WAITS, after=["needed"]),
    ) as stack:
        assert stack.end() == 1
        assert "failure: needed ended with exit code 1; all others are stopped" in stack.output
        assert "needed | its line" in stack.output
        assert "late runs" not in stack.notes


def test_a_service_that_asks_for_it_is_started_again(tmp_path: Path) -> None:
    again = (
        "import pathlib; first = not pathlib.Path('been').exists(); pathlib.Path('been').touch()"
    )
    with supervised(
        tmp_path,
        Small("other", WAITS),
        Small(
            "worker",
            f"{again}; note(NAME + ' runs'); first and sys.exit(75); sleep()",
            restart_on=75,
        ),
    ) as stack:
        stack.wait_for_note("worker runs", times=2)
        stack.send(signal.SIGTERM)
        assert stack.end() == 0
        assert "worker ended with exit code 75; it is started again at once" in stack.output
        assert sum("other runs" in note for note in stack.notes) == 1
        stack.wait_until_gone(within_s=0)


def test_who_ignores_sigterm_is_killed_in_its_time_with_all_it_started(tmp_path: Path) -> None:
    grandchild = (
        "import os, time; open('notes', 'a').write(f'pid {os.getpid()}\\n'); time.sleep(60)"
    )
    with supervised(
        tmp_path,
        Small("stubborn", f"child({grandchild!r}); {STUBBORN}", stop_within_s=0.3),
        Small("meek", NOTES_ITS_END, stop_stage=1),
    ) as stack:
        stack.wait_for_note("pid", times=3)
        stack.wait_for_note("runs", times=2)
        stack.send(signal.SIGTERM)
        assert stack.end() == 1
        assert "failure: did not stop in time and were killed: stubborn" in stack.output
        assert "meek stops" in stack.notes
        stack.wait_until_gone()


def test_a_later_stage_may_use_what_the_earlier_one_did_not_need(tmp_path: Path) -> None:
    slow = "on_term(lambda: (time.sleep(1.0), note('stops'))); note(NAME + ' runs'); sleep()"
    with supervised(
        tmp_path,
        Small("quick", WAITS),
        Small("slow", slow, stop_stage=1, stop_within_s=0.1),
    ) as stack:
        stack.wait_for_note("runs", times=2)
        stack.send(signal.SIGTERM)
        assert stack.end() == 0
        assert "stops" in stack.notes


def test_what_a_dead_service_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    # The child holds the service's output open, as a pool's processes do.
    left = "import os, time; open('notes', 'a').write(f'pid {os.getpid()}\\n'); time.sleep(60)"
    with supervised(
        tmp_path,
        Small("parent", f"child({left!r}); note(NAME + ' runs'); sleep()"),
    ) as stack:
        stack.wait_for_note("pid", times=2)
        parent, kid = stack.pids
        os.kill(parent, signal.SIGKILL)
        wait_for("the child is gone", lambda: not is_running(kid), within_s=WITHIN_S)
        stack.send(signal.SIGTERM)
        assert stack.end() == 0
        stack.wait_until_gone()


def test_the_soft_signal_reaches_the_service_alone(tmp_path: Path) -> None:
    program = """
kid = child("import time; time.sleep(60)")
on_term(lambda: (time.sleep(0.3), note("kid lives" if kid.poll() is None else "kid died")))
note("runs")
sleep()
"""
    with supervised(tmp_path, Small("pool", program)) as stack:
        stack.wait_for_note("runs")
        stack.send(signal.SIGTERM)
        assert stack.end() == 0
        assert "kid lives" in stack.notes


def test_a_service_starts_after_those_it_needs_and_lines_wait_until_all_are_ready(
    tmp_path: Path,
) -> None:
    with supervised(
        tmp_path,
        Small("late", "print('late line', flush=True); " + WAITS, after=["early"]),
        Small(
            "early",
            "print('early line', flush=True); time.sleep(0.3); note('early ready');"
            " open('is-ready', 'w'); sleep()",
            ready="is-ready",
        ),
    ) as stack:
        stack.wait_for_note("late runs")
        assert stack.notes.index("early ready") < stack.notes.index("late runs")
        stack.wait_for_output("late   | late line")
        assert stack.output.index("ALL READY") < stack.output.index("early  | early line")


def test_who_is_never_ready_is_named_with_its_lines(tmp_path: Path) -> None:
    with supervised(
        tmp_path,
        Small("fine", "print('nothing of note', flush=True); " + WAITS),
        Small("stuck", "print('waits for godot', flush=True); sleep()", ready="never"),
        ready_within_s=1.0,
    ) as stack:
        assert stack.end() == 1
        assert "failure: not ready after 1 s: stuck" in stack.output
        assert "stuck  | waits for godot" in stack.output
        assert "nothing of note" not in stack.output
        stack.wait_until_gone(within_s=0)


def test_a_program_that_is_not_there_is_a_line_not_a_traceback(tmp_path: Path) -> None:
    with supervised(tmp_path, Small("a", WAITS), Small("absent", "")) as stack:
        assert stack.end() == 1
        assert "absent cannot be started: [Errno 2]" in stack.output
        assert "Traceback" not in stack.output
        stack.wait_until_gone(within_s=0)


def test_a_second_signal_forces_the_end(tmp_path: Path) -> None:
    with supervised(tmp_path, Small("stubborn", STUBBORN), echo_s=0.0) as stack:
        stack.wait_for_note("runs")
        stack.send(signal.SIGINT)
        stack.wait_for_output("SIGINT: stopping")
        began_s = time.monotonic()
        stack.send(signal.SIGINT)
        assert stack.end() == 1
        assert time.monotonic() - began_s < WITHIN_S / 2
        stack.wait_until_gone(within_s=0)


def test_the_echo_of_a_signal_does_not(tmp_path: Path) -> None:
    slow = "on_term(lambda: (time.sleep(0.5), note('stops'))); note('runs'); sleep()"
    with supervised(tmp_path, Small("slow", slow), echo_s=WITHIN_S) as stack:
        stack.wait_for_note("runs")
        stack.send(signal.SIGTERM)
        stack.wait_for_output("SIGTERM: stopping")
        stack.send(signal.SIGTERM)
        assert stack.end() == 0
        assert "stops" in stack.notes


@pytest.mark.parametrize("program", [WAITS, STUBBORN], ids=["meek", "stubborn"])
def test_a_killed_supervisor_leaves_nothing_and_its_lock_goes_last(
    tmp_path: Path, program: str
) -> None:
    with supervised(tmp_path, Small("a", program), Small("b", program)) as stack:
        stack.wait_for_note("runs", times=2)
        assert not lock_is_free(tmp_path)
        stack.send(signal.SIGKILL)
        stack.end()
        # The guard holds it for as long as there are services.
        wait_for("the lock is free", lambda: lock_is_free(tmp_path), within_s=WITHIN_S)
        stack.wait_until_gone(within_s=0.5)


def test_when_nobody_reads_the_output_it_stops(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    chatty = """
note("runs")
while True:
    print("line", flush=True)
    time.sleep(0.05)
"""
    with supervised(tmp_path, Small("chatty", chatty), stdout=writing) as stack:
        os.close(writing)
        stack.wait_for_note("runs")
        os.close(reading)
        assert stack.end() != 0
        stack.wait_until_gone(within_s=0)


def test_each_service_gets_its_own_environment_on_top(tmp_path: Path) -> None:
    told = "print(os.environ['SERVICE'], 'PATH' in os.environ, flush=True); sleep()"
    with supervised(tmp_path, Small("a", told), Small("b", told)) as stack:
        stack.wait_for_output(" a      | a True")
        stack.wait_for_output(" b      | b True")
