"""`celery -A shop.worker worker|beat|flower`."""

import sys
from functools import cache

from celery import Celery, signals

from shop import tasks
from shop.adapters.celery.app import create_worker_app
from shop.adapters.celery.backend import use_round_trips
from shop.adapters.celery.config import name_connections
from shop.adapters.flower import guard_flower, log_flower
from shop.adapters.logs import configure_logging
from shop.adapters.masking import SecretMask
from shop.adapters.memory import collect_less_often
from shop.adapters.pdf.printable import unprintable
from shop.bootstrap import WorkerServices, bootstrap_worker, own_broker_check
from shop.settings import Settings, load_settings
from shop.tasks.beat import MAX_INTERVAL_S, LivelyScheduler
from shop.tasks.events import EventsInBatches
from shop.tasks.housekeeping import Housekeeping, lower_cpu_priority
from shop.tasks.ownership import Ownership
from shop.tasks.revocation import note_revocations
from shop.tasks.schedule import beat_settings
from shop.tasks.stopping import Stopping
from shop.tasks.timers import TidyTimers


def create_worker(settings: Settings) -> Celery:
    """The Celery app with its tasks; the services are built in the process that first uses them."""
    app = create_worker_app(
        settings,
        **beat_settings(),
        beat_scheduler=LivelyScheduler,
        beat_max_loop_interval=MAX_INTERVAL_S,
        shop_run_dir=settings.shop_run_dir,
    )

    @cache
    def services() -> WorkerServices:
        return bootstrap_worker(settings)

    app.services = services
    app.mask = SecretMask(settings)
    app.require_own_broker = own_broker_check(settings)
    use_round_trips(app, lambda: services().result_trips)
    tasks.register(app)
    app.steps["worker"].update((Housekeeping, Stopping))
    app.steps["consumer"].update((Ownership, EventsInBatches, TidyTimers))
    # Before the pool's processes are forked: they share what was loaded to tell.
    signals.celeryd_init.connect(lambda **_: _require_printable(settings), weak=False)
    # A pool's process must not share connections with the process that forked it.
    signals.worker_process_init.connect(lambda **_: services.cache_clear(), weak=False)
    signals.worker_init.connect(lambda sender, **_: lower_cpu_priority(sender), weak=False)
    # A pool's processes take over how often from the one that forks them.
    signals.worker_init.connect(lambda **_: collect_less_often(), weak=False)
    note_revocations()
    _name_service(app, settings)
    guard_flower(app, user=settings.flower_user, password=settings.flower_password)
    return app


def _name_service(app: Celery, settings: Settings) -> None:
    """Name connections and logs after the service, a worker's after its node, `default@host`.

    Logs are set up when Celery would.
    """
    service = "beat"

    def name(new: str) -> None:
        nonlocal service
        service = new
        name_connections(app, new)

    signals.celeryd_init.connect(
        lambda sender, **_: name(f"worker-{sender.partition('@')[0]}"), weak=False
    )
    signals.beat_init.connect(lambda **_: name("beat"), weak=False)
    signals.setup_logging.connect(lambda **_: configure_logging(settings, service), weak=False)

    def name_and_log_flower() -> None:
        name("flower")
        configure_logging(settings, service)

    log_flower(name_and_log_flower)


def _require_printable(settings: Settings) -> None:
    if problems := unprintable(settings):
        sys.stderr.writelines(f"shop: {problem}\n" for problem in problems)
        raise SystemExit(2)


app = create_worker(load_settings())
