"""Responses as the benchmarks' clients read them: a parser would cost what is to be measured."""

import asyncio
from typing import cast

_LENGTH = b"content-length:"


class ResponseReader(asyncio.Protocol):
    """One request at a time; a response is skipped by its Content-Length."""

    transport: asyncio.Transport | None = None

    def __init__(self) -> None:
        #: Of the body that is being read; None while its head is.
        self._left: int | None = None
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's own transports do not inherit from asyncio's.
        self.transport = cast(asyncio.Transport, transport)
        self._head, self._left = b"", None

    def data_received(self, data: bytes) -> None:
        if self._left is None:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            data = self._head[end + 4 :]
            self._head = self._head[:end].lower()
            length = header(self._head, _LENGTH)
            if length is None:
                self.without_length(self._head)
            self._left = int(length or b"0")
        self._left -= len(data)
        if self._left <= 0:
            head, self._head, self._left = self._head, b"", None
            self.response_received(head)

    def response_received(self, head: bytes) -> None:
        """The whole response is there; `head` is its status line and headers in lower case."""
        raise NotImplementedError

    def without_length(self, head: bytes) -> None:
        """A response that does not say how long it is; by default its body is taken for empty."""


def status(head: bytes) -> bytes:
    """The three digits."""
    return head[9:12]


def header(head: bytes, name: bytes) -> bytes | None:
    """Of the header `name`, in lower case and with its colon."""
    start = head.find(name)
    return None if start < 0 else head[start + len(name) :].partition(b"\r")[0].strip()
