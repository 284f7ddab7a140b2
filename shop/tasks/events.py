"""Events for Flower, sent together."""

from typing import Any, ClassVar

from celery import bootsteps

#: Flower shows what happened so much later; its page is refreshed more seldom.
FLUSH_EVERY_S = 0.5
#: Sent at once when there are so many; 24 by default, which a busy worker has in 20 ms.
BUFFERED = 500


class EventsInBatches(bootsteps.StartStopStep):
    """Lets events of tasks wait for each other.

    Celery 5.7 sends what it has at every turn of its loop: a publication for one or two events,
    which took two fifths of the worker's main process under load (`docs/decisions/0011`).
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
        self._flushing = consumer.timer.call_repeatedly(FLUSH_EVERY_S, dispatcher.flush)

    def stop(self, _consumer: Any) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
