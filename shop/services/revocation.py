"""What an operator's revocation of a task means for the work that the task is about."""

import logging

from shop.domain.order import Reason
from shop.domain.ports import NotificationBook, OrderBook
from shop.domain.work import TaskName

logger = logging.getLogger(__name__)


class RevocationService:
    """Gives up what was revoked, so that it is owed no more; `shop order retry` takes it up again.

    Whichever is first stands: what its task has finished before is not given up any more.
    """

    def __init__(self, orders: OrderBook, notifications: NotificationBook) -> None:
        self._orders = orders
        self._notifications = notifications

    def revoke(self, task: str, task_id: str, order_id: str | None) -> None:
        """`order_id` is what an order's task was sent with. Raises `StoreUnavailable`."""
        match task:
            case TaskName.PROCESS_ORDER | TaskName.GENERATE_INVOICE if order_id is not None:
                self._orders.revoke(order_id, TaskName(task), task_id)
            case TaskName.SEND_NOTIFICATION:
                self._notifications.bury(task_id, Reason.REVOKED)
            case _:
                return
        logger.warning("%s %s was revoked", task, task_id)
