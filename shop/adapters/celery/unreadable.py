"""Reading what stands in a queue's list, whatever that is.

kombu 5.7 makes a message of everything that it takes from a list, and falls over what is none: the
worker ends with the message in hand, which kills again when it is handed back. Here everything
comes to the worker's consumer as a message; what was none says so, and holds what it was.
"""

from base64 import b64encode
from typing import Any

from kombu.exceptions import InconsistencyError
from kombu.transport import redis
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import loads
from kombu.utils.uuid import uuid
from redis.exceptions import RedisError

from shop.adapters.celery.validation import (
    MAX_DEPTH,
    envelope_problem,
    is_too_deep,
    payload_problem,
)

#: The content type of a message that was none; its body is what stood in the queue.
UNREADABLE = "application/x-unreadable"
#: Header that says why.
PROBLEM_HEADER = "problem"


class Envelope(dict[str, Any]):
    """What kombu makes a message of, with the text that it was read from."""

    def __init__(self, content: dict[str, Any], raw: bytes) -> None:
        super().__init__(content)
        self.raw = raw


def read(raw: bytes, queue: str, tag: str) -> Envelope:
    """What stood in `queue`, as kombu wants it, with a tag of its own."""
    try:
        envelope = loads(raw)
    except MemoryError:
        raise
    except Exception as error:
        # Nothing but kombu's decoder has run.
        problem: str | None = f"it is no JSON ({type(error).__name__})"
    else:
        problem = envelope_problem(envelope)
        if problem is None and raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
            problem = "it is nested too deeply" if is_too_deep(envelope) else None
    if problem is not None:
        envelope = {
            "body": b64encode(raw).decode(),
            "content-type": UNREADABLE,
            "content-encoding": "binary",
            "headers": {PROBLEM_HEADER: problem},
            "properties": {
                "body_encoding": "base64",
                "delivery_info": {"exchange": "", "routing_key": queue},
            },
        }
    envelope["properties"]["delivery_tag"] = tag
    return Envelope(envelope, raw)


def can_restore(written: bytes) -> bool:
    """Whether kombu can put back what it wrote down as unacknowledged: message and address."""
    try:
        envelope, *address = loads(written)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return False
    return (
        len(address) == 2
        and all(isinstance(part, str) for part in address)
        and envelope_problem(envelope) is None
        and not is_too_deep(envelope)
    )


class ReadingChannel(redis.Channel):
    """Where kombu takes messages its own way: from several queues, or without acknowledgement."""

    _in_poll: Any

    def _brpop_read(self, **options: Any) -> bool:
        # kombu's own, but for how the message is read.
        try:
            try:
                popped = self.client.parse_response(self.client.connection, "BRPOP", **options)
            except self.connection_errors:
                self.client.connection.disconnect()
                raise
            if not popped:
                raise redis.Empty
            key, raw = popped
            queue = bytes_to_str(key).rsplit(self.sep, 1)[0]
            self._queue_cycle.rotate(queue)
            self.connection._deliver(read(raw, queue, uuid()), queue)  # noqa: SLF001 - as kombu does
            return True
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()  # type: ignore[no-untyped-call]

    # What is published to whoever listens is kept by nobody: what cannot be read is left out.

    def _handle_message(self, client: Any, response: Any) -> dict[str, Any]:
        heard: dict[str, Any] = super()._handle_message(client, response)  # type: ignore[no-untyped-call]
        data = heard["data"]
        # kombu is prepared for what is no JSON, and not for what its own reading of it raises. A
        # body is encoded, so that neither is looked for in long ones.
        if isinstance(data, bytes) and (
            b"__type__" in data or data.count(b"[") + data.count(b"{") > MAX_DEPTH
        ):
            try:
                loads(data)
            except (ValueError, TypeError, AttributeError, RecursionError):
                heard["data"] = None
        return heard

    def _deliver_fanout_message(self, message: Any, exchange: str) -> bool:
        if (problem := envelope_problem(message)) is None:
            heard = self.Message(message, channel=self)  # type: ignore[no-untyped-call]
            # As all do that listen.
            heard.accept = {"application/json"}
            problem = payload_problem(heard)
        if problem is not None:
            redis.warning("a message to everybody is left out: %s", problem)
            return False
        try:
            return bool(super()._deliver_fanout_message(message, exchange))  # type: ignore[no-untyped-call]
        except (MemoryError, OSError, RedisError, InconsistencyError):
            raise
        except Exception:
            # Celery itself says so of commands; an event would have it begin anew, or end.
            redis.warning("a message to everybody is left out", exc_info=True)
            return False
