"""Celery apps, built without knowing any task."""

from typing import Any

from celery import Celery

from shop.adapters.celery import rabbitmq, transport
from shop.adapters.celery.config import APP_NAME, publisher_config, worker_config
from shop.adapters.celery.connection import AMQP
from shop.settings import Settings


def create_worker_app(settings: Settings, **extra: Any) -> Celery:
    """The app of workers, Beat and Flower; `extra` is added to its configuration."""
    return _create({**worker_config(settings), **extra})


def create_publisher_app(settings: Settings, *, socket_timeout_s: float) -> Celery:
    """An app that only publishes; with a frozen broker a publication fails after some
    eight times `socket_timeout_s`, since each layer below tries again."""
    return _create(publisher_config(settings, socket_timeout_s=socket_timeout_s))


def _create(config: dict[str, Any]) -> Celery:
    transport.install()
    rabbitmq.install()
    app = Celery(APP_NAME, amqp=AMQP, set_as_current=False, fixups=[])
    app.conf.update(config)
    return app
