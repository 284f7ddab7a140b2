"""Everything about a run that its figures depend on."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from redis import Redis
from redis.exceptions import RedisError

from loadtest.results import machine
from loadtest.results.masking import masked, masked_command
from loadtest.results.source import Source

#: Of the files that a reader may meet, this is the one whose form may change.
VERSION = 1


class ManifestUnreadable(Exception):
    """A manifest is damaged or of another version; the message is one line."""


@dataclass(slots=True)
class Manifest:
    """What `manifest.json` holds; secrets are masked already when it is made."""

    experiment: str
    seed: int
    #: That runs it again, with what was drawn.
    command: list[str]
    #: Profile, rates, the stacks' environment and so on: whatever the experiment was told.
    configuration: dict[str, Any]
    schedule_sha256: str
    source: dict[str, Any]
    software: dict[str, Any] = field(default_factory=machine.software)
    machine: dict[str, Any] = field(default_factory=machine.hardware)
    #: At the `start` and at the `end`.
    load: dict[str, dict[str, float]] = field(default_factory=dict)
    #: Image's name -> its id, for stacks of containers.
    images: dict[str, str] = field(default_factory=dict)
    #: Stack -> its server's `info` and `config`.
    redis: dict[str, dict[str, Any]] = field(default_factory=dict)
    started_utc: str = ""
    #: Empty for a run that was cut off.
    ended_utc: str = ""
    version: int = VERSION

    @classmethod
    def begin(
        cls,
        *,
        experiment: str,
        seed: int,
        command: Sequence[str],
        configuration: Mapping[str, Any],
        schedule_sha256: str,
        source: Source,
    ) -> Self:
        return cls(
            experiment=experiment,
            seed=seed,
            command=masked_command(command),
            configuration=masked(configuration),
            schedule_sha256=schedule_sha256,
            source=asdict(source),
            load={"start": machine.load()},
            started_utc=_now(),
        )

    def end(self) -> None:
        self.load["end"] = machine.load()
        self.ended_utc = _now()

    def add_images(self, images: Mapping[str, str]) -> None:
        self.images |= images

    def add_redis(self, stack: str, client: Redis | None) -> None:
        """Ask a stack's server, while it is there; None for one that can't be reached."""
        self.redis[stack] = redis_facts(client)

    def as_text(self) -> str:
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, default=str) + "\n"

    def write(self, file: Path) -> None:
        """Whole or not at all."""
        draft = file.with_suffix(".tmp")
        draft.write_text(self.as_text(), encoding="utf-8")
        os.replace(draft, file)  # noqa: PTH105  (Path.replace would return a second path)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Raises `ManifestUnreadable`."""
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ManifestUnreadable(f"cannot read {file}: {error}") from None
        if not isinstance(data, dict) or data.get("version") != VERSION:
            raise ManifestUnreadable(f"{file} is no manifest of version {VERSION}")
        names = {entry.name for entry in fields(cls)}
        try:
            return cls(**{name: value for name, value in data.items() if name in names})
        except TypeError as error:
            raise ManifestUnreadable(f"{file} is damaged: {error}") from None


def redis_facts(client: Redis | None) -> dict[str, Any]:
    """`INFO` and `CONFIG GET *`; what the server refuses to tell is a line in their place."""
    if client is None:
        return {"unavailable": "no connection was given"}
    facts = dict[str, Any]()
    for name, ask in (("info", client.info), ("config", client.config_get)):
        try:
            facts[name] = dict(sorted(masked(ask()).items()))
        except RedisError as error:
            facts[name] = {"unavailable": " ".join(str(error).split())}
    return facts


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
