"""`GET /status/{task_id}`."""

import httpx
import pytest

from shop.api.schemas import TaskView
from shop.domain.work import TaskReport, Timings
from tests.unit.api.conftest import NOW_MS, World, problem

TASK_ID = "5d1e0a3c-8f0e-4f52-9c57-0a4f7a6b9d21"
DONE = TaskReport(
    task_id=TASK_ID,
    task="process_order",
    state="SUCCESS",
    result={"order_id": "1001", "status": "processed"},
    error=None,
    timings=Timings(
        first_enqueued_at_ms=NOW_MS - 3_005,
        enqueued_at_ms=NOW_MS,
        received_at_ms=NOW_MS + 12,
        started_at_ms=NOW_MS + 13,
        finished_at_ms=NOW_MS + 1037,
        deliveries=2,
    ),
)


async def test_a_task_is_shown_with_its_timings(client: httpx.AsyncClient, world: World) -> None:
    world.store.tasks[TASK_ID] = DONE
    shown = (await client.get(f"/status/{TASK_ID}")).json()

    TaskView.model_validate(shown)
    assert shown == {
        "task_id": TASK_ID,
        "task": "process_order",
        "state": "SUCCESS",
        "ready": True,
        "result": {"order_id": "1001", "status": "processed"},
        "error": None,
        "timings": {
            "first_enqueued_at": "2025-12-31T23:59:57.000Z",
            "enqueued_at": "2026-01-01T00:00:00.005Z",
            "received_at": "2026-01-01T00:00:00.017Z",
            "started_at": "2026-01-01T00:00:00.018Z",
            "finished_at": "2026-01-01T00:00:01.042Z",
            "queue_wait_ms": 13,
            "run_ms": 1024,
            "deliveries": 2,
        },
    }


async def test_a_queued_task_has_no_timings_yet(client: httpx.AsyncClient, world: World) -> None:
    world.store.tasks[TASK_ID] = TaskReport(
        TASK_ID, "process_order", "PENDING", None, None, Timings(NOW_MS, NOW_MS)
    )
    shown = (await client.get(f"/status/{TASK_ID}")).json()

    assert not shown["ready"]
    assert shown["timings"] == {
        "first_enqueued_at": "2026-01-01T00:00:00.005Z",
        "enqueued_at": "2026-01-01T00:00:00.005Z",
        "received_at": None,
        "started_at": None,
        "finished_at": None,
        "queue_wait_ms": None,
        "run_ms": None,
        "deliveries": 0,
    }


@pytest.mark.parametrize(
    ("state", "ready"),
    [
        ("PENDING", False),
        ("RECEIVED", False),
        ("STARTED", False),
        ("RETRY", False),
        ("SUCCESS", True),
        ("FAILURE", True),
        ("REVOKED", True),
    ],
)
async def test_only_a_final_state_is_ready(
    client: httpx.AsyncClient, world: World, state: str, ready: bool
) -> None:
    world.store.tasks[TASK_ID] = TaskReport(TASK_ID, "t", state, None, None, Timings())
    assert (await client.get(f"/status/{TASK_ID}")).json()["ready"] is ready


@pytest.mark.parametrize("text", ["\ud800", "\N{CYRILLIC SMALL LETTER ZHE}", '"', "\x00"])
async def test_an_error_in_any_characters_can_be_read(
    client: httpx.AsyncClient, world: World, text: str
) -> None:
    world.store.tasks[TASK_ID] = TaskReport(
        TASK_ID, "process_order", "FAILURE", None, f"InvalidTask: {text}", Timings()
    )
    response = await client.get(f"/status/{TASK_ID}")

    assert response.status_code == 200
    assert response.json()["error"] == f"InvalidTask: {text}".replace("\ud800", "?")


@pytest.mark.parametrize("task_id", [TASK_ID, "x", "%00", "a:b", "..", "%F0%9F%8D%89"])
async def test_an_id_never_issued_is_not_found(client: httpx.AsyncClient, task_id: str) -> None:
    problem(await client.get(f"/status/{task_id.replace('..', '%2e%2e')}"), 404, "task-not-found")


async def test_a_very_long_id_is_not_found_without_asking_the_store(
    client: httpx.AsyncClient, world: World
) -> None:
    problem(await client.get("/status/"), 404, "not-found")
    response = await client.get(f"/status/{'x' * 5000}")

    problem(response, 404, "task-not-found")
    assert len(response.content) < 500
    assert world.is_untouched()
