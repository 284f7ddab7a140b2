"""What the lab adds to Locust, in one place."""

import os
import signal
import time
from typing import Any

import gevent
from locust.env import Environment
from locust.event import Events

from loadtest.users import ending
from loadtest.users.clock import Clock
from loadtest.users.control import NotSet, set_service_time
from loadtest.users.depths import DepthReader
from loadtest.users.live import LIVE
from loadtest.users.options import BadOption, Options, add_options
from loadtest.users.plan import SCHEDULE
from loadtest.users.scheduled import ScheduledWalk
from loadtest.users.wire import BadUrl, NoShop, Wire


def register(events: Events) -> None:
    """Called once, by the locustfile."""
    watch = _Watch()
    events.init_command_line_parser.add_listener(add_options)
    events.init.add_listener(_on_init)
    events.test_start.add_listener(watch.begin)
    events.test_stopping.add_listener(watch.end)
    events.quit.add_listener(_on_quit)


class _Watch:
    """Readies a test of scenarios, and reads the queues' depths while it runs."""

    def __init__(self) -> None:
        self._reader: DepthReader | None = None

    def begin(self, environment: Environment, **_: Any) -> None:
        LIVE.clear(began_ms=time.time() * 1000)
        if environment.user_classes == [ScheduledWalk]:
            return
        try:
            options = Options.of(environment.parsed_options)
            wire = Wire(environment.host or "", api_key=options.api_key)
            wire.require_shop()
            LIVE.facts.update(_facts(options))
            if options.service_time_ms is not None:
                set_service_time(os.environ, options.service_time_ms)
        except (BadOption, BadUrl, NoShop, NotSet) as error:
            _refuse(environment, str(error))
            return
        self.end()
        self._reader = DepthReader(wire, Clock(), LIVE.add)
        self._reader.start()

    def end(self, **_: Any) -> None:
        if self._reader is not None:
            self._reader.stop()
            self._reader = None


def _refuse(environment: Environment, reason: str) -> None:
    """Scenarios walk nothing once there is a problem."""
    LIVE.problem = reason
    environment.process_exit_code = ending.BROKEN
    ending.explain(reason)
    gevent.spawn(ending.end, environment)


def _facts(options: Options) -> dict[str, str]:
    facts = {"seed": str(options.seed), "items": ", ".join(options.items)}
    if options.service_time_ms is not None:
        facts["service time of orders"] = f"{options.service_time_ms} ms"
        if options.orders_per_s:
            busy = options.orders_per_s * options.service_time_ms / 1000
            facts["processes that orders keep busy"] = f"{busy:g}"
    return facts


def _on_init(environment: Environment, **_: Any) -> None:
    gevent.signal_handler(signal.SIGINT, _interrupt)
    if environment.web_ui is not None and SCHEDULE not in os.environ:
        # Without a schedule it can only fail.
        for offered in (environment.available_user_classes, environment.available_user_tasks):
            if offered:
                offered.pop(ScheduledWalk.__name__, None)
        environment.user_classes = [
            kind for kind in environment.user_classes if kind is not ScheduledWalk
        ]


def _interrupt() -> None:
    """Ctrl-C where Locust waits for it.

    Python would raise it in whichever greenlet runs: one that walks the schedule ended by it, and
    gevent raised it a second time while Locust shut down, which ended it with 1.
    """
    gevent.get_hub().parent.throw(KeyboardInterrupt)


def _on_quit(**_: Any) -> None:
    ending.show_reasons()
