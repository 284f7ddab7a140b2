"""Tasks that do nothing: what Celery itself can do. `celery -A loadtest.baselines.noop_tasks ...`

Acknowledged late and with results, as the shop's; the arguments are an order's.
"""

import os

from celery import Celery

REDIS_URL = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379")

app = Celery("noop", broker=f"{REDIS_URL}/0", backend=f"{REDIS_URL}/1")
app.conf.update(task_acks_late=True, task_default_queue="default")


@app.task(name="noop")  # type: ignore[untyped-decorator]
def noop(order_id: str, item: str, qty: int, email: str) -> None:
    pass
