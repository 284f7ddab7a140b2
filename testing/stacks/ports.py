"""Ports that a service keeps while it is stopped and started again."""

import random
import socket

HOST = "127.0.0.1"
#: Below what Linux (32768) and macOS (49152) give to outgoing connections: while a service is
#: down, no client may be given its port.
FIRST_PORT, LAST_PORT = 20_000, 32_000
ATTEMPTS = 100


def stable_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that no connection is given by chance."""
    for _ in range(ATTEMPTS):
        port = random.randint(FIRST_PORT, LAST_PORT)
        with socket.socket() as probe:
            # As servers do: connections that linger from an earlier run do not matter.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port of {HOST} between {FIRST_PORT} and {LAST_PORT}")
