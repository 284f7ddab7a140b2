"""The data store holds the keys of DESIGN section 5, and no others."""

import re
from typing import Any

import pytest

from testing.stack import STORE_DB, Stack
from tests.integration.customer import ANN, Customer, Goods

ID = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}"
DAY_S = 24 * 60 * 60

#: By pattern: the type, and whether the key expires (None: at some point in its life).
KEYS: dict[str, tuple[str, bool | None]] = {
    f"order:{ID}:status": ("string", False),
    f"order:{ID}": ("hash", False),
    "shop:id": ("string", False),
    "orders:open": ("zset", False),
    "orders:dead": ("zset", False),
    # Kept until it is delivered, and then as long as its task's result.
    r"notification:[0-9a-f-]{36}": ("hash", None),
    "notifications:open": ("zset", False),
    "notifications:dead": ("zset", False),
    f"stock:{ID}": ("string", False),
    f"price:{ID}": ("string", False),
    f"invoice:{ID}": ("string", False),
    r"report:stock:\d{4}-\d\d-\d\d": ("string", False),
    r"task:[0-9a-f-]{36}": ("hash", True),
    "watermark:(default|priority)": ("string", False),
    # Signs of life, which the probe looks at.
    "workers:(default|priority)": ("zset", False),
    # Only while an operator has paused or limited something.
    "restraints:(default|priority)": ("hash", True),
    "metrics:(orders|notifications|dead|sweeps|tasks|mail|priceless)": ("hash", False),
    # Only after the mail server wanted fewer mails, until one is delivered.
    "mail:pause": ("hash", False),
    "invoices:numbered": ("hash", False),
    "audit:(initial|restocked|sold)": ("hash", False),
    "audit:result": ("string", False),
}


@pytest.fixture
def used(customer: Customer, goods: Goods, stack: Stack) -> dict[str, Any]:
    """A shop in which one order was processed and another failed."""
    processed = customer.place(goods.sku)
    failed = customer.place(goods.sku, qty=99)
    customer.invoiced(processed)
    customer.decided(failed)
    customer.until("all is done", lambda: stack.redis().zcard("notifications:open") == 0)
    return {"processed": customer.seen(processed), "failed": customer.seen(failed)}


@pytest.mark.usefixtures("used")
def test_every_key_is_one_of_the_design(stack: Stack) -> None:
    store = stack.redis()
    unknown, wrong, seen = [], [], set()
    for key in store.scan_iter():
        matching = [pattern for pattern in KEYS if re.fullmatch(pattern, key)]
        if not matching:
            unknown.append(key)
            continue
        pattern = matching[0]
        seen.add(pattern)
        kind, expires = KEYS[pattern]
        # A key may be gone by now, such as an empty sorted set.
        found = store.type(key)
        if found not in (kind, "none"):
            wrong.append(f"{key} is a {found}")
        if found != "none" and expires is not None and expires != (store.ttl(key) > 0):
            wrong.append(f"{key} has a time to live of {store.ttl(key)} s")
    assert (unknown, wrong) == ([], [])
    # Those that stand there for a while whenever an order was processed.
    assert {
        pattern
        for pattern in KEYS
        if not re.match("orders|notifications|report|audit:result|restraints|mail", pattern)
    } <= seen


def test_an_order_has_the_fields_of_the_design(
    used: dict[str, Any], goods: Goods, stack: Stack
) -> None:
    store = stack.redis()
    order = used["processed"]
    order_id = order["order_id"]
    assert store.get(f"order:{order_id}:status") == "processed"
    record = store.hgetall(f"order:{order_id}")
    expected = {
        "item": goods.sku,
        "qty": "2",
        "email": ANN,
        "task_id": order["task_id"],
        "attempts": "1",
        "unit_price": "1990",
    }
    assert {name: record[name] for name in expected} == expected
    assert int(record["placed_at"]) <= int(record["processed_at"])
    assert "reason" not in record
    assert store.zscore("orders:open", order_id) is None
    assert stack.redis(decode_responses=False).get(f"invoice:{order_id}").startswith(b"%PDF-")


def test_an_order_that_failed_says_why_and_has_no_invoice(
    used: dict[str, Any], stack: Stack
) -> None:
    store = stack.redis()
    order_id = used["failed"]["order_id"]
    assert store.get(f"order:{order_id}:status") == "failed"
    assert store.hget(f"order:{order_id}", "reason") == "out_of_stock"
    assert store.zscore("orders:open", order_id) is None
    assert store.exists(f"invoice:{order_id}") == 0


def test_a_task_counts_as_issued_as_long_as_its_result_is_kept(
    used: dict[str, Any], stack: Stack
) -> None:
    task_id = used["processed"]["task_id"]
    mark_s = stack.redis(STORE_DB).ttl(f"task:{task_id}")
    result_s = stack.redis(1).ttl(f"celery-task-meta-{task_id}")
    assert DAY_S - 120 < mark_s <= DAY_S
    assert DAY_S - 120 < result_s <= DAY_S


@pytest.mark.usefixtures("used")
def test_orders_wait_in_no_other_queue(stack: Stack) -> None:
    assert stack.broker.has_queue("default")
    assert stack.broker.has_queue("priority")
    assert not stack.broker.has_queue("celery")
