"""Reads a history while it is being written."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from loadtest.history import Event, from_line


class Follower:
    """Gives each event once, from the end of what is there when it is opened."""

    def __init__(self, file: Path) -> None:
        file.touch()
        self._lines = file.open()
        self._lines.seek(0, 2)
        self._part = ""

    def new(self) -> Iterator[Event]:
        """What was written since the last call."""
        for line in self._lines:
            self._part += line
            if self._part.endswith("\n"):
                yield from_line(self._part)
                self._part = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lines.close()
