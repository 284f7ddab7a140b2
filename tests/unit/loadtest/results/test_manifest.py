"""The manifest: complete, readable again, and without secrets."""

import hashlib
import json
import platform
import subprocess
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ResponseError

from loadtest.results.manifest import Manifest, ManifestUnreadable, redis_facts
from loadtest.results.source import NO_GIT, Source, describe
from testing.servers import ValkeyProcess

SECRET = "s3cr3t"


@pytest.fixture
def manifest() -> Manifest:
    return Manifest.begin(
        experiment="soak",
        seed=7,
        command=["python", "-m", "loadtest", "run", "soak", "--api-key", SECRET],
        configuration={"stacks": {"main": {"environment": {"REDIS_PASSWORD": SECRET}}}},
        schedule_sha256="0" * 64,
        source=Source("abc", dirty=False, constraints_sha256=None),
    )


def test_comes_back_as_it_was_written(manifest: Manifest, tmp_path: Path) -> None:
    manifest.add_images({"shop": "sha256:1234"})
    manifest.end()
    manifest.write(tmp_path / "manifest.json")
    assert Manifest.read(tmp_path / "manifest.json") == manifest
    assert [file.name for file in tmp_path.iterdir()] == ["manifest.json"]


def test_says_what_the_run_ran_on(manifest: Manifest) -> None:
    manifest.end()
    data = json.loads(manifest.as_text())
    assert data["software"]["python"].endswith(platform.python_version())
    assert data["software"]["packages"]["redis"]
    assert data["machine"]["cpus"] >= 1
    assert data["machine"]["memory_bytes"] > 0
    assert set(data["load"]) == {"start", "end"}
    assert data["started_utc"] <= data["ended_utc"]
    assert data["ended_utc"].endswith("Z")


def test_holds_no_secret(manifest: Manifest) -> None:
    assert SECRET not in manifest.as_text()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 99}', '{"version": 1}'])
def test_a_damaged_one_is_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(text)
    with pytest.raises(ManifestUnreadable) as caught:
        Manifest.read(file)
    assert "\n" not in str(caught.value)


def test_asks_the_server_and_hides_its_password(valkey: ValkeyProcess) -> None:
    with valkey.client() as client:
        before = client.config_get("masterauth")
        client.config_set("masterauth", SECRET)
        try:
            facts = redis_facts(client)
        finally:
            client.config_set("masterauth", before["masterauth"])
    assert facts["info"]["redis_version"]
    assert facts["config"]["appendonly"] in ("yes", "no")
    assert facts["config"]["masterauth"] == "***"


def test_a_server_that_refuses_or_is_away_is_said() -> None:
    class Refusing:
        def info(self) -> dict[str, Any]:
            return {"uptime_in_seconds": 1}

        def config_get(self) -> dict[str, Any]:
            raise ResponseError("unknown command\n'CONFIG'")

    facts = redis_facts(Refusing())  # type: ignore[arg-type]
    assert facts["info"] == {"uptime_in_seconds": 1}
    assert facts["config"] == {"unavailable": "unknown command 'CONFIG'"}
    assert redis_facts(None) == {"unavailable": "no connection was given"}


def test_the_source_is_the_commit_and_whether_it_was_changed(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=n", "-c", "user.email=n@example.com")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    (tmp_path / "constraints.txt").write_text("redis==8.1\n")
    assert describe(tmp_path).commit == NO_GIT
    assert describe(tmp_path).dirty is None
    git("init", "--quiet")
    git("add", "constraints.txt")
    git("commit", "--quiet", "--message", "first")
    clean = describe(tmp_path)
    assert clean == Source(
        git("rev-parse", "--short=10", "HEAD"),
        dirty=False,
        constraints_sha256=hashlib.sha256(b"redis==8.1\n").hexdigest(),
    )
    (tmp_path / "further").write_text("")
    assert describe(tmp_path).dirty is True
    (tmp_path / "inside").mkdir()
    assert describe(tmp_path / "inside").commit == NO_GIT
