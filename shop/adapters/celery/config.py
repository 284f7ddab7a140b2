"""Celery's settings, each set on purpose."""

import re
from typing import Any

from celery import Celery
from kombu import Exchange
from kombu import Queue as KombuQueue

from shop.adapters.celery import rabbitmq
from shop.domain.work import Queue, TaskName
from shop.settings import RESULT_TTL_S, Settings

APP_NAME = "shop"

#: Longer than any task by far: a lease is never renewed, and every task that outlives it is
#: delivered twice. Lost work is not found by it, but by the sweep, within seconds.
VISIBILITY_TIMEOUT_S = 60 * 60

#: How long a worker waits for a Redis that does not answer, before it reconnects. The default
#: is for ever. Must exceed the 1 s that a consuming connection waits for a message.
WORKER_SOCKET_TIMEOUT_S = 5.0

#: The same for the API, which has to answer within 2 s.
API_SOCKET_TIMEOUT_S = 0.8

#: A task that takes so long hangs: its process is ended, and the record knows what is owed.
#: In the prefork pool only; threads bound each call that they make.
TASK_TIME_LIMIT_S = 5 * 60

#: After the first signal to stop, tasks in hand have so long before they are handed back:
#: `shop.tasks.stopping` sees to it.
SOFT_SHUTDOWN_S = 2.0


def worker_config(settings: Settings) -> dict[str, Any]:
    """For workers, Beat, Flower and whoever reads results."""
    return {
        **_common(settings),
        **_consuming(settings),
        "result_backend": settings.backend_dsn,
        "result_expires": RESULT_TTL_S,
        "result_backend_thread_safe": True,
        "redis_socket_timeout": WORKER_SOCKET_TIMEOUT_S,
        "redis_socket_connect_timeout": WORKER_SOCKET_TIMEOUT_S,
        "redis_socket_keepalive": True,
        "redis_retry_on_timeout": True,
        # By default 20 times, a second apart, in the loop of a worker's main process: where results
        # are on a server that is away, the watchdog would end the worker before.
        "result_backend_transport_options": {
            "retry_policy": {
                "max_retries": 2,
                "interval_start": 0,
                "interval_step": 0.2,
                "interval_max": 0.2,
            }
        },
        "redis_backend_health_check_interval": 25,
        # A message is a hint that may come twice: acknowledge it after the work, and give it
        # back when the process that held it is killed. Attempts are counted in the record.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        # More than one in hand a process would wait behind a long task while others are free.
        "worker_prefetch_multiplier": 1,
        "task_time_limit": TASK_TIME_LIMIT_S,
        # For a signal before the shop's own stop is in place; nothing is in hand then.
        "worker_soft_shutdown_timeout": SOFT_SHUTDOWN_S,
        "broker_connection_retry_on_startup": True,
        # The default gives up after 100 tries: a night's outage would end every worker.
        "broker_connection_max_retries": None,
        # Running tasks are harmless when the broker is gone; killing them would not be.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # Flower lives on events; nothing else does. `shop.tasks.events` keeps them back while there
        # is none.
        "worker_send_task_events": True,
        # A message that is shaped like no task is put aside, and does not end the worker.
        "worker_consumer": "shop.adapters.celery.consumer:Consumer",
        # Logs are set up by the shop, the same in every process.
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }


def name_connections(app: Celery, service: str) -> None:
    """Let Redis' list of its clients say whose connections they are; before any is made.

    `service` is what the process is, such as `worker-default`.
    """
    # A client's name has no spaces.
    name = f"{APP_NAME}-{re.sub(r'[^!-~]', '_', service)}"
    options = app.conf.broker_transport_options
    if "client_name" in options:
        app.conf.broker_transport_options = {**options, "client_name": f"{name}-broker"}
    app.conf.redis_client_name = f"{name}-results"


def publisher_config(settings: Settings, *, socket_timeout_s: float) -> dict[str, Any]:
    """For an app that only publishes.

    It has no result backend, for with one every publication opens a subscription for a result
    that nobody here waits for.
    """
    return {
        **_common(settings),
        **_publishing(settings, socket_timeout_s),
        "result_backend": "disabled://",
        # One more try at once, for a connection that went stale; the sweep does the rest.
        "task_publish_retry": True,
        "task_publish_retry_policy": {
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0,
            "interval_max": 0,
        },
        "broker_pool_acquire_timeout": socket_timeout_s,
    }


def _consuming(settings: Settings) -> dict[str, Any]:
    if not settings.uses_rabbitmq:
        return {
            "broker_transport_options": _redis_options(WORKER_SOCKET_TIMEOUT_S),
            # Somebody wrote over a key of kombu's: it may be put right while the worker waits.
            "broker_channel_error_retry": True,
        }
    return {
        "broker_transport_options": rabbitmq.worker_options(WORKER_SOCKET_TIMEOUT_S),
        "broker_connection_timeout": WORKER_SOCKET_TIMEOUT_S,
        "broker_heartbeat": rabbitmq.HEARTBEAT_S,
        # The default is a queue for one connection alone, at which a worker ends that comes back
        # before RabbitMQ has noticed that it was away. This one goes 10 s after its worker.
        "control_queue_exclusive": False,
        "control_queue_durable": True,
    }


def _publishing(settings: Settings, socket_timeout_s: float) -> dict[str, Any]:
    if not settings.uses_rabbitmq:
        return {"broker_transport_options": _redis_options(socket_timeout_s)}
    return {
        "broker_transport_options": rabbitmq.publisher_options(socket_timeout_s),
        "broker_connection_timeout": socket_timeout_s,
    }


def _redis_options(socket_timeout_s: float) -> dict[str, Any]:
    return {
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        # Without it a failed acknowledgement keeps its prefetch slot for good, and the worker
        # stalls with a full queue.
        "retry_on_timeout": True,
        "socket_timeout": socket_timeout_s,
        "socket_connect_timeout": socket_timeout_s,
        "socket_keepalive": True,
        "health_check_interval": 10,
        # Its process gives it a name of its own: `name_connections`.
        "client_name": f"{APP_NAME}-celery-broker",
    }


def _common(settings: Settings) -> dict[str, Any]:
    queue_arguments = rabbitmq.QUEUE_ARGUMENTS if settings.uses_rabbitmq else None
    return {
        "broker_url": settings.broker_dsn,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "task_queues": [
            KombuQueue(
                queue,
                Exchange(queue, type="direct"),
                routing_key=queue,
                queue_arguments=queue_arguments,
            )
            for queue in Queue
        ],
        # A misspelt queue is an error, not a new queue that nobody reads.
        "task_create_missing_queues": False,
        "task_default_queue": Queue.DEFAULT.value,
        "task_default_exchange": Queue.DEFAULT.value,
        "task_default_routing_key": Queue.DEFAULT.value,
        "task_routes": {
            TaskName.SEND_NOTIFICATION.value: {"queue": settings.notification_queue.value}
        },
        "enable_utc": True,
        "timezone": settings.timezone,
    }
