"""Mail servers that are slow, sparing or final, and the whole shop before them."""

import threading
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from testing.stack import BEAT, FLOWER
from testing.stacks.local import LocalStack
from tests.integration.customer import Customer, Goods, new_id
from tests.unit.adapters.mail.scripted_server import Conversation, ScriptedServer, scripted

CONNECTIONS = 3
#: As a provider limits them, and shorter for the test's sake: so many mails in so many seconds.
MAILS, WINDOW_S = 10, 4.0
#: Longer than a lease, which is renewed meanwhile.
SLOW_S = 26.0


class Provider:
    """Answers of a provider that limits connections and rates, is slow to some and refuses some."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken_s: list[float] = []
        #: Mails that it asked to send later.
        self.put_off = 0
        #: When a slow mail arrived here, by recipient.
        self.slow: list[str] = []

    def recipient(self, _: Conversation, words: str) -> str:
        if "nobody" in words:
            return f"550 5.1.1 {words.removeprefix('TO:')}: no such user"
        if "many" not in words:
            return "250 ok"
        with self._lock:
            now_s = time.monotonic()
            self._taken_s = [at_s for at_s in self._taken_s if at_s > now_s - WINDOW_S]
            if len(self._taken_s) >= MAILS:
                self.put_off += 1
                return "450 4.7.1 Too many mails"
            self._taken_s.append(now_s)
        return "250 ok"

    def end(self, conversation: Conversation, _: str) -> str:
        recipient = next(line for line in reversed(conversation.commands) if "rcpt" in line)
        if "slow" in recipient:
            with self._lock:
                self.slow.append(recipient)
            time.sleep(SLOW_S)
        return "250 ok"


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider()


@pytest.fixture(scope="module")
def server(provider: Provider) -> Iterator[ScriptedServer]:
    with scripted({"RCPT": provider.recipient, ".": provider.end}) as server:
        yield server


@pytest.fixture(scope="module")
def stack(server: ScriptedServer) -> Iterator[LocalStack]:
    settings = {
        "SMTP_URL": f"smtp://127.0.0.1:{server.port}",
        "SMTP_CONNECTIONS": str(CONNECTIONS),
        "MAIL_INVOICES": "true",
    }
    with LocalStack(settings, without={BEAT, FLOWER}) as stack:
        yield stack


@pytest.fixture
def customer(stack: LocalStack) -> Iterator[Customer]:
    with Customer(stack) as customer:
        yield customer


def mails_to(server: ScriptedServer, address: str) -> list[EmailMessage]:
    mails: list[Any] = [message_from_bytes(mail, policy=policy.default) for mail in server.mails]
    return [mail for mail in mails if mail["To"] == address]


def test_an_orders_mail_names_it_and_carries_its_invoice(
    customer: Customer, goods: Goods, server: ScriptedServer
) -> None:
    order_id = new_id("order")
    address = f"{order_id}@example.com"
    answer = customer.http.post(
        "/order", json={"id": order_id, "item": goods.sku, "qty": 1, "email": address}
    )
    assert answer.status_code == 202
    customer.until("the mail is there", lambda: mails_to(server, address) or None, within_s=120)

    (mail,) = mails_to(server, address)
    (invoice,) = mail.iter_attachments()
    assert mail["Subject"] == f"Your order {order_id}"
    assert invoice.get_filename() == f"invoice-{order_id}.pdf"
    assert invoice.get_content() == customer.http.get(f"/invoice/{order_id}").content


def test_a_mail_to_nobody_is_given_up_at_once_with_code_and_text(
    customer: Customer, stack: LocalStack
) -> None:
    task_id = customer.notify("Hello?", "nobody@example.com")

    assert customer.ended(task_id)["result"]["status"] == "failed"
    record = stack.redis().hgetall(f"notification:{task_id}")
    assert (record["status"], record["attempts"]) == ("failed", "1")
    assert record["reason"] == "550 5.1.1 <n***@example.com>: no such user"
    replies = customer.http.get("/metrics").text
    assert 'shop_mail_replies_total{code="550"} 1.0' in replies


def test_a_slow_server_gets_a_mail_once(
    customer: Customer, server: ScriptedServer, provider: Provider
) -> None:
    task_id = customer.notify("Take your time.", "slow@example.com")

    customer.until(
        "it is delivered",
        lambda: customer.http.get(f"/status/{task_id}").json()["ready"],
        within_s=2 * SLOW_S,
    )

    assert customer.ended(task_id)["result"] == {"status": "delivered"}
    assert len(provider.slow) == 1
    assert len(mails_to(server, "slow@example.com")) == 1


def test_limits_of_connections_and_rates_cost_no_attempt(
    customer: Customer, stack: LocalStack, server: ScriptedServer, provider: Provider
) -> None:
    addresses = [f"many-{number}@example.com" for number in range(4 * MAILS)]
    task_ids = [customer.notify("Your parcel is here.", address) for address in addresses]

    customer.until(
        "all are delivered",
        lambda: all(
            stack.redis().hget(f"notification:{task_id}", "status") == "delivered"
            for task_id in task_ids
        ),
        within_s=120,
    )

    assert server.most_open <= CONNECTIONS
    assert {stack.redis().hget(f"notification:{task_id}", "attempts") for task_id in task_ids} == {
        "1"
    }
    assert all(len(mails_to(server, address)) == 1 for address in addresses)
    assert 0 < provider.put_off < 4 * MAILS
