"""A process that gathers what Locust tells it, and says what the page shows.

It is one of its own because of the interpreter's lock: while another thread holds it and is not
given a processor, nothing is sent. Lines of JSON come in: the history's, and those of `Tell`. For
each that asks for it, a line goes out: the state.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import StrEnum

from loadtest.history import Event, from_line
from loadtest.web.state import Gathered

#: What sends is more urgent.
NICENESS = 10


class Tell(StrEnum):
    """What a line of ours begins with; the value is milliseconds since the epoch."""

    #: A test begins: what was before is forgotten.
    BEGIN = "begin"
    #: It is a flood, or it is none, at the moment.
    FLOOD = "flood"
    NO_FLOOD = "no flood"
    #: Say the state.
    STATE = "state"
    #: Say it for the last time.
    LAST = "last"


def tell(what: Tell, at_ms: float) -> str:
    return json.dumps({what: at_ms}) + "\n"


def digest(lines: Iterable[str]) -> Iterator[str]:
    """The answers, each a line."""
    gathered = Gathered(0.0)
    events = list[Event]()
    for line in lines:
        if line.startswith('{"event"'):
            events.append(from_line(line))
            continue
        gathered.add(events)
        events.clear()
        ((what, at_ms),) = json.loads(line).items()
        match Tell(what):
            case Tell.BEGIN:
                gathered = Gathered(at_ms)
            case Tell.FLOOD | Tell.NO_FLOOD:
                gathered.look(at_ms, is_flood=what == Tell.FLOOD)
            case Tell.STATE | Tell.LAST:
                state = gathered.state(at_ms, is_last=what == Tell.LAST)
                yield json.dumps(state) + "\n"


def main() -> None:
    """Ends with its input."""
    os.nice(NICENESS)
    with suppress(KeyboardInterrupt, BrokenPipeError):
        for answer in digest(sys.stdin):
            sys.stdout.write(answer)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
