"""`POST /order` and `GET /order/{order_id}`."""

from dataclasses import replace

import httpx
import pytest

from shop.api.schemas import OrderAccepted, OrderView
from shop.domain.errors import BacklogFull, UnreadableOrder
from shop.domain.order import OrderStatus
from shop.domain.work import TaskName, TaskReport, Timings
from tests.unit.api.conftest import NOW_MS, World, problem

ORDER = {"id": "1001", "item": "SKU-1", "qty": 2, "email": "ann@example.com"}


async def test_a_new_order_is_recorded_and_published(
    client: httpx.AsyncClient, world: World
) -> None:
    response = await client.post("/order", json=ORDER)

    assert response.status_code == 202
    accepted = OrderAccepted.model_validate(response.json())
    assert (accepted.order_id, accepted.status) == ("1001", "pending")
    assert response.headers["location"] == f"/status/{accepted.task_id}"
    assert response.headers["cache-control"] == "no-store"
    (job,) = world.publisher.jobs
    assert job.task == TaskName.PROCESS_ORDER
    assert job.args == ("1001", "SKU-1", 2, "ann@example.com")
    assert job.task_id == accepted.task_id == world.store.orders["1001"].task_id


async def test_the_same_order_again_gets_the_same_task(
    client: httpx.AsyncClient, world: World
) -> None:
    first = await client.post("/order", json=ORDER)
    record = world.store.orders["1001"]
    world.store.orders["1001"] = replace(record, status=OrderStatus.PROCESSED)
    again = await client.post("/order", json=ORDER)

    assert again.status_code == 200
    assert again.json() == {**first.json(), "status": "processed"}
    assert again.headers["location"] == first.headers["location"]
    assert len(world.publisher.jobs) == 1


@pytest.mark.parametrize(
    ("task_id", "path"),
    [
        ("задача", "/status/%D0%B7%D0%B0%D0%B4%D0%B0%D1%87%D0%B0"),
        ("a/b?c#d", "/status/a%2Fb%3Fc%23d"),
        ("a\r\nSet-Cookie: b", "/status/a%0D%0ASet-Cookie%3A%20b"),
        ("A-plain_one.~", "/status/A-plain_one.~"),
    ],
)
async def test_a_foreign_clients_task_is_found_where_the_answer_says(
    client: httpx.AsyncClient, world: World, task_id: str, path: str
) -> None:
    await client.post("/order", json=ORDER)
    world.store.orders["1001"] = replace(world.store.orders["1001"], task_id=task_id)
    world.store.tasks[task_id] = TaskReport(
        task_id, "process_order", "PENDING", None, None, Timings()
    )

    response = await client.post("/order", json=ORDER)

    assert (response.status_code, response.json()["task_id"]) == (200, task_id)
    assert response.headers["location"] == path
    shown = await client.get(path)
    assert (shown.status_code, shown.json()["task_id"]) == (200, task_id)


@pytest.mark.parametrize("path", ["/order/1001", "/invoice/1001"])
async def test_a_damaged_record_is_a_fault_that_says_so(
    client: httpx.AsyncClient, world: World, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    world.store.failure = UnreadableOrder("1001", "its address is ann@example.com")

    document = problem(await client.get(path), 500, "internal-error")

    assert document["detail"] == "The record of order 1001 is damaged; the shop's log says how."
    assert "its address is ann@example.com" in caplog.text


async def test_the_same_id_with_other_content_is_refused(
    client: httpx.AsyncClient, world: World
) -> None:
    await client.post("/order", json=ORDER)
    document = problem(await client.post("/order", json={**ORDER, "qty": 3}), 409, "order-conflict")

    assert "1001" in str(document["detail"])
    assert world.store.orders["1001"].qty == 2
    assert len(world.publisher.jobs) == 1


async def test_a_number_is_taken_as_its_digits(client: httpx.AsyncClient, world: World) -> None:
    response = await client.post("/order", json={**ORDER, "id": 1001, "item": 7})

    assert response.json()["order_id"] == "1001"
    assert world.store.orders["1001"].item == "7"


async def test_an_order_that_could_not_be_published_is_accepted(
    client: httpx.AsyncClient, world: World
) -> None:
    world.publisher.broken = True
    assert (await client.post("/order", json=ORDER)).status_code == 202
    assert "1001" in world.store.orders


async def test_a_full_backlog_is_a_503_that_says_when_to_come_back(
    client: httpx.AsyncClient, world: World
) -> None:
    world.store.failure = BacklogFull(100, 100)
    response = await client.post("/order", json=ORDER)

    assert "100" in str(problem(response, 503, "backlog-full")["detail"])
    assert int(response.headers["retry-after"]) >= 1
    assert not world.publisher.jobs


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/order", ORDER),
        ("POST", "/test_notification", {"email": "ann@example.com", "message": "Hello."}),
        ("GET", "/order/1001", None),
        ("GET", "/invoice/1001", None),
        ("GET", "/status/some-task", None),
    ],
)
async def test_a_store_that_is_away_is_a_503_that_hides_where_it_is(
    client: httpx.AsyncClient, world: World, method: str, path: str, body: object
) -> None:
    world.break_store()
    response = await client.request(method, path, json=body)

    problem(response, 503, "store-unavailable")
    assert int(response.headers["retry-after"]) >= 1
    assert "10.1.2.3" not in response.text
    assert not world.publisher.jobs


async def test_an_order_is_shown_as_it_stands(client: httpx.AsyncClient, world: World) -> None:
    task_id = (await client.post("/order", json=ORDER)).json()["task_id"]
    pending = (await client.get("/order/1001")).json()

    OrderView.model_validate(pending)
    assert pending == {
        "order_id": "1001",
        "status": "pending",
        "item": "SKU-1",
        "qty": 2,
        "reason": None,
        "placed_at": "2026-01-01T00:00:00.005Z",
        "processed_at": None,
        "task_id": task_id,
        "invoice": None,
    }


async def test_a_processed_order_links_its_invoice_once_there_is_one(
    client: httpx.AsyncClient, world: World
) -> None:
    await client.post("/order", json=ORDER)
    record = replace(
        world.store.orders["1001"], status=OrderStatus.PROCESSED, processed_at_ms=NOW_MS + 995
    )
    world.store.orders["1001"] = record
    without = (await client.get("/order/1001")).json()
    world.store.orders["1001"] = replace(record, has_invoice=True)
    with_one = (await client.get("/order/1001")).json()

    assert without["invoice"] is None
    assert without["processed_at"] == "2026-01-01T00:00:01.000Z"
    assert with_one == {**without, "invoice": "/invoice/1001"}


async def test_a_failed_order_says_why(client: httpx.AsyncClient, world: World) -> None:
    await client.post("/order", json=ORDER)
    record = world.store.orders["1001"]
    world.store.orders["1001"] = replace(record, status=OrderStatus.FAILED, reason="out_of_stock")
    shown = (await client.get("/order/1001")).json()

    assert (shown["status"], shown["reason"]) == ("failed", "out_of_stock")


async def test_an_unknown_order_is_not_found(client: httpx.AsyncClient) -> None:
    problem(await client.get("/order/1001"), 404, "order-not-found")


@pytest.mark.parametrize("prefix", ["/order", "/invoice"])
@pytest.mark.parametrize(
    "order_id", ["a:b", ".hidden", "a%20b", "1001%0A", "%00", "x" * 65, "x" * 5000, "%D0%96", "%FF"]
)
async def test_an_id_that_cannot_exist_is_not_found_without_asking_the_store(
    client: httpx.AsyncClient, world: World, prefix: str, order_id: str
) -> None:
    response = await client.get(f"{prefix}/{order_id}")

    problem(response, 404, "order-not-found")
    assert len(response.content) < 500
    assert world.is_untouched()
