"""What can go wrong in the shop, as a small tree; each error carries its data as attributes."""

from typing import Any


class ShopError(Exception):
    """Base of every error that the shop raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The pool's processes send errors to the worker pickled, and an exception is rebuilt
        # from `args`, which is the message here, not what `__init__` takes.
        return _rebuild, (type(self), self.args, self.__dict__)


class InvalidAmount(ShopError):
    """A price was given that the currency cannot express; give it as digits, such as 19.90."""

    def __init__(self, text: str, currency: str) -> None:
        super().__init__(f"{text!r} is not an amount of {currency}")
        self.text = text
        self.currency = currency


class InvalidTask(ShopError):
    """A task's arguments break the shop's rules; sending it again cannot help."""

    def __init__(self, task: str, problems: str) -> None:
        super().__init__(f"{task}: {problems}")
        self.task = task
        self.problems = problems


class GivenUp(ShopError):
    """A task was begun too often without coming to an end, as one does that ends its worker."""

    def __init__(self, task: str, attempts: int) -> None:
        super().__init__(f"{task} is given up after {attempts} attempts that came to no end")
        self.task = task
        self.attempts = attempts


class OrderConflict(ShopError):
    """The order's id is taken by an order with other content; use a new id."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"order {order_id} exists with other content")
        self.order_id = order_id


class UnknownOrder(ShopError):
    """No order was ever placed under this id."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"there is no order {order_id}")
        self.order_id = order_id


class UnreadableOrder(ShopError):
    """Somebody damaged the order's record; put right what `problem` names, then retry the order."""

    def __init__(self, order_id: str, problem: str) -> None:
        super().__init__(f"the record of order {order_id} cannot be read: {problem}")
        self.order_id = order_id
        self.problem = problem


class OrderNotProcessed(ShopError):
    """An invoice was asked for an order that has not been processed, or has failed."""

    def __init__(self, order_id: str, status: str) -> None:
        super().__init__(f"order {order_id} is {status}: it has no invoice")
        self.order_id = order_id
        self.status = status


class OrderNotRetriable(ShopError):
    """The order is neither failed nor given up: it is still being worked on, or done."""

    def __init__(self, order_id: str, status: str) -> None:
        super().__init__(f"order {order_id} is {status}: there is nothing to retry")
        self.order_id = order_id
        self.status = status


class BacklogFull(ShopError):
    """As many orders are open as the shop accepts; send the same order again later."""

    def __init__(self, open_orders: int, limit: int) -> None:
        super().__init__(f"{open_orders} orders are open, {limit} is the limit")
        self.open_orders = open_orders
        self.limit = limit


class StoreUnavailable(ShopError):
    """The store did not confirm in time, so nothing is known; sending it again is safe."""


class PublishFailed(ShopError):
    """The broker did not confirm a publication; the record stands and the sweep will send it."""


class ForeignBroker(ShopError):
    """The broker's database belongs to another shop; give this one another broker."""


class DeliveryFailed(ShopError):
    """The mail server refused a mail or did not answer; worth another attempt later."""

    #: The server's reply, if there was one.
    code: int | None = None

    def __init__(self, reason: str, *, code: int | None = None) -> None:
        """`reason` is stored, logged and shown: it names neither a customer nor a secret."""
        super().__init__(reason)
        if code is not None:
            self.code = code


class DeliveryRefused(DeliveryFailed):
    """The mail server will never take this mail; no other attempt can help."""


class DeliveryDeferred(DeliveryFailed):
    """The mail was not tried, or what stopped it says nothing of it: the attempt does not count."""


class SenderRefused(DeliveryDeferred):
    """The mail server wants fewer mails from this sender for now, or none: all of them wait."""


def _rebuild(kind: type[ShopError], args: tuple[Any, ...], data: dict[str, Any]) -> ShopError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(data)
    return error
