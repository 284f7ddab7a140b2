"""The Celery tasks, each a thin call of one service, and the Beat schedule."""

from celery import Celery

from shop.tasks import invoices, notifications, orders, recovery, reports


def register(app: Celery) -> None:
    """Add every task to `app`, which the services hang on as `app.services`."""
    for module in (orders, invoices, notifications, reports, recovery):
        module.register(app)
