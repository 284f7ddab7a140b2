"""A user that walks an experiment's schedule once, and ends Locust with it."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

import gevent
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser

from loadtest.history import Depth, HistoryWriter, Sample, Walked
from loadtest.schedule import Block
from loadtest.users import ending
from loadtest.users.flight import Place
from loadtest.users.plan import BadPlan, Plan
from loadtest.users.series import Series
from loadtest.users.traffic import CONNECTIONS, POOL_SIZE, Traffic
from loadtest.users.walker import sleep_until
from loadtest.users.wire import BadUrl, NoShop, Unanswered

#: Before a block's times begin to count: connections stand, and the collector of garbage is off.
LEAD_S = 0.1


class NotEmpty(Exception):
    """Other work would be in the first block's way; one line."""


class ScheduledWalk(User):
    """Walks the blocks of one arm; `loadtest run` starts it, with the plan in the environment."""

    fixed_count = 1

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        # Whatever ends this early, be it a signal, leaves this exit code.
        environment.process_exit_code = ending.BROKEN
        self._is_begun = False

    @task
    def walk(self) -> None:
        if self._is_begun:
            # Locust begins a task again that ended by an error that nobody foresaw.
            gevent.spawn(ending.end, self.environment)
            raise StopUser
        self._is_begun = True
        try:
            self._walk_all(Plan.of(os.environ), self.host or "")
        except (BadPlan, BadUrl, NoShop, NotEmpty, Unanswered, OSError) as error:
            ending.explain(f"{error}")
        except gevent.GreenletExit:
            ending.explain("the walk was interrupted; what is known was written")
            raise
        else:
            self.environment.process_exit_code = 0
        gevent.spawn(ending.end, self.environment)
        raise StopUser

    def _walk_all(self, plan: Plan, base_url: str) -> None:
        history = HistoryWriter(plan.history_file)

        def record(event: Sample | Depth) -> None:
            history.write(event)

        traffic = Traffic(
            base_url,
            series=Series(self.environment.events.request),
            record=record,
            api_key=plan.api_key,
            pool_size=plan.pool_size or POOL_SIZE,
        )
        try:
            traffic.sending.require_shop()
            if traffic.depths.wait_empty(plan.drain_within_s) is None:
                raise NotEmpty(f"the shop was not empty within {plan.drain_within_s:g} s")
            for block in plan.blocks:
                began_ms, ended_ms = self._walk_block(traffic, plan, block)
                drained_ms: float | None = None
                try:
                    drained_ms = _drain(traffic, plan.drain_within_s)
                finally:
                    place = Place.of(block)
                    history.write(
                        Walked(
                            arm=place.arm,
                            block=place.block,
                            set_number=place.set_number,
                            kind=place.kind,
                            began_ms=began_ms,
                            ended_ms=ended_ms,
                            drained_ms=drained_ms,
                        )
                    )
        finally:
            traffic.stop()
            history.close()

    def _walk_block(self, traffic: Traffic, plan: Plan, block: Block) -> tuple[float, float]:
        """When it began and ended, milliseconds."""
        traffic.clock.anchor()
        departures = [
            traffic.departure(Place.of(block), arrival, plan.run_id) for arrival in block.arrivals
        ]
        traffic.sending.prepare(CONNECTIONS)
        with quiet_memory():
            traffic.depths.start()
            began_s = traffic.clock.now_s() + LEAD_S
            traffic.walk(departures, began_s)
            sleep_until(began_s + block.duration_s)
            traffic.depths.stop()
        at_ms = traffic.clock.at_ms
        return at_ms(began_s), at_ms(began_s + block.duration_s)


@contextmanager
def quiet_memory() -> Iterator[None]:
    """No garbage is collected meanwhile: a pass over everything held up to 100 ms of arrivals."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def _drain(traffic: Traffic, within_s: float) -> float | None:
    """When everything was finished and the shop was empty, milliseconds."""
    began_s = traffic.clock.now_s()
    if not traffic.collect(within_s):
        return None
    left_s = within_s - (traffic.clock.now_s() - began_s)
    return traffic.depths.wait_empty(max(0.0, left_s))
