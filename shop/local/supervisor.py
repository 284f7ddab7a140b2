"""Starts services in the order of their needs, again when they end, and stops them in stages."""

import io
import math
import os
import queue
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from types import FrameType

from honcho.manager import Manager
from honcho.printer import Message, Printer

from shop.foreign_environment import without_foreign
from shop.local.guard_process import Guard
from shop.local.process import ServiceProcess, how_it_ended
from shop.local.restarts import MAX_ENDS, RestartPolicy
from shop.local.run import Run
from shop.local.service import Service

#: The name in front of the supervisor's own lines.
OWN_NAME = "shop"
POLL_EVERY_S = 0.05
#: A second signal within this time is the first one's echo: `timeout` and some shells send two.
ECHO_S = 1.0
#: How long what was killed may take to be gone.
KILLED_WITHIN_S = 2.0

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Phase(Enum):
    STARTING = auto()
    RUNNING = auto()
    STOPPING = auto()


class Supervisor(Manager):  # type: ignore[misc]
    """Honcho's manager with readiness, restarts, stages and a bounded stop.

    A service that ends, with whatever exit code, is started again as `RestartPolicy` says; the
    others go on meanwhile. All are stopped when one is given up. Before a service was ever ready
    it is given up at once where no restart helps: after an exit code that says so, and if it is
    one that ends for such reasons only (`Service.retries_start`).

    `returncode` afterwards: 0 when it was asked to stop and everything stopped by itself, else 1.
    """

    def __init__(
        self,
        services: Sequence[Service],
        printer: Printer,
        *,
        ready_within_s: float = 60.0,
        on_ready: Callable[[], None] = lambda: None,
        held_fd: int | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_ready` is called once, between the lines; `held_fd`, a lock, is kept to the end.

        `now_s` is the clock of the restarts.
        """
        super().__init__(printer)
        # A put into this queue may interrupt another one, as a signal's handler does.
        self.events: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._process_ctor = ServiceProcess
        self._runs = {
            service.name: Run(
                service,
                self.add_process(
                    service.name,
                    list(service.argv),
                    env={**without_foreign(os.environ), **service.env},
                ),
                RestartPolicy(now_s),
            )
            for service in services
        }
        self._ready_within_s = ready_within_s
        self._on_ready = on_ready
        self._guard = Guard(() if held_fd is None else (held_fd,))
        self._now_s = now_s
        self._phase = _Phase.STARTING
        self._signalled_at_s: float | None = None
        self._stopping_since_s = math.inf
        #: Lines that wait until all services are ready.
        self._held: list[Message] = []
        #: One line on what went wrong.
        self.failure: str | None = None

    def loop(self) -> None:
        """Run the services until all have ended."""
        with self._stop_signals(), self._guard:
            self._deadline_s = time.monotonic() + self._ready_within_s
            try:
                while self._phase is not _Phase.STOPPING or self._alive():
                    self._advance()
                    self._receive()
            finally:
                self._end_all()
        self.say(f"all stopped after {time.monotonic() - self._stopping_since_s:.1f} s")
        killed = [run.service.name for run in self._runs.values() if run.was_killed]
        if killed and self.failure is None:
            self.failure = f"did not stop in time and were killed: {', '.join(killed)}"
        self.returncode = 1 if self.failure else 0

    def stop(self) -> None:
        """Begin to stop the services, stage by stage."""
        self._held.clear()
        if self._phase is not _Phase.STOPPING:
            self._phase = _Phase.STOPPING
            self._stopping_since_s = time.monotonic()

    def kill(self) -> None:
        """End all services at once."""
        for run in self._alive():
            run.was_killed = True
            run.process.kill()

    def say(self, text: str) -> None:
        """Print a line of the supervisor's own."""
        self._show([Message("line", text, self._clock.now(), OWN_NAME, None)])

    def _advance(self) -> None:
        if self._phase is _Phase.STOPPING:
            self._stop_due()
            return
        for run in self._runs.values():
            if run.restart_at_s is not None and self._now_s() >= run.restart_at_s:
                run.restart_at_s = None
                self._start(run)
        if self._phase is _Phase.STARTING:
            self._start_due()

    def _start_due(self) -> None:
        ready = {run.service.name for run in self._runs.values() if run.is_ready}
        for run in self._runs.values():
            due = run.group is None and ready.issuperset(run.service.after)
            if due:
                self._start(run)
            if self._phase is _Phase.STOPPING:
                return
            if run.is_alive and not run.is_ready:
                run.look()
        waiting = [name for name, run in self._runs.items() if not run.is_ready]
        if not waiting:
            self._phase = _Phase.RUNNING
            self._on_ready()
            self._show(self._held)
            self._held.clear()
        elif time.monotonic() > self._deadline_s:
            self._fail(
                f"not ready after {self._ready_within_s:.0f} s: {', '.join(waiting)}", waiting
            )

    def _start(self, run: Run) -> None:
        run.restarts.started()
        try:
            run.group = run.process.start(self.events)
        except OSError as error:
            problem = f"{run.service.name} cannot be started: {error}"
            if run.group is None:
                self._fail(problem, [])
            else:
                # There may be no memory for it now.
                self._start_later(run, problem)
            return
        run.has_ended = False
        self._tell_guard(self._guard.add, run.group)

    def _stop_due(self) -> None:
        alive = self._alive()
        stage = min((run.service.stop_stage for run in alive), default=None)
        for run in alive:
            if run.service.stop_stage != stage:
                continue
            if not run.is_stopping:
                run.is_stopping = True
                run.process.terminate()
            elif time.monotonic() > self._stopping_since_s + self._stop_budget_s(run.service):
                run.was_killed = True
                run.process.kill()

    def _stop_budget_s(self, service: Service) -> float:
        """How long after the beginning it may live: what the stages before it left is its own."""
        longest_s: dict[int, float] = {service.stop_stage: service.stop_within_s}
        for run in self._runs.values():
            stage = run.service.stop_stage
            if stage < service.stop_stage:
                longest_s[stage] = max(longest_s.get(stage, 0.0), run.service.stop_within_s)
        return sum(longest_s.values())

    def _receive(self) -> None:
        """Handle events until it is time to look again, or one of them changes something."""
        phase = self._phase
        is_idle = phase is _Phase.RUNNING and not any(r.restart_at_s for r in self._runs.values())
        until_s = math.inf if is_idle else time.monotonic() + POLL_EVERY_S
        left_s = until_s - time.monotonic()
        while left_s > 0 and self._phase is phase:
            try:
                event = self.events.get(timeout=None if left_s == math.inf else left_s)
            except queue.Empty:
                return
            self._handle(event)
            if event.type == "stop":
                return
            left_s = until_s - time.monotonic()

    def _handle(self, event: Message) -> None:
        match event.type:
            case "line" if self._phase is _Phase.STARTING:
                self._held.append(event)
            case "line":
                self._show([event])
            case "stop":
                self._note_end(self._runs[event.name], **event.data)
            case "signal" if self._phase is not _Phase.STOPPING:
                self.say(f"{signal.Signals(event.data).name}: stopping")
                self.stop()

    def _note_end(self, run: Run, group: int, returncode: int) -> None:
        run.has_ended, run.is_ready = True, False
        self._tell_guard(self._guard.discard, group)
        if self._phase is _Phase.STOPPING:
            return
        how = f"{run.service.name} ended {how_it_ended(returncode)}"
        if run.is_hopeless(returncode):
            self._fail(f"{how}; all others are stopped", [run.service.name])
        else:
            self._start_later(run, how, asks_for_it=returncode == run.service.restart_on)

    def _start_later(self, run: Run, how: str, *, asks_for_it: bool = False) -> None:
        delay_s = run.restarts.ended(asks_for_it=asks_for_it)
        if delay_s is None:
            how = f"{how}, the {MAX_ENDS}th end within a minute; all others are stopped"
            self._fail(how, [run.service.name])
            return
        when = f"in {delay_s:.0f} s" if delay_s else "at once"
        self.say(f"{how}; it is started again {when}")
        run.restart_at_s = self._now_s() + delay_s

    def _fail(self, failure: str, names: list[str]) -> None:
        """Show the lines that were held back for `names`, and stop."""
        self.failure = failure
        self._show([line for line in self._held if line.name in names])
        self.say(failure)
        self.stop()

    def _show(self, lines: list[Message]) -> None:
        try:
            for line in lines:
                self._printer.write(line)
        except OSError as error:
            # The terminal or the pipe is gone: nobody sees what happens from here on.
            self._printer.output = io.StringIO()
            self.failure = self.failure or f"the output is gone: {error}"
            self.stop()

    def _alive(self) -> list[Run]:
        return [run for run in self._runs.values() if run.is_alive]

    def _end_all(self) -> None:
        """The last resort: nothing to do after an orderly stop."""
        self._phase = _Phase.STOPPING
        self.kill()
        deadline_s = time.monotonic() + KILLED_WITHIN_S
        while self._alive() and time.monotonic() < deadline_s:
            self._receive()

    @contextmanager
    def _stop_signals(self) -> Iterator[None]:
        def on_signal(signum: int, _: FrameType | None) -> None:
            now_s = time.monotonic()
            if self._signalled_at_s is None:
                self._signalled_at_s = now_s
                self.events.put(Message("signal", signum, self._clock.now(), OWN_NAME, None))
            elif now_s - self._signalled_at_s > ECHO_S:
                # Here, not in the loop: that may hang in writing to a stopped terminal.
                self.kill()

        # A signal that was ignored from the start stays so: that is what nohup asks for.
        before = {
            signum: signal.signal(signum, on_signal)
            for signum in _STOP_SIGNALS
            if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN
        }
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    def _tell_guard(self, tell: Callable[[int], None], group: int) -> None:
        try:
            tell(group)
        except BrokenPipeError:
            self.say("the guard is gone: should this process be killed, stop the services by hand")
