"""Composition root: settings -> adapters -> services; tests pass fakes as overrides."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

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
from shop.adapters.redis.dead_messages import RedisDeadMessages
from shop.adapters.redis.ledger import RedisTaskLedger
from shop.adapters.redis.notifications import RedisNotificationBook, RedisNotificationIntake
from shop.adapters.redis.order_intake import RedisOrderIntake
from shop.adapters.redis.orders import RedisOrderBook
from shop.adapters.redis.ownership import (
    AsyncBrokerOwnership,
    BrokerOwnership,
    OwnedPublisher,
    OwnedReadiness,
)
from shop.adapters.redis.presence import RedisPresence, RedisReadiness
from shop.adapters.redis.results import Results
from shop.adapters.redis.stock import RedisStockRoom
from shop.adapters.redis.tally import RedisTallies
from shop.adapters.redis.trips import RoundTrips
from shop.adapters.redis.workload import RedisWorkloadGauge
from shop.adapters.warehouse import SimulatedWarehouse
from shop.domain.invoice import Party
from shop.domain.ports import (
    AsyncPublisher,
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
from shop.services.revocation import RevocationService
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
    revocation: RevocationService
    orders: RedisOrderBook
    stock: RedisStockRoom
    ledger: TaskLedger
    trips: RoundTrips
    #: The same, if results can go with them.
    result_trips: RoundTrips | None
    presence: RedisPresence
    dead_messages: RedisDeadMessages
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
    publisher: AsyncPublisher
    readiness: Readiness
    if is_redis(settings.broker_dsn):
        broker = connect_async(settings.broker_dsn, "shop-api-publisher")
        lists = AsyncListPublisher(publishing, broker, timeout_s=PUBLISH_TIMEOUT_S)
        ownership = AsyncBrokerOwnership(
            store, broker, store_dsn=settings.store_dsn, broker_dsn=settings.broker_dsn
        )
        publisher, close_publisher = OwnedPublisher(lists, ownership), lists.close
        readiness = OwnedReadiness(store, ownership)
    else:
        publisher = any_broker = AsyncCeleryPublisher(
            publishing, threads=PUBLISH_THREADS, timeout_s=PUBLISH_TIMEOUT_S
        )
        readiness, close_publisher = RedisReadiness(store), any_broker.close
    queues = connect_queue_gauge(publishing, settings)
    overdue_after_ms = settings.overdue_after_ms

    async def close() -> None:
        await close_publisher()
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
                terms=settings.terms,
            ),
            publisher,
        ),
        notifications=NotificationDesk(
            RedisNotificationIntake(stored, overdue_after_ms=overdue_after_ms), publisher
        ),
        tasks=CeleryTaskLookup(create_worker_app(settings), stored, resulted),
        readiness=readiness,
        workload=RedisWorkloadGauge(store),
        queues=queues,
        tallies=RedisTallies(store),
        close=close,
    )


def bootstrap_command(settings: Settings) -> WorkerServices:
    """For a command that publishes. Raises `ForeignBroker` or `StoreUnavailable`."""
    own_broker_check(settings)()
    return bootstrap_worker(settings)


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
        terms=settings.terms,
        trips=trips,
        results=Results(
            connect(settings.backend_dsn, "shop-worker-results"), beside_store=beside_store
        ),
    )
    notifications = RedisNotificationBook(store, overdue_after_ms=overdue_after_ms, trips=trips)
    stock = RedisStockRoom(store, timezone=settings.timezone)
    publisher = publisher or _worker_publisher(settings, trips)
    presence = RedisPresence(store)
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
            tax_rate=settings.tax_rate,
            tax_number=settings.tax_number,
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
        sweep=Sweep(orders, notifications, publisher, is_restrained=presence.is_restrained),
        revocation=RevocationService(orders, notifications),
        orders=orders,
        stock=stock,
        ledger=RedisTaskLedger(store, trips),
        trips=trips,
        result_trips=trips if beside_store else None,
        presence=presence,
        # Kept by the worker's event loop, which must not wait for long.
        dead_messages=RedisDeadMessages(
            connect(settings.store_dsn, "shop-worker-messages", retries=0)
        ),
        publisher=publisher,
        sweep_every_s=settings.sweep_every_s,
        stall_after_s=settings.stall_after_s,
        max_attempts=settings.max_attempts,
        run_dir=settings.shop_run_dir,
    )


def own_broker_check(settings: Settings) -> Callable[[], None]:
    """For workers, Beat and commands, before they consume or publish anything.

    It raises `ForeignBroker` or `StoreUnavailable`. Of a broker that is no Redis it knows nothing.
    """
    if not is_redis(settings.broker_dsn):
        return lambda: None
    return BrokerOwnership(settings.store_dsn, settings.broker_dsn).require


def _worker_publisher(settings: Settings, trips: RoundTrips) -> Publisher:
    app = create_publisher_app(settings, socket_timeout_s=WORKER_SOCKET_TIMEOUT_S)
    if is_redis(settings.broker_dsn):
        return ListPublisher(
            app,
            connect(settings.broker_dsn, "shop-worker-publisher"),
            trips=trips if same_server(settings.store_dsn, settings.broker_dsn) else None,
        )
    return CeleryPublisher(app)
