"""Faults as nouns: each injects itself, proves that it took hold, and always heals."""

from testing.faults.api import ApiKilledBeforePublishing
from testing.faults.fault import Fault, FaultDidNotTakeHold
from testing.faults.proxy import TcpProxy
from testing.faults.redis import RedisFrozen, RedisKilled
from testing.faults.routes import ConnectionsCut, ConnectionsSlowed, RoutedStack
from testing.faults.workers import PoolProcessKilled, WorkerFrozen, WorkerKilled

__all__ = [
    "ApiKilledBeforePublishing",
    "ConnectionsCut",
    "ConnectionsSlowed",
    "Fault",
    "FaultDidNotTakeHold",
    "PoolProcessKilled",
    "RedisFrozen",
    "RedisKilled",
    "RoutedStack",
    "TcpProxy",
    "WorkerFrozen",
    "WorkerKilled",
]
