"""`check_pending_orders()`."""

from celery import Celery

from shop.domain.work import TaskName
from shop.tasks.base import ShopTask, task


def register(app: Celery) -> None:
    @task(app, TaskName.CHECK_PENDING_ORDERS)
    def check_pending_orders(self: ShopTask) -> dict[str, int]:
        return {name.value: count for name, count in self.services.sweep.run().items()}
