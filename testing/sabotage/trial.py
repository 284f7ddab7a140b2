"""Plays a scenario on a sound shop and on a sabotaged one, and judges both."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from shop.local.service import Service
from testing.checkers import Expectations, Judgement, Verdict, judge
from testing.final_state import read_final_state
from testing.history import HistoryWriter, read_history
from testing.observers import MailSink, RedisEffects, collect_deliveries
from testing.owed import owed
from testing.sabotage.launch import launched
from testing.sabotage.sabotage import SOUND, Change, Sabotage, Scenario
from testing.sabotage.scene import SabotageStack, Scene
from testing.stack import API, FLOWER, STORE_DB, WORKER_DEFAULT, WORKER_PRIORITY, Stack
from testing.waiting import POLL_EVERY_S

PATCHED = frozenset({API, WORKER_DEFAULT, WORKER_PRIORITY})
#: A sound shop needs 1 to 5 s.
SOUND_DRAIN_WITHIN_S = 60.0
#: A sabotaged one is given longer than the sound one has just taken, and judged as it stands.
PATIENCE = 1.5
LEAST_DRAIN_WITHIN_S = 6.0
#: Nothing may be owed for so long: what is in hand may still publish.
QUIET_S = 1.0


class Finding(StrEnum):
    """What a trial has shown."""

    #: The named checker is red with the sabotage, and every checker green without.
    NOTICED = "noticed"
    #: The named checker saw nothing: a hole in the lab.
    MISSED = "stayed green"
    #: The sound shop was not green: what is red with the sabotage says nothing about it.
    CONTROL_FAILED = "not green without sabotage"


@dataclass(frozen=True, slots=True)
class Played:
    """One run of a scenario."""

    judgement: Judgement
    drain_s: float
    folder: Path


@dataclass(frozen=True, slots=True)
class Trial:
    """A scenario on both shops."""

    sabotage: Sabotage
    sound: Played
    broken: Played
    took_s: float

    @property
    def finding(self) -> Finding:
        if self.sound.judgement.verdict is not Verdict.VALID:
            return Finding.CONTROL_FAILED
        if not self.broken.judgement.of(self.sabotage.check):
            return Finding.MISSED
        return Finding.NOTICED

    def as_json(self) -> dict[str, Any]:
        return {
            "sabotage": self.sabotage.name,
            "check": self.sabotage.check.value,
            "finding": self.finding.value,
            "sound": list(self.sound.judgement.reasons),
            "broken": list(self.broken.judgement.reasons),
            "took_s": self.took_s,
        }


def run_trial(
    sabotage: Sabotage, seed: int, folder: Path, show: Callable[[str], None] = lambda _: None
) -> Trial:
    """What both runs leave stands in `sound/` and `broken/` of the new `folder`.

    Raises `StackFailed`, `TimedOut`, `FaultDidNotTakeHold`, `DriverBroke`: nothing was shown.
    """
    began_s = time.monotonic()
    drawn = f"{seed} {sabotage.name}"
    show("sound")
    sound = play(sabotage.scenario, SOUND, drawn, folder / "sound", SOUND_DRAIN_WITHIN_S)
    within_s = max(LEAST_DRAIN_WITHIN_S, PATIENCE * sound.drain_s)
    show("broken")
    broken = play(sabotage.scenario, sabotage.change, drawn, folder / "broken", within_s)
    return Trial(sabotage, sound, broken, round(time.monotonic() - began_s, 1))


def play(
    scenario: Scenario, change: Change, seed: str, folder: Path, drain_within_s: float
) -> Played:
    """One run on a shop of its own."""
    folder.mkdir(parents=True)
    history_file = folder / "history.jsonl"
    with ExitStack() as opened:
        history = opened.enter_context(HistoryWriter(history_file))
        sink = opened.enter_context(MailSink(history))
        stack = opened.enter_context(
            SabotageStack(
                {**scenario.settings, **change.settings, "SMTP_URL": sink.url},
                without={FLOWER, *change.without},
                redis_options=change.redis_options,
                alter=partial(_altered, change),
            )
        )
        # Also of a run that breaks: they say why.
        opened.callback(_keep_logs, stack, folder)
        store = stack.redis()
        for sku, units in scenario.stock.items():
            store.set(f"stock:{sku}", units)
            store.set(f"price:{sku}", 1_990)
        with RedisEffects(stack.redis_url(STORE_DB), history):
            with Scene(stack, history, seed) as scene:
                scenario.play(scene)
            began_s = time.monotonic()
            _drain(stack, drain_within_s)
            drain_s = round(time.monotonic() - began_s, 1)
            for worker in (WORKER_DEFAULT, WORKER_PRIORITY):
                stack.service(worker).stop()
        collect_deliveries(store, history)
        final = read_final_state(stack.redis(decode_responses=False), scenario.stock)
    (folder / "final_state.json").write_text(json.dumps(final.as_json()))
    expected = Expectations(faults=scenario.faults)
    judgement = judge(read_history(history_file), final, expected)
    (folder / "verdict.json").write_text(json.dumps(judgement.as_json(), indent=2))
    return Played(judgement, drain_s, folder)


def _altered(change: Change, service: Service) -> Service:
    if change.patch is None or service.name not in PATCHED:
        return service
    return launched(service, change.patch)


def _drain(stack: Stack, within_s: float) -> None:
    """Until nothing is owed, or the time is up."""
    deadline_s = time.monotonic() + within_s
    quiet_since_s = None
    while (now_s := time.monotonic()) < deadline_s:
        for service in stack.services:
            # As the supervisor does with what ended by itself.
            if not service.is_running:
                service.start()
        if owed(stack):
            quiet_since_s = None
        elif quiet_since_s is None:
            quiet_since_s = now_s
        elif now_s - quiet_since_s > QUIET_S:
            return
        time.sleep(POLL_EVERY_S)


def _keep_logs(stack: Stack, folder: Path) -> None:
    for service in stack.services:
        (folder / f"{service.name}.log").write_text(service.logs())
