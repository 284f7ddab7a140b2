"""A failover that closes nothing: the old master becomes a replica and keeps its connections."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import ReadOnlyError

from testing.faults.fault import Fault, FaultDidNotTakeHold
from testing.faults.routes import RoutedStack
from testing.history import Recorder
from testing.servers import ValkeyProcess
from testing.stack import STORE_DB
from testing.stacks.ports import HOST
from testing.waiting import wait_for

SYNCED_WITHIN_S = 10.0
#: Longer than the last of the data takes to arrive.
PAUSE_MS = 10_000


class ServerSwitched(Fault):
    """A name or a Service leads to the promoted replica, as with a managed Redis.

    New connections reach `replica`, an empty server; those that are open stay with the old
    master, which is read-only from then on. Healing switches back in the same way.
    """

    name = "server-switched"

    def __init__(
        self, stack: RoutedStack, replica: ValkeyProcess, history: Recorder | None = None
    ) -> None:
        super().__init__(history)
        self._stack = stack
        self._replica = replica
        port = urlsplit(stack.redis_url(STORE_DB)).port
        assert port is not None
        self._port = port

    def inject(self) -> None:
        with self._replica.client() as replica:
            self._switch(self._stack.redis(), self._port, replica, self._replica.port)

    def confirm(self) -> Mapping[str, Any]:
        try:
            self._stack.redis().set("written-by", "nobody")
        except ReadOnlyError as error:
            return {"seen": str(error)}
        raise FaultDidNotTakeHold("the old master still takes writes")

    def heal(self) -> None:
        with self._replica.client() as replica:
            self._switch(replica, self._replica.port, self._stack.redis(), self._port)

    def _switch(self, master: Redis, master_port: int, replica: Redis, replica_port: int) -> None:
        def is_linked() -> bool:
            return _replication(replica).get("master_link_status") == "up"

        def has_all() -> bool:
            received = _replication(replica).get("slave_repl_offset")
            return bool(received == _replication(master)["master_repl_offset"])

        master.config_set("repl-diskless-sync-delay", 0)
        replica.replicaof(HOST, master_port)
        wait_for("the replica is linked", is_linked, within_s=SYNCED_WITHIN_S)
        # A planned failover: nothing is written in between.
        master.execute_command("CLIENT", "PAUSE", str(PAUSE_MS), "WRITE")
        wait_for("the replica has all", has_all, within_s=SYNCED_WITHIN_S)
        replica.replicaof("NO", "ONE")
        master.replicaof(HOST, replica_port)
        master.execute_command("CLIENT", "UNPAUSE")
        for proxy in self._stack.proxies:
            proxy.switch_to(replica_port)


def _replication(server: Redis) -> dict[str, Any]:
    found: dict[str, Any] = server.info("replication")
    return found
