"""Driving several worlds by the same steps, each of which must come out the same in all."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, is_dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from shop.domain.errors import ShopError
from shop.domain.notification import NotificationStatus
from tests.builders import a_delivery
from tests.contract.worlds import AGES_UNITS, TICK_UNITS, UNIT_MS, State, World

#: The same runs every time, and nothing kept of them.
PROFILE = settings(
    stateful_step_count=40,
    derandomize=True,
    database=None,
    deadline=None,
    # Which lines only failing runs pass would be found by running many more.
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

#: More than the hour after which work counts as lost in any case.
LONG_TICKS = 13
#: The model's records of tasks and of delivered notifications end after a day; the servers' do
#: not, for their time does not really pass. The steps of a run come on top.
LIFE_TICKS = 150

#: Mostly no.
rarely = st.integers(0, 4).map(lambda number: number == 4)
delivery_ids = st.sampled_from(["one", "two", "three"])
queues = st.sampled_from(["default", "priority"])
ages = st.sampled_from(AGES_UNITS)
limits = st.sampled_from([1, 100])

Call = Callable[[World], Any]
Worlds = Callable[[], list[World]]


class Lockstep(RuleBasedStateMachine):
    """Each rule does the same in every world, a tick after the one before."""

    def __init__(self, worlds: Worlds, runner: asyncio.Runner) -> None:
        super().__init__()
        self.worlds = worlds()
        self.runner = runner
        #: The first world's.
        self.state = self.worlds[0].state()
        #: What it was before each call of the last rule, and after.
        self.changes: list[tuple[State, State]] = []
        self.ticks = 0

    @rule(queue=queues, age_units=ages)
    def start_another(self, queue: str, age_units: int) -> None:
        """The watermark moves, unless the stamp is older or from the future."""

        def start(world: World) -> None:
            stamp_ms = world.now_ms() - age_units * UNIT_MS
            world.ledger.started(a_delivery("another", queue=queue, enqueued_at_ms=stamp_ms))

        self.repeatable(start)

    @precondition(lambda self: self.ticks + LONG_TICKS < LIFE_TICKS)
    @rule(ticks=st.sampled_from([1, LONG_TICKS]))
    def nothing_happens(self, ticks: int) -> None:
        self.pass_ticks(ticks)
        self.compare()

    def each(self, call: Call) -> Any:
        """Do the same in every world, a tick later; the reply, which must be the same in all."""
        self.pass_ticks(1)
        return self._agreed(call)

    def repeatable(self, call: Call) -> Any:
        """As `each`; then once more, at once, as a client does whose reply was lost."""
        reply = self.each(call)
        state = self.state
        assert self._agreed(call) == reply
        assert self.state == state
        return reply

    def compare(self) -> None:
        states = {world.name: world.state() for world in self.worlds}
        before, self.state = self.state, next(iter(states.values()))
        self.changes.append((before, self.state))
        assert states == dict.fromkeys(states, self.state)

    def pass_ticks(self, ticks: int) -> None:
        self.ticks += ticks
        for world in self.worlds:
            world.pass_time(ticks * TICK_UNITS * UNIT_MS)

    def wait(self, call: Awaitable[Any]) -> Any:
        async def awaited() -> Any:
            return await call

        return self.runner.run(awaited())

    def _agreed(self, call: Call) -> Any:
        replies = {world.name: _outcome(call, world) for world in self.worlds}
        reply = next(iter(replies.values()))
        assert replies == dict.fromkeys(replies, reply)
        self.compare()
        return reply


def _outcome(call: Call, world: World) -> Any:
    """What was replied, moments aside; or which error, and what it says."""
    try:
        return _timeless(call(world))
    except ShopError as error:
        return type(error).__name__, str(error)


def _timeless(reply: Any) -> Any:
    if is_dataclass(reply) and not isinstance(reply, type):
        return _timeless(asdict(reply))
    if isinstance(reply, dict):
        return {
            name: bool(value) if name.endswith("at_ms") else _timeless(value)
            for name, value in reply.items()
        }
    if isinstance(reply, list | tuple):
        return [_timeless(item) for item in reply]
    # The only number that is a whole reply is the store's time.
    return "a moment" if type(reply) is int else reply


def assert_open_are_pending(state: State) -> None:
    by_status: dict[str, set[str]] = {status: set() for status in NotificationStatus}
    for task_id, held in state.notifications.items():
        by_status[held.status].add(task_id)
    assert set(dict(state.notifications_open)) == by_status[NotificationStatus.PENDING]
    assert set(dict(state.notifications_dead)) == by_status[NotificationStatus.FAILED]
