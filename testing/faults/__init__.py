"""Faults as nouns: each injects itself, proves that it took hold, and always heals.

Those of workers and of Redis work on processes and on containers. There both workers are one
container, and so is what `WorkerKilled` and `WorkerFrozen` disturb; `PoolProcessKilled` kills a
single process in it. `ConnectionsCut`, `ConnectionsSlowed` and `ApiKilledBeforePublishing` need a
proxy between a service and Redis, listening where these tests run: they are for local stacks, and
make no sense on containers, whose network does not lead there.
"""

from testing.faults.api import ApiKilledBeforePublishing
from testing.faults.failover import ServerSwitched
from testing.faults.fault import Fault, FaultDidNotTakeHold
from testing.faults.proxy import TcpProxy
from testing.faults.rabbitmq import BrokerKilled
from testing.faults.redis import RedisFrozen, RedisKilled
from testing.faults.refusals import TRIP_FAULTS, TripFault
from testing.faults.resp_proxy import RespProxy
from testing.faults.routes import ConnectionsCut, ConnectionsSlowed, RoutedStack
from testing.faults.trips import Point, Trip
from testing.faults.workers import PoolProcessKilled, WorkerFrozen, WorkerKilled

__all__ = [
    "TRIP_FAULTS",
    "ApiKilledBeforePublishing",
    "BrokerKilled",
    "ConnectionsCut",
    "ConnectionsSlowed",
    "Fault",
    "FaultDidNotTakeHold",
    "Point",
    "PoolProcessKilled",
    "RedisFrozen",
    "RedisKilled",
    "RespProxy",
    "RoutedStack",
    "ServerSwitched",
    "TcpProxy",
    "Trip",
    "TripFault",
    "WorkerFrozen",
    "WorkerKilled",
]
