"""Beat's scheduler, which shows that it is alive."""

from pathlib import Path
from typing import Any

from shop.tasks.ownership import OwnedScheduler

#: The longest sleep between two looks at the schedule, seconds.
MAX_INTERVAL_S = 5.0


class LivelyScheduler(OwnedScheduler):
    """Touches `beat.alive` in `SHOP_RUN_DIR` at each tick, for a container's health check."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        run_dir = self.app.conf.get("shop_run_dir")
        self._alive = Path(run_dir) / "beat.alive" if run_dir else None

    def tick(self, *args: Any, **kwargs: Any) -> float:
        due_in_s: float = super().tick(*args, **kwargs)
        if self._alive is not None:
            self._alive.touch()
        return due_in_s
