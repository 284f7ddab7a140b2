"""`process_order(order_id, item, qty, email)`."""

from dataclasses import asdict
from typing import Any

from celery import Celery

from shop.domain.order import Order
from shop.domain.work import TaskName
from shop.tasks.base import ShopTask, checked, task


def register(app: Celery) -> None:
    @task(app, TaskName.PROCESS_ORDER, begins_in_store=True)
    def process_order(
        self: ShopTask, order_id: Any, item: Any, qty: Any, email: Any
    ) -> dict[str, Any]:
        order = checked(
            TaskName.PROCESS_ORDER,
            Order,
            {"id": order_id, "item": item, "qty": qty, "email": email},
            arguments={"id": "order_id"},
        )
        processed = self.services.processor.process(order, self.request.id, self.delivery_id)
        return {"order_id": order.id, **asdict(processed)}
