"""What the command line says of what is wrong: a line, and an exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

from shop.settings import Settings
from testing.servers import ValkeyProcess, free_port
from tests.unit.cli.commands import Shop

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


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("FLOWER_PASSWORD_FILE", "/nowhere/at/all", "FLOWER_PASSWORD_FILE: /nowhere/at/all cannot"),
        ("SMTP_URL", "mail.example.com", "SMTP_URL: is not smtp://host:port"),
        ("SMTP_URL", "http://shop:hunter2@mail.example.com", "SMTP_URL: is not smtp://host:port"),
        ("SMTP_URL", "smtp://shop:hunter2", "SMTP_URL: is not smtp://host:port"),
        ("SMTP_URL", "smtp://shop:hunter2@", "SMTP_URL: is not smtp://host:port"),
        ("SMTP_URL", "smtps://shop:hun/ter2@mail.example.com", "SMTP_URL: is not smtp://host:port"),
        ("SMTP_URL", "smtp://mail.example.com:99999", "SMTP_URL: is not smtp://host:port"),
        ("SMTP_URL", "smtp+tls://shop:hunter2@mail.example.com", "SMTP_URL: is not smtp://host:"),
        ("SMTP_FROM", "магазин@example.com", "SMTP_FROM: is not one address"),
        ("SMTP_FROM", "Магазин <shop@example.com>", "SMTP_FROM: is not one address"),
        ("SMTP_FROM", "shop@пример.рф", "SMTP_FROM: is not one address"),
        ("SMTP_FROM", "shop@example.com\nBcc: eve@example.com", "SMTP_FROM: is not one address"),
        ("SMTP_FROM", "shop@example.com\r", "SMTP_FROM: is not one address"),
        ("SMTP_FROM", "a@example.com, b@example.com", "SMTP_FROM: is not one address"),
        ("SMTP_FROM", "a@example.com; b@example.com", "SMTP_FROM: is not one address"),
        ("SMTP_FROM", "a@example.com b@example.com", "SMTP_FROM: is not one address"),
        ("SMTP_FROM", "shops: a@example.com, b@example.com;", "SMTP_FROM: is not one address"),
        ("SMTP_FROM", "shops: a@example.com;", "SMTP_FROM: is not one address"),
        ("SMTP_FROM", " ", "SMTP_FROM: is not one address"),
        ("SMTP_FROM", "<>", "SMTP_FROM: is not one address"),
        ("SMTP_FROM", "shop", "SMTP_FROM: is not one address"),
        ("SMTP_FROM", "Shop <shop>", "SMTP_FROM: is not one address"),
        ("SMTP_FROM", "shop@", "SMTP_FROM: is not one address"),
        ("SMTP_FROM", "Shop <shop@example.com", "SMTP_FROM: is not one address"),
        ("SMTP_CONNECTIONS", "0", "SMTP_CONNECTIONS: "),
    ],
)
@pytest.mark.parametrize("command", [("stock", "list"), ("order", "show", "1")])
def test_a_setting_that_names_nothing_usable_is_a_line(
    run: Shop, command: tuple[str, ...], name: str, value: str, says: str
) -> None:
    refused = run(*command, **{name: value})

    assert (refused.code, refused.out, len(refused.err.splitlines())) == (2, "", 1)
    assert refused.err.startswith(f"shop: {says}")
    assert "hun" not in refused.err


def test_the_doctor_says_so_too(run: Shop) -> None:
    told = run("doctor", "--json", FLOWER_PASSWORD_FILE="/nowhere/at/all")

    assert (told.code, told.err) == (1, "")
    (finding,) = told.json
    assert (finding["check"], finding["state"]) == ("settings", "fail")
    assert "FLOWER_PASSWORD_FILE" in finding["detail"]


@pytest.mark.parametrize(
    "url",
    [
        "smtp://mail.example.com",
        "smtp://user:p%40ss@mail.example.com:587",
        "smtps://[::1]:465",
        "smtp://127.0.0.1:2525/",
        "smtp+starttls://user:p%40ss@mail.example.com",
        "smtp+plaintext://user:пароль@mail.example.com",
    ],
)
def test_a_mail_server_is_taken_as_it_is(url: str) -> None:
    settings = Settings(smtp_url=url)

    assert settings.smtp_url is not None
    assert settings.smtp_url.get_secret_value() == url


@pytest.mark.parametrize(
    "sender",
    [
        "shop@example.com",
        "Our Shop <shop@example.com>",
        '"Shop, Inc." <shop@example.com>',
        "shop@localhost",
        "orders+new@xn--e1afmkfd.xn--p1ai",
    ],
)
def test_a_sender_is_taken_as_it_is(sender: str) -> None:
    assert Settings(smtp_from=sender).smtp_from == sender


def test_an_empty_sender_that_was_not_left_out_is_refused() -> None:
    with pytest.raises(ValueError, match="is not one address"):
        Settings(smtp_from="")


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
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "set()"
