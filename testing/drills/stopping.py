"""Workers are stopped under a flood: how long does it take, and what becomes of what they hold?"""

import random
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from shop.local import services
from testing.drills.drill import Figure, Result
from testing.drills.flood import SLOW_MAIL, Accepted, Flood, wait_until_done, wrongly_done
from testing.drills.shop_up import ShopUp
from testing.engine import engine_problem
from testing.stack import BEAT, FLOWER, WORKER_DEFAULT, WORKER_PRIORITY
from testing.stacks.containers import ContainerStack
from testing.stacks.local import LocalStack
from testing.stacks.processes import ProcessHandle
from testing.waiting import TimedOut, wait_for

#: What the supervisor gives to all stages together before it kills.
SHOP_UP_GRACE_S = (
    services.STOP_INTAKE_WITHIN_S + services.STOP_WORKER_WITHIN_S + services.STOP_REDIS_WITHIN_S
)
#: Of a stop that hangs, so that it is seen how long it takes without the kill.
GIVE_UP_AFTER_S = 30.0
STARTS_WITHIN_S = 60.0
#: Between the flood being high and the stop, at random: any moment may be the wrong one.
UP_TO_S = 1.0
#: Of what went wrong, in the remarks.
LINES_TOLD = 5

Show = Callable[[str], None]


@dataclass(slots=True)
class Stops:
    """What the stops of one kind have shown."""

    kind: str
    grace_s: float
    took_s: list[float] = field(default_factory=list)
    #: 1 for each that had to be killed, ended with another exit code than 0, or left a process.
    broken: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def note(self, what: str, took_s: float, exit_code: int | None, left: list[str]) -> None:
        self.took_s.append(round(took_s, 3))
        problems = [f"exit code {exit_code}"] if exit_code != 0 else []
        problems += [f"left behind: {process}" for process in left]
        if took_s > self.grace_s:
            problems.append(f"took {took_s:.1f} s")
        self.broken.append(float(bool(problems)))
        if problems:
            self.remarks.append(f"{what}: {'; '.join(problems)}")

    def figures(self) -> list[Figure]:
        return [
            Figure(f"{self.kind} ends", self.took_s, self.grace_s),
            Figure(f"{self.kind} that had to be killed or failed", self.broken, 0, ""),
            Figure(f"{self.kind}: not done, or done twice", [float(len(self.wrong))], 0, ""),
        ]


def run(folder: Path, *, times: int, seed: int, on_progress: Show) -> Result:
    """`times` stops of each kind, under more orders and notifications than can be worked on.

    A container is stopped where an engine answers.
    """
    draw = random.Random(seed)
    kinds = [_rolling_restart(folder, times, draw, on_progress)]
    kinds.append(_ctrl_c(folder, times, draw, on_progress))
    remarks = []
    if problem := engine_problem():
        remarks.append(f"no container was stopped: {problem}")
    else:
        kinds.append(_docker_stop(folder, times, draw, on_progress))
    for kind in kinds:
        remarks += [f"{kind.kind}, {line}" for line in (*kind.remarks, *kind.wrong[:LINES_TOLD])]
    return Result([figure for kind in kinds for figure in kind.figures()], remarks)


def _rolling_restart(folder: Path, times: int, draw: random.Random, show: Show) -> Stops:
    """One worker after the other, as a deployment does it."""
    stops = Stops("rolling restart", services.STOP_WORKER_WITHIN_S)
    accepted = Accepted()
    with LocalStack(SLOW_MAIL, without={FLOWER, BEAT}) as stack:
        with Flood(stack, accepted, prefix="rolling") as flood:
            for number in range(times):
                for name in (WORKER_DEFAULT, WORKER_PRIORITY):
                    show(f"{stops.kind} {number + 1}/{times}: {name}")
                    flood.wait_until_high()
                    _pass(draw.uniform(0, UP_TO_S))
                    worker = stack.service(name)
                    assert isinstance(worker, ProcessHandle)
                    _stop_worker(worker, stops, f"{name} {number + 1}")
                    worker.start()
                    # The next one is not stopped before this one works again.
                    wait_for(
                        f"{name} works again",
                        lambda worker=worker: worker.is_ready,  # type: ignore[misc]
                        within_s=STARTS_WITHIN_S,
                        explain=worker.logs,
                    )
        show(f"{stops.kind}: the rest is worked on")
        stops.wrong = wrongly_done(accepted, wait_until_done(stack))
        stops.remarks.append(_told(accepted))
        _keep_logs(folder / "rolling-restart", stack.services)
    return stops


def _stop_worker(worker: ProcessHandle, stops: Stops, what: str) -> None:
    processes = [psutil.Process(pid) for pid in worker.pids()]
    began_s = time.monotonic()
    # Not `stop`, which kills in silence.
    worker.kill(signal.SIGTERM)
    with suppress(TimedOut):
        wait_for(f"{what} ends", lambda: not worker.is_running, within_s=GIVE_UP_AFTER_S)
    took_s = time.monotonic() - began_s
    stops.note(what, took_s, worker.exit_code, _left(processes))
    worker.stop()


def _ctrl_c(folder: Path, times: int, draw: random.Random, show: Show) -> Stops:
    """The whole shop, started again on the same data each time."""
    stops = Stops("Ctrl-C", SHOP_UP_GRACE_S)
    accepted = Accepted()
    own = folder / "ctrl-c"
    own.mkdir()
    with ShopUp(own, SLOW_MAIL) as shop:
        for number in range(times):
            show(f"{stops.kind} {number + 1}/{times}")
            shop.start()
            with Flood(shop, accepted, prefix=f"ctrl-c-{number}") as flood:
                flood.wait_until_high()
                _pass(draw.uniform(0, UP_TO_S))
                processes = shop.processes()
                began_s = time.monotonic()
                shop.interrupt()
                code = shop.wait(GIVE_UP_AFTER_S)
                took_s = time.monotonic() - began_s
            stops.note(f"number {number + 1}", took_s, code, _left(processes))
            shop.kill()
        show(f"{stops.kind}: the rest is worked on")
        shop.start()
        stops.wrong = wrongly_done(accepted, wait_until_done(shop))
        stops.remarks.append(_told(accepted))
        shop.interrupt()
        shop.wait(GIVE_UP_AFTER_S)
    return stops


def _docker_stop(folder: Path, times: int, draw: random.Random, show: Show) -> Stops:
    """The container that holds both workers."""
    show("docker stop: the image is built")
    accepted = Accepted()
    with ContainerStack(SLOW_MAIL) as stack:
        workers = stack.container("workers")
        stops = Stops("docker stop", workers.stop_grace_s)
        with Flood(stack, accepted, prefix="docker") as flood:
            for number in range(times):
                show(f"{stops.kind} {number + 1}/{times}")
                flood.wait_until_high()
                _pass(draw.uniform(0, UP_TO_S))
                began_s = time.monotonic()
                workers.stop()
                took_s = time.monotonic() - began_s
                stops.note(f"number {number + 1}", took_s, workers.exit_code, [])
                workers.start()
                # From the API's view, which asks for both workers.
                stack.wait_ready(STARTS_WITHIN_S)
        show(f"{stops.kind}: the rest is worked on")
        stops.wrong = wrongly_done(accepted, wait_until_done(stack))
        stops.remarks.append(_told(accepted))
        own = folder / "docker-stop"
        own.mkdir()
        (own / "workers.log").write_text(workers.logs())
    return stops


def _left(processes: Iterable[psutil.Process]) -> list[str]:
    """Those that still run; what waits for its parent to take note has ended."""
    left = []
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                left.append(f"{process.pid} {' '.join(process.cmdline())[:80]}")
        except psutil.NoSuchProcess:
            continue
    return left


def _told(accepted: Accepted) -> str:
    return f"{len(accepted.orders)} orders and {len(accepted.notifications)} notifications"


def _keep_logs(folder: Path, handles: Iterable[object]) -> None:
    folder.mkdir()
    for handle in handles:
        if isinstance(handle, ProcessHandle):
            (folder / f"{handle.name}.log").write_text(handle.logs())


def _pass(seconds: float) -> None:
    """Here waiting is the plan."""
    time.sleep(seconds)
