"""The Lua scripts beside this module, by name; their headers say what they take and reply."""

from functools import cache
from importlib.resources import files


@cache
def source(name: str) -> str:
    """The text of `lua/{name}.lua`, with the shared prelude before it."""
    folder = files(__package__) / "lua"
    prelude = (folder / "_prelude.lua").read_text(encoding="utf-8")
    return prelude + (folder / f"{name}.lua").read_text(encoding="utf-8")
