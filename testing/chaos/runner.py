"""Raises the stack, drives and disturbs it, waits until nothing is owed, and judges."""

import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from testing.chaos.driver import Driver
from testing.chaos.finishing import finishes
from testing.chaos.outcome import DRAIN_WITHIN_S, Outcome
from testing.chaos.plan import Disturbance, Plan, Send
from testing.checkers import Expectations, judge
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

DRIVER_WITHIN_S = 120.0
#: Nothing may be owed for so long: what is in hand may still publish.
QUIET_S = 1.0
TRIES = 3
STALLED = "this worker ends itself"
#: While a fault looks for a mail under way: one to a sink beside it is gone in 10 ms.
MAIL_TAKES_S = 0.3
LASTING = frozenset({RedisKilled.name, BrokerKilled.name, ConnectionsCut.name})


class RunBroke(Exception):
    """The run could not be carried out; it says nothing about the shop."""


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
                    self._disturb(stack, driver, history, sink)
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
        recorded = read_history(history_file)
        outcome = Outcome(
            plan=self._plan,
            judgement=judge(recorded, final, Expectations(faults=self._plan.faults_expected)),
            drain_s=_seconds(max(self._last_heal_ms, driver.last_answer_ms), drained_ms),
            drain_after_fault_s=_seconds(self._last_heal_ms, drained_ms),
            finishes=finishes(recorded, final, self._last_heal_ms),
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

    def _disturb(
        self, stack: RoutedStack, driver: Driver, history: HistoryWriter, sink: MailSink
    ) -> None:
        for number, disturbance in enumerate(self._plan.disturbances(), start=1):
            self._pass(disturbance.gap_s, stack, driver, "waiting for the next fault")
            self._revive(stack)
            self._show(disturbance.fault)
            for tries_left in reversed(range(TRIES)):
                fault = _fault(disturbance, number, tries_left, stack, driver, history)
                slow = sink.delaying(MAIL_TAKES_S if disturbance.waits_for_mail else 0.0)
                try:
                    with slow, fault:
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
            return WorkerKilled(stack, disturbance.worker, history)
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
