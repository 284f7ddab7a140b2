"""What each worker does beside its tasks: a sign of life, its watchdog, in `default` the sweep."""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from celery import bootsteps, signals
from celery.worker import WorkController

from shop.adapters.celery.settling import running
from shop.bootstrap import WorkerServices
from shop.domain.errors import PublishFailed, StoreUnavailable
from shop.domain.work import Queue
from shop.tasks.restraints import holds_back, is_paused, restraints
from shop.tasks.watchdog import LoopPulse, Watchdog, end_worker, tasks_started

logger = logging.getLogger(__name__)

BEAT_EVERY_S = 2.0
WATCH_EVERY_S = 1.0
#: How soon a stop is noticed while the worker waits for its broker.
READY_POLL_S = 0.2
#: The `default` worker yields the processor to `priority`, the API and Redis.
DEFAULT_NICENESS = 10
#: Of the session that the process is in; see sched(7).
AUTOGROUP = Path("/proc/self/autogroup")


class Housekeeping(bootsteps.StartStopStep):
    """A thread in the worker's main process; the pool's processes know nothing of it."""

    requires: ClassVar[set[str]] = {"celery.worker.components:Pool"}

    def __init__(self, worker: WorkController, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._stopping = threading.Event()
        self._consumes = threading.Event()
        self._thread: threading.Thread | None = None
        signals.worker_ready.connect(lambda **_: self._consumes.set(), weak=False)

    def start(self, worker: WorkController) -> None:
        queues = sorted(worker.app.amqp.queues.consume_from)
        self._stopping.clear()
        self._thread = threading.Thread(
            target=self._run, args=(worker, queues), name="housekeeping", daemon=True
        )
        self._thread.start()

    def stop(self, _worker: WorkController) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)

    def terminate(self, worker: WorkController) -> None:
        """SIGTERM, remapped to a soft shutdown, comes here and not to `stop`."""
        self.stop(worker)

    def _run(self, worker: WorkController, queues: list[str]) -> None:
        services: WorkerServices = worker.app.services()
        chores = [_Chore(BEAT_EVERY_S, lambda: _beat(services, worker, queues))]
        if services.stall_after_s > 0:
            watchdog = _watchdog(worker, services, queues)
            chores.append(_Chore(WATCH_EVERY_S, lambda: _watch(watchdog)))
        if Queue.DEFAULT in queues and services.sweep_every_s > 0:
            # A broker that was emptied makes a long sweep, during which nobody may take the worker
            # for dead, or wait for its end.
            meanwhile = list(chores)

            def may_go_on() -> bool:
                for chore in meanwhile:
                    chore.run_if_due()
                return not self._stopping.is_set()

            chores.append(_Chore(services.sweep_every_s, lambda: services.sweep.run(may_go_on)))
        # A worker that has not reached its queue yet is of no use to anybody.
        while not (self._consumes.wait(READY_POLL_S) or self._stopping.is_set()):
            pass
        while not self._stopping.wait(max(0.0, min(chore.due_in_s() for chore in chores))):
            for chore in chores:
                chore.run_if_due()
        with suppress(StoreUnavailable):
            for queue in queues:
                services.presence.leave(queue, worker.hostname)


class _Chore:
    def __init__(self, every_s: float, work: Callable[[], object]) -> None:
        self._every_s = every_s
        self._work = work
        self._due_s = time.monotonic()
        self._failing = False

    def due_in_s(self) -> float:
        return self._due_s - time.monotonic()

    def run_if_due(self) -> None:
        if self.due_in_s() > 0:
            return
        try:
            self._work()
        except (StoreUnavailable, PublishFailed) as error:
            # Once an outage, not once a second.
            if not self._failing:
                logger.warning("housekeeping waits for Redis: %s", error)
            self._failing = True
        except Exception:
            # One chore's fault, such as a key of the wrong type, must not end the others: a
            # worker without its sign of life counts as dead.
            if not self._failing:
                logger.exception("housekeeping failed")
            self._failing = True
        else:
            self._failing = False
        self._due_s = time.monotonic() + self._every_s


def _watchdog(worker: WorkController, services: WorkerServices, queues: list[str]) -> Watchdog:
    pulse = LoopPulse(worker.hub.call_soon)

    def is_busy() -> bool:
        # In this order: the loop is asked each time, busy or not.
        goes_round = pulse.silent_s() < services.stall_after_s
        return goes_round and (len(running) > 0 or holds_back(worker))

    def has_work() -> bool:
        return any(
            not services.publisher.is_idle(queue)
            for queue in queues
            if not is_paused(worker, queue)
        )

    return Watchdog(
        stall_after_s=services.stall_after_s,
        has_work=has_work,
        started=tasks_started,
        is_busy=is_busy,
        now_s=time.monotonic,
    )


def _watch(watchdog: Watchdog) -> None:
    if watchdog.is_stalled():
        end_worker()


def _beat(services: WorkerServices, worker: WorkController, queues: list[str]) -> None:
    for queue in queues:
        told = restraints(worker, queue, services.publisher.queue_of)
        services.presence.beat(queue, worker.hostname, told)
        if services.run_dir is not None:
            alive_file(services.run_dir, queue).touch()


def alive_file(run_dir: Path, queue: str) -> Path:
    """What the worker of `queue` touches after each beat, for health checks."""
    return run_dir / f"worker-{queue}.alive"


def lower_cpu_priority(worker: WorkController) -> None:
    """Before the pool forks, so that its processes inherit it."""
    if set(worker.app.amqp.queues.consume_from) != {Queue.DEFAULT.value}:
        return
    # Not added to what there is: after a SIGHUP it has been set before.
    niceness = max(os.nice(0), DEFAULT_NICENESS)
    os.setpriority(os.PRIO_PROCESS, 0, niceness)
    # Linux may share the processor out by sessions first (sched_autogroup_enabled), and a process's
    # own niceness counts only within its session. Another's session is not ours to slow down.
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            AUTOGROUP.write_text(str(DEFAULT_NICENESS))
