"""The README's tables name what the program has: all of it, and nothing else.

The Russian README is held to the same tables by `test_translation`.
"""

import inspect
import re
import subprocess
from collections.abc import Callable
from enum import Enum
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from celery import Celery

from shop.adapters.celery.app import create_worker_app
from shop.adapters.celery.publisher import CeleryPublisher
from shop.adapters.redis import keys
from shop.api.app import create_api
from shop.api.limits import MAX_BODY_BYTES
from shop.bootstrap import ApiServices
from shop.domain.notification import MAX_MESSAGE_CHARS
from shop.domain.order import MAX_QTY, OrderStatus
from shop.settings import RESULT_TTL_S, Settings
from shop.tasks import register
from shop.tasks.schedule import beat_schedule
from tests.conftest import MakeSettings
from tests.docs import shop_command
from tests.docs.markdown import README, REPOSITORY, RUSSIAN, read, source

DOCUMENT = read(README)


# --- Configuration ---

#: Settings whose default is no single literal, so that words describe it.
DESCRIBED = {
    "SELLER_NAME", "SELLER_ADDRESS", "DEFAULT_CONCURRENCY", "CELERY_BROKER_DSN",
    "CELERY_BACKEND_DSN",
}  # fmt: skip


def test_the_configuration_is_the_settings() -> None:
    assert sorted(DOCUMENT.named("variable")) == sorted(map(str.upper, Settings.model_fields))


def test_the_configuration_shows_the_defaults(make_settings: MakeSettings) -> None:
    defaults = make_settings()
    shown, expected = {}, {}
    for name, default, _ in DOCUMENT.table("variable"):
        if name.text not in DESCRIBED:
            shown[name.text] = default.text
            expected[name.text] = _literal(getattr(defaults, name.text.lower()))

    assert shown == expected


def test_the_words_for_a_default_are_not_a_literal(make_settings: MakeSettings) -> None:
    described = [row[1] for row in DOCUMENT.table("variable") if row[0].text in DESCRIBED]

    assert len(described) == len(DESCRIBED)
    assert all(" " in cell.text and not cell.codes for cell in described)
    # And "one a core" is what no number says.
    assert make_settings().default_concurrency is None


def test_the_configuration_is_what_env_example_shows() -> None:
    example = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", source(".env.example"), re.MULTILINE))
    compose = source("docker-compose.yml") + source("docker-compose.rabbitmq.yml")
    compose_only = set(re.findall(r"\$\{([A-Z_]+):[-?]", compose))
    compose_only -= {name.upper() for name in Settings.model_fields}

    # Where services leave their signs of life and their counts is the image's business.
    folders = {"SHOP_RUN_DIR", "PROMETHEUS_MULTIPROC_DIR"}
    assert example == {*DOCUMENT.named("variable")} - folders | compose_only
    assert compose_only <= set(DOCUMENT.codes)


def _literal(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value.value if isinstance(value, Enum) else value)


# --- entrypoint.sh, Compose ---


def test_the_options_are_those_of_entrypoint_sh() -> None:
    usage = subprocess.run(
        [REPOSITORY / "entrypoint.sh", "--help"], check=True, capture_output=True, text=True
    ).stdout
    listed = re.findall(r"^  (--[a-z]+) ", usage, re.MULTILINE)

    assert DOCUMENT.named("option") == [option for option in listed if option != "--help"]


def test_the_services_are_those_of_compose_and_so_are_their_ports() -> None:
    services = yaml.safe_load(source("docker-compose.yml"))["services"]
    published = {}
    for name, service in services.items():
        ports = [re.sub(r"\$\{\w+:-(\w+)\}", r"\1", port) for port in service.get("ports", [])]
        published[name] = ", ".join(port.rpartition(":")[0] for port in ports)

    assert {row[0].text: row[2].text for row in DOCUMENT.table("service")} == published


# --- Endpoints ---


@pytest.fixture
def schema(make_settings: MakeSettings) -> dict[str, Any]:
    no_services = cast(ApiServices, SimpleNamespace())  # none is called
    return create_api(make_settings(), services=no_services).openapi()


def test_the_endpoints_are_those_of_the_schema_and_its_page(schema: dict[str, Any]) -> None:
    served = [
        f"{method.upper()} {path}"
        for path, methods in schema["paths"].items()
        for method in methods
    ]

    assert sorted(DOCUMENT.named("call")) == sorted([*served, "GET /docs"])


def test_every_status_that_an_endpoint_is_said_to_answer_is_in_the_schema(
    schema: dict[str, Any],
) -> None:
    for call, answer in DOCUMENT.table("call"):
        method, _, path = call.text.partition(" ")
        statuses = set(re.findall(r"\b[2-5]\d\d\b", answer.text))
        responses = (
            schema["paths"].get(path, {}).get(method.lower(), {"responses": {}})["responses"]
        )
        assert statuses <= set(responses), call.text


@pytest.mark.parametrize(
    ("readme", "one_to", "kib"), [(README, "1 to", "KiB"), (RUSSIAN, "от 1 до", "КиБ")]
)
def test_the_bounds_are_those_of_the_domain(readme: str, one_to: str, kib: str) -> None:
    text = " ".join(source(readme).split())

    assert f"`qty`: {one_to} {_spaced(MAX_QTY)}." in text
    assert f"`message`: {one_to} {_spaced(MAX_MESSAGE_CHARS)} " in text
    assert f" {MAX_BODY_BYTES // 1024} {kib} " in text


def _spaced(number: int) -> str:
    return f"{number:_}".replace("_", " ")


# --- Tasks ---


@pytest.fixture
def worker(make_settings: MakeSettings) -> Celery:
    app = create_worker_app(make_settings())
    register(app)
    return app


def test_the_tasks_are_those_of_the_workers_with_their_arguments(worker: Celery) -> None:
    registered = []
    for name, task in worker.tasks.items():
        if not name.startswith("celery."):
            arguments = ", ".join(inspect.signature(task.run).parameters)
            registered.append(f"{name}({arguments})")

    assert sorted(DOCUMENT.named("task")) == sorted(registered)


def test_each_task_goes_to_the_queue_that_is_named(worker: Celery) -> None:
    publisher = CeleryPublisher(worker)

    for task, queue, _ in DOCUMENT.table("task"):
        assert queue.text == publisher.queue_of(task.text.partition("(")[0])


def test_what_beat_sends_is_said_with_its_time() -> None:
    says = {row[0].text.partition("(")[0]: row[2].text for row in DOCUMENT.table("task")}

    for name, entry in beat_schedule().items():
        schedule = entry["schedule"]
        if isinstance(schedule, float):
            assert f"every {schedule / 60:.0f} minutes" in says[name]
        else:
            (hour,), (minute,) = schedule.hour, schedule.minute
            assert f"at {hour:02}:{minute:02} in TIMEZONE" in says[name]


# --- Redis keys ---


class _Day:
    """In the place of a date: its name in the table."""

    def isoformat(self) -> str:
        return "{date}"


def _template(function: Callable[..., str]) -> str:
    parameters = inspect.signature(function).parameters
    return function(*(_Day() if name == "day" else f"{{{name}}}" for name in parameters))


def test_the_keys_are_those_of_the_store() -> None:
    functions = [
        member for _, member in inspect.getmembers(keys, inspect.isfunction)
        if member.__module__ == keys.__name__
    ]  # fmt: skip
    fixed = [
        value for name, value in vars(keys).items()
        if name.isupper() and isinstance(value, str) and not name.endswith("_PREFIX")
    ]  # fmt: skip

    assert functions
    assert sorted(DOCUMENT.named("key")) == sorted([*map(_template, functions), *fixed])


def test_the_states_of_an_order_are_those_of_the_domain() -> None:
    states = next(row[1] for row in DOCUMENT.table("key") if row[0].text.endswith(":status"))

    assert states.codes == tuple(status.value for status in OrderStatus)


def test_what_is_kept_for_a_day_is() -> None:
    day_s = 24 * 60 * 60
    says = {row[0].text: row[1].text for row in DOCUMENT.table("key")}
    kept = {"task:{task_id}": keys.TASK_TTL_S, "notification:{task_id}": keys.NOTIFICATION_TTL_S}

    assert {key for key, text in says.items() if "for a day" in text} == set(kept)
    assert {*kept.values(), RESULT_TTL_S} == {day_s}


# --- The shop command ---


def test_the_commands_are_those_of_shop() -> None:
    named = {
        " ".join(word for word in command.split(" --")[0].split() if not word.isupper())
        for command in DOCUMENT.named("command")
    }

    assert named == shop_command.names()


def test_the_options_of_shop_up_are_named() -> None:
    does = next(row[1] for row in DOCUMENT.table("command") if row[0].text == "shop up")

    # The one that is the default anyway.
    assert set(does.codes) == shop_command.options("shop up") - {"--flower", "--help"}
