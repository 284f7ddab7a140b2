"""The API's event loop: uvloop's, but that it lets a crowd in.

`uvicorn --loop shop.api.loop:ShopLoop`. libuv accepts one connection in each pass over the loop
(since 1.45). A busy loop makes a hundred passes a second: of 2 000 clients that come at once, the
last would wait 20 s for its first answer.
"""

import os
import socket
from typing import Any

import uvloop

#: Connections that are accepted in one pass of the loop, from each socket.
ACCEPTS = 16


class Servers:
    """A server and others on copies of its sockets, with as much of one as uvicorn uses."""

    def __init__(self, servers: list[Any]) -> None:
        self._servers = servers
        self.sockets = servers[0].sockets

    def close(self) -> None:
        for server in self._servers:
            server.close()

    async def wait_closed(self) -> None:
        for server in self._servers:
            await server.wait_closed()


class ShopLoop(uvloop.Loop):
    """Listens on several copies of a socket, each of which accepts one connection in a pass."""

    async def create_server(self, protocol_factory: Any, *args: Any, **options: Any) -> Any:
        first: Any = await super().create_server(protocol_factory, *args, **options)
        servers: list[Any] = [first]
        also = {name: options[name] for name in ("ssl", "backlog") if name in options}
        for listening in first.sockets:
            for _ in range(ACCEPTS - 1):
                copy = socket.socket(fileno=os.dup(listening.fileno()))
                servers.append(await super().create_server(protocol_factory, sock=copy, **also))
        return Servers(servers)
