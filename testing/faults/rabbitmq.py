"""RabbitMQ dies, and comes back with what it has confirmed."""

from collections.abc import Mapping
from typing import Any

from shop.adapters.celery.errors import BROKER_ERRORS
from testing.faults.fault import Fault, FaultDidNotTakeHold
from testing.history import Recorder
from testing.stack import RABBITMQ, Stack
from testing.stacks.base import wait_until_broker_answers
from testing.stacks.rabbitmq import STARTS_WITHIN_S


class BrokerKilled(Fault):
    """SIGKILL, and a start on the same data."""

    name = "broker-killed"

    def __init__(self, stack: Stack, history: Recorder | None = None) -> None:
        super().__init__(history)
        self._stack = stack

    def inject(self) -> None:
        self._stack.service(RABBITMQ).kill()

    def confirm(self) -> Mapping[str, Any]:
        if self._stack.service(RABBITMQ).is_running:
            raise FaultDidNotTakeHold("RabbitMQ was killed, and runs")
        try:
            self._stack.broker.waiting("default")
        except BROKER_ERRORS as error:
            return {"seen": str(error)}
        raise FaultDidNotTakeHold("RabbitMQ was killed, and answers")

    def heal(self) -> None:
        rabbitmq = self._stack.service(RABBITMQ)
        if not rabbitmq.is_running:
            rabbitmq.start()
        wait_until_broker_answers(self._stack, STARTS_WITHIN_S)
