"""Celery's consumer without a step that would be of no use here."""

from celery.worker import consumer

#: Where queues are quorum queues, it declares 28 more for delayed tasks. The shop sends none, and
#: through exchanges of the type `direct` they would not come.
_DELAYED_DELIVERY = "celery.worker.consumer.delayed_delivery:DelayedDelivery"


class Consumer(consumer.Consumer):
    """Named by the setting `worker_consumer`."""

    class Blueprint(consumer.Consumer.Blueprint):
        """The steps of its start, each with the ones it requires."""

        default_steps = tuple(
            step for step in consumer.Consumer.Blueprint.default_steps if step != _DELAYED_DELIVERY
        )
