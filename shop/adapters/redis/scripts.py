"""The Lua scripts beside this module, by name; their headers say what they take and reply."""

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Self


@dataclass(frozen=True, slots=True)
class Script:
    """A script as the server knows it; without a client, which redis-py's own would need."""

    text: str
    sha1: str

    @classmethod
    def named(cls, name: str) -> Self:
        return cls.of(source(name))

    @classmethod
    def of(cls, text: str) -> Self:
        return cls(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


#: A script that calls others, by this line of its header, as functions of their names.
_INCLUDES = re.compile(r"^-- includes (.+)$", re.MULTILINE)


@cache
def source(name: str) -> str:
    """The text of `lua/{name}.lua`, with the shared prelude and what it includes before it."""
    text = body(name)
    included = [other for names in _INCLUDES.findall(text) for other in names.split(", ")]
    functions = (f"local function {other}(KEYS, ARGV)\n{body(other)}\nend\n" for other in included)
    return "".join((body("_prelude"), *functions, text))


def body(name: str) -> str:
    """What stands in its file."""
    return (files(__package__) / "lua" / f"{name}.lua").read_text(encoding="utf-8")
