"""The `shop` command against a real server, in this process unless a process matters."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from shop import cli
from shop.settings import Settings
from testing.servers import ValkeyProcess, free_port, running_valkey

STORE_DB = 2


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Shop = Callable[..., Outcome]


@pytest.fixture
def run(
    make_settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shop:
    """Runs the command line in an environment without settings, but those given."""

    def run(*arguments: str, **environment: str) -> Outcome:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["shop", *arguments])
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                cli.main()
        out, err = capsys.readouterr()
        code = ended.value.code
        return Outcome(code if isinstance(code, int) else 0, out, err)

    return run


@pytest.fixture
def shop(run: Shop, valkey: ValkeyProcess) -> Shop:
    """The same, with an empty Redis."""

    def shop(*arguments: str, **environment: str) -> Outcome:
        return run(*arguments, **{"REDIS_PORT": str(valkey.port), **environment})

    return shop


@pytest.fixture
def store(valkey: ValkeyProcess) -> Any:
    with valkey.client(STORE_DB) as client:
        yield client


# --- stock ---


def test_seed_adds_what_is_missing_and_overwrites_nothing(shop: Shop, store: Redis) -> None:
    store.set("stock:SKU-1", 7)
    store.set("price:SKU-2", 1)
    first = shop("seed", "--json")
    assert first.code == 0
    assert first.json == {"added": ["SKU-2", "SKU-3", "SKU-4", "SKU-5"]}
    assert store.get("stock:SKU-1") == "7"
    assert store.get("price:SKU-2") == "1"
    assert shop("seed", "--json").json == {"added": []}
    assert shop("seed").out == "Nothing to add: all of it is there.\n"


def test_seed_tells_people_what_it_added(shop: Shop) -> None:
    assert shop("seed").out == "Added SKU-1, SKU-2, SKU-3, SKU-4, SKU-5.\n"


def test_stock_is_set_and_listed(shop: Shop) -> None:
    assert shop("stock", "set", "B-2", "5", "--price", "19.90").code == 0
    assert shop("stock", "set", "A-1", "0").code == 0
    listed = shop("stock", "list", "--json")
    assert listed.json == [
        {"sku": "A-1", "qty": 0, "price_minor": None},
        {"sku": "B-2", "qty": 5, "price_minor": 1990},
    ]
    table = shop("stock", "list")
    assert table.code == 0
    assert "19.90 EUR" in table.out
    assert table.out.index("A-1") < table.out.index("B-2")


def test_a_price_that_is_not_given_stays(shop: Shop, store: Redis) -> None:
    shop("stock", "set", "A", "1", "--price", "2.50")
    answer = shop("stock", "set", "A", "9", "--json")
    assert answer.json == {"sku": "A", "qty": 9, "price_minor": 250}
    assert (store.get("stock:A"), store.get("price:A")) == ("9", "250")


def test_prices_are_in_the_shops_currency(shop: Shop, store: Redis) -> None:
    assert shop("stock", "set", "A", "1", "--price", "500", CURRENCY="JPY").code == 0
    assert store.get("price:A") == "500"
    assert "500 JPY" in shop("stock", "list", CURRENCY="JPY").out
    refused = shop("stock", "set", "A", "1", "--price", "5.5", CURRENCY="JPY")
    assert (refused.code, refused.err) == (2, "shop: --price: '5.5' is not an amount of JPY\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a b", "1"), "'a b' is not 1 to 64 of"),
        (("", "1"), "'' is not 1 to 64 of"),
        ((".hidden", "1"), "'.hidden' is not"),
        (("x" * 65, "1"), "is not 1 to 64 of"),
        (("new\nline", "1"), "'new\\nline' is not"),
        (("A", "1.5"), "Invalid value for"),
        (("A", "many"), "Invalid value for"),
        (("A", str(10**12)), "Invalid value for"),
        (("A", "--", "-1"), "Invalid value for"),
        (("A", "1", "--price", "free"), "'free' is not an amount of EUR"),
        (("A", "1", "--price", "-1"), "'-1' is not an amount of EUR"),
        (("A", "1", "--price", "1.999"), "'1.999' is not an amount of EUR"),
        (("A", "1", "--price", "nan"), "'nan' is not an amount of EUR"),
    ],
)
def test_stock_that_cannot_be_is_refused_and_nothing_is_stored(
    shop: Shop, store: Redis, arguments: tuple[str, ...], said: str
) -> None:
    refused = shop("stock", "set", *arguments)
    assert refused.code == 2
    assert said in refused.err
    assert store.keys() == []


def test_an_empty_shop_is_told_how_to_get_stock(shop: Shop) -> None:
    empty = shop("stock", "list")
    assert empty.code == 0
    assert "shop seed" in empty.out
    assert shop("stock", "list", "--json").json == []


def test_what_was_set_by_hand_is_shown_as_it_is(shop: Shop, store: Redis) -> None:
    # Neither taken for markup nor cut short.
    name = "[red]" + "x" * 70
    store.set(f"stock:{name}", 3)
    assert name in shop("stock", "list").out
    assert shop("stock", "list", "--json").json[0]["sku"] == name


# --- orders ---


def place(store: Redis, order_id: str, status: str, **fields: Any) -> None:
    record: dict[Any, Any] = {
        "item": "SKU-1",
        "qty": 2,
        "email": "ann@example.com",
        "task_id": "5d1e0a3c-8f0e-4f52-9c57-0a4f7a6b9d21",
        "placed_at": 1_767_225_600_005,
        "attempts": 1,
        **fields,
    }
    store.hset(f"order:{order_id}", mapping=record)
    store.set(f"order:{order_id}:status", status)


def test_an_order_is_shown_by_the_names_of_the_api(shop: Shop, store: Redis) -> None:
    place(store, "7", "processed", processed_at=1_767_225_601_000, unit_price=1990)
    store.set("invoice:7", b"%PDF-")
    shown = shop("order", "show", "7", "--json")
    assert shown.code == 0
    assert shown.json == {
        "order_id": "7",
        "status": "processed",
        "item": "SKU-1",
        "qty": 2,
        "email": "ann@example.com",
        "reason": None,
        "placed_at": "2026-01-01T00:00:00.005Z",
        "processed_at": "2026-01-01T00:00:01.000Z",
        "task_id": "5d1e0a3c-8f0e-4f52-9c57-0a4f7a6b9d21",
        "attempts": 1,
        "unit_price_minor": 1990,
        "invoice": "/invoice/7",
    }
    table = shop("order", "show", "7").out
    assert "19.90 EUR" in table
    assert "processed at" in table


def test_a_failed_order_is_taken_up_again(shop: Shop, store: Redis, valkey: ValkeyProcess) -> None:
    place(store, "7", "failed", reason="out_of_stock", processed_at=1_767_225_601_000)
    retried = shop("order", "retry", "7", "--json")
    assert retried.code == 0
    assert retried.json["status"] == "pending"
    assert store.zscore("orders:open", "7") is not None
    with valkey.client(0) as broker:
        assert broker.llen("default") == 1


def test_an_order_that_is_in_order_is_not_retried(shop: Shop, store: Redis) -> None:
    place(store, "7", "processed", processed_at=1_767_225_601_000)
    store.set("invoice:7", b"%PDF-")
    refused = shop("order", "retry", "7")
    assert refused.code == 1
    assert refused.err == "shop: order 7 is processed: there is nothing to retry\n"


@pytest.mark.parametrize("command", ["show", "retry"])
def test_an_order_that_is_not_there_is_a_line(shop: Shop, command: str) -> None:
    missing = shop("order", command, "none", "--json")
    assert (missing.code, missing.out) == (1, "")
    assert missing.err == "shop: there is no order none\n"
    assert shop("order", command, "no ne").code == 2


# --- the report ---


def test_the_report_is_made_stored_and_shown(shop: Shop, store: Redis) -> None:
    store.mset({"stock:A": 3, "stock:B": 0, "stock:C": "many"})
    made = shop("report", "--json").json
    assert made["levels"] == {"A": 3, "B": 0}
    assert (made["skus"], made["units"]) == (2, 3)
    stored = store.get(f"report:stock:{made['date']}")
    assert stored is not None
    assert json.loads(stored)["levels"] == made["levels"]
    shown = shop("report").out
    assert f"{made['date']}: 2 SKUs, 3 units." in shown
    assert "Out of stock: B." in shown
    assert "Not a number: C." in shown


def test_an_earlier_report_is_shown_and_a_missing_one_is_a_line(shop: Shop, store: Redis) -> None:
    day = shop("report", "--json").json["date"]
    store.set("stock:A", 5)
    assert shop("report", "--date", day, "--json").json["levels"] == {}
    missing = shop("report", "--date", "2020-02-29")
    assert (missing.code, missing.err) == (1, "shop: there is no stock report of 2020-02-29\n")
    assert shop("report", "--date", "29.02.2020").code == 2


# --- what is wrong ---

DATA_COMMANDS = [
    ("seed",),
    ("stock", "list"),
    ("stock", "set", "A", "1"),
    ("order", "show", "1"),
    ("order", "retry", "1"),
    ("report",),
]


@pytest.mark.parametrize("command", DATA_COMMANDS, ids=" ".join)
def test_without_redis_each_command_fails_with_one_line(
    run: Shop, command: tuple[str, ...]
) -> None:
    port = free_port()
    failed = run(*command, "--json", REDIS_PORT=str(port))
    assert (failed.code, failed.out) == (1, "")
    (line,) = failed.err.splitlines()
    assert line.startswith("shop: Redis does not answer")
    assert str(port) in line


def test_a_setting_that_is_wrong_is_a_line_with_its_name_and_without_its_value(run: Shop) -> None:
    refused = run("stock", "list", REDIS_PORT="nonsense", FLOWER_PASSWORD="change-me")
    assert (refused.code, refused.out) == (2, "")
    first, second = sorted(refused.err.splitlines())
    assert first.startswith("shop: FLOWER_PASSWORD: ")
    assert "change-me" not in first
    assert second.startswith("shop: REDIS_PORT: ")


def test_settings_that_do_not_fit_together_are_a_line(run: Shop) -> None:
    refused = run("workers", REDIS_DB="1")
    assert (refused.code, len(refused.err.splitlines())) == (2, 1)
    assert refused.err.startswith("shop: REDIS_DB")


def test_help_lists_every_command_and_the_exit_codes(run: Shop) -> None:
    shown = run("--help")
    assert shown.code == 0
    for word in ("up", "workers", "seed", "stock", "order", "report", "doctor", "Exit codes"):
        assert word in shown.out


def test_up_refuses_taken_ports_with_a_line_each_and_starts_nothing(
    run: Shop, valkey: ValkeyProcess, tmp_path: Path
) -> None:
    taken = str(valkey.port)
    refused = run(
        *("up", "--data-dir", str(tmp_path / "data"), "--no-flower"),
        *("--api-port", taken, "--redis-port", str(free_port())),
    )
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (f"shop: port {taken} (API) is taken; choose another with --api-port\n")
    assert not (tmp_path / "data").exists()


def test_up_takes_the_port_of_redis_from_the_settings(
    shop: Shop, valkey: ValkeyProcess, tmp_path: Path
) -> None:
    refused = shop("up", "--data-dir", str(tmp_path), "--no-flower", "--api-port", str(free_port()))
    assert refused.err == (
        f"shop: port {valkey.port} (Redis) is taken; choose another with --redis-port\n"
    )


def test_up_reads_an_env_file_below_the_environment(
    run: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "settings.env"
    file.write_text("# comment\nexport TIMEZONE='Mars'\nCURRENCY=euro\n")
    # What the command sets must not outlive the test.
    monkeypatch.setenv("TIMEZONE", "")
    monkeypatch.delenv("TIMEZONE")
    refused = run("up", "--env-file", str(file), "--data-dir", str(tmp_path), CURRENCY="EUR")
    assert refused.code == 2
    assert refused.err.startswith("shop: TIMEZONE: ")
    assert "CURRENCY" not in refused.err


# --- the doctor ---


def states(outcome: Outcome) -> dict[str, str]:
    return {finding["check"]: finding["state"] for finding in outcome.json}


def finding(outcome: Outcome, check: str) -> dict[str, str]:
    (found,) = [found for found in outcome.json if check in found["check"]]
    return dict(found)


def test_the_doctor_names_what_is_missing_and_what_to_do(shop: Shop) -> None:
    examined = shop("doctor", "--json")
    assert examined.code == 1
    assert states(examined)["Redis, store"] == "ok"
    assert finding(examined, "append-only file")["state"] == "warn"
    for queue in ("queue default", "queue priority"):
        missing = finding(examined, queue)
        assert missing["state"] == "fail"
        assert "shop workers" in missing["advice"]
    assert "shop seed" in finding(examined, "stock")["advice"]
    assert "What to do" in shop("doctor").out


def test_the_doctor_is_content_with_a_shop_that_works(run: Shop) -> None:
    with running_valkey(appendonly=True) as server, server.client(STORE_DB) as store:
        seconds, _ = store.time()
        for queue in ("default", "priority"):
            store.zadd(f"workers:{queue}", {"a@host": int(seconds) * 1000})
        store.set("stock:A", 1)
        examined = run("doctor", "--json", REDIS_PORT=str(server.port))
    assert examined.code == 0
    bad = {check for check, state in states(examined).items() if state != "ok"}
    # These two are asked at their usual ports, where another stack may answer.
    assert bad <= {"API", "Flower"}


def test_an_address_that_is_given_has_to_answer(shop: Shop) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    examined = shop("doctor", "--json", "--api-url", url, "--flower-url", url)
    assert finding(examined, "API")["state"] == "fail"
    assert finding(examined, "Flower")["state"] == "fail"
    assert url in finding(examined, "API")["detail"]


def test_the_doctor_sees_work_that_was_given_up_or_missed(shop: Shop, store: Redis) -> None:
    store.zadd("orders:dead", {f"dead-{number}": number for number in range(5)})
    store.zadd("orders:open", {"late": 1})
    examined = shop("doctor", "--json")
    dead = finding(examined, "orders, given up")
    assert dead["state"] == "warn"
    assert dead["detail"] == "5: dead-0, dead-1, dead-2 ..."
    assert "shop order retry" in dead["advice"]
    assert finding(examined, "orders, open")["detail"].startswith("1, 1 of them overdue")


def test_the_doctor_sees_a_redis_that_forgets(run: Shop) -> None:
    options = {"maxmemory": "10mb", "maxmemory-policy": "allkeys-lru"}
    with running_valkey(options=options) as server:
        examined = run("doctor", "--json", REDIS_PORT=str(server.port))
    memory = finding(examined, "memory")
    assert memory["state"] == "fail"
    assert "noeviction" in memory["advice"]


def test_the_doctor_says_when_the_password_is_wrong_but_not_the_password(run: Shop) -> None:
    with running_valkey(options={"requirepass": "the-right-one"}) as server:
        port = str(server.port)
        examined = run("doctor", "--json", REDIS_PORT=port, REDIS_PASSWORD="the-wrong-one")
    assert examined.code == 1
    assert "REDIS_PASSWORD" in finding(examined, "store")["advice"]
    assert "the-wrong-one" not in examined.out + examined.err


def test_the_doctor_reports_wrong_settings_and_an_absent_redis(run: Shop) -> None:
    wrong = run("doctor", "--json", LOG_LEVEL="loud")
    assert wrong.code == 1
    assert "LOG_LEVEL" in finding(wrong, "settings")["detail"]
    absent = run("doctor", "--json", REDIS_PORT=str(free_port()))
    assert absent.code == 1
    assert finding(absent, "store")["state"] == "fail"


def test_a_foreign_broker_is_left_to_its_own_tools(shop: Shop) -> None:
    examined = shop("doctor", "--json", CELERY_BROKER_DSN="sqs://user:hidden-word@localhost")
    assert finding(examined, "broker")["state"] == "warn"
    assert "hidden-word" not in examined.out


def test_a_rabbitmq_that_is_away_fails_and_its_password_is_not_shown(shop: Shop) -> None:
    dsn = "amqp://user:hidden-word@127.0.0.1:1//"
    examined = shop("doctor", "--json", CELERY_BROKER_DSN=dsn)
    assert finding(examined, "RabbitMQ, broker")["state"] == "fail"
    assert "hidden-word" not in examined.out


# --- start-up ---


def test_looking_at_stock_loads_neither_celery_nor_the_api(valkey: ValkeyProcess) -> None:
    program = (
        "import sys\n"
        "from shop.cli import main\n"
        "sys.argv = ['shop', 'stock', 'list']\n"
        "try:\n    main()\n"
        "except SystemExit as ended:\n    assert not ended.code\n"
        "print({'celery', 'fastapi', 'uvicorn', 'reportlab'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": "", "REDIS_PORT": str(valkey.port)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "set()"
