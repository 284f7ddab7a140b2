"""The shop's errors keep their data and their text on the way from a pool's process."""

import copy
import pickle
from collections.abc import Iterator

import pytest

from shop.domain import errors

EXAMPLES = [
    errors.InvalidAmount("free", "EUR"),
    errors.InvalidTask("process_order", "qty: too small"),
    errors.GivenUp("daily_stock_report", 5),
    errors.OrderConflict("1001"),
    errors.UnknownOrder("1001"),
    errors.UnreadableOrder("1001", "it has no qty"),
    errors.OrderNotProcessed("1001", "pending"),
    errors.OrderNotRetriable("1001", "processed"),
    errors.BacklogFull(7, 7),
    errors.StoreUnavailable("ConnectionError: refused"),
    errors.PublishFailed("OperationalError: refused"),
    errors.ForeignBroker("database 0 belongs to another shop"),
    errors.DeliveryFailed("SMTPServerDisconnected"),
    errors.DeliveryRefused("550 5.1.1 No such user", code=550),
    errors.DeliveryDeferred("no connection was free in time"),
    errors.SenderRefused("421 4.7.0 Try again later", code=421),
]


def _below(kind: type[errors.ShopError]) -> Iterator[type[errors.ShopError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
        yield from _below(child)


def test_every_error_has_an_example_here() -> None:
    assert {type(error) for error in EXAMPLES} == set(_below(errors.ShopError))


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_errors_survive_being_pickled(error: errors.ShopError) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(error, protocol))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_errors_can_be_copied(error: errors.ShopError) -> None:
    assert str(copy.copy(error)) == str(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_the_text_holds_the_data(error: errors.ShopError) -> None:
    for value in vars(error).values():
        assert str(value) in str(error)
