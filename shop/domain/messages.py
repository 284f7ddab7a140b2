"""Messages that no worker can process."""

from dataclasses import dataclass, field
from uuid import uuid4


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
    #: The same at each try to keep it, so that it is kept once.
    entry_id: str = field(default_factory=lambda: uuid4().hex, compare=False)
