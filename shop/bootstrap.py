"""Composition root: settings -> adapters -> services; tests pass fakes as overrides."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from celery import Celery

from shop.adapters.celery.app import create_publisher_app, create_worker_app
from shop.adapters.celery.config import API_SOCKET_TIMEOUT_S, WORKER_SOCKET_TIMEOUT_S
from shop.adapters.celery.depth import connect_queue_gauge
from shop.adapters.celery.lists import AsyncListPublisher, ListPublisher
from shop.adapters.celery.publisher import AsyncCeleryPublisher, CeleryPublisher
from shop.adapters.celery.results import CeleryTaskLookup
from shop.adapters.celery.transport import is_redis
from shop.adapters.mail import create_mailer
from shop.adapters.pdf import PdfInvoiceRenderer
from shop.adapters.redis.autopipeline import AutoPipeline
from shop.adapters.redis.client import connect, connect_async, same_server
from shop.adapters.redis.ledger import RedisTaskLedger
from shop.adapters.redis.notifications import RedisNotificationBook, RedisNotificationIntake
from shop.adapters.redis.order_intake import RedisOrderIntake
from shop.adapters.redis.orders import RedisOrderBook
from shop.adapters.redis.presence import RedisPresence, RedisReadiness
from shop.adapters.redis.results import Results
from shop.adapters.redis.stock import RedisStockRoom
from shop.adapters.redis.tally import RedisTallies
from shop.adapters.redis.trips import RoundTrips
from shop.adapters.redis.workload import RedisWorkloadGauge
from shop.adapters.warehouse import SimulatedWarehouse
from shop.domain.invoice import Party
from shop.domain.ports import (
    InvoiceRenderer,
    Mailer,
    Publisher,
    QueueGauge,
    Readiness,
    Tallies,
    TaskLedger,
    TaskLookup,
    WorkloadGauge,
)
from shop.services.invoicing import Invoicing
from shop.services.notifying import NotificationDesk, Notifier
from shop.services.ordering import OrderDesk, OrderProcessor
from shop.services.recovery import Sweep
from shop.services.reporting import Reporting
from shop.settings import Settings

#: Publications under way at once in one API process where the broker is not Redis.
PUBLISH_THREADS = 8
#: The API gives up on a request after 1.5 s, of which recording may have taken 1 s. What is cut
#: off here is recorded, and the sweep sends it.
PUBLISH_TIMEOUT_S = 0.45


@dataclass(frozen=True)
class ApiServices:
    """What the routes call."""

    orders: OrderDesk
    notifications: NotificationDesk
    tasks: TaskLookup
    readiness: Readiness
    workload: WorkloadGauge
    queues: QueueGauge
    tallies: Tallies
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class WorkerServices:
    """What the tasks, the workers' housekeeping and the commands call."""

    processor: OrderProcessor
    invoicing: Invoicing
    notifier: Notifier
    reporting: Reporting
    sweep: Sweep
    orders: RedisOrderBook
    stock: RedisStockRoom
    ledger: TaskLedger
    trips: RoundTrips
    #: The same, if results can go with them.
    result_trips: RoundTrips | None
    presence: RedisPresence
    publisher: Publisher
    sweep_every_s: float
    stall_after_s: float
    max_attempts: int
    run_dir: Path | None


def bootstrap_api(settings: Settings) -> ApiServices:
    """Connects to nothing yet: each client does on its first use."""
    store = connect_async(settings.store_dsn, "shop-api")
    results = connect_async(settings.backend_dsn, "shop-api-results")
    stored, resulted = AutoPipeline(store), AutoPipeline(results)
    publishing = create_publisher_app(settings, socket_timeout_s=API_SOCKET_TIMEOUT_S)
    publisher = _api_publisher(settings, publishing)
    queues = connect_queue_gauge(publishing, settings)
    overdue_after_ms = settings.overdue_after_ms

    async def close() -> None:
        await publisher.close()
        await stored.close()
        await resulted.close()
        await store.aclose()
        await results.aclose()
        await queues.close()

    return ApiServices(
        orders=OrderDesk(
            RedisOrderIntake(
                stored,
                overdue_after_ms=overdue_after_ms,
                backlog_limit=settings.order_backlog_limit,
            ),
            publisher,
        ),
        notifications=NotificationDesk(
            RedisNotificationIntake(stored, overdue_after_ms=overdue_after_ms), publisher
        ),
        tasks=CeleryTaskLookup(create_worker_app(settings), stored, resulted),
        readiness=RedisReadiness(store),
        workload=RedisWorkloadGauge(store),
        queues=queues,
        tallies=RedisTallies(store),
        close=close,
    )


def bootstrap_worker(
    settings: Settings,
    *,
    publisher: Publisher | None = None,
    renderer: InvoiceRenderer | None = None,
    mailer: Mailer | None = None,
) -> WorkerServices:
    """Connects to nothing yet; call it in the process that uses it, after any fork."""
    store = connect(settings.store_dsn, "shop-worker")
    trips = RoundTrips(store)
    overdue_after_ms = settings.overdue_after_ms
    beside_store = same_server(settings.store_dsn, settings.backend_dsn)
    orders = RedisOrderBook(
        store,
        overdue_after_ms=overdue_after_ms,
        trips=trips,
        results=Results(
            connect(settings.backend_dsn, "shop-worker-results"), beside_store=beside_store
        ),
    )
    notifications = RedisNotificationBook(store, overdue_after_ms=overdue_after_ms, trips=trips)
    stock = RedisStockRoom(store, timezone=settings.timezone)
    publisher = publisher or _worker_publisher(settings, trips)
    return WorkerServices(
        processor=OrderProcessor(
            orders,
            SimulatedWarehouse(delay_s=settings.order_delay_ms / 1000),
            publisher,
            max_attempts=settings.max_attempts,
            notify=settings.order_notifications,
        ),
        invoicing=Invoicing(
            orders,
            stock,
            renderer or PdfInvoiceRenderer(),
            seller=Party(settings.seller_name, settings.seller_address),
            currency=settings.currency,
            timezone=settings.timezone,
            max_attempts=settings.max_attempts,
        ),
        notifier=Notifier(
            notifications,
            mailer or create_mailer(settings),
            # What is only logged has nothing to attach one to.
            attach_invoices=settings.mail_invoices and settings.smtp_url is not None,
        ),
        reporting=Reporting(stock),
        sweep=Sweep(orders, notifications, publisher),
        orders=orders,
        stock=stock,
        ledger=RedisTaskLedger(store, trips),
        trips=trips,
        result_trips=trips if beside_store else None,
        presence=RedisPresence(store),
        publisher=publisher,
        sweep_every_s=settings.sweep_every_s,
        stall_after_s=settings.stall_after_s,
        max_attempts=settings.max_attempts,
        run_dir=settings.shop_run_dir,
    )


def _api_publisher(settings: Settings, app: Celery) -> AsyncListPublisher | AsyncCeleryPublisher:
    if is_redis(settings.broker_dsn):
        broker = connect_async(settings.broker_dsn, "shop-api-publisher")
        return AsyncListPublisher(app, broker, timeout_s=PUBLISH_TIMEOUT_S)
    return AsyncCeleryPublisher(app, threads=PUBLISH_THREADS, timeout_s=PUBLISH_TIMEOUT_S)


def _worker_publisher(settings: Settings, trips: RoundTrips) -> Publisher:
    app = create_publisher_app(settings, socket_timeout_s=WORKER_SOCKET_TIMEOUT_S)
    if is_redis(settings.broker_dsn):
        return ListPublisher(
            app,
            connect(settings.broker_dsn, "shop-worker-publisher"),
            trips=trips if same_server(settings.store_dsn, settings.broker_dsn) else None,
        )
    return CeleryPublisher(app)
