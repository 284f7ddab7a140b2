"""Valid things of the shop, of which a test names only what it is about."""

from typing import Any

from shop.domain.notification import Mail, Notification
from shop.domain.order import FollowUps, Order, order_notices
from shop.domain.work import Delivery

ANN = "ann@example.com"


def an_order(order_id: str = "1001", **changed: Any) -> Order:
    return Order(**{"id": order_id, "item": "SKU-1", "qty": 2, "email": ANN} | changed)


def a_notification(**changed: Any) -> Notification:
    return Notification(**{"email": ANN, "message": "Your parcel is here."} | changed)


def a_mail(task_id: str = "task-1", **changed: Any) -> Mail:
    return Mail(**{"task_id": task_id, "email": ANN, "message": "Your parcel is here."} | changed)


def follow_ups(order: Order, *, suffix: str = "", notify: bool = True) -> FollowUps:
    """Ids that tell which order, and which attempt by `suffix`, they were drawn for."""
    return FollowUps(
        invoice_task_id=f"invoice-of-{order.id}{suffix}",
        notification_task_id=f"notice-of-{order.id}{suffix}" if notify else None,
        notices=order_notices(order),
    )


def a_delivery(
    task_id: str = "task-1", delivery_id: str = "delivery-1", **changed: Any
) -> Delivery:
    given = {
        "task": "process_order",
        "queue": "default",
        "enqueued_at_ms": None,
        "age_ms": 0,
    }
    return Delivery(task_id=task_id, delivery_id=delivery_id, **given | changed)
