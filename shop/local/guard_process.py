"""The process that ends what this one started, if this one dies before it has done so."""

import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from shop.local import guard


class Guard:
    """Runs `shop.local.guard` for as long as the context lasts, and tells it of process groups."""

    def __init__(self, held_fds: Sequence[int] = ()) -> None:
        """`held_fds`, such as locks, stay open until the guard has done its work."""
        self._held_fds = held_fds

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            pass_fds=self._held_fds,
            # What ends this process, such as Ctrl-C, must not end its guard.
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def add(self, group: int) -> None:
        """Raises `BrokenPipeError` when the guard is gone, as does `discard`."""
        self._tell(f"+{group}")

    def discard(self, group: int) -> None:
        self._tell(f"-{group}")

    def _tell(self, line: str) -> None:
        print(line, file=self._process.stdin, flush=True)
