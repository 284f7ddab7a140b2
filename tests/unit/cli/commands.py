"""What a command of `shop` is run as, and leaves behind."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

STORE_DB = 2


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Shop = Callable[..., Outcome]
