"""Redis' protocol, RESP2 and RESP3, as far as a proxy has to read it: where a frame ends."""

from collections.abc import Sequence

_CRLF = b"\r\n"
_LINES = b"+-:_,#("
_BULKS = b"$=!"
_AGGREGATES = b"*~>"
_MAPS = b"%|"

#: The first byte of what a server says without being asked.
PUSH = ord(">")


class NotResp(Exception):
    """The bytes are no RESP."""


def frame_end(buffer: bytes | bytearray, at: int = 0) -> int | None:
    """Where the reply that begins at `at` ends; None while it is not complete."""
    line_end = buffer.find(_CRLF, at)
    if line_end < 0:
        return None
    after, kind = line_end + 2, buffer[at]
    if kind in _LINES:
        return after
    length = _number(buffer, at + 1, line_end)
    if kind in _BULKS:
        if length < 0:
            return after
        end = after + length + 2
        return end if end <= len(buffer) else None
    if kind in _AGGREGATES or kind in _MAPS:
        # An attribute (`|`) stands before the reply that it is about.
        values = max(length, 0) * (2 if kind in _MAPS else 1) + (kind == ord("|"))
        for _ in range(values):
            end_of_value = frame_end(buffer, after)
            if end_of_value is None:
                return None
            after = end_of_value
        return after
    raise NotResp(bytes(buffer[at : at + 40]))


def read_request(buffer: bytes | bytearray, at: int = 0) -> tuple[Sequence[bytes], int] | None:
    """The words of the command that begins at `at`, and where it ends; None: not complete."""
    line_end = buffer.find(_CRLF, at)
    if line_end < 0:
        return None
    after = line_end + 2
    if buffer[at : at + 1] != b"*":
        # What people type into `nc`.
        return bytes(buffer[at:line_end]).split(), after
    words = []
    for _ in range(_number(buffer, at + 1, line_end)):
        line_end = buffer.find(_CRLF, after)
        if line_end < 0:
            return None
        if buffer[after : after + 1] != b"$":
            raise NotResp(bytes(buffer[after : after + 40]))
        begin = line_end + 2
        end = begin + _number(buffer, after + 1, line_end)
        if end + 2 > len(buffer):
            return None
        words.append(bytes(buffer[begin:end]))
        after = end + 2
    return words, after


def written(*words: str) -> bytes:
    """A command as a client sends it."""
    parts = [f"${len(word)}\r\n{word}\r\n" for word in words]
    return f"*{len(words)}\r\n{''.join(parts)}".encode()


def error(text: str) -> bytes:
    """A refusal as a server sends it."""
    return f"-{text}\r\n".encode()


def _number(buffer: bytes | bytearray, begin: int, end: int) -> int:
    try:
        return int(buffer[begin:end])
    except ValueError:
        raise NotResp(bytes(buffer[begin:end][:40])) from None
