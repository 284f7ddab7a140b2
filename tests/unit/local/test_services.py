"""The services as data."""

from pathlib import Path

import pytest

from shop.domain.work import Queue
from shop.local import services, up
from shop.local.service import Service
from shop.local.site import DataDir
from shop.settings import Settings
from tests.conftest import MakeSettings

SECRET = "s3cret-enough"


def stack_services(settings: Settings, folder: Path) -> dict[str, Service]:
    data_dir = DataDir(folder / "data")
    with data_dir.claimed():
        stack = up.Stack(data_dir, api_port=1001, flower_port=1002)
        return {service.name: service for service in up.stack_services(stack, settings, SECRET)}


@pytest.fixture
def stack(make_settings: MakeSettings, tmp_path: Path) -> dict[str, Service]:
    settings = make_settings(
        redis_port=1003, redis_password=SECRET, flower_password=SECRET, api_key=SECRET
    )
    return stack_services(settings, tmp_path)


def test_no_credential_stands_on_a_command_line(stack: dict[str, Service]) -> None:
    assert len(stack) == 6
    for service in stack.values():
        assert SECRET not in " ".join(service.argv)
    assert stack["flower"].env["FLOWER_PASSWORD"] == SECRET


def test_all_speak_to_the_embedded_redis_whatever_the_environment_says(
    stack: dict[str, Service],
) -> None:
    for name, service in stack.items():
        if name == "redis":
            continue
        assert service.env["REDIS_HOST"] == "127.0.0.1"
        assert service.env["REDIS_PORT"] == "1003"
        # An empty variable counts as unset.
        assert service.env["CELERY_BROKER_DSN"] == service.env["CELERY_BACKEND_DSN"] == ""


def test_redis_starts_first_and_stops_last(stack: dict[str, Service]) -> None:
    redis = stack.pop("redis")
    assert redis.after == ()
    for service in stack.values():
        assert service.after == ("redis",)
        assert service.stop_stage < redis.stop_stage


def test_the_workers_stop_after_what_gives_them_work(stack: dict[str, Service]) -> None:
    for queue in Queue:
        worker = stack[services.worker_name(queue)]
        assert worker.stop_stage > stack["api"].stop_stage
        assert worker.stop_stage > stack["beat"].stop_stage
        assert worker.env["REMAP_SIGTERM"] == "SIGQUIT"


def test_even_a_stop_that_is_forced_at_each_stage_takes_less_than_10_s(
    stack: dict[str, Service],
) -> None:
    slowest_s: dict[int, float] = {}
    for service in stack.values():
        stage = service.stop_stage
        slowest_s[stage] = max(slowest_s.get(stage, 0.0), service.stop_within_s)
    assert sum(slowest_s.values()) <= 8.5


def test_each_worker_has_its_queue_and_its_pool(make_settings: MakeSettings) -> None:
    settings = make_settings(default_concurrency=3, priority_concurrency=7)
    default, priority = services.worker_services(settings, env={})
    assert _options(default) >= {("-Q", "default"), ("--pool", "prefork"), ("-c", "3")}
    assert _options(priority) >= {("-Q", "priority"), ("--pool", "threads"), ("-c", "7")}


def test_the_default_worker_has_a_process_for_each_core(make_settings: MakeSettings) -> None:
    default, _ = services.worker_services(make_settings(), env={})
    assert ("-c", "auto") in _options(default)


def test_only_the_default_worker_takes_ahead_what_the_setting_says(
    make_settings: MakeSettings,
) -> None:
    default, priority = services.worker_services(make_settings(default_prefetch=4), env={})
    assert ("--prefetch-multiplier", "4") in _options(default)
    assert "--prefetch-multiplier" not in priority.argv

    default, _ = services.worker_services(make_settings(), env={})
    assert ("--prefetch-multiplier", "1") in _options(default)


def test_flower_can_be_left_out(make_settings: MakeSettings, tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path / "data")
    stack = up.Stack(data_dir, flower_port=None)
    with data_dir.claimed():
        names = [service.name for service in up.stack_services(stack, make_settings(), "")]
    assert "flower" not in names
    assert [port.option for port in stack.ports(6379)] == ["--api-port", "--redis-port"]


@pytest.mark.parametrize(
    ("host", "reached"),
    [("0.0.0.0", "127.0.0.1"), ("10.1.2.3", "10.1.2.3"), ("::1", "[::1]"), ("here", "here")],
)
def test_where_a_browser_finds_a_server(host: str, reached: str) -> None:
    assert services.url(host, 8000) == f"http://{reached}:8000"


def _options(service: Service) -> set[tuple[str, str]]:
    return set(zip(service.argv, service.argv[1:], strict=False))
