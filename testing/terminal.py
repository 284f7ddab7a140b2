"""Standard output for people, one of whom may have stopped reading."""

import os

from rich.console import Console


class Output(Console):
    """What nobody reads any more is dropped: an exit code tells what a run has shown.

    rich would end the program, with an exit code of its own.
    """

    def on_broken_pipe(self) -> None:
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        # So that what Python still holds of it can be written when it ends.
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


def to_stdout() -> Output:
    """Figures and verdicts."""
    return Output(highlight=False)


def to_stderr() -> Output:
    """What is under way, and what went wrong."""
    return Output(stderr=True, highlight=False)
