"""The Lua scripts beside this module, by name; their headers say what they take and reply."""

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


@cache
def source(name: str) -> str:
    """The text of `lua/{name}.lua`, with the shared prelude before it."""
    folder = files(__package__) / "lua"
    prelude = (folder / "_prelude.lua").read_text(encoding="utf-8")
    return prelude + (folder / f"{name}.lua").read_text(encoding="utf-8")
