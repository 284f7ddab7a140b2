"""Tasks sent by a client that knows nothing of the shop, with arguments of any shape JSON has.

Each is refused as an `InvalidTask` or has its one effect; no worker falls over it.
"""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from testing.stack import WORKER_DEFAULT, WORKER_PRIORITY
from testing.stacks.local import LocalStack
from testing.waiting import wait_for
from tests.builders import ANN
from tests.generated.strategies import ANY_TEXT, JSON
from tests.integration.customer import Goods

#: Sent together, so that the workers and not the waiting take the time.
BATCH = 10
DONE_WITHIN_S = 60.0
#: A batch is asked for once: what it did to the shop cannot be taken back for a smaller one.
ONE_LOOK = settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
#: The refusals of tasks that were well-formed: none of them has an effect.
REFUSALS = {"InvalidTask", "OrderConflict", "OrderNotProcessed"}

#: Right in each place, so that one wrong argument among right ones is tried as well.
_IDS = st.sampled_from([f"generated-{number}" for number in range(6)]) | st.integers(0, 9)
_ITEMS = st.sampled_from(["NO-SUCH", "generated-item"])
_ADDRESSES = st.just(ANN)
_RIGHT: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "process_order": (_IDS, _ITEMS, st.integers(1, 3), _ADDRESSES),
    "generate_invoice": (
        _IDS,
        st.fixed_dictionaries(
            {},
            optional={
                "item": _ITEMS | JSON,
                "qty": st.integers(1, 9) | JSON,
                "customer": ANY_TEXT | JSON,
                "date": st.just("2026-03-01") | JSON,
                "unit_price": st.integers(0, 999) | JSON,
            },
        ),
    ),
    "send_notification": (_ADDRESSES, ANY_TEXT),
}
_NAMES = {
    "process_order": ("order_id", "item", "qty", "email"),
    "generate_invoice": ("order_id", "data"),
    "send_notification": ("email", "message"),
}


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, list[Any], dict[str, Any]]:
    """A task's name and its arguments, in their places or by their names."""
    task = draw(st.sampled_from(sorted(_RIGHT)))
    arguments = [draw(JSON if draw(st.integers(0, 5)) == 0 else one) for one in _RIGHT[task]]
    match draw(st.integers(0, 5)):
        case 0:
            return task, draw(st.lists(JSON, max_size=5)), draw(st.dictionaries(ANY_TEXT, JSON))
        case 1:
            return task, [], dict(zip(_NAMES[task], arguments, strict=True))
        case _:
            return task, arguments, {}


@pytest.fixture(scope="module")
def goods(shop: LocalStack) -> Goods:
    return Goods(shop.redis(), level=10_000, sku="generated-item")


def outcome(shop: LocalStack, task_id: str) -> tuple[str, Any]:
    """How a task ended: its state, and its result or its error as it is stored."""
    found: list[Any] = []

    def ended() -> bool:
        fallen = [each.name for each in shop.services if not each.is_running]
        assert not fallen, shop.describe()
        found[:] = [shop.redis(1).get(f"celery-task-meta-{task_id}")]
        return found[0] is not None and json.loads(found[0])["status"] in ("SUCCESS", "FAILURE")

    wait_for(f"{task_id} ends", ended, within_s=DONE_WITHIN_S, explain=shop.describe)
    meta = json.loads(found[0])
    return meta["status"], meta["result"]


@ONE_LOOK
@given(batch=st.lists(calls(), min_size=BATCH, max_size=BATCH))
def test_each_is_refused_or_has_its_one_effect(
    shop: LocalStack, goods: Goods, batch: list[tuple[str, list[Any], dict[str, Any]]]
) -> None:
    client = shop.celery()
    store = shop.redis()
    with client.connection_or_acquire() as connection:
        sent = [
            client.send_task(
                task,
                arguments,
                named,
                queue="priority" if task == "send_notification" else "default",
                connection=connection,
            )
            for task, arguments, named in batch
        ]
    for (task, arguments, named), one in zip(batch, sent, strict=True):
        state, result = outcome(shop, one.id)
        what = (task, arguments, named, state, result)
        if state == "FAILURE":
            assert result["exc_type"] in REFUSALS, what
            continue
        match task:
            case "process_order":
                assert store.get(f"order:{result['order_id']}:status") == result["status"], what
            case "generate_invoice":
                pdf = shop.redis(decode_responses=False).get(f"invoice:{result['order_id']}")
                assert pdf is not None, what
                assert pdf.startswith(b"%PDF-"), what
            case _:
                assert store.hget(f"notification:{one.id}", "status") == "delivered", what
        assert store.hget(f"task:{one.id}", "deliveries") == "1", what
    client.close()
    # Whatever was asked for: what is gone is what the processed orders took, each once.
    sold = Counter[str]()
    for key in store.scan_iter("order:*:status", count=1_000):
        order = store.hgetall(key.removesuffix(":status"))
        if store.get(key) == "processed":
            sold[order["item"]] += int(order["qty"])
    assert goods.left == goods.level - sold[goods.sku]


#: What Celery reads of a message before its task is called.
_READ_FIRST = ("eta", "expires", "timelimit", "retries", "shadow", "root_id", "argsrepr")
_HEADERS = st.fixed_dictionaries(
    {"task": st.sampled_from(sorted(_RIGHT)) | JSON, "id": st.uuids().map(str) | JSON},
    optional=dict.fromkeys(_READ_FIRST, JSON),
)
_BODIES = st.one_of(
    JSON,
    st.lists(JSON, min_size=3, max_size=3),
    st.tuples(st.lists(JSON, max_size=4), st.dictionaries(ANY_TEXT, JSON, max_size=3), JSON),
    st.fixed_dictionaries(
        {"task": JSON, "id": JSON, "args": JSON}, optional={"kwargs": JSON, "eta": JSON}
    ),
)


@pytest.mark.parametrize(
    ("queue", "worker"), [("default", WORKER_DEFAULT), ("priority", WORKER_PRIORITY)]
)
@ONE_LOOK
@given(messages=st.lists(st.tuples(_HEADERS | st.none(), _BODIES), min_size=BATCH, max_size=BATCH))
def test_a_message_that_is_no_task_does_no_harm(
    shop: LocalStack, queue: str, worker: str, messages: list[tuple[dict[str, Any] | None, Any]]
) -> None:
    client = shop.celery()
    pids = shop.service(worker).pids()
    with client.producer_or_acquire() as producer:
        for headers, body in messages:
            producer.publish(body, routing_key=queue, serializer="json", headers=headers)
    last = client.send_task("send_notification", [ANN, "next"], queue=queue)
    client.close()

    assert outcome(shop, last.id) == ("SUCCESS", {"status": "delivered"})
    assert shop.service(worker).pids() == pids
    wait_for(
        "nothing is left in hand",
        lambda: not shop.broker.taken_ids(queue),
        within_s=DONE_WITHIN_S,
        explain=shop.describe,
    )
