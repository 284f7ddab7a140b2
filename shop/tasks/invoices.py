"""`generate_invoice(order_id, data)`."""

from typing import Any

from celery import Celery

from shop.domain.invoice import InvoiceData
from shop.domain.order import OrderId
from shop.domain.work import TaskName
from shop.tasks.base import ShopTask, checked, task


def register(app: Celery) -> None:
    @task(app, TaskName.GENERATE_INVOICE, begins_in_store=True)
    def generate_invoice(self: ShopTask, order_id: Any, data: Any = None) -> dict[str, Any]:
        name = TaskName.GENERATE_INVOICE
        valid_id = checked(name, OrderId, order_id, arguments={"": "order_id"}).root
        invoice_data = checked(name, InvoiceData, {} if data is None else data)
        made = self.services.invoicing.generate(
            valid_id, invoice_data, self.request.id, self.delivery_id
        )
        return {"order_id": valid_id, "made": made}
