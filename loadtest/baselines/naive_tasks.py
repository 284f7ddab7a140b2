"""The usual tutorial's tasks: `celery -A loadtest.baselines.naive_tasks worker`.

Read, check and write in three steps, a `.delay()` for whatever follows, everything in one queue,
Celery's defaults. Stock may be oversold and orders lost here: this is about speed only.
"""

import logging
import os
from io import BytesIO

from celery import Celery
from redis import Redis
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

REDIS_URL = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379")

app = Celery("naive", broker=f"{REDIS_URL}/0", backend=f"{REDIS_URL}/1")
store = Redis.from_url(f"{REDIS_URL}/2", decode_responses=True)
logger = logging.getLogger(__name__)


@app.task(name="process_order")  # type: ignore[untyped-decorator]
def process_order(order_id: str, item: str, qty: int, email: str) -> dict[str, str]:
    if store.get(f"order:{order_id}:status") == "processed":
        return {"order_id": order_id, "status": "processed"}
    stock = int(store.get(f"stock:{item}") or 0)
    if stock < qty:
        store.set(f"order:{order_id}:status", "failed")
        send_notification.delay(email, f"Your order {order_id} failed: {item} is out of stock.")
        return {"order_id": order_id, "status": "failed"}
    store.set(f"stock:{item}", stock - qty)
    store.set(f"order:{order_id}:status", "processed")
    generate_invoice.delay(order_id, {"item": item, "qty": qty, "email": email})
    send_notification.delay(email, f"Your order {order_id} was processed.")
    return {"order_id": order_id, "status": "processed"}


@app.task(name="generate_invoice")  # type: ignore[untyped-decorator]
def generate_invoice(order_id: str, data: dict[str, str]) -> dict[str, str]:
    store.set(f"invoice:{order_id}", _pdf(order_id, data))
    return {"order_id": order_id, "invoice": f"invoice:{order_id}"}


@app.task(name="send_notification")  # type: ignore[untyped-decorator]
def send_notification(email: str, message: str) -> dict[str, str]:
    logger.info("to %s: %s", email, message)
    return {"email": email, "status": "sent"}


def _pdf(order_id: str, data: dict[str, str]) -> bytes:
    price = int(store.get(f"price:{data['item']}") or 0) / 100
    qty = int(data["qty"])
    styles = getSampleStyleSheet()
    rows = [
        ["Item", "Quantity", "Unit price", "Amount"],
        [data["item"], str(qty), f"{price:.2f} EUR", f"{price * qty:.2f} EUR"],
        ["", "", "Total", f"{price * qty:.2f} EUR"],
    ]
    table = Table(rows, colWidths=[200, 80, 100, 100])
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), colors.lightgrey),
                ("GRID", (0, 0), (-1, -1), 0.5, colors.grey),
                ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
            ]
        )
    )
    story: list[Flowable] = [
        Paragraph(f"Invoice {order_id}", styles["Title"]),
        Paragraph("ShopTaskManager Demo Shop", styles["Normal"]),
        Paragraph("1 Example Street, 10000 Example", styles["Normal"]),
        Spacer(1, 12),
        Paragraph(f"Customer: {data['email']}", styles["Normal"]),
        Spacer(1, 12),
        table,
    ]
    file = BytesIO()
    SimpleDocTemplate(file, pagesize=A4, title=f"Invoice {order_id}").build(story)
    return file.getvalue()
