"""What an experiment asks of `ScheduledWalk`, handed over in the environment."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.schedule import Arm, Arrival, Block, Operation, Schedule

SCHEDULE, ARM, HISTORY, RUN_ID = "LAB_SCHEDULE", "LAB_ARM", "LAB_HISTORY", "LAB_RUN_ID"
DRAIN_WITHIN_S, POOL_SIZE, API_KEY = "LAB_DRAIN_WITHIN_S", "LAB_POOL_SIZE", "LAB_API_KEY"
DEFAULT_DRAIN_WITHIN_S = 180.0
#: What the shop takes as an order's id.
_ORDER_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")


class BadPlan(Exception):
    """The walk cannot be begun; one line says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Blocks to walk, where their history goes, and what makes their ids unique."""

    blocks: Sequence[Block]
    history_file: Path
    run_id: str
    drain_within_s: float
    pool_size: int | None
    api_key: str | None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Plan":
        """Reads the schedule. Raises `BadPlan`."""
        run_id = _given(environment, RUN_ID)
        file = Path(_given(environment, SCHEDULE))
        arm_name = _given(environment, ARM)
        try:
            blocks = Schedule.read(file).of(Arm(arm_name))
        except OSError as error:
            raise BadPlan(f"the schedule cannot be read: {error}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise BadPlan(f"{file} is no schedule, or {arm_name} no arm: {error}") from None
        if not blocks:
            raise BadPlan(f"{file} has no block for the arm {arm_name}")
        for block in blocks:
            for arrival in block.arrivals:
                if not _ORDER_ID.fullmatch(name_of(run_id, arrival.key)):
                    raise BadPlan(
                        f"{name_of(run_id, arrival.key)!r} is no id that an order may have"
                    )
        pool_size = environment.get(POOL_SIZE)
        return cls(
            blocks,
            Path(_given(environment, HISTORY)),
            run_id,
            _number(environment.get(DRAIN_WITHIN_S) or DEFAULT_DRAIN_WITHIN_S, DRAIN_WITHIN_S),
            int(_number(pool_size, POOL_SIZE)) if pool_size else None,
            environment.get(API_KEY) or None,
        )


def name_of(run_id: str, key: str) -> str:
    """What the shop is told: a schedule can be walked again on the same shop."""
    return f"{run_id}.{key}"


def payload_of(run_id: str, arrival: Arrival) -> dict[str, Any]:
    """The arrival's JSON, under this run's names."""
    field = "id" if arrival.operation is Operation.ORDER else "message"
    return {**arrival.payload, field: name_of(run_id, arrival.key)}


def _given(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise BadPlan(f"ScheduledWalk needs {name} in its environment: see `loadtest run`")
    return value


def _number(value: str | float, name: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 < number < float("inf"):
        raise BadPlan(f"{name} must be above 0, not {value!r}")
    return number
