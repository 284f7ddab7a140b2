"""No setting's secret leaves the processes, whatever goes wrong with it."""

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from celery import Celery

from shop.adapters.redis.client import connect
from shop.domain.work import Queue
from shop.settings import Settings
from testing.servers import HOST, ValkeyProcess, running_valkey
from testing.waiting import wait_for
from tests.builders import ANN
from tests.unit.adapters.mail.scripted_server import Conversation, decoded, scripted
from tests.unit.tasks.running import Worker, running_worker

WITHIN_S = 30.0
MAIL_PASSWORD = "mail-пароль-hunter2"
REDIS_PASSWORD = "redis-pa/ss-hunter3"
SECRETS = {
    "REDIS_PASSWORD": REDIS_PASSWORD,
    "FLOWER_PASSWORD": "flower-hunter4",
    "API_KEY": "key-hunter5",
}
#: What must be nowhere: a part of each secret that stands in every form of it.
TRACES = {
    "hunter2",
    "hunter3",
    "hunter4",
    "hunter5",
    MAIL_PASSWORD,
    *(base64.b64encode(text.encode()).decode() for text in (MAIL_PASSWORD, *SECRETS.values())),
    base64.b64encode(f"\0shop\0{MAIL_PASSWORD}".encode()).decode(),
}


def test_every_secret_setting_is_planted() -> None:
    secret = {
        name.upper()
        for name, field in Settings.model_fields.items()
        if "Secret" in str(field.annotation)
    }

    assert secret == {*SECRETS, "SMTP_URL", "CELERY_BROKER_DSN", "CELERY_BACKEND_DSN"}


@pytest.fixture
def server() -> Iterator[ValkeyProcess]:
    with running_valkey(options={"requirepass": REDIS_PASSWORD}) as server:
        yield server


def dsn(server: ValkeyProcess, db: int) -> str:
    return f"redis://:{quote(REDIS_PASSWORD, safe='')}@{HOST}:{server.port}/{db}"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_none_is_in_a_log_a_result_or_a_record(
    server: ValkeyProcess, tmp_path_factory: pytest.TempPathFactory, log_format: str
) -> None:
    folder = tmp_path_factory.mktemp("secrets")

    def repeat(_: Conversation, words: str) -> str:
        return f"535 5.7.8 {words} is {decoded(words)!r}, not {MAIL_PASSWORD}"

    with scripted({"AUTH": repeat}, offers=("AUTH PLAIN", "8BITMIME")) as mail:
        environment = {
            **SECRETS,
            "REDIS_PORT": str(server.port),
            "CELERY_BROKER_DSN": dsn(server, 0),
            "CELERY_BACKEND_DSN": dsn(server, 1),
            "SMTP_URL": f"smtp+plaintext://shop:{quote(MAIL_PASSWORD)}@{HOST}:{mail.port}",
            "LOG_FORMAT": log_format,
            "LOG_LEVEL": "DEBUG",
            "LOG_DIR": str(folder),
            "SWEEP_EVERY_S": "0",
        }
        app = "tests.unit.tasks.leaking_worker"
        options = ["-P", "threads", "-c", "4", "-E"]
        client = Celery(
            "foreign",
            broker=dsn(server, 0),
            backend=dsn(server, 1),
            set_as_current=False,
            fixups=[],
        )
        with running_worker(folder, Queue.PRIORITY, options, environment, app=app) as worker:
            sent = [
                client.send_task("leak", args=[setting, how], queue="priority")
                for setting in (*SECRETS, "SMTP_URL", "CELERY_BROKER_DSN")
                for how in ("text", "encoding", "cause", "odd")
            ]
            notice = client.send_task("send_notification", args=[ANN, "Hello"], queue="priority")
            for result in sent:
                wait_for(
                    "it fails",
                    lambda result=result: result.state == "FAILURE",  # type: ignore[misc]
                    within_s=WITHIN_S,
                    explain=worker.output,
                )
            wait_for(
                "the mail is refused",
                lambda: notice.state == "RETRY",
                within_s=WITHIN_S,
                explain=worker.output,
            )
            shown = _shown(server, worker)
        client.backend.client.close()
        client.close()
    shown |= {path.name: path.read_text() for path in folder.glob("*.log")}
    record = shown[f"notification:{notice.id}"]

    assert "535 5.7.8 PLAIN *** is" in record
    assert "leak" in shown["priority.log"]
    assert len([name for name in shown if name.startswith("celery-task-meta-")]) == len(sent) + 1
    for name, text in shown.items():
        for trace in TRACES:
            assert trace not in text, (name, trace, text)


def _shown(server: ValkeyProcess, worker: Worker) -> dict[str, str]:
    """All that the store and the results hold, and what the worker has printed."""
    shown = {"output": worker.output()}
    for db in (1, 2):
        with connect(dsn(server, db), "test") as client:
            for key in client.scan_iter():
                kind = client.type(key)
                held = client.get(key) if kind == "string" else None
                if kind == "hash":
                    held = json.dumps(client.hgetall(key), ensure_ascii=False)
                elif kind == "zset":
                    held = json.dumps(client.zrange(key, 0, -1))
                assert isinstance(held, str), (key, kind)
                shown[key] = held
    return shown
