"""Whose the broker's database is: one shop's alone.

Two shops whose workers take from the same queues process each other's orders, each in its own
store. So the store holds an id, made once, and the broker's database the id of the shop that came
first. What a process of another shop finds there keeps it from consuming and publishing.

It is looked at when a process starts and when a worker has reconnected, never for a message.
"""

import asyncio
import time
from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import redis.asyncio
from redis import Redis
from redis.exceptions import ResponseError

from shop.adapters.redis.client import connect, same_server, store_deadline, store_errors
from shop.adapters.redis.keys import SHOP_ID
from shop.adapters.redis.presence import RedisReadiness
from shop.adapters.redis.refusals import is_refusal
from shop.domain.errors import ForeignBroker, PublishFailed, StoreUnavailable
from shop.domain.ports import AsyncPublisher
from shop.domain.work import Job

#: In the broker's database: the id of the shop that uses it, a space, and where its store is.
SHOP_OWNER = "shop:owner"
ADVICE = (
    "Set another CELERY_BROKER_DSN; after the store was moved, emptied or restored,"
    f" DEL {SHOP_OWNER} in the broker's database."
)
#: How long the API goes by what it found, where that was another shop.
LOOK_AGAIN_AFTER_S = 5.0
#: Of the 2 s that a request may take, recording may have used half.
API_CHECK_WITHIN_S = 0.4


class _Side(Enum):
    STORE = auto()
    BROKER = auto()


_Command = tuple[str, ...]
_Steps = Generator[tuple[_Side, _Command], Any, str | None]


@dataclass(slots=True)
class Ownership:
    """What is asked of the two databases, and what follows from their answers."""

    #: Where they are, as messages name it: without credentials.
    store: str
    broker: str
    #: The store is a database of the broker's server, so that its number says which it is.
    is_beside: bool
    #: As it was last found, for a store that was emptied since.
    shop_id: str | None = None

    @classmethod
    def of(cls, store_dsn: str, broker_dsn: str) -> "Ownership":
        is_beside = same_server(store_dsn, broker_dsn)
        number = urlsplit(store_dsn).path.strip("/") or "0"
        store = f"database {number} of the same server" if is_beside else address(store_dsn)
        return cls(store, address(broker_dsn), is_beside)

    def claim(self) -> _Steps:
        """Commands for a side, one after the other, each answered with its reply.

        Returns a line if another shop was first, and None for this one, which may be now.
        """
        shop_id = yield _Side.STORE, ("GET", SHOP_ID)
        owner = yield _Side.BROKER, ("GET", SHOP_OWNER)
        owner_id, _, owner_store = (owner or "").partition(" ")
        if shop_id is None:
            known = owner_id if self._is_here(owner_store) else self.shop_id
            yield _Side.STORE, ("SET", SHOP_ID, known or uuid4().hex, "NX")
            shop_id = yield _Side.STORE, ("GET", SHOP_ID)
        if owner is None:
            yield _Side.BROKER, ("SET", SHOP_OWNER, f"{shop_id} {self.store}", "NX")
            owner = yield _Side.BROKER, ("GET", SHOP_OWNER)
            owner_id, _, owner_store = (owner or "").partition(" ")
        if shop_id is None or owner is None:
            raise StoreUnavailable("it was emptied while it was asked whose it is")
        self.shop_id = shop_id
        if owner_id == shop_id or self._is_here(owner_store):
            return None
        return self._problem(owner_store)

    def look(self) -> _Steps:
        """As `claim`, but for databases that are only looked at: nothing is claimed."""
        shop_id = yield _Side.STORE, ("GET", SHOP_ID)
        owner = yield _Side.BROKER, ("GET", SHOP_OWNER)
        owner_id, _, owner_store = (owner or "").partition(" ")
        if owner is None or owner_id == shop_id or self._is_here(owner_store):
            return None
        return self._problem(owner_store)

    def _is_here(self, owner_store: str) -> bool:
        """Whether the owner's store is this one for sure, whatever became of its content."""
        return self.is_beside and owner_store == self.store

    def _problem(self, owner_store: str) -> str:
        return (
            f"the broker's database {self.broker} belongs to another shop, whose store is"
            f" {owner_store or 'unknown'}; this one's is {self.store}"
        )


class BrokerOwnership:
    """For workers, Beat and commands; connected while it looks."""

    def __init__(self, store_dsn: str, broker_dsn: str) -> None:
        self._store_dsn = store_dsn
        self._broker_dsn = broker_dsn
        self._ownership = Ownership.of(store_dsn, broker_dsn)

    def require(self) -> None:
        """Claim the broker's database. Raises `ForeignBroker` or `StoreUnavailable`."""
        with (
            connect(self._store_dsn, "shop-ownership") as store,
            connect(self._broker_dsn, "shop-ownership") as broker,
            store_errors(),
        ):
            problem = answered(self._ownership.claim(), store, broker)
        if problem:
            raise ForeignBroker(f"{problem}. {ADVICE}")


class AsyncBrokerOwnership:
    """For the API: looked at before the first publication, and by the readiness probe."""

    def __init__(
        self,
        store: "redis.asyncio.Redis",
        broker: "redis.asyncio.Redis",
        *,
        store_dsn: str,
        broker_dsn: str,
    ) -> None:
        self._clients = {_Side.STORE: store, _Side.BROKER: broker}
        self._ownership = Ownership.of(store_dsn, broker_dsn)
        self._lock = asyncio.Lock()
        self._problem: str | None = None
        self._is_ours = False
        self._looked_at_s = float("-inf")

    async def problem(self) -> str | None:
        """A line if the database is another shop's. Raises `StoreUnavailable`."""
        if self._is_ours:
            return None
        async with store_deadline(API_CHECK_WITHIN_S), self._lock:
            if time.monotonic() - self._looked_at_s >= LOOK_AGAIN_AFTER_S and not self._is_ours:
                self._problem = await self._answered(self._ownership.claim())
                self._looked_at_s, self._is_ours = time.monotonic(), self._problem is None
        return self._problem

    async def _answered(self, steps: _Steps) -> str | None:
        try:
            side, command = next(steps)
            while True:
                side, command = steps.send(await self._clients[side].execute_command(*command))
        except (StopIteration, ResponseError) as end:
            return _outcome(end)


class OwnedPublisher:
    """Publishes from the API once it is known that the broker's database is this shop's."""

    def __init__(self, publisher: AsyncPublisher, ownership: AsyncBrokerOwnership) -> None:
        self._publisher = publisher
        self._ownership = ownership

    async def publish(self, job: Job) -> None:
        try:
            problem = await self._ownership.problem()
        except StoreUnavailable as error:
            raise PublishFailed(str(error)) from error
        if problem:
            raise PublishFailed(problem)
        await self._publisher.publish(job)


class OwnedReadiness(RedisReadiness):
    """Not ready while the broker's database is another shop's."""

    def __init__(self, client: "redis.asyncio.Redis", ownership: AsyncBrokerOwnership) -> None:
        super().__init__(client)
        self._ownership = ownership

    async def missing(self) -> list[str]:
        missing = await super().missing()
        try:
            problem = await self._ownership.problem()
        except StoreUnavailable:
            # Named already, if it is the store; nothing can be published meanwhile.
            return missing or ["redis"]
        # Anybody may ask: where the stores are, the log and the doctor say.
        return [*missing, "broker: it belongs to another shop"] if problem else missing


def answered(steps: _Steps, store: Redis, broker: Redis) -> str | None:
    """What `steps` returns; raises what redis-py does."""
    clients = {_Side.STORE: store, _Side.BROKER: broker}
    try:
        side, command = next(steps)
        while True:
            side, command = steps.send(clients[side].execute_command(*command))
    except (StopIteration, ResponseError) as end:
        return _outcome(end)


def address(dsn: str) -> str:
    """Host, port and database, without credentials."""
    parts = urlsplit(dsn)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"


def _outcome(end: StopIteration | ResponseError) -> str | None:
    if isinstance(end, StopIteration):
        problem: str | None = end.value
        return problem
    if is_refusal(end):
        raise end
    # A key of another type: somebody else's, whoever that may be.
    return f"{SHOP_ID} in the store or {SHOP_OWNER} in the broker's database is unreadable: {end}"


if TYPE_CHECKING:
    _is_a_publisher: type[AsyncPublisher] = OwnedPublisher
