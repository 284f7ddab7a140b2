"""A service as a container."""

import signal
import subprocess
from typing import Any

from docker.errors import DockerException
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from testing.stack import ProcessInfo, StackFailed
from testing.stacks.compose import ContainerSpec
from testing.stacks.ports import HOST
from testing.waiting import wait_for

#: How long a killed container may take to be reported as ended.
KILLED_WITHIN_S = 10.0

#: Prints number, parent and command line of each process. The images have no `ps`.
_LIST_PROCESSES = r"""
for folder in /proc/[0-9]*; do
    pid=${folder#/proc/}
    [ "$pid" = $$ ] && continue
    parent=
    while read -r key value; do
        [ "$key" = PPid: ] && { parent=$value; break; }
    done <"$folder/status" || continue
    [ "$parent" = $$ ] && continue
    printf '%s %s %s\n' "$pid" "$parent" "$(tr '\0\n' '  ' <"$folder/cmdline")"
done 2>/dev/null
"""


class ContainerHandle:
    """A `ServiceHandle` over a container of the stack's network, named in it as in Compose."""

    def __init__(
        self, spec: ContainerSpec, network: Network, *, published_at: int | None = None
    ) -> None:
        """`published_at` is the port of 127.0.0.1 where this machine reaches the service."""
        self.name = spec.name
        self._spec = spec
        self._container = (
            DockerContainer(spec.image)
            .with_command(spec.command)
            .with_envs(**spec.environment)
            .with_network(network)
            .with_network_aliases(spec.name)
            .with_kwargs(
                **spec.options,
                # Without a source: the engine makes each, and removes it with the container.
                mounts=[{"Type": "volume", "Target": target} for target in spec.volumes],
            )
        )
        self._container.tmpfs.update(spec.tmpfs)
        if published_at is not None:
            # One number, so that it stays the same when the container is started again.
            published: dict[str, Any] = {f"{spec.port}/tcp": (HOST, published_at)}
            self._container.ports.update(published)

    def create(self) -> None:
        """Make the container and start it for the first time."""
        self._container.start()

    def remove(self) -> None:
        self._container.stop()

    @property
    def is_running(self) -> bool:
        return self._state()["Running"] is True

    @property
    def image(self) -> tuple[str, str]:
        """What it was made of: the name and the id."""
        return self._spec.image, str(self._docker.attrs["Image"])

    @property
    def exit_code(self) -> int | None:
        """Of the container's main process; None while it runs. 137 is SIGKILL."""
        state = self._state()
        return None if state["Running"] else int(state["ExitCode"])

    @property
    def stop_grace_s(self) -> float:
        """How long after SIGTERM the engine kills it."""
        return self._spec.stop_grace_s

    @property
    def health(self) -> str:
        """What the engine's health check says: `starting`, `healthy` or `unhealthy`."""
        return str(self._state()["Health"]["Status"])

    @property
    def health_command(self) -> list[str]:
        """What the engine runs for that, to be run at once by `run`."""
        how, *command = self._spec.options["healthcheck"]["test"]
        return ["sh", "-c", *command] if how == "CMD-SHELL" else command

    def start(self) -> None:
        if self.is_running:
            raise StackFailed(f"{self.name} runs already")
        self._docker.start()

    def stop(self) -> None:
        self.resume()
        self._docker.stop(timeout=round(self._spec.stop_grace_s))

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self, signum: signal.Signals = signal.SIGKILL) -> None:
        if signum == signal.SIGKILL and self._state()["Paused"]:
            # The engine kills a frozen container only when it has thawed it.
            self.resume()
        self._docker.kill(signum.name)
        if signum == signal.SIGKILL:
            wait_for(
                f"{self.name} has ended", lambda: not self.is_running, within_s=KILLED_WITHIN_S
            )

    def pause(self) -> None:
        self._docker.pause()

    def resume(self) -> None:
        if self._state()["Paused"]:
            self._docker.unpause()

    @property
    def is_frozen(self) -> bool:
        return self._state()["Paused"] is True

    def processes(self) -> list[ProcessInfo]:
        if not self.is_running:
            return []
        listed = self.run(["sh", "-c", _LIST_PROCESSES])
        found = []
        for line in listed.splitlines():
            pid, parent, command = line.split(" ", 2)
            found.append(ProcessInfo(int(pid), int(parent), command.strip()))
        return sorted(found, key=lambda process: process.pid)

    def pids(self) -> list[int]:
        return [process.pid for process in self.processes()]

    def send_signal(self, pid: int, signum: signal.Signals) -> None:
        if pid not in self.pids():
            raise StackFailed(f"{pid} is no process of {self.name}")
        self.run(["sh", "-c", f"kill -{signum.value} {pid}"])

    def signal_all(self, signum: signal.Signals) -> None:
        if self.is_running:
            # To all but the shell that sends it and the container's init, which only waits.
            self.run(["sh", "-c", f"kill -{signum.value} -1"])

    def memory(self) -> int | None:
        """Bytes that its processes hold by themselves, without what the kernel keeps of files.

        None where the engine does not tell.
        """
        if not self.is_running:
            return None
        try:
            seen = self._docker.stats(stream=False, one_shot=True).get("memory_stats", {})
        except (DockerException, OSError):
            # An engine that is too old for it, too busy, or has just lost the container.
            return None
        stats = seen.get("stats", {})
        # What processes hold by themselves, as the second and the first version of cgroups call it.
        held = stats.get("anon", stats.get("total_rss"))
        return None if held is None else int(held)

    def logs(self, last_lines: int | None = None) -> str:
        tail = "all" if last_lines is None else last_lines
        written: bytes = self._docker.logs(tail=tail)
        return written.decode(errors="replace")

    def run(self, command: list[str]) -> str:
        """The output of a command in the running container. Raises `StackFailed` if it fails."""
        done = subprocess.run(
            ["docker", "exec", self._container.get_container_id(), *command],
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
        )
        if done.returncode != 0:
            said = (done.stdout + done.stderr).strip()
            raise StackFailed(f"{' '.join(command)} in {self.name}: {done.returncode}: {said}")
        return done.stdout

    @property
    def _docker(self) -> Any:
        return self._container.get_wrapped_container()

    def _state(self) -> dict[str, Any]:
        container = self._docker
        container.reload()
        state: dict[str, Any] = container.attrs["State"]
        return state
