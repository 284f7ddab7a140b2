"""The usual tutorial's API: `uvicorn loadtest.baselines.naive_api:app`."""

from fastapi import FastAPI

from loadtest.baselines.naive_tasks import process_order
from loadtest.baselines.orders import Order

app = FastAPI()


@app.post("/order", status_code=202)
async def place_order(order: Order) -> dict[str, str]:
    task = process_order.delay(order.id, order.item, order.qty, order.email)
    return {"task_id": task.id, "order_id": order.id, "status": "pending"}
