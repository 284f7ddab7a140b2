"""Messages as Celery itself writes them, without asking it to write each one.

Celery and kombu take half a millisecond to a whole one to publish a task to Redis, most of it on
finding out the same things again. So they are asked once for each task, with gaps in place of what
differs, and what they wrote is filled in (`docs/decisions/0010`). Nothing here knows what a message
looks like, but where the gaps are.
"""

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from celery import Celery
from kombu import Connection
from kombu.transport import virtual
from kombu.utils.json import dumps

from shop.correlation import correlation_id
from shop.domain.work import Job, TaskName

#: Header with the time of publication, milliseconds by the store's clock.
ENQUEUED_AT_HEADER = "enqueued_at_ms"
#: Header with the id of the request that this is done for; the task's own where there is none.
CORRELATION_HEADER = "shop_correlation_id"

_TASK_ID, _STAMP, _SHOWN, _ARGS = "<task id>", "<enqueued at>", "<shown>", "<args>"
_CORRELATED = "<correlation id>"
_BODY, _TAG = "<body>", "<delivery tag>"


@dataclass(frozen=True, slots=True)
class Letter:
    """What is pushed, and onto which of the broker's lists."""

    key: str
    payload: str


class LetterWriter:
    """Writes the messages of one Celery app, for a broker of kombu's that keeps lists."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._forms: dict[TaskName, _Form] = {}

    def write(self, job: Job) -> Letter:
        form = self._forms.get(job.task)
        if form is None:
            form = self._forms[job.task] = _dictate(self._app, job.task)
        return form.fill_in(job)


@dataclass(frozen=True, slots=True)
class _Form:
    key: str
    #: Templates of JSON texts, for `%`.
    envelope: str
    body: str

    def fill_in(self, job: Job) -> Letter:
        args = ", ".join(map(json.dumps, job.args))
        body = b64encode((self.body % {_ARGS: args}).encode()).decode()
        gaps = {
            _TASK_ID: json.dumps(job.task_id),
            _STAMP: job.enqueued_at_ms,
            _CORRELATED: json.dumps(_correlated(job)),
            _SHOWN: json.dumps(shown_args(job)),
            _BODY: f'"{body}"',
            _TAG: f'"{uuid4()}"',
        }
        return Letter(self.key, self.envelope % gaps)


def publishing_options(job: Job) -> dict[str, Any]:
    """How the shop wants `job` published, for Celery's `send_task`."""
    return {
        "args": job.args,
        "task_id": job.task_id,
        "headers": {
            ENQUEUED_AT_HEADER: job.enqueued_at_ms,
            CORRELATION_HEADER: _correlated(job),
        },
        "argsrepr": shown_args(job),
        "kwargsrepr": "{}",
    }


def shown_args(job: Job) -> str:
    """What Celery shows of the arguments in events: addresses stay out."""
    is_public = bool(job.args) and "@" not in str(job.args[0])
    return f"({job.args[0]!r}, ...)" if is_public else "(...)"


def _correlated(job: Job) -> str:
    return correlation_id.get() or job.task_id


def _dictate(app: Celery, task: TaskName) -> _Form:
    """Have Celery publish `task` with gaps in it."""
    blank = publishing_options(Job(task, (_ARGS,), _TASK_ID, 0))
    blank["headers"] = {ENQUEUED_AT_HEADER: _STAMP, CORRELATION_HEADER: _CORRELATED}
    blank["argsrepr"] = _SHOWN
    with Connection(transport=_Dictaphone) as connection:
        app.send_task(task.value, connection=connection, **blank)
        ((key, message),) = connection.transport.heard
    channel = virtual.Channel
    codec = channel.codecs[message["properties"]["body_encoding"]]
    body = codec.decode(message["body"]).decode()
    message["body"], message["properties"]["delivery_tag"] = _BODY, _TAG
    return _Form(
        key,
        _template(dumps(message), _TASK_ID, _STAMP, _CORRELATED, _SHOWN, _BODY, _TAG),
        _template(body, _ARGS),
    )


def _template(text: str, *gaps: str) -> str:
    text = text.replace("%", "%%")
    for gap in gaps:
        text = text.replace(f'"{gap}"', f"%({gap})s")
    return text


class _Dictaphone(virtual.Transport):
    """A broker that remembers what it was sent, and sends it nowhere."""

    class Channel(virtual.Channel):
        def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
            self.connection.heard.append((queue, message))

        def _size(self, queue: str) -> int:  # noqa: ARG002  (kombu's signature)
            return 0

    def __init__(self, client: Connection, **options: Any) -> None:
        super().__init__(client, **options)  # type: ignore[no-untyped-call]
        self.heard: list[tuple[str, dict[str, Any]]] = []

    def establish_connection(self) -> "_Dictaphone":
        return self

    def close_connection(self, connection: Any) -> None: ...
