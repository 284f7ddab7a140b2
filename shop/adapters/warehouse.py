"""The demonstration's warehouse: it takes its time, and that is all."""

import time

from shop.domain.order import Order


class SimulatedWarehouse:
    """Waits `delay_s` for each order."""

    def __init__(self, *, delay_s: float) -> None:
        self._delay_s = delay_s

    @property
    def max_preparation_s(self) -> float:
        return self._delay_s

    def prepare(self, order: Order) -> None:  # noqa: ARG002  (the port's signature)
        if self._delay_s:
            time.sleep(self._delay_s)
