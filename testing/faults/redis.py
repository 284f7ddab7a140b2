"""Redis dies, or stops answering."""

from collections.abc import Mapping
from typing import Any

from redis.exceptions import BusyLoadingError, RedisError
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import TimeoutError as NoAnswer

from testing.faults.fault import Fault, FaultDidNotTakeHold
from testing.history import Recorder
from testing.stack import REDIS, Stack
from testing.waiting import wait_for

ANSWERS_WITHIN_S = 30.0


class RedisKilled(Fault):
    """SIGKILL, and started again on the same data."""

    name = "redis-killed"

    def __init__(self, stack: Stack, history: Recorder | None = None) -> None:
        super().__init__(history)
        self._stack = stack
        self._run_id = ""

    def inject(self) -> None:
        self._run_id = _run_id(self._stack)
        self._stack.service(REDIS).kill()

    def confirm(self) -> Mapping[str, Any]:
        if self._stack.service(REDIS).is_running:
            raise FaultDidNotTakeHold("Redis was killed, and runs")
        try:
            self._stack.redis().ping()
        except NotConnected as error:
            return {"seen": str(error)}
        raise FaultDidNotTakeHold("Redis was killed, and answers")

    def heal(self) -> None:
        redis = self._stack.service(REDIS)
        if not redis.is_running:
            redis.start()
        wait_until_redis_answers(self._stack)
        if _run_id(self._stack) == self._run_id:
            raise FaultDidNotTakeHold("Redis was never restarted")


class RedisFrozen(Fault):
    """It keeps its connections, and even accepts new ones, and answers nothing."""

    name = "redis-frozen"

    def __init__(self, stack: Stack, history: Recorder | None = None) -> None:
        super().__init__(history)
        self._stack = stack

    def inject(self) -> None:
        self._stack.service(REDIS).pause()

    def confirm(self) -> Mapping[str, Any]:
        # Waits for the client's own time-out, a few seconds.
        try:
            self._stack.redis().ping()
        except NoAnswer as error:
            return {"seen": str(error)}
        raise FaultDidNotTakeHold("Redis was frozen, and answers")

    def heal(self) -> None:
        self._stack.service(REDIS).resume()
        wait_until_redis_answers(self._stack)


def wait_until_redis_answers(stack: Stack) -> None:
    """Until it has loaded its data. Raises `TimedOut`."""

    def answers() -> bool:
        try:
            return bool(stack.redis().ping())
        except (NotConnected, NoAnswer, BusyLoadingError):
            return False

    wait_for("Redis answers", answers, within_s=ANSWERS_WITHIN_S, explain=stack.describe)


def _run_id(stack: Stack) -> str:
    try:
        info: Any = stack.redis().info("server")
    except RedisError:
        return ""
    return str(info["run_id"])
