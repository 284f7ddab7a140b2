"""What is sent to a shop before anything is measured, or to measure what it takes."""

from collections.abc import Iterator

import pytest

from loadtest.running import intake
from loadtest.running.intake import NoIntake, measure_intake
from loadtest.running.warmup import NeverWarm, warm_up
from tests.unit.loadtest.users.stub_shop import StubShop, running_stub

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def shop() -> Iterator[StubShop]:
    with running_stub() as stub:
        yield stub


@pytest.fixture
def _briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "AFTER_S", 0.1)
    monkeypatch.setattr(intake, "FOR_S", 0.5)
    monkeypatch.setattr(intake, "CONNECTIONS", 2)


def test_a_warm_up_waits_for_all_of_it(shop: StubShop) -> None:
    warm_up(shop.base_url, "run")

    assert len(shop.bodies("/order")) == len(shop.bodies("/test_notification")) == 20
    assert shop.open_tasks() == 0
    assert shop.api_keys == {None}


def test_a_key_is_sent_where_one_is_given(shop: StubShop) -> None:
    warm_up(shop.base_url, "run", "secret")

    assert shop.api_keys == {"secret"}


def test_a_shop_that_refuses_is_never_warm(shop: StubShop) -> None:
    shop.sheds_orders = True

    with pytest.raises(NeverWarm, match="the shop answered 503"):
        warm_up(shop.base_url, "run")


def test_a_shop_that_is_gone_is_never_warm() -> None:
    with pytest.raises(NeverWarm, match=f"the shop at {NOBODY} answers no more: "):
        warm_up(NOBODY, "run")


@pytest.mark.usefixtures("_briefly")
def test_the_intake_is_of_orders_that_no_other_measurement_placed(shop: StubShop) -> None:
    shop.accept_s = 0.01

    first = measure_intake(shop.base_url, "one", "secret")
    measure_intake(f"{shop.base_url}/", "other", "secret")

    placed = [body["id"] for body in shop.bodies("/order")]
    assert len(set(placed)) == len(placed)
    assert 0 < first.orders_per_s <= 200
    assert shop.api_keys == {"secret"}


@pytest.mark.usefixtures("_briefly")
def test_an_api_that_takes_nothing_has_no_intake(shop: StubShop) -> None:
    shop.sheds_orders = True

    with pytest.raises(NoIntake, match="the API took no order: 503"):
        measure_intake(shop.base_url, "one")
