"""`Readiness` and the workers' signs of life."""

import pytest

from shop.adapters.redis.keys import WORKER_TTL_S
from shop.domain.errors import StoreUnavailable
from shop.domain.work import Consumers, Restraints
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


PAUSED = Restraints(is_paused=True)


async def test_a_queue_that_an_operator_paused_is_named(ports: Ports) -> None:
    ports.presence.beat("default", "celery@one", PAUSED)
    ports.presence.beat("priority", "celery@two")

    assert await ports.readiness.missing() == ["worker:default is paused"]
    assert ports.presence.is_restrained("default")
    assert not ports.presence.is_restrained("priority")

    ports.presence.beat("default", "celery@one")

    assert await ports.readiness.missing() == []
    assert not ports.presence.is_restrained("default")


async def test_a_queue_from_which_somebody_takes_is_not_paused(ports: Ports) -> None:
    ports.presence.beat("default", "celery@one", PAUSED)
    ports.presence.beat("default", "celery@two")
    ports.presence.beat("priority", "celery@three")

    assert await ports.readiness.missing() == []
    assert ports.presence.consumers()["default"] == Consumers(alive=2, paused=1)


async def test_what_a_dead_worker_was_told_is_nothing(ports: Ports, backend: Backend) -> None:
    ports.presence.beat("default", "celery@one", PAUSED)
    backend.pass_time(WORKER_TTL_S * 1000 + 1_000)

    assert await ports.readiness.missing() == ["worker:default", "worker:priority"]
    assert not ports.presence.is_restrained("default")

    ports.presence.beat("default", "celery@two")
    ports.presence.beat("priority", "celery@three")
    assert await ports.readiness.missing() == []


async def test_rate_limits_are_named_and_nothing_is_missing(ports: Ports) -> None:
    limits = {"process_order": "1/m", "generate_invoice": "10/s"}
    ports.presence.beat("default", "celery@one", Restraints(rate_limits=limits))
    ports.presence.beat("priority", "celery@two")

    assert await ports.readiness.missing() == []
    assert await ports.readiness.rate_limits() == limits
    assert ports.presence.is_restrained("default")


async def test_rate_limits_of_a_store_that_is_away_are_not_known(backend: Backend) -> None:
    with pytest.raises(StoreUnavailable):
        await backend.unplugged().readiness.rate_limits()
