"""A stack whose settings are not the defaults: real mail, the lab's control, a key, a limit."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Lock
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from testing.stack import BEAT, FLOWER, WORKER_DEFAULT, WORKER_PRIORITY
from testing.stacks.local import LocalStack
from testing.stacks.ports import HOST, stable_port
from testing.waiting import wait_for
from tests.integration.customer import ANN, Customer, Goods, new_id, plain_http

API_KEY = "a-key-of-this-test"
BACKLOG_LIMIT = 3
ORDER_DELAY_MS = 150
PREFETCH = 3


class Mailbox:
    """A real SMTP server that keeps what it is sent; it refuses the first of each address."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: set[str] = set()
        self._messages: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802 (the server's own name for it)
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        with self._lock:
            if address.startswith("busy") and address not in self._known:
                self._known.add(address)
                return "451 4.3.2 Please try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        with self._lock:
            self._messages.append(envelope)
        return "250 OK"

    def sent_to(self, address: str) -> list[EmailMessage]:
        with self._lock:
            return [
                message_from_bytes(envelope.original_content, policy=policy.default)
                for envelope in self._messages
                if envelope.rcpt_tos == [address]
            ]


@pytest.fixture(scope="module")
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """The mailbox, and the URL under which it is reached."""
    mailbox, port = Mailbox(), stable_port()
    controller = Controller(mailbox, hostname=HOST, port=port)
    controller.start()
    try:
        yield mailbox, f"smtp://{HOST}:{port}"
    finally:
        controller.stop()


@pytest.fixture(scope="module")
def other_stack(mailbox: tuple[Mailbox, str]) -> Iterator[LocalStack]:
    environment = {
        "API_KEY": API_KEY,
        "NOTIFICATION_QUEUE": "default",
        "ORDER_BACKLOG_LIMIT": str(BACKLOG_LIMIT),
        "ORDER_DELAY_MS": str(ORDER_DELAY_MS),
        "DEFAULT_PREFETCH": str(PREFETCH),
        "SMTP_URL": mailbox[1],
        "SMTP_FROM": "orders@shop.example",
    }
    with LocalStack(environment, without={BEAT, FLOWER}) as stack:
        yield stack


@pytest.fixture
def stack(other_stack: LocalStack) -> LocalStack:
    return other_stack


@pytest.fixture
def customer(stack: LocalStack) -> Iterator[Customer]:
    with Customer(stack, **{"X-API-Key": API_KEY}) as customer:
        yield customer


def test_a_notification_is_a_real_mail(customer: Customer, mailbox: tuple[Mailbox, str]) -> None:
    address = f"{new_id('ann')}@example.com"
    task_id = customer.notify("Ваша посылка здесь.", address)
    assert customer.ended(task_id)["result"] == {"status": "delivered"}
    (mail,) = mailbox[0].sent_to(address)
    assert mail["From"] == "orders@shop.example"
    assert mail["To"] == address
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "Ваша посылка здесь."
    assert mail["Message-ID"] == f"<{task_id}@shop.example>"


def test_a_mail_that_the_server_refuses_for_now_goes_out_later(
    customer: Customer, mailbox: tuple[Mailbox, str], stack: LocalStack
) -> None:
    address = f"{new_id('busy')}@example.com"
    task_id = customer.notify("Try again.", address)
    assert customer.ended(task_id)["result"] == {"status": "delivered"}
    assert len(mailbox[0].sent_to(address)) == 1
    assert stack.redis().hget(f"notification:{task_id}", "attempts") == "2"


def test_notifications_may_be_put_behind_the_orders(customer: Customer, stack: LocalStack) -> None:
    task_id = customer.notify("Behind the orders.")
    customer.ended(task_id)
    # The end is in the store before the line is in the log.
    wait_for("its line", lambda: task_id in stack.service(WORKER_DEFAULT).logs(), within_s=5)
    assert task_id not in stack.service(WORKER_PRIORITY).logs()


def test_an_order_takes_as_long_as_it_is_told_to(customer: Customer, goods: Goods) -> None:
    order = customer.order(goods.sku, new_id("order"), qty=1).json()
    timings = customer.ended(order["task_id"])["timings"]
    assert timings["run_ms"] >= ORDER_DELAY_MS
    # Sent again by the sweep, it would have been delivered twice.
    assert timings["deliveries"] == 1


def test_the_default_worker_takes_ahead_as_much_as_it_is_told_to(stack: LocalStack) -> None:
    with stack.celery() as client:
        told = client.control.inspect(timeout=2.0).stats()
    (default,) = [stats for name, stats in told.items() if name.startswith("default@")]
    assert default["prefetch_count"] == PREFETCH * len(default["pool"]["processes"])


def test_without_the_key_nothing_is_written_and_nothing_shown(
    customer: Customer, goods: Goods, stack: LocalStack
) -> None:
    order_id = customer.place(goods.sku)
    customer.invoiced(order_id)
    order: dict[str, Any] = {"id": new_id("order"), "item": goods.sku, "qty": 1, "email": ANN}
    with plain_http(stack.base_url) as stranger:
        refused = [
            stranger.post("/order", json=order),
            stranger.post("/order", json=order, headers={"X-API-Key": "guessed"}),
            *(stranger.get(f"/{what}/{order_id}") for what in ("order", "invoice")),
        ]
        assert [answer.status_code for answer in refused] == [401] * len(refused)
        assert {answer.json()["type"] for answer in refused} == {"/problems/api-key-required"}
        assert stranger.get("/health/ready").status_code == 200
    assert customer.http.get(f"/order/{order['id']}").status_code == 404


def test_more_orders_than_the_backlog_may_hold_are_put_off(
    customer: Customer, goods: Goods, stack: LocalStack
) -> None:
    customer.until("nothing is open", lambda: stack.redis().zcard("orders:open") == 0)
    worker, late = stack.service(WORKER_DEFAULT), new_id("order")
    worker.pause()
    try:
        order_ids = [customer.place(goods.sku, qty=1) for _ in range(BACKLOG_LIMIT)]
        answer = customer.order(goods.sku, late, qty=1)
        assert answer.status_code == 503
        assert answer.json()["type"] == "/problems/backlog-full"
        assert int(answer.headers["Retry-After"]) > 0
        assert customer.http.get(f"/order/{late}").status_code == 404
        # What was accepted before may still be sent again.
        assert customer.order(goods.sku, order_ids[0], qty=1).status_code == 200
    finally:
        worker.resume()
    for order_id in order_ids:
        customer.invoiced(order_id)
    customer.place(goods.sku, qty=1, order_id=late)
    customer.invoiced(late)
    assert goods.left == 10 - BACKLOG_LIMIT - 1
