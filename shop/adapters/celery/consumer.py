"""Celery's consumer, which keeps what it cannot process, and without a step of no use here."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from celery import signals
from celery.exceptions import NotRegistered
from celery.utils.objects import Bunch
from celery.worker import consumer
from celery.worker.state import maybe_shutdown
from kombu.utils.json import dumps
from redis.exceptions import RedisError

from shop.adapters.celery.connection import BackOff
from shop.adapters.celery.unreadable import PROBLEM_HEADER, UNREADABLE, Envelope
from shop.adapters.celery.validation import escape_what_is_shown, task_problem
from shop.domain.errors import StoreUnavailable
from shop.domain.messages import DeadMessage
from shop.domain.work import Queue

logger = logging.getLogger(__name__)

#: Where queues are quorum queues, it declares 28 more for delayed tasks. The shop sends none, and
#: through exchanges of the type `direct` they would not come.
_DELAYED_DELIVERY = "celery.worker.consumer.delayed_delivery:DelayedDelivery"

#: How long after a refusal the store is asked again to keep what waits for that.
KEEP_AGAIN_AFTER_S = 5.0
#: So many messages wait for that beside those that are worked on; more would take their places.
MAX_HELD = 1_000

Keeping = tuple[Any, DeadMessage, Callable[[], None]]


class Consumer(consumer.Consumer):
    """Named by the setting `worker_consumer`.

    What is no task of the shop is kept among the dead messages, and then acknowledged. As long as
    the store refuses that, it stays unacknowledged, and the prefetch limit is raised by one for it,
    as Celery does for a task with an ETA.
    """

    class Blueprint(consumer.Consumer.Blueprint):
        """The steps of its start, each with the ones it requires."""

        default_steps = tuple(
            step for step in consumer.Consumer.Blueprint.default_steps if step != _DELAYED_DELIVERY
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._back_off = BackOff()
        #: What the store has refused to keep so far.
        self._held: list[Keeping] = []
        super().__init__(*args, **kwargs)
        self._own_queues = frozenset(self.app.amqp.queues.consume_from)

    def connect(self) -> Any:
        self._back_off.wait(maybe_shutdown)
        connection = super().connect()
        self._back_off.made()
        return connection

    def add_task_queue(self, queue: str, *args: Any, **kwargs: Any) -> None:
        """What ends a pause of one worker is heard by all, and no worker is to have both queues."""
        if queue in set(Queue) - self._own_queues:
            logger.info("%s is for the workers that were started for it", queue)
            return
        super().add_task_queue(queue, *args, **kwargs)

    def reset_rate_limits(self) -> None:
        """Also for what waits already: Celery 5.7 leaves that to the limit before, for minutes."""
        waiting = []
        for bucket in self.task_buckets.values():
            while bucket is not None and bucket.contents:
                waiting.append(bucket.pop())
        super().reset_rate_limits()
        for request, tokens in waiting:
            bucket = self.task_buckets[request.task.name]
            if bucket is None:
                self._limit_move_to_pool(request)
            else:
                self._limit_task(request, bucket, tokens)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        """Celery's own, for what it can handle."""
        handle = super().create_task_handler(*args, **kwargs)

        def handle_or_keep(message: Any) -> None:
            # Only what the message itself says decides: an error of the handler may be anybody's.
            if message.content_type == UNREADABLE:
                self._keep(message, str(message.headers.get(PROBLEM_HEADER)))
            elif (problem := task_problem(message, self.app.timezone)) is not None:
                self._keep(message, problem)
            else:
                escape_what_is_shown(message.headers)
                handle(message)

        return handle_or_keep

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        self._keep(message, f"its body cannot be read ({type(exc).__name__})")

    def on_unknown_message(self, _body: Any, message: Any) -> None:
        self._keep(message, "it is shaped like no task")

    def on_invalid_task(self, _body: Any, message: Any, exc: Exception) -> None:
        # Without the error's own words, which may quote the message.
        self._keep(message, f"it is shaped like no task ({type(exc).__name__})")

    def on_unknown_task(self, _body: Any, message: Any, exc: Exception) -> None:
        """Another project's, whose sender hears of it as from any worker of Celery."""
        fields = message.headers if "task" in message.headers else message.payload
        name, task_id = fields["task"], fields["id"]

        def tell_sender() -> None:
            request = Bunch(
                name=name,
                chord=None,
                root_id=fields.get("root_id"),
                correlation_id=message.properties.get("correlation_id"),
                reply_to=message.properties.get("reply_to"),
                errbacks=None,
            )
            try:
                self.app.backend.mark_as_failure(task_id, NotRegistered(name), request=request)
            except Exception as error:
                # The message is kept, and acknowledged: no reason for a worker to end, or to
                # connect anew.
                logger.warning("the sender of %s does not hear of it: %s", task_id, error)
            if self.event_dispatcher:
                self.event_dispatcher.send(
                    "task-failed", uuid=task_id, exception=f"NotRegistered({name!r})"
                )
            signals.task_unknown.send(sender=self, message=message, exc=exc, name=name, id=task_id)

        self._keep(message, "its task is none of the shop's", task=name, then=tell_sender)

    def on_close(self) -> None:
        """The connection is lost: what is in hand comes again by itself."""
        self._held.clear()
        super().on_close()

    def _keep(
        self,
        message: Any,
        why: str,
        *,
        task: str | None = None,
        then: Callable[[], None] | None = None,
    ) -> None:
        rejected = partial(signals.task_rejected.send, sender=self, message=message, exc=None)
        keeping = message, DeadMessage(_queue(message), why, _raw(message), task), then or rejected
        # Asked once for all of them, for an answer may take its time.
        if not self._held and self._is_kept(keeping):
            return
        self._held.append(keeping)
        if len(self._held) <= MAX_HELD:
            self.qos.increment_eventually()
        if len(self._held) == 1:
            self._keep_held_later()

    def _is_kept(self, keeping: Keeping) -> bool:
        message, dead, then = keeping
        try:
            self.app.services().dead_messages.keep(dead)
        except (StoreUnavailable, RedisError) as error:
            if not self._held:
                logger.warning("a message that is no task waits to be kept: %s", error)
            return False
        task = "" if dead.task is None else f" {dead.task!r}"
        logger.error("a message of queue %s is put aside: %s%s", dead.queue, dead.why, task)
        message.reject_log_error(logger, self.connection_errors)
        then()
        return True

    def _keep_held_later(self) -> None:
        self.timer.call_after(KEEP_AGAIN_AFTER_S, self._keep_held, ())

    def _keep_held(self) -> None:
        while self._held and self._is_kept(self._held[0]):
            if len(self._held) <= MAX_HELD:
                self.qos.decrement_eventually()
            del self._held[0]
        if self._held:
            self._keep_held_later()


def _queue(message: Any) -> str:
    return str(message.delivery_info.get("routing_key") or "")


def _raw(message: Any) -> bytes:
    """The message as it was in its queue; where the broker takes it apart, put together again."""
    envelope = getattr(message, "_raw", None)
    if isinstance(envelope, Envelope):
        return envelope.raw
    body = message.body or b""
    if not isinstance(body, str):
        body = bytes(body).decode(errors="backslashreplace")
    parts = {
        "body": body,
        "content-type": message.content_type,
        "content-encoding": message.content_encoding,
        "headers": message.headers,
        "properties": message.properties,
    }
    try:
        return str(dumps(parts)).encode()
    except (TypeError, ValueError, RecursionError):
        # Half a character is a text in JSON, and none in UTF-8.
        return body.encode(errors="backslashreplace")
