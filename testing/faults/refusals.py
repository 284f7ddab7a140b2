"""What can become of a round trip: every way in which a server, or the way to it, fails."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from testing.faults.trips import sha1_of


class Kind(StrEnum):
    """What a proxy does with a command."""

    CLOSE_BEFORE = "close before it is passed on"
    CLOSE_BEFORE_REPLY = "pass it on, close before the reply"
    HOLD = "hold the reply"
    REFUSE = "answer instead of the server"


def _any(_: Sequence[bytes]) -> bool:
    return True


def _is_script(words: Sequence[bytes]) -> bool:
    return words[0].upper() in (b"EVAL", b"EVALSHA")


def _is_script_by_hash(words: Sequence[bytes]) -> bool:
    return words[0].upper() == b"EVALSHA"


def _sha1(words: Sequence[bytes]) -> str:
    """The script's that is to be run, if one is."""
    if not _is_script(words):
        return ""
    return words[1].decode() if _is_script_by_hash(words) else sha1_of(words[1])


@dataclass(frozen=True, slots=True)
class TripFault:
    """One way in which a round trip fails: a column of the matrix."""

    name: str
    kind: Kind
    #: The server's own words; `{command}` and `{sha1}` are those of what it refuses.
    text: str = ""
    #: Whether a server may answer this command so.
    applies_to: Callable[[Sequence[bytes]], bool] = _any
    #: The server hangs up after it.
    closes: bool = False

    def reply_to(self, words: Sequence[bytes]) -> str:
        command = words[0].decode(errors="replace").lower()
        return self.text.replace("{command}", command).replace("{sha1}", _sha1(words))


def _refusal(name: str, text: str, **options: object) -> TripFault:
    return TripFault(name, Kind.REFUSE, text, **options)  # type: ignore[arg-type]  # as given


_ALL = (
    TripFault("close", Kind.CLOSE_BEFORE),
    TripFault("close-before-reply", Kind.CLOSE_BEFORE_REPLY),
    TripFault("hold", Kind.HOLD),
    _refusal("OOM", "OOM command not allowed when used memory > 'maxmemory'."),
    _refusal("READONLY", "READONLY You can't write against a read only replica."),
    _refusal("NOREPLICAS", "NOREPLICAS Not enough good replicas to write."),
    _refusal(
        "MISCONF",
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist "
        "to disk. Commands that may modify the data set are disabled, because this instance is "
        "configured to report errors during writes if RDB snapshotting fails "
        "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the "
        "RDB error.",
    ),
    _refusal(
        "BUSY",
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    ),
    _refusal("LOADING", "LOADING Redis is loading the dataset in memory"),
    _refusal("NOAUTH", "NOAUTH Authentication required."),
    _refusal("WRONGPASS", "WRONGPASS invalid username-password pair or user is disabled."),
    _refusal("NOPERM", "NOPERM User default has no permissions to run the '{command}' command"),
    _refusal("max-clients", "ERR max number of clients reached", closes=True),
    _refusal(
        "NOSCRIPT", "NOSCRIPT No matching script. Please use EVAL.", applies_to=_is_script_by_hash
    ),
    # Before version 7 a refusal inside a script comes in these words.
    _refusal(
        "script-OOM",
        "ERR Error running script (call to f_{sha1}): @user_script:12: @user_script: 12: -OOM "
        "command not allowed when used memory > 'maxmemory'.",
        applies_to=_is_script,
    ),
    _refusal("unknown-error", "ERR something new"),
    _refusal("unknown-code", "WHATEVER it was"),
)

#: By name, in the order of the table's columns.
TRIP_FAULTS: Mapping[str, TripFault] = {fault.name: fault for fault in _ALL}
