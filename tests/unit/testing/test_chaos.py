"""What a chaos run consists of, and how the command ends."""

import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
import typer
from redis.exceptions import ConnectionError as RedisGone
from typer.testing import CliRunner
from typer.testing import Result as Ended

from testing.chaos import __main__ as command
from testing.chaos.driver import Driver
from testing.chaos.outcome import Outcome
from testing.chaos.plan import FULL, QUICK, SCARCE, Arrival, Plan
from testing.chaos.runner import RunBroke
from testing.faults import (
    ApiKilledBeforePublishing,
    ConnectionsCut,
    PoolProcessKilled,
    RedisKilled,
    WorkerKilled,
)
from testing.history import HistoryWriter, Kind, Phase
from testing.stack import WORKER_DEFAULT, WORKER_PRIORITY, StackFailed
from tests.unit.testing.made_up import MadeUpRun
from tests.unit.testing.memory import Memory
from tests.unit.testing.outcomes import an_outcome, doubtful_run, good_run, lost_run

SEEDS = range(5)


def arrivals(seed: int) -> list[Arrival]:
    """Those of a full run, before it goes on for its faults."""
    return list(islice(Plan(seed, FULL).arrivals(), FULL.orders))


class TestPlan:
    def test_a_seed_draws_the_same_again(self) -> None:
        assert arrivals(7) == arrivals(7)
        assert arrivals(7) != arrivals(8)
        assert Plan(7, FULL).disturbances() == Plan(7, FULL).disturbances()
        assert Plan(7, FULL).disturbances() != Plan(8, FULL).disturbances()

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_full_run_disturbs_as_much_as_is_promised(self, seed: int) -> None:
        faults = Plan(seed, FULL).faults_expected

        assert FULL.orders >= 2_000
        assert faults[PoolProcessKilled.name] + faults[WorkerKilled.name] >= 10
        assert faults[RedisKilled.name] >= 2
        assert faults[ConnectionsCut.name] >= 2
        assert faults[ApiKilledBeforePublishing.name] >= 1

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_quick_run_has_each_fault_of_a_full_one(self, seed: int) -> None:
        assert set(Plan(seed, QUICK).faults_expected) == set(Plan(seed, FULL).faults_expected)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_the_workers_are_killed_in_turn(self, seed: int) -> None:
        killed = [
            disturbance.worker
            for disturbance in Plan(seed, FULL).disturbances()
            if disturbance.fault == WorkerKilled.name
        ]

        assert set(killed) == {WORKER_DEFAULT, WORKER_PRIORITY}
        assert killed[:2] * (len(killed) // 2) == killed

    def test_the_seed_says_which_is_first(self) -> None:
        assert {
            disturbance.worker
            for seed in range(20)
            for disturbance in Plan(seed, QUICK).disturbances()
            if disturbance.fault == WorkerKilled.name
        } == {WORKER_DEFAULT, WORKER_PRIORITY}

    @pytest.mark.parametrize("seed", SEEDS)
    def test_other_faults_hit_the_default_worker(self, seed: int) -> None:
        assert {
            disturbance.worker
            for disturbance in Plan(seed, FULL).disturbances()
            if disturbance.fault != WorkerKilled.name
        } == {WORKER_DEFAULT}

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_tenth_is_sent_twice_and_some_of_it_in_conflict(self, seed: int) -> None:
        repeated = conflicting = 0
        for arrival in arrivals(seed):
            first, *others = arrival.sends
            same = [other for other in others if other.subject == first.subject]
            repeated += any(other.payload == first.payload for other in same)
            conflicting += any(other.payload != first.payload for other in same)

        assert repeated >= 0.08 * FULL.orders
        assert conflicting >= 20

    @pytest.mark.parametrize("seed", SEEDS)
    def test_every_scarce_item_runs_out_and_some_are_unknown(self, seed: int) -> None:
        plan = Plan(seed, FULL)
        asked: Counter[str] = Counter()
        for arrival in arrivals(seed):
            asked[arrival.sends[0].payload["item"]] += arrival.sends[0].payload["qty"]

        scarce = [f"SCARCE-{number}" for number in range(SCARCE)]
        assert [sku for sku in scarce if asked[sku] <= 1.5 * plan.stock[sku]] == []
        assert [sku for sku in asked if sku not in plan.stock] == ["NO-SUCH"]

    def test_ids_are_not_used_twice(self) -> None:
        assert len({arrival.sends[0].subject for arrival in arrivals(1)}) == FULL.orders


class TestDriver:
    @pytest.fixture
    def memory(self) -> Memory:
        return Memory()

    @pytest.fixture
    def nobody(self) -> Iterator[str]:
        """Where nothing listens."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{taken.getsockname()[1]}"

    def test_it_can_be_ended_as_soon_as_it_was_started(self, nobody: str, memory: Memory) -> None:
        """Its plan has no end of its own."""
        for _ in range(20):
            driver = Driver(nobody, Plan(1, QUICK), memory, owed=lambda: 0)
            driver.start()
            driver.cancel()
            assert driver.is_done

    def test_it_can_be_ended_twice_and_unstarted(self, nobody: str, memory: Memory) -> None:
        driver = Driver(nobody, Plan(1, QUICK), memory, owed=lambda: 0)
        driver.cancel()
        driver = Driver(nobody, Plan(1, QUICK), memory, owed=lambda: 0)
        driver.start()
        driver.cancel()
        driver.cancel()


class TestCommand:
    @pytest.fixture
    def out(self, tmp_path: Path) -> Path:
        return tmp_path / "run"

    @pytest.fixture
    def end(self, out: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
        """The command, after a run that ended in such a way."""
        app = typer.Typer()
        app.command()(command.chaos)
        monkeypatch.setattr(signal, "signal", lambda *_: None)

        def end(came: MadeUpRun | BaseException, *arguments: str) -> Ended:
            class Run:
                def __init__(self, plan: Plan, folder: Path, show: object) -> None:
                    self._folder = folder

                def execute(self) -> Outcome:
                    if isinstance(came, BaseException):
                        raise came
                    with HistoryWriter(self._folder / "history.jsonl") as history:
                        for event in came.history.events:
                            history.record(event)
                    return an_outcome(came.judged())

            monkeypatch.setattr(command, "Run", Run)
            given = ["--quick", "--seed", "5", "--out", str(out), *arguments]
            return CliRunner().invoke(app, given, env={"COLUMNS": "200"})

        return end

    @pytest.mark.parametrize(
        ("run", "code"), [(good_run, 0), (lost_run, 1), (doubtful_run, 3)], ids=["0", "1", "3"]
    )
    def test_the_exit_code_is_the_verdict(
        self, run: Callable[[], MadeUpRun], code: int, end: Callable[..., Ended], out: Path
    ) -> None:
        ended = end(run())

        assert ended.exit_code == code
        assert ("-m testing.chaos --quick --seed 5" in ended.stderr) == (code != 0)
        assert "violations: lost" in ended.stdout
        assert (out / "report.html").exists()

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (RunBroke("the driver has not ended"), "RunBroke: the driver has not ended"),
            (StackFailed("no port"), "StackFailed: no port"),
            (RedisGone("refused"), "ConnectionError: refused"),
            (KeyboardInterrupt(), "interrupted"),
        ],
        ids=["run", "stack", "redis", "interrupted"],
    )
    def test_a_broken_harness_is_no_broken_promise(
        self, error: BaseException, said: str, end: Callable[..., Ended]
    ) -> None:
        ended = end(error)

        assert ended.exit_code == 2
        assert said in ended.stderr
        assert "Traceback" not in ended.stderr
        assert "-m testing.chaos --quick --seed 5" in ended.stderr

    def test_nor_is_a_mistake_in_it_which_says_where_it_is(self, end: Callable[..., Ended]) -> None:
        ended = end(ZeroDivisionError("mistaken"))

        assert ended.exit_code == 2
        assert "Traceback" in ended.stderr
        assert "ZeroDivisionError: mistaken" in ended.stderr

    def test_the_report_shades_each_fault_on_the_timeline(
        self, end: Callable[..., Ended], out: Path
    ) -> None:
        run = good_run()
        run.fault(RedisKilled.name, "one", Phase.INJECTED, Phase.CONFIRMED, Phase.HEALED)
        run.fault(WorkerKilled.name, "two", Phase.INJECTED, Phase.CONFIRMED, Phase.HEALED)
        faults = [event for event in run.history.events if event.kind is Kind.FAULT]

        assert end(run).exit_code == 0

        report = (out / "report.html").read_text()
        shaded = [RedisKilled.name, WorkerKilled.name]
        assert [name for name in shaded if f"<title>{name}</title></rect>" not in report] == []
        assert report.count("</rect>") == len(shaded)
        for event in faults:
            assert f"{event.subject}: {event.data['phase']}" in report
        assert "-m testing.chaos --quick --seed 5" in report
        assert "http://" not in report
