"""Messages that no worker can process."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """A message that is no task of the shop, kept for whoever looks into it."""

    queue: str
    #: Why no worker can process it, without a word of what it holds.
    why: str
    #: As it stood in the queue.
    raw: bytes
    #: The name of its task, if it says one that the shop does not know.
    task: str | None = None
