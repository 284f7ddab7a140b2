"""Events for Flower, sent together, and only while somebody listens."""

from typing import Any, ClassVar

from celery import bootsteps
from celery.worker import state

#: Flower shows what happened so much later; its page is refreshed more seldom.
FLUSH_EVERY_S = 0.5
#: Sent at once when there are so many; 24 by default, which a busy worker has in 20 ms.
BUFFERED = 500
#: The group of events that are always sent; none named is all of them.
SIGNS_OF_LIFE = "worker"
#: How long to wait for the next before the worker may be taken for dead: Celery's own number.
SIGN_OF_LIFE_EVERY_S = 5


class EventsInBatches(bootsteps.StartStopStep):
    """Lets events of tasks wait for each other, and leaves them out where nobody hears them.

    Celery 5.7 sends what it has at every turn of its loop: a publication for one or two events,
    which took two fifths of the worker's main process under load (`docs/decisions/0011`). Redis
    tells how many heard a publication. While nobody does, only the worker's signs of life go out,
    twice a second, so that whoever begins to listen misses no more than half a second.
    """

    requires: ClassVar[tuple[str, ...]] = ("celery.worker.consumer.events:Events",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._flushing: Any = None

    def start(self, consumer: Any) -> None:
        dispatcher = consumer.event_dispatcher
        if dispatcher is None:
            return
        dispatcher.on_send_buffered = None
        dispatcher.buffer_limit = BUFFERED
        self._flushing = consumer.timer.call_repeatedly(FLUSH_EVERY_S, _flush, (dispatcher,))

    def stop(self, _consumer: Any) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None


def _flush(dispatcher: Any) -> None:
    dispatcher.flush()
    if _heard_by(dispatcher) == 0:
        # As the worker's own, and when it is asked for one.
        dispatcher.send("worker-heartbeat", freq=SIGN_OF_LIFE_EVERY_S, **state.SOFTWARE_INFO)
    heard_by = _heard_by(dispatcher)
    if heard_by is not None:
        dispatcher.groups = set() if heard_by else {SIGNS_OF_LIFE}


def _heard_by(dispatcher: Any) -> int | None:
    """How many heard the last one; None if there was none, or if the broker does not tell."""
    producer = dispatcher.producer
    return None if producer is None else getattr(producer.channel, "heard_by", None)
