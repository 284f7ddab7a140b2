"""The `shop` command as typer has it, for lines of the documents that call it."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from shop import cli

#: What a person puts in the place of these words.
PLACEHOLDERS = {"SKU": "SKU-1", "QTY": "5", "ID": "1001"}


def names() -> set[str]:
    """Every command in full, such as `shop stock list`."""
    return {" ".join(("shop", *path)) for path, _ in _commands(get_command(cli.app), ())}


def parse(words: list[str]) -> None:
    """Take `words` behind `shop` as the command line does, and run nothing.

    Raises a usage error of typer's for a wrong command, argument or option.
    """
    command: Any = get_command(cli.app)
    rest = [PLACEHOLDERS.get(word, word) for word in words]
    while hasattr(command, "commands"):
        assert rest, f"`{command.name}` needs a command"
        assert rest[0] in command.commands, f"there is no command {rest[0]!r}"
        command = command.commands[rest.pop(0)]
    command.make_context(command.name, rest)


def options(name: str) -> set[str]:
    """Every spelling of every option of one command."""
    command: Any = get_command(cli.app)
    for word in name.split()[1:]:
        command = command.commands[word]
    return {
        spelling
        for parameter in command.params
        for spelling in (*parameter.opts, *parameter.secondary_opts)
        if spelling.startswith("--")
    }


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, child in command.commands.items():
        yield from _commands(child, (*path, name))
