"""The `shop` command.

What only some commands need is imported by those commands: `shop stock list` loads no Celery.
"""

import os
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import TypeAdapter, ValidationError

from shop.adapters import terminal
from shop.domain.errors import InvalidAmount, ShopError, StoreUnavailable, UnknownOrder
from shop.domain.money import format_amount, parse_amount
from shop.domain.order import Identifier
from shop.domain.stock import StockLevel
from shop.domain.work import Queue
from shop.settings import Settings, problems, read_settings

EXIT_FAILED = 1
EXIT_USAGE = 2
#: More than any shop has on its shelves, and far below what Redis and Lua count exactly.
MAX_STOCK = 1_000_000_000
RUN, DATA, CHECK = "Run", "Data", "Check"
DATA_DIR = Path(".local")


def _typer(about: str) -> typer.Typer:
    return typer.Typer(
        help=about,
        epilog="Exit codes: 0 done; 1 it failed, was not found or is not healthy; "
        "2 wrong usage or settings.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


app = _typer("An online shop's order back end: run it, stock it, look into it.")
stock_app = _typer("What is in stock, and at what price.")
order_app = _typer("Single orders.")
app.add_typer(stock_app, name="stock", rich_help_panel=DATA)
app.add_typer(order_app, name="order", rich_help_panel=DATA)
messages_app = _typer("Messages that no worker can process.")
app.add_typer(messages_app, name="messages", rich_help_panel=DATA)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
QueueOption = Annotated[Queue | None, typer.Option(help="Its worker alone.", show_default="both")]
OrderIdArgument = Annotated[str, typer.Argument(metavar="ID")]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(metadata.version("shop-task-manager"))
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print it.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """An online shop's order back end: run it, stock it, look into it."""


class Refused(Exception):
    """The command was not run; each problem says in one line what to change."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def main() -> None:
    """Run the command line; errors are a line each on standard error."""
    try:
        app(prog_name="shop")
    except StoreUnavailable as error:
        _fail(f"Redis does not answer; `shop doctor` says more ({error})")
    except ShopError as error:
        _fail(str(error))
    except Refused as refused:
        _fail(*refused.problems, code=EXIT_USAGE)


@app.command(rich_help_panel=RUN)
def up(
    api_port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    flower_port: Annotated[int, typer.Option(min=1, max=65535)] = 5555,
    redis_port: Annotated[
        int | None, typer.Option(min=1, max=65535, show_default="REDIS_PORT or 6379")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="Keeps all data.",
            show_default=f"{DATA_DIR}, for another Redis port {DATA_DIR}/PORT",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address on which the API and Flower listen.")
    ] = "127.0.0.1",
    flower: Annotated[bool, typer.Option("--flower/--no-flower", help="Watch tasks.")] = True,
    env_file: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="File with settings, such as .env; the environment wins over it.",
        ),
    ] = None,
) -> None:
    """Run the whole shop here: Redis, API, both workers, Beat and Flower; Ctrl-C stops it.

    Redis is an embedded Valkey with demo stock in it. Settings come from the environment, but for
    those of another Redis, and for Celery's, Flower's and uvicorn's own.
    """
    from shop.local.site import CannotStart, DataDir
    from shop.local.up import Stack
    from shop.local.up import up as run

    if env_file is not None:
        _read_env_file(env_file)
    own_redis: dict[str, Any] = {"redis_host": "127.0.0.1", "celery_backend_dsn": None}
    if redis_port is not None:
        own_redis["redis_port"] = redis_port
    settings = _settings(**own_redis)
    if not settings.uses_rabbitmq:
        settings = _settings(**own_redis, celery_broker_dsn=None)
    if data_dir is None:
        # So that another stack beside it needs other ports, and nothing else.
        is_first = settings.redis_port == Settings.model_fields["redis_port"].default
        data_dir = DATA_DIR if is_first else DATA_DIR / str(settings.redis_port)
    stack = Stack(DataDir(data_dir.resolve()), host, api_port, flower_port if flower else None)
    try:
        failure = run(stack, settings)
    except CannotStart as error:
        raise Refused(*error.problems) from None
    if failure:
        _fail(failure)


@app.command(rich_help_panel=RUN)
def workers(queue: QueueOption = None) -> None:
    """Run both workers, as the container does; SIGTERM or Ctrl-C stops them."""
    from shop.local.site import CannotStart
    from shop.local.up import run_workers

    try:
        failure = run_workers(_settings(), queue)
    except CannotStart as error:
        raise Refused(*error.problems) from None
    if failure:
        _fail(failure)


@app.command(rich_help_panel=DATA)
def seed(as_json: AsJson = False) -> None:
    """Put the demo stock in; what is there already stays as it is."""
    from shop.local.stock import DEMO_STOCK, stock_room

    added = stock_room(_settings()).put_missing(DEMO_STOCK)
    if as_json:
        terminal.print_json({"added": added})
    else:
        typer.echo(f"Added {', '.join(added)}." if added else "Nothing to add: all of it is there.")


@stock_app.command("list")
def stock_list(as_json: AsJson = False) -> None:
    """Show every item's stock and price."""
    from shop.local.stock import stock_room

    settings = _settings()
    levels = stock_room(settings).levels()
    if levels or as_json:
        terminal.show_levels(levels, settings.currency, as_json=as_json)
    else:
        typer.echo("There is no stock; `shop seed` puts some in.")


@stock_app.command("set")
def stock_set(
    sku: Annotated[str, typer.Argument(metavar="SKU")],
    qty: Annotated[int, typer.Argument(metavar="QTY", min=0, max=MAX_STOCK)],
    price: Annotated[
        str | None, typer.Option(help="Unit price such as 19.90; without it the price stays.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Set an item's stock, and its price if one is given."""
    from shop.local.stock import stock_room

    settings = _settings()
    try:
        price_minor = None if price is None else parse_amount(price, settings.currency)
    except InvalidAmount as error:
        raise Refused(f"--price: {error}") from None
    level = StockLevel(_identifier(sku), qty, price_minor)
    room = stock_room(settings)
    room.put(level)
    if as_json:
        now = StockLevel(level.sku, level.qty, room.price(level.sku))
        terminal.print_json(terminal.level_fields(now))
    else:
        at = "" if price_minor is None else f" at {format_amount(price_minor, settings.currency)}"
        typer.echo(f"{level.sku}: {level.qty} in stock{at}.")


@order_app.command("show")
def order_show(order_id: OrderIdArgument, as_json: AsJson = False) -> None:
    """Show where an order stands."""
    from shop.bootstrap import bootstrap_worker

    settings = _settings()
    record = bootstrap_worker(settings).orders.find(_identifier(order_id))
    if record is None:
        raise UnknownOrder(order_id)
    terminal.show_order(record, settings.currency, as_json=as_json)


@order_app.command("retry")
def order_retry(order_id: OrderIdArgument, as_json: AsJson = False) -> None:
    """Take up an order again that failed or was given up."""
    from shop.bootstrap import bootstrap_command

    settings = _settings()
    record = bootstrap_command(settings).processor.retry(_identifier(order_id))
    terminal.show_order(record, settings.currency, as_json=as_json)


@messages_app.command("list")
def messages_list(as_json: AsJson = False) -> None:
    """Show what was put aside, the newest first; JSON holds the messages themselves."""
    from shop.adapters.redis.client import connect
    from shop.adapters.redis.dead_messages import RedisDeadMessages

    entries = RedisDeadMessages(connect(_settings().store_dsn, "shop-command")).entries()
    if entries or as_json:
        terminal.show_messages(entries, as_json=as_json)
    else:
        typer.echo("There are none.")


@app.command(rich_help_panel=DATA)
def report(
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="Show that day's stored report instead."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make today's stock report, store it and show it."""
    from shop.local.stock import stock_room
    from shop.services.reporting import Reporting

    stock = stock_room(_settings())
    found = stock.stored_report(day.date()) if day else Reporting(stock).daily().as_json()
    if found is None:
        _fail(f"there is no stock report of {day:%Y-%m-%d}")
    terminal.show_report(found, as_json=as_json)


@app.command(rich_help_panel=CHECK)
def doctor(
    api_url: Annotated[
        str | None, typer.Option(help="Where the API is.", show_default="http://127.0.0.1:8000")
    ] = None,
    flower_url: Annotated[
        str | None, typer.Option(help="Where Flower is.", show_default="http://127.0.0.1:5555")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is reachable, what is wrong and what to do about it."""
    from shop.adapters import doctor as checks

    try:
        findings = checks.examine(_settings(), api_url=api_url, flower_url=flower_url)
    except Refused as refused:
        findings = [checks.wrong_setting(problem) for problem in refused.problems]
    if as_json:
        terminal.print_json([finding.as_json() for finding in findings])
    else:
        terminal.console().print(checks.findings_table(findings))
    if any(finding.state is checks.State.FAIL for finding in findings):
        raise typer.Exit(EXIT_FAILED)


def _settings(**overrides: Any) -> Settings:
    try:
        return read_settings(**overrides)
    except ValueError as error:
        raise Refused(*problems(error)) from None


def _read_env_file(path: Path) -> None:
    from dotenv import dotenv_values

    for name, value in dotenv_values(path).items():
        os.environ.setdefault(name, value or "")


def _identifier(text: str) -> str:
    try:
        return TypeAdapter(Identifier).validate_python(text)
    except ValidationError:
        rule = "1 to 64 of A-Z a-z 0-9 . _ - with no dot in front"
        raise Refused(f"{text!r} is not {rule}") from None


def _fail(*problems: str, code: int = EXIT_FAILED) -> NoReturn:
    for problem in problems:
        typer.echo(f"shop: {problem}", err=True)
    raise SystemExit(code)
