"""The generator's clock: the time of day at one moment, and from there one that never jumps."""

import time


class Clock:
    """Milliseconds since the epoch for seconds of `time.perf_counter`."""

    def __init__(self) -> None:
        self.anchor()

    def anchor(self) -> None:
        """Take the time of day again; not while anything is under way."""
        self._anchor_ms = time.time() * 1000
        self._anchor_s = time.perf_counter()

    @staticmethod
    def now_s() -> float:
        """Now, as `perf_counter` has it."""
        return time.perf_counter()

    def at_ms(self, moment_s: float) -> float:
        return round(self._anchor_ms + (moment_s - self._anchor_s) * 1000, 3)

    def now_ms(self) -> float:
        return self.at_ms(self.now_s())
