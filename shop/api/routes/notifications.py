"""Notifications: sending one by hand."""

from fastapi import APIRouter, Request, Response

from shop.api.answers import answer, location
from shop.api.body import read_json
from shop.api.deps import in_time, services
from shop.api.openapi import header, json_body, links, problems
from shop.api.problems import (
    BODY_TOO_LARGE,
    INVALID_REQUEST,
    STORE_UNAVAILABLE,
    UNSUPPORTED_ENCODING,
)
from shop.api.schemas import NotificationAccepted
from shop.domain.notification import Notification

router = APIRouter(tags=["notifications"])


@router.post(
    "/test_notification",
    status_code=202,
    summary="Send a notification",
    response_description="The notification is recorded and will be delivered.",
    responses={
        202: {
            "model": NotificationAccepted,
            **header(
                "Location",
                "Where the task's state is.",
                "/status/5d1e0a3c-8f0e-4f52-9c57-0a4f7a6b9d21",
            ),
            **links(show_task="task_id"),
        },
        **problems(INVALID_REQUEST, BODY_TOO_LARGE, UNSUPPORTED_ENCODING, STORE_UNAVAILABLE),
    },
    openapi_extra=json_body(
        Notification, notification={"email": "ann@example.com", "message": "Your parcel is here."}
    ),
)
async def send_notification(request: Request) -> Response:
    """Record a message to an address; it goes out on the `priority` queue.

    Each call is a notification of its own: sent twice, it is delivered twice.
    """
    notification = await read_json(request, Notification)
    task_id = await in_time(services(request).notifications.send(notification))
    return answer({"task_id": task_id}, 202, location(task_id))
