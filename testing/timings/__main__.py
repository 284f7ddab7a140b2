"""`python -m testing.timings invoice`: seconds on standard output for each `run` that comes in."""

from typing import TYPE_CHECKING, Annotated

import typer

from testing.servers import HOST
from testing.timings.protocol import serve

if TYPE_CHECKING:
    from shop.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False)

RedisPort = Annotated[int, typer.Option(help="Of a server on this machine, already filled.")]


@app.command()
def invoice() -> None:
    """Render invoices; the seconds are for one."""
    from testing.timings import invoice as timed

    serve(timed.timing())


@app.command()
def sweep(redis_port: RedisPort) -> None:
    """Sweep a store in which orders are overdue."""
    from testing.timings import sweep as timed

    serve(timed.timing(_settings(redis_port)))


@app.command()
def report(redis_port: RedisPort, skus: Annotated[int, typer.Option(min=1)]) -> None:
    """Make the day's stock report."""
    from testing.timings import report as timed

    serve(timed.timing(_settings(redis_port), skus))


@app.command()
def stamps(redis_port: RedisPort) -> None:
    """Stamp tasks; the seconds are for one."""
    from testing.timings import stamps as timed

    serve(timed.timing(_settings(redis_port)))


def _settings(redis_port: int) -> "Settings":
    """That server, whatever stands in the environment."""
    from shop.settings import Settings

    return Settings(
        redis_host=HOST,
        redis_port=redis_port,
        redis_password=None,
        redis_db=2,
        celery_broker_dsn=None,
        celery_backend_dsn=None,
    )


if __name__ == "__main__":
    app(prog_name="python -m testing.timings")
