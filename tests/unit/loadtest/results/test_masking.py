"""No secret is written down, and what is none stays readable."""

from typing import Any

import pytest

from loadtest.results.masking import masked, masked_command

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "value",
    [
        {"REDIS_PASSWORD": SECRET},
        {"API_KEY": SECRET},
        {"apiKey": SECRET},
        {"requirepass": SECRET},
        {"masterauth": SECRET},
        {"masteruser": SECRET},
        {"tls-key-file-pass": SECRET},
        {"FLOWER_BASIC_AUTH": f"admin:{SECRET}"},
        {"credentials": {"user": "u", "value": SECRET}},
        {"CELERY_BROKER_DSN": f"redis://:{SECRET}@redis:6379/0"},
        {"SMTP_URL": f"smtp://user:{SECRET}@mail:587"},
        {"DSN": f"redis://:{SECRET}@p@ss/{SECRET}@redis:6379/0"},
        {"note": f"at http://shop/?token={SECRET}&page=1"},
        {"stacks": [{"environment": {"REDIS_PASSWORD": SECRET}}]},
        [f"API_KEY={SECRET}"],
    ],
)
def test_hides(value: Any) -> None:
    assert SECRET not in str(masked(value))


@pytest.mark.parametrize(
    "value",
    [
        {"requirepass": "", "password": None},
        {"author": "x", "keys_total": 5, "bypass": "yes", "author_key": "k"},
        {"REDIS_URL": "redis://redis:6379/0", "maxmemory": "0"},
        {"ORDER_DELAY_MS": "80", "rates": {"probes_per_s": 25.0, "flood": True}},
    ],
)
def test_leaves_the_rest_as_it_is(value: Any) -> None:
    assert masked(value) == value


def test_keeps_the_host_of_a_url() -> None:
    assert masked("redis://:pw@redis:6379/0") == "redis://***@redis:6379/0"


def test_a_command_line_shows_none() -> None:
    command = ["run", "--api-key", SECRET, f"--password={SECRET}", "--seed", "7"]
    command += [f"http://u:{SECRET}@host"]
    assert masked_command(command) == [
        "run",
        "--api-key",
        "***",
        "--password=***",
        "--seed",
        "7",
        "http://***@host",
    ]
