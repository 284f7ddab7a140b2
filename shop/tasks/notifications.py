"""`send_notification(email, message)`."""

from typing import Any

from celery import Celery, states
from celery.exceptions import Ignore

from shop.adapters.mail.session import LONGEST_S
from shop.domain.notification import Notification, NotificationStatus
from shop.domain.work import TaskName
from shop.tasks.base import ShopTask, checked, task

#: As Celery stores an exception; the reason itself is in the notification's record.
_AGAIN = {"exc_type": "DeliveryFailed", "exc_message": ["the delivery failed, and is tried again"]}


def register(app: Celery) -> None:
    # In a pool of processes, where it ends one that hangs: no mail server may be taken for that.
    @task(app, TaskName.SEND_NOTIFICATION, begins_in_store=True, time_limit=LONGEST_S)
    def send_notification(self: ShopTask, email: Any, message: Any) -> dict[str, Any]:
        notification = checked(
            TaskName.SEND_NOTIFICATION, Notification, {"email": email, "message": message}
        )
        status = self.services.notifier.deliver(notification, self.request.id, self.delivery_id)
        if status is None:
            # The result is another delivery's to give.
            raise Ignore
        if status is NotificationStatus.PENDING:
            # The sweep sends it again when it is due: a retry by Celery would wait in a
            # worker's memory, and is dropped when publishing it fails.
            self.update_state(state=states.RETRY, meta=_AGAIN)
            raise Ignore
        return {"status": status.value}
