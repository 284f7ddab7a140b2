"""Compose's Redis with a password: the shop does all it does, and may do no more."""

from collections.abc import Iterator
from io import BytesIO

import pytest
from pypdf import PdfReader
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from testing.stacks.containers import ContainerStack
from testing.waiting import wait_for
from tests.integration.customer import Customer, Goods

pytestmark = pytest.mark.docker

#: A shell, a URL and Redis' own configuration read some of these in their own way.
PASSWORD = "correct horse/#@:%2f$HOME'\"`&?"
SERVICES = ("redis", "backend", "workers", "celery_beat", "flower")
HEALTHY_WITHIN_S = 60.0

#: What empties, copies, reconfigures, watches or stops a server, or runs code that stays in it.
DANGEROUS = [
    *("FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "KEYS *", "SHUTDOWN NOSAVE", "DEBUG SLEEP 0"),
    *("CONFIG GET *", "CONFIG SET maxmemory 1", "CONFIG REWRITE", "ACL LIST", "ACL SETUSER eve on"),
    *("MONITOR", "SAVE", "BGSAVE", "BGREWRITEAOF", "LASTSAVE", "SYNC", "REPLICAOF 127.0.0.1 1"),
    *("CLIENT LIST", "CLIENT KILL ID 1", "CLIENT PAUSE 1000", "SLOWLOG GET", "LATENCY RESET"),
    *("MODULE LIST", "MODULE LOAD /tmp/x.so", "FUNCTION FLUSH", "SCRIPT FLUSH", "SCRIPT KILL"),
    *("MIGRATE 127.0.0.1 1 key 0 1", "RESTORE key 0 x", "SORT key", "ROLE"),
]


@pytest.fixture(scope="module")
def shop() -> Iterator[ContainerStack]:
    with ContainerStack({"REDIS_PASSWORD": PASSWORD, "NOTIFICATION_DELAY_MS": "5"}) as stack:
        yield stack


@pytest.fixture
def redis(shop: ContainerStack) -> Redis:
    return shop.redis()


def test_an_order_goes_its_whole_way(shop: ContainerStack) -> None:
    with Customer(shop) as customer:
        goods = Goods(shop.redis(), level=10, price_minor=1_990)
        order_id = customer.place(goods.sku, qty=3)
        invoice = customer.invoiced(order_id)
        printed = "".join(page.extract_text() for page in PdfReader(BytesIO(invoice)).pages)
        number = shop.redis().hget(f"order:{order_id}", "invoice_number")
        assert number
        assert number in printed
        assert goods.left == 7
        customer.ended(customer.notify("hello"))
        metrics = customer.http.get("/metrics").text
        assert "shop_store_up 1.0" in metrics
        assert "shop_queue_oldest_message_age_seconds" in metrics
        audit = shop.celery().send_task("audit_stock", queue="default").get(timeout=20)
        assert audit["missing"] == 0


def test_the_command_sees_all_that_it_shows(shop: ContainerStack) -> None:
    workers = shop.container("workers")
    workers.run(["shop", "seed"])
    assert "SKU-1" in workers.run(["shop", "stock", "list"])
    assert "SKU-1" in workers.run(["shop", "report"])

    seen = workers.run(["shop", "doctor", "--json", "--api-url", "http://backend:8000"])

    assert "append-only file" in seen
    assert "noeviction" in seen
    assert "NOPERM" not in seen


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_healthy_and_was_refused_nothing(shop: ContainerStack, name: str) -> None:
    service = shop.container(name)

    wait_for(
        f"{name} is healthy",
        lambda: service.health == "healthy",
        within_s=HEALTHY_WITHIN_S,
        explain=shop.describe,
    )
    assert "NOPERM" not in service.logs()
    assert "no permissions" not in service.logs()


@pytest.mark.parametrize("command", DANGEROUS)
def test_what_is_dangerous_is_refused_with_the_right_password(redis: Redis, command: str) -> None:
    with pytest.raises((NoPermissionError, ResponseError)) as refused:
        redis.execute_command(*command.split())

    assert "no permissions" in str(refused.value).lower() or "not allowed" in str(refused.value)


def test_a_script_may_do_no_more_than_its_caller(redis: Redis) -> None:
    with pytest.raises(ResponseError, match="no permissions"):
        redis.eval("return redis.call('FLUSHALL')", 0)


@pytest.mark.parametrize("account", ["", ":wrong@", "default:@", "eve:wrong@"])
def test_nobody_else_gets_in(shop: ContainerStack, account: str) -> None:
    address = shop.redis_url(2).rpartition("@")[2]
    with (
        Redis.from_url(f"redis://{account}{address}") as stranger,
        pytest.raises(AuthenticationError),
    ):
        stranger.ping()


def test_the_password_is_in_no_command_line_and_no_file(shop: ContainerStack) -> None:
    redis = shop.container("redis")

    assert PASSWORD not in redis.run(["sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null; true"])
    configured = redis.run(["cat", "/tmp/redis.conf"])
    assert "user default on #" in configured
    assert PASSWORD not in configured
