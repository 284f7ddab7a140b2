"""Round trips as people name them: which connection, which command or script, which kind of key."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from importlib.resources import files

from kombu.transport.redis import REFRESH_BINDING, SWEEP_BINDINGS
from redis.lock import Lock

from shop.adapters.redis.scripts import Script

#: A connection that has not said its name yet.
NAMELESS = "-"
_SCRIPTS = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL"})
#: Whose first word says what they do, and who take no key.
_WITH_SUBCOMMAND = frozenset({"CLIENT", "SCRIPT", "CONFIG", "PUBSUB", "COMMAND", "ACL", "FUNCTION"})
_WITHOUT_KEY = frozenset(
    {"PING", "TIME", "SELECT", "HELLO", "AUTH", "INFO", "SCAN", "MULTI", "EXEC", "DISCARD"}
    | {"UNWATCH", "WAIT", "ROLE", "QUIT", "RESET", "DBSIZE", "KEYS", "FLUSHDB", "FLUSHALL"}
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_OF_ONE = re.compile(r"^(order|invoice|notification|task|stock|price):(?!\{)[^:]+")
_NODE = re.compile(r"[^/.:@\s]+@[^/:\s]+?(?=\.celery\.pidbox|$)")


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """A place of a process in which it depends on its server: a row of the matrix."""

    connection: str
    command: str

    @property
    def words(self) -> Sequence[bytes]:
        """The command's, as far as they are its name."""
        return self.command.encode().split(b" ")

    def __str__(self) -> str:
        return f"{self.connection} {self.command}"


@dataclass(frozen=True, slots=True)
class Trip:
    """One command on its way."""

    point: Point
    #: Counted over all connections, from 1.
    number: int
    #: How often there was this point, this time included.
    occurrence: int
    #: The connection's own number; later ones have higher numbers.
    link: int


Selector = Callable[[Trip], bool]


def command_of(words: Sequence[bytes]) -> str:
    """`HGETALL task:{id}`, `EVALSHA settle_order`, `CLIENT SETNAME`, `PING`."""
    if not words:
        return "(nothing)"
    name = words[0].decode(errors="replace").upper()
    if len(words) == 1 or name in _WITHOUT_KEY:
        return name
    first = words[1]
    if name in _SCRIPTS:
        digest = sha1_of(first) if name.startswith("EVAL") and "SHA" not in name else first.decode()
        return f"{name} {script_names().get(digest, 'unknown:' + digest[:8])}"
    if name in _WITH_SUBCOMMAND:
        return f"{name} {first.decode(errors='replace').upper()}"
    return f"{name} {key_template(first.decode(errors='replace'))}"


def key_template(key: str) -> str:
    """`order:o-1:status` as `order:{id}:status`."""
    key = key.replace("\x06\x16", "+")
    key = _DATE.sub("{date}", _UUID.sub("{id}", key))
    key = _OF_ONE.sub(r"\1:{id}", key)
    return _NODE.sub("{node}", key)


@cache
def sha1_of(text: bytes) -> str:
    return sha1(text, usedforsecurity=False).hexdigest()


@cache
def script_names() -> dict[str, str]:
    """What the scripts are called that the shop and its libraries run, by SHA-1."""
    folder = files("shop.adapters.redis") / "lua"
    names = [
        entry.name.removesuffix(".lua") for entry in folder.iterdir() if entry.name.endswith(".lua")
    ]
    ours = {Script.named(name).sha1: name for name in names if not name.startswith("_")}
    theirs = {
        "lock_release": Lock.LUA_RELEASE_SCRIPT,
        "lock_extend": Lock.LUA_EXTEND_SCRIPT,
        "lock_reacquire": Lock.LUA_REACQUIRE_SCRIPT,
        "kombu_refresh_binding": REFRESH_BINDING,
        "kombu_sweep_bindings": SWEEP_BINDINGS,
    }
    return {**{sha1_of(text.encode()): name for name, text in theirs.items()}, **ours}
