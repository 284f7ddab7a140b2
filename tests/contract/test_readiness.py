"""`Readiness` and the workers' signs of life."""

from shop.adapters.redis.keys import WORKER_TTL_S
from tests.contract.backends import Backend, Ports


async def test_without_workers_both_are_missing(ports: Ports) -> None:
    assert await ports.readiness.missing() == ["worker:default", "worker:priority"]


async def test_a_beat_is_enough_for_its_queue(ports: Ports) -> None:
    ports.presence.beat("priority", "celery@one")

    assert await ports.readiness.missing() == ["worker:default"]

    ports.presence.beat("default", "celery@two")

    assert await ports.readiness.missing() == []


async def test_a_silent_worker_is_dead_and_its_colleague_is_not(
    ports: Ports, backend: Backend
) -> None:
    ports.presence.beat("default", "celery@one")
    ports.presence.beat("priority", "celery@two")
    backend.pass_time(WORKER_TTL_S * 1000 // 2)
    ports.presence.beat("priority", "celery@three")
    backend.pass_time(WORKER_TTL_S * 1000 // 2 + 1_000)

    assert await ports.readiness.missing() == ["worker:default"]


async def test_a_worker_that_beats_again_is_back(ports: Ports, backend: Backend) -> None:
    for queue in ("default", "priority"):
        ports.presence.beat(queue, "celery@one")
    backend.pass_time(WORKER_TTL_S * 1000 + 1_000)
    assert await ports.readiness.missing() == ["worker:default", "worker:priority"]

    ports.presence.beat("default", "celery@one")

    assert await ports.readiness.missing() == ["worker:priority"]


async def test_a_worker_that_leaves_is_gone_at_once(ports: Ports) -> None:
    for worker in ("celery@one", "celery@two"):
        ports.presence.beat("default", worker)
    ports.presence.beat("priority", "celery@one")

    ports.presence.leave("default", "celery@one")
    ports.presence.leave("default", "celery@never-there")

    assert await ports.readiness.missing() == []
    ports.presence.leave("default", "celery@two")
    assert await ports.readiness.missing() == ["worker:default"]


async def test_a_store_that_is_away_is_missing(backend: Backend) -> None:
    assert await backend.unplugged().readiness.missing() == ["redis"]
