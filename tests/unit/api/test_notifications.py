"""`POST /test_notification`."""

import httpx

from shop.api.schemas import NotificationAccepted
from shop.domain.work import TaskName
from tests.unit.api.conftest import World

NOTIFICATION = {"email": "ann@example.com", "message": "Your parcel is here."}


async def test_a_notification_is_recorded_and_published(
    client: httpx.AsyncClient, world: World
) -> None:
    response = await client.post("/test_notification", json=NOTIFICATION)

    assert response.status_code == 202
    task_id = NotificationAccepted.model_validate(response.json()).task_id
    assert response.headers["location"] == f"/status/{task_id}"
    assert world.store.notifications[task_id].message == "Your parcel is here."
    (job,) = world.publisher.jobs
    assert (job.task, job.task_id) == (TaskName.SEND_NOTIFICATION, task_id)
    assert job.args == ("ann@example.com", "Your parcel is here.")


async def test_a_notification_sent_twice_is_two(client: httpx.AsyncClient, world: World) -> None:
    for _ in range(2):
        await client.post("/test_notification", json=NOTIFICATION)
    assert len(world.store.notifications) == 2


async def test_a_notification_that_could_not_be_published_is_accepted(
    client: httpx.AsyncClient, world: World
) -> None:
    world.publisher.broken = True
    response = await client.post("/test_notification", json=NOTIFICATION)

    assert response.status_code == 202
    assert response.json()["task_id"] in world.store.notifications


async def test_a_message_of_2000_characters_in_any_script_is_taken(
    client: httpx.AsyncClient,
) -> None:
    message = "\N{CYRILLIC SMALL LETTER ZHE}" * 2000
    response = await client.post("/test_notification", json={**NOTIFICATION, "message": message})
    assert response.status_code == 202
