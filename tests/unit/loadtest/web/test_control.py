"""What the page may ask of whoever raised the shop."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import httpx
import pytest

from loadtest.web.control import Fixed, running_control
from loadtest.web.facts import Facts
from loadtest.web.shops import ForeignShop
from testing.stack import StackFailed


@dataclass
class Shop:
    facts: Facts = field(default_factory=lambda: Facts("http://127.0.0.1:20001", order_ms=80.0))
    error: Exception | None = None

    def set_order_ms(self, order_ms: int) -> None:
        if self.error is not None:
            raise self.error
        self.facts = replace(self.facts, order_ms=float(order_ms))


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def http(shop: Shop) -> Iterator[httpx.Client]:
    with running_control(shop) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def test_it_tells_the_facts(http: httpx.Client, shop: Shop) -> None:
    assert Facts.of(http.get("/").json()) == shop.facts


def test_the_answer_comes_when_the_service_time_is_in_force(http: httpx.Client, shop: Shop) -> None:
    answer = http.post("/", json={"order_delay_ms": 200})

    assert (answer.status_code, answer.text) == (200, "an order takes 200 ms")
    assert shop.facts.order_ms == 200
    assert Facts.of(http.get("/").json()).order_ms == 200


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (Fixed("it is not ours"), 409, "it is not ours"),
        (StackFailed("it broke\nand these are its logs"), 500, "it broke"),
    ],
)
def test_why_not_is_one_line(
    http: httpx.Client, shop: Shop, error: Exception, status: int, said: str
) -> None:
    shop.error = error

    answer = http.post("/", json={"order_delay_ms": 200})

    assert (answer.status_code, answer.text) == (status, said)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"order_delay_ms": "80"}', b'{"order_delay_ms": -1}',
             b'{"order_delay_ms": true}', b'{"order_delay_ms": 60001}', b"x" * 5_000]
)  # fmt: skip
def test_what_it_does_not_understand_changes_nothing(
    http: httpx.Client, shop: Shop, body: bytes
) -> None:
    answer = http.post("/", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400
    assert "order_delay_ms" in answer.text
    assert shop.facts.order_ms == 80


def test_a_page_of_another_site_cannot_change_it(http: httpx.Client, shop: Shop) -> None:
    """What such a page can send without asking is no JSON."""
    answer = http.post(
        "/", content=b'{"order_delay_ms": 1}', headers={"Content-Type": "text/plain"}
    )

    assert answer.status_code == 400
    assert shop.facts.order_ms == 80


def test_a_foreign_shop_says_whose_it_is() -> None:
    foreign = ForeignShop("http://127.0.0.1:8000")
    with running_control(foreign) as url:
        answer = httpx.post(url, json={"order_delay_ms": 80}, trust_env=False)

    assert answer.status_code == 409
    assert answer.text == str(foreign.facts.why_fixed)
    assert "http://127.0.0.1:8000" in answer.text


def test_when_it_is_over_nobody_listens_and_no_thread_is_left(shop: Shop) -> None:
    before = threading.active_count()
    with running_control(shop) as url:
        httpx.get(url, trust_env=False)

    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)
    assert threading.active_count() == before
