"""An experiment's schedule, walked by Locust against a shop that is made up."""

import csv
import signal
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from loadtest.history import Depth, Outcome, Sample, Walked, read
from loadtest.schedule import Arm, Arrival, Block, Kind, Operation, Rates, Schedule, draw
from testing.waiting import wait_for
from tests.unit.loadtest.users.locust_process import run_locust, start_locust
from tests.unit.loadtest.users.stub_shop import StubShop

DRAINS_WITHIN_S = "5"
#: A made-up shop, a generator and a test share this machine with whatever else it does.
LAG_MS = 250.0


@dataclass
class Run:
    """A walk's files, and what it is told."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def plan(self, schedule: Schedule, **more: str) -> None:
        schedule.write(self.folder / "schedule.jsonl")
        self.environment = {
            "LAB_SCHEDULE": str(self.folder / "schedule.jsonl"),
            "LAB_ARM": "main",
            "LAB_HISTORY": str(self.history),
            "LAB_RUN_ID": "run1",
            "LAB_DRAIN_WITHIN_S": DRAINS_WITHIN_S,
            **more,
        }

    @property
    def history(self) -> Path:
        return self.folder / "history.jsonl"

    @property
    def samples(self) -> list[Sample]:
        return [event for event in read(self.history) if isinstance(event, Sample)]

    @property
    def walked(self) -> list[Walked]:
        return [event for event in read(self.history) if isinstance(event, Walked)]

    @property
    def outcomes(self) -> Counter[tuple[Operation, Outcome]]:
        return Counter((sample.operation, sample.outcome) for sample in self.samples)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def one_block(*at_s: float, operation: Operation = Operation.ORDER) -> Schedule:
    field = "id" if operation is Operation.ORDER else "message"
    arrivals = [
        Arrival(moment, operation, f"7-{number}", {field: f"7-{number}"})
        for number, moment in enumerate(at_s)
    ]
    return Schedule(7, [Block(0, Arm.MAIN, 0, Kind.FLOOD, 1.0, arrivals)])


def walk(run: Run, base_url: str, *more: str) -> tuple[int, str]:
    done = run_locust("ScheduledWalk", "-H", base_url, *more, environment=run.environment)
    return done.returncode, done.stdout


def test_every_arrival_is_sent_and_followed_to_its_end(run: Run, shop: StubShop) -> None:
    schedule = draw(7, sets=1, control_sets=1, block_s=1.0, rates=Rates(10.0, 20.0))
    run.plan(schedule)
    code, said = walk(run, shop.base_url, "--csv", str(run.folder / "locust"))
    assert code == 0, said

    arrivals = [arrival for block in schedule.of(Arm.MAIN) for arrival in block.arrivals]
    assert [s.key for s in sorted(run.samples, key=lambda s: (s.block, s.at_s))] == [
        arrival.key for arrival in arrivals
    ]
    assert {sample.outcome for sample in run.samples} == {Outcome.DONE}
    # Two that come within a millisecond may arrive in either order.
    assert sorted(body["id"] for body in shop.bodies("/order")) == sorted(
        f"run1.{arrival.key}" for arrival in arrivals if arrival.operation is Operation.ORDER
    )
    for sample in run.samples:
        assert sample.lag_ms is not None
        assert 0 <= sample.lag_ms < LAG_MS
        assert sample.wait_ms == 0.0
        assert sample.run_ms == pytest.approx(20.0, abs=1.1)

    assert [walked.kind for walked in run.walked] == [b.kind for b in schedule.of(Arm.MAIN)]
    for before, after in zip(run.walked, run.walked[1:], strict=False):
        assert before.ended_ms - before.began_ms == pytest.approx(1_000, abs=1)
        assert before.drained_ms is not None
        assert before.ended_ms < before.drained_ms < after.began_ms
    assert any(isinstance(event, Depth) for event in read(run.history))

    with (run.folder / "locust_stats.csv").open() as file:
        rows = {
            (row["Type"], row["Name"]): int(row["Request Count"]) for row in csv.DictReader(file)
        }
    for operation, name in (
        (Operation.ORDER, "POST /order"),
        (Operation.NOTIFICATION, "POST /test_notification"),
    ):
        expected = sum(arrival.operation is operation for arrival in arrivals)
        for kind in ("accept", "wait", "end to end"):
            assert rows[kind, name] == expected


def test_latency_counts_from_the_intended_time_and_nothing_waits(run: Run, shop: StubShop) -> None:
    shop.accept_s = 0.4
    run.plan(one_block(0.1, 0.2, 0.3))
    code, said = walk(run, shop.base_url)
    assert code == 0, said
    began_ms = run.walked[0].began_ms
    for sample in run.samples:
        assert sample.intended_ms == pytest.approx(began_ms + sample.at_s * 1000, abs=0.01)
        assert sample.lag_ms is not None
        # One that waited for the one before would be 300 ms late and more.
        assert sample.lag_ms < LAG_MS
        assert sample.accept_ms is not None
        assert sample.accept_ms >= 400


def test_what_finds_the_pool_full_is_dropped(run: Run, shop: StubShop) -> None:
    shop.accept_s = 0.5
    run.plan(one_block(0.1, 0.2, 0.3, 0.4), LAB_POOL_SIZE="2")
    code, said = walk(run, shop.base_url)
    assert code == 0, said
    assert run.outcomes == {
        (Operation.ORDER, Outcome.DONE): 2,
        (Operation.ORDER, Outcome.DROPPED): 2,
    }
    assert len(shop.bodies("/order")) == 2


def test_a_refused_order_is_shed_and_a_failure_in_the_statistics(run: Run, shop: StubShop) -> None:
    shop.sheds_orders = True
    run.plan(one_block(0.1, 0.2))
    code, said = walk(run, shop.base_url)
    assert code == 0, said
    assert [(s.outcome, s.retry_after_s, s.http_status) for s in run.samples] == [
        (Outcome.SHED, 5.0, 503)
    ] * 2
    assert "shed: 503, Retry-After 5" in said


def test_what_never_finishes_ends_the_drain_and_not_the_walk(run: Run, shop: StubShop) -> None:
    shop.task_s = None
    run.plan(one_block(0.1), LAB_DRAIN_WITHIN_S="1")
    code, said = walk(run, shop.base_url)
    assert code == 0, said
    assert run.outcomes == {(Operation.ORDER, Outcome.UNFINISHED): 1}
    assert run.walked[0].drained_ms is None


def test_a_shop_without_gauges_is_drained_when_its_tasks_are_done(run: Run, shop: StubShop) -> None:
    shop.has_gauges, shop.task_s = False, 1.5
    run.plan(one_block(0.1, operation=Operation.NOTIFICATION))
    code, said = walk(run, shop.base_url)
    assert code == 0, said
    (sample,), (walked,) = run.samples, run.walked
    assert sample.wait_ms == pytest.approx(1_500, abs=2)
    assert walked.drained_ms is not None
    assert sample.started_ms is not None
    assert walked.drained_ms > sample.started_ms


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_what_is_known_is_written(
    run: Run, shop: StubShop, number: signal.Signals
) -> None:
    shop.task_s = None
    run.plan(one_block(0.1, 0.2, 0.3), LAB_DRAIN_WITHIN_S="60")
    process = start_locust(
        "--headless", "ScheduledWalk", "-H", shop.base_url, environment=run.environment
    )
    try:
        wait_for("orders are placed", lambda: len(shop.bodies("/order")) == 3, within_s=30)
        process.send_signal(number)
        said, _ = process.communicate(timeout=10)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 2, said
    assert said.rstrip().endswith("lab: the walk was interrupted; what is known was written")
    assert {sample.outcome for sample in run.samples} == {Outcome.UNFINISHED}
    assert len(run.samples) == 3


def test_what_was_refused_is_written_and_told_when_a_signal_cuts_its_block(
    run: Run, shop: StubShop
) -> None:
    shop.sheds_orders = True
    run.plan(one_block(0.1, 0.2, 0.3))
    process = start_locust(
        "--headless", "ScheduledWalk", "-H", shop.base_url, environment=run.environment
    )
    try:
        wait_for("orders are placed", lambda: len(shop.bodies("/order")) == 3, within_s=30)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=10)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 2, said
    # Only the last one's answer may still be on its way.
    assert run.outcomes[Operation.ORDER, Outcome.SHED] >= 2
    assert "shed: 503, Retry-After 5" in said
    assert len(run.samples) == 3


def test_a_shop_that_is_not_there_is_a_reason_of_one_line(run: Run) -> None:
    run.plan(one_block(0.1))
    code, said = walk(run, "http://127.0.0.1:9")
    assert code == 2
    assert said.rstrip().splitlines()[-1].startswith("lab: no shop answers at http://127.0.0.1:9")
    assert "Traceback" not in said


def test_a_history_that_cannot_be_written_ends_the_walk(run: Run, shop: StubShop) -> None:
    run.plan(one_block(0.1, 0.2), LAB_HISTORY="/dev/full")
    code, said = walk(run, shop.base_url)
    assert code == 2
    assert "No space left on device" in said.rstrip().splitlines()[-1]


def test_without_a_plan_it_says_what_it_needs(shop: StubShop) -> None:
    done = run_locust("ScheduledWalk", "-H", shop.base_url)
    assert done.returncode == 2
    assert "lab: ScheduledWalk needs LAB_RUN_ID" in done.stdout


def test_a_shop_that_is_not_empty_is_not_begun_with(run: Run, shop: StubShop) -> None:
    shop.accepted["of somebody else"], shop.task_s = 0.0, None
    run.plan(one_block(0.1), LAB_DRAIN_WITHIN_S="0.5")
    code, said = walk(run, shop.base_url)
    assert code != 0
    assert "the shop was not empty within 0.5 s" in said
    assert not shop.bodies("/order")


@pytest.mark.parametrize("lost", ["forgets_gauges_after", "loses_metrics_after"])
def test_a_shop_that_loses_its_store_from_sight_is_not_empty(
    run: Run, shop: StubShop, lost: str
) -> None:
    setattr(shop, lost, 1)
    run.plan(one_block(0.1), LAB_DRAIN_WITHIN_S="1")
    code, said = walk(run, shop.base_url)
    assert code == 0, said
    assert [span.drained_ms for span in run.walked] == [None]
