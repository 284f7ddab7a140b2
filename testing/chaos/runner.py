"""Raises the stack, drives and disturbs it, waits until nothing is owed, and judges."""

import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from testing.chaos.driver import Driver
from testing.chaos.plan import Disturbance, Plan, Send
from testing.checkers import Expectations, Judgement, Verdict, judge
from testing.faults import (
    ApiKilledBeforePublishing,
    BrokerKilled,
    ConnectionsCut,
    Fault,
    FaultDidNotTakeHold,
    PoolProcessKilled,
    RedisKilled,
    RoutedStack,
    WorkerKilled,
)
from testing.final_state import read_final_state
from testing.history import HistoryWriter, Operation, now_ms, read_history
from testing.observers import MailSink, RedisEffects, collect_deliveries
from testing.owed import owed
from testing.stack import FLOWER, STORE_DB, WORKER_DEFAULT, WORKER_PRIORITY, Stack
from testing.waiting import POLL_EVERY_S

#: The promise: everything accepted is finished so long after the last fault has healed.
DRAIN_PROMISED_S = 30.0
#: Then the run is judged as it stands.
DRAIN_WITHIN_S = 90.0
DRIVER_WITHIN_S = 120.0
#: Nothing may be owed for so long: what is in hand may still publish.
QUIET_S = 1.0
TRIES = 3
STALLED = "this worker ends itself"
LASTING = frozenset({RedisKilled.name, BrokerKilled.name, ConnectionsCut.name})


class RunBroke(Exception):
    """The run could not be carried out; it says nothing about the shop."""


@dataclass(slots=True)
class Outcome:
    """What a run has shown."""

    plan: Plan
    judgement: Judgement
    #: From the last fault's end, or the last answer if that was later; None: not drained in time.
    drain_s: float | None
    #: From the last fault's end in any case.
    drain_after_fault_s: float | None
    took_s: float
    #: Services that ended by themselves and were started again, as their supervisor would.
    restarts: dict[str, int]
    stalls: int
    attempts: int
    given_up: int
    #: Arrivals waited so long in all, for there was too much work: see `driver.MAX_OWED`.
    arrivals_waited_s: float

    @property
    def verdict(self) -> Verdict:
        if self.given_up or self.drain_s is None or self.drain_s > DRAIN_PROMISED_S:
            return Verdict.INVALID
        return self.judgement.verdict

    @property
    def reasons(self) -> list[str]:
        reasons = list(self.judgement.reasons)
        if self.given_up:
            reasons.append(f"{self.given_up} sends were never answered")
        if self.drain_s is None:
            reasons.append(f"not drained within {DRAIN_WITHIN_S:.0f} s")
        elif self.drain_s > DRAIN_PROMISED_S:
            reasons.append(f"drained after {self.drain_s:.1f} s: {DRAIN_PROMISED_S:.0f} promised")
        return reasons

    def as_json(self) -> dict[str, Any]:
        return {
            **self.judgement.as_json(),
            "verdict": self.verdict.value,
            "reasons": self.reasons,
            "seed": self.plan.seed,
            "profile": asdict(self.plan.profile),
            "drain_s": self.drain_s,
            "drain_after_fault_s": self.drain_after_fault_s,
            "took_s": self.took_s,
            "restarts": self.restarts,
            "stalls": self.stalls,
            "attempts": self.attempts,
            "given_up": self.given_up,
            "arrivals_waited_s": self.arrivals_waited_s,
        }


@dataclass(slots=True)
class Progress:
    """How far a run is, for whoever shows it."""

    phase: str = "starting the stack"
    orders: int = 0
    faults: int = 0
    owed: int = 0


class Run:
    """One run; `progress` may be read from `on_progress`, which is called several times a second.

    What it holds open is closed again whatever happens, Ctrl-C included.
    """

    def __init__(
        self, plan: Plan, folder: Path, on_progress: Callable[[Progress], None] = lambda _: None
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._on_progress = on_progress
        self._progress = Progress()
        self._restarts: Counter[str] = Counter()
        self._last_heal_ms = 0
        self._logs: dict[str, str] = {}

    def execute(self) -> Outcome:
        """Leaves `history.jsonl`, `final_state.json`, `verdict.json` and logs in the folder.

        Raises `RunBroke`, `StackFailed`, `TimedOut`, `DriverBroke`.
        """
        began_s = time.monotonic()
        history_file = self._folder / "history.jsonl"
        with ExitStack() as opened:
            history = opened.enter_context(HistoryWriter(history_file))
            sink = opened.enter_context(MailSink(history))
            self._show("starting the stack")
            stack = opened.enter_context(
                RoutedStack(
                    {"SMTP_URL": sink.url}, without={FLOWER}, broker=self._plan.profile.broker
                )
            )
            # However it ends: a run that broke has to be understood as well.
            opened.callback(self._keep_logs, stack)
            store = stack.redis()
            for sku, units in self._plan.stock.items():
                store.set(f"stock:{sku}", units)
                store.set(f"price:{sku}", 1_990)
            with RedisEffects(stack.redis_url(STORE_DB), history):
                driver = Driver(stack.base_url, self._plan, history, lambda: owed(stack))
                driver.start()
                try:
                    self._disturb(stack, driver, history)
                    driver.enough()
                    self._wait_for_driver(stack, driver)
                    drained_ms = self._drain(stack)
                finally:
                    driver.cancel()
                for worker in (WORKER_DEFAULT, WORKER_PRIORITY):
                    stack.service(worker).stop()
            self._show("judging")
            collect_deliveries(store, history)
            final = read_final_state(stack.redis(decode_responses=False), self._plan.stock)
        (self._folder / "final_state.json").write_text(json.dumps(final.as_json()))
        expected = Expectations(faults=self._plan.faults_expected)
        outcome = Outcome(
            plan=self._plan,
            judgement=judge(read_history(history_file), final, expected),
            drain_s=_seconds(max(self._last_heal_ms, driver.last_answer_ms), drained_ms),
            drain_after_fault_s=_seconds(self._last_heal_ms, drained_ms),
            took_s=round(time.monotonic() - began_s, 1),
            restarts=dict(self._restarts),
            stalls=sum(text.count(STALLED) for text in self._logs.values()),
            attempts=driver.attempts,
            given_up=driver.given_up,
            arrivals_waited_s=round(driver.waited_s, 1),
        )
        (self._folder / "verdict.json").write_text(json.dumps(outcome.as_json(), indent=2))
        return outcome

    def _keep_logs(self, stack: Stack) -> None:
        self._logs = {service.name: service.logs() for service in stack.services}
        for name, text in self._logs.items():
            (self._folder / f"{name}.log").write_text(text)

    def _disturb(self, stack: RoutedStack, driver: Driver, history: HistoryWriter) -> None:
        for number, disturbance in enumerate(self._plan.disturbances(), start=1):
            self._pass(disturbance.gap_s, stack, driver, "waiting for the next fault")
            self._revive(stack)
            self._show(disturbance.fault)
            for tries_left in reversed(range(TRIES)):
                fault = _fault(disturbance, number, tries_left, stack, driver, history)
                try:
                    with fault:
                        if disturbance.fault in LASTING:
                            self._pass(disturbance.lasts_s, stack, driver, disturbance.fault)
                except FaultDidNotTakeHold:
                    # In the history for good: the verdict cannot be `valid` any more.
                    if not tries_left:
                        break
                else:
                    break
            self._last_heal_ms = now_ms()
            self._progress.faults = number

    def _wait_for_driver(self, stack: Stack, driver: Driver) -> None:
        # Arrivals wait while too much is owed, and a busy machine takes its time to do it.
        sent, since_s = driver.orders, time.monotonic()
        while not driver.is_done:
            if driver.orders != sent:
                sent, since_s = driver.orders, time.monotonic()
            elif time.monotonic() > since_s + DRIVER_WITHIN_S:
                raise RunBroke(f"nothing was sent for {DRIVER_WITHIN_S:.0f} s, after {sent} orders")
            self._pass(0.2, stack, driver, "sending the rest")
            self._revive(stack)

    def _drain(self, stack: Stack) -> int | None:
        """When nothing was owed any more, ms; None if that took too long."""
        deadline_s = time.monotonic() + DRAIN_WITHIN_S
        quiet_since_s, drained_ms = None, 0
        while time.monotonic() < deadline_s:
            self._revive(stack)
            self._progress.owed = owed(stack)
            self._show("draining")
            if self._progress.owed:
                quiet_since_s = None
            elif quiet_since_s is None:
                quiet_since_s, drained_ms = time.monotonic(), now_ms()
            elif time.monotonic() - quiet_since_s > QUIET_S:
                return drained_ms
            time.sleep(POLL_EVERY_S)
        return None

    def _pass(self, seconds: float, stack: Stack, driver: Driver, phase: str) -> None:
        """Let time pass: here waiting is the plan."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            # Raises what ended the driver.
            _ = driver.is_done
            self._progress.orders = driver.orders
            self._progress.owed = owed(stack)
            self._show(phase)
            time.sleep(min(0.1, max(0.0, until_s - time.monotonic())))

    def _revive(self, stack: Stack) -> None:
        """As the supervisor does with what ended by itself."""
        for service in stack.services:
            if not service.is_running:
                self._restarts[service.name] += 1
                service.start()

    def _show(self, phase: str) -> None:
        self._progress.phase = phase
        self._on_progress(self._progress)


def _fault(
    disturbance: Disturbance,
    number: int,
    tries_left: int,
    stack: RoutedStack,
    driver: Driver,
    history: HistoryWriter,
) -> Fault:
    match disturbance.fault:
        case PoolProcessKilled.name:
            return PoolProcessKilled(stack, WORKER_DEFAULT, history)
        case WorkerKilled.name:
            return WorkerKilled(stack, WORKER_DEFAULT, history)
        case RedisKilled.name:
            return RedisKilled(stack, history)
        case BrokerKilled.name:
            return BrokerKilled(stack, history)
        case ConnectionsCut.name:
            return ConnectionsCut(*stack.proxies, history=history)
        case ApiKilledBeforePublishing.name:
            order_id = f"caught-{number}-{tries_left}"
            order = {"id": order_id, "item": "PLENTY-0", "qty": 1, "email": "caught@example.com"}
            send = Send(Operation.ORDER, order_id, order)
            return ApiKilledBeforePublishing(
                stack, stack.api_broker, order_id, lambda: driver.place(send), history
            )
        case unknown:
            raise RunBroke(f"no such fault: {unknown}")


def _seconds(since_ms: int, until_ms: int | None) -> float | None:
    return None if until_ms is None else max(0.0, (until_ms - since_ms) / 1000)
