"""Publishes onto the lists that are kombu's queues in Redis: many times as fast as through it."""

import logging

import redis.asyncio
from celery import Celery
from redis import Redis
from redis.exceptions import RedisError

from shop.adapters.celery.envelope import LetterWriter
from shop.adapters.celery.publisher import CeleryPublisher
from shop.adapters.redis.autopipeline import AutoPipeline
from shop.adapters.redis.trips import Command, RoundTrips
from shop.domain.errors import PublishFailed, StoreUnavailable
from shop.domain.work import Job

logger = logging.getLogger(__name__)


class ListPublisher(CeleryPublisher):
    """Publishes from workers and commands."""

    def __init__(self, app: Celery, broker: Redis, *, trips: RoundTrips | None = None) -> None:
        """`trips` are those of the tasks' store, if that is on the same server as the broker."""
        super().__init__(app)
        self._broker = broker
        self._broker_db = int(broker.connection_pool.connection_kwargs.get("db") or 0)
        self._trips = trips
        self._letters = LetterWriter(app)

    def publish(self, job: Job) -> None:
        letter = self._letters.write(job)
        if self._trips is not None and self._trips.is_together:

            def refused(error: Exception) -> None:
                logger.warning("%s %s is left to the sweep: %s", job.task, job.task_id, error)

            words = "LPUSH", letter.key, letter.payload
            self._trips.post(Command(words, db=self._broker_db, refused=refused))
            return
        try:
            self._broker.lpush(letter.key, letter.payload)
        except (RedisError, OSError) as error:
            raise PublishFailed(f"{type(error).__name__}: {error}") from error


class AsyncListPublisher:
    """Publishes from the API: what concurrent requests publish goes together."""

    def __init__(self, app: Celery, broker: "redis.asyncio.Redis", *, timeout_s: float) -> None:
        self._broker = broker
        self._pipeline = AutoPipeline(broker, within_s=timeout_s)
        self._letters = LetterWriter(app)

    async def publish(self, job: Job) -> None:
        letter = self._letters.write(job)
        try:
            await self._pipeline.run("LPUSH", letter.key, letter.payload)
        except (StoreUnavailable, RedisError) as error:
            raise PublishFailed(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        await self._pipeline.close()
        await self._broker.aclose()
