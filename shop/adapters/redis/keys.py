"""Every key of the data store, and every expiry."""

from datetime import date

from shop.settings import RESULT_TTL_S

#: A delivered notification is kept as long as its task's result.
NOTIFICATION_TTL_S = RESULT_TTL_S
#: A task id counts as issued as long as its result is kept.
TASK_TTL_S = RESULT_TTL_S
#: A worker that has not beaten for so long is dead.
WORKER_TTL_S = 10

#: Made once: tells this store from another shop's on the same broker.
SHOP_ID = "shop:id"

ORDERS_OPEN = "orders:open"
ORDERS_DEAD = "orders:dead"
NOTIFICATIONS_OPEN = "notifications:open"
NOTIFICATIONS_DEAD = "notifications:dead"
#: Hash: until when no mail is tried, in milliseconds, and how often in a row it came to that.
MAIL_PAUSE = "mail:pause"
#: List: messages that no worker can process, as JSON, the newest first.
MESSAGES_DEAD = "messages:dead"

#: Hashes of counts, each raised in the step that it counts: no count is lost or doubled.
METRICS_ORDERS = "metrics:orders"
#: Of orders for items that had no price, by item.
METRICS_PRICELESS = "metrics:priceless"
METRICS_NOTIFICATIONS = "metrics:notifications"
METRICS_DEAD = "metrics:dead"
METRICS_MAIL = "metrics:mail"
METRICS_SWEEPS = "metrics:sweeps"
METRICS_TASKS = "metrics:tasks"

#: The stock's books, hashes of units by SKU, and what the last audit found.
AUDIT_INITIAL = "audit:initial"
AUDIT_RESTOCKED = "audit:restocked"
AUDIT_SOLD = "audit:sold"
AUDIT_RESULT = "audit:result"

#: Hash: year -> how many invoices have a number of it.
INVOICES_NUMBERED = "invoices:numbered"

STOCK_PREFIX = "stock:"


def order(order_id: str) -> str:
    return f"order:{order_id}"


def order_status(order_id: str) -> str:
    return f"order:{order_id}:status"


def invoice(order_id: str) -> str:
    return f"invoice:{order_id}"


def notification(task_id: str) -> str:
    return f"notification:{task_id}"


def stock(sku: str) -> str:
    return f"{STOCK_PREFIX}{sku}"


def price(sku: str) -> str:
    return f"price:{sku}"


def stock_report(day: date) -> str:
    return f"report:stock:{day.isoformat()}"


def task(task_id: str) -> str:
    return f"task:{task_id}"


def watermark(queue: str) -> str:
    return f"watermark:{queue}"


def workers(queue: str) -> str:
    """Sorted set: the queue's workers, scored by when they last beat, in milliseconds."""
    return f"workers:{queue}"


def restraints(queue: str) -> str:
    """Hash: what operators told the queue's workers, by worker; as JSON."""
    return f"restraints:{queue}"
