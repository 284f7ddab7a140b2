"""What stands in a queue and is no task of the shop is kept, and harms nobody."""

import json
import logging
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from testing.servers import ValkeyProcess
from tests.generated.strategies import ANY_TEXT, JSON
from tests.unit.adapters.celery.messages_that_are_none import NONE, envelope
from tests.unit.adapters.celery.worker_in_process import WorkerInProcess, running_worker

#: More in one is more than hypothesis draws without starting over.
BATCH = 6
FUZZ = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    # What a batch did cannot be taken back for a smaller one.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def worker(valkey: ValkeyProcess) -> Iterator[WorkerInProcess]:
    with running_worker(valkey) as worker:
        yield worker


@pytest.fixture
def patient(worker: WorkerInProcess, monkeypatch: pytest.MonkeyPatch) -> WorkerInProcess:
    """The same, over a store that refuses to write, and is soon asked again."""
    monkeypatch.setattr("shop.adapters.celery.consumer.KEEP_AGAIN_AFTER_S", 0.1)
    # Where a list is wanted: refused, and nothing else of the server is.
    worker.store.set("messages:dead", "a text")
    return worker


def kept_text(entry: dict[str, Any]) -> bytes:
    if entry["encoding"] == "base64":
        return b64decode(entry["message"])
    text: str = entry["message"]
    return text.encode()


def task(task_id: str, **changes: Any) -> str:
    return json.dumps(envelope([[task_id], {}, {}], task_id=task_id, **changes))


def lines(caplog: pytest.LogCaptureFixture, words: str) -> list[logging.LogRecord]:
    return [record for record in caplog.records if words in record.getMessage()]


def test_whatever_stands_in_a_queue_is_kept_and_the_next_task_done(
    worker: WorkerInProcess, caplog: pytest.LogCaptureFixture
) -> None:
    for name, raw in NONE.items():
        worker.broker.lpush("default", raw, task(name))
    worker.wait("all of it is done", worker.is_idle)

    assert worker.ran == [(name, (name,)) for name in NONE]
    entries = list(reversed(worker.dead_messages.entries()))
    assert len(entries) == len(NONE)
    for (name, raw), entry in zip(NONE.items(), entries, strict=True):
        assert kept_text(entry) == raw[: 64 * 1024], name
        assert entry["queue"] == "default", name
        assert entry["bytes"] - entry["cut_bytes"] == min(len(raw), 64 * 1024), name
        assert entry["task"] is None, name
    assert int(worker.store.hget("metrics:dead", "message") or 0) == len(NONE)
    assert len(lines(caplog, "is put aside")) == len(NONE)
    # Not a word of what they hold: each text here is one of theirs.
    assert not [record for record in caplog.records if "hello" in record.getMessage()]


def test_a_task_that_is_not_the_shops_is_kept_with_its_name(
    worker: WorkerInProcess, caplog: pytest.LogCaptureFixture
) -> None:
    foreign = [
        envelope([["zoe@example.com"], {}, None], task_id="theirs-2", headers={"task": "erp.book"}),
        envelope({"task": "erp.old", "id": "theirs-1", "args": ["x"], "kwargs": {}})
        | {"headers": {}},
    ]
    worker.broker.lpush("default", *map(json.dumps, foreign), task("ours"))
    worker.wait("all of it is done", worker.is_idle)

    old, new = worker.dead_messages.entries()
    assert (old["task"], new["task"]) == ("erp.old", "erp.book")
    assert json.loads(new["message"])["headers"]["id"] == "theirs-2"
    assert worker.ran == [("ours", ("ours",))]
    assert not lines(caplog, "zoe@example.com")
    # As from any worker of Celery.
    for task_id in ("theirs-1", "theirs-2"):
        result = worker.app.AsyncResult(task_id)
        assert (result.state, type(result.result).__name__) == ("FAILURE", "NotRegistered")


def test_a_store_that_refuses_keeps_nobody_waiting_and_nothing_is_lost(
    patient: WorkerInProcess, caplog: pytest.LogCaptureFixture
) -> None:
    none = [raw for raw in NONE.values() if len(raw) < 1_000][:20]
    patient.broker.lpush("default", *none)
    patient.wait("all are in hand", lambda: patient.broker.hlen("unacked") == len(none))
    patient.broker.lpush("default", *(task(f"after-{number}") for number in range(20)))
    patient.wait("the tasks are done", lambda: len(patient.ran) == 20)
    patient.wait("only they are in hand", lambda: patient.broker.hlen("unacked") == len(none))
    assert len(lines(caplog, "waits to be kept")) == 1

    patient.store.delete("messages:dead")
    patient.wait("all are kept", patient.is_idle)

    assert [kept_text(entry) for entry in reversed(patient.dead_messages.entries())] == none
    # Their places are free again, and no more than there were.
    qos = patient.controller.consumer.qos
    patient.wait(
        "the limit is what it was",
        lambda: qos.value == patient.controller.consumer.initial_prefetch_count,
    )


def test_what_waits_to_be_kept_is_handed_back_as_it_is_when_the_worker_ends(
    valkey: ValkeyProcess,
) -> None:
    none = list(NONE.values())
    with running_worker(valkey) as worker:
        worker.store.set("messages:dead", "a text")
        worker.broker.lpush("default", *none)
        worker.wait("all are in hand", lambda: worker.broker.hlen("unacked") == len(none))
    with valkey.client(0) as broker:
        assert not broker.exists("unacked", "unacked_index")
        assert broker.llen("default") == len(none)

    with valkey.client(2) as store:
        store.delete("messages:dead")
    with running_worker(valkey) as worker:
        worker.wait("all are kept", worker.is_idle)
        assert len(worker.dead_messages.entries()) == len(none)


def test_what_another_worker_left_in_hand_is_taken_back_after_its_time(
    valkey: ValkeyProcess,
) -> None:
    none = list(NONE.items())
    with valkey.client(0) as broker:
        for name, raw in none:
            broker.hset("unacked", name, b"[" + raw + b',"","default"]')
        broker.hset("unacked", "no record of a message", "hello")
        tags = [name for name, _ in none] + ["no record of a message", "no message at all"]
        broker.zadd("unacked_index", dict.fromkeys(tags, 1.0))
    options = {"unacked_restore_interval": 0.1, "unacked_restore_throttle": 1}
    with running_worker(valkey, transport_options=options) as worker:
        worker.wait("all are kept", lambda: len(worker.dead_messages.entries()) > len(none))
        worker.wait("nothing is left", lambda: not worker.broker.exists("unacked_index", "unacked"))
        kept = [kept_text(entry) for entry in worker.dead_messages.entries()]
        # Those that can be read are marked as redelivered.
        assert len(kept) == len(none) + 1
        assert kept.count(b"hello") == 2


def test_kombus_own_way_of_taking_is_as_robust(valkey: ValkeyProcess) -> None:
    with running_worker(valkey, queues=["default", "priority"]) as worker:
        for name, raw in NONE.items():
            worker.broker.lpush("default", raw, task(name))
        # kombu has a message in no list for a moment.
        worker.wait("all of it is done", lambda: len(worker.ran) == len(NONE))
        worker.wait("nothing is left in hand", worker.is_idle)

        assert [task_id for task_id, _ in worker.ran] == list(NONE)
        assert [kept_text(entry) for entry in reversed(worker.dead_messages.entries())] == [
            raw[: 64 * 1024] for raw in NONE.values()
        ]


def test_half_a_character_among_the_arguments_is_an_argument(worker: WorkerInProcess) -> None:
    headers = {"argsrepr": "({'date': '\ud800'},)", "kwargsrepr": "{'\udfff': 1}"}
    call = [[{"date": "\ud800"}], {}, {}]
    worker.broker.lpush("default", json.dumps(envelope(call, task_id="half", headers=headers)))
    worker.wait("it is done", lambda: bool(worker.ran))

    assert worker.ran == [("half", ({"date": "\ud800"},))]
    assert worker.dead_messages.entries() == []


def command(**changes: Any) -> bytes:
    """A broadcast as `celery control` sends one, but for what is changed."""
    headers = {"clock": changes.pop("clock", 1)}
    body = {"method": "ping", "arguments": {}, "destination": None, "pattern": None} | changes
    return json.dumps(envelope(body, headers=headers)).encode()


#: What an operator's tool may get wrong.
COMMANDS = {
    "no method": json.dumps(envelope({})).encode(),
    "no such method": command(method="no such"),
    "method: a list": command(method=[]),
    "arguments: a text": command(arguments="all"),
    "arguments: others": command(arguments={"state": 1, "who": 2}),
    "destination: a number": command(destination=5),
    "pattern and matcher: numbers": command(pattern=5, matcher=5),
    "matcher: no such": command(pattern="*", matcher="no such"),
    "reply_to: a text": command(reply_to="me"),
    "reply_to: a number": command(reply_to={"exchange": 5, "routing_key": 5}),
    "clock: a text": command(clock="noon"),
    "more than there is": command(urgent=True),
    "uuid": b'{"__type__": "uuid", "__value__": 5}',
}
COMMANDS_TO, EVENTS_TO = "/0.celery.pidbox", "/0.celeryev/worker.heartbeat"


@pytest.mark.parametrize("channel", [COMMANDS_TO, EVENTS_TO])
def test_whatever_is_published_to_everybody_a_worker_listens_on_and_works(
    worker: WorkerInProcess, channel: str
) -> None:
    heard = {**NONE, **COMMANDS}
    for name, message in heard.items():
        # It counts who listens. After some of them Celery itself begins anew.
        worker.wait("it listens", lambda raw=message: worker.broker.publish(channel, raw) > 0)
        worker.broker.lpush("default", task(name))
    worker.wait("it works on", lambda: len(worker.ran) == len(heard))
    worker.wait("it answers", lambda: worker.app.control.inspect(timeout=1.0).ping())

    assert worker.dead_messages.entries() == [], "a broadcast is kept by nobody"


_FIELDS = (
    *("task", "id", "eta", "expires", "timelimit", "retries", "shadow", "root_id", "argsrepr"),
    *("stamped_headers", "stamps", "group", "ignore_result", "compression", "lang", "origin"),
    *("replaced_task_nesting", "redelivered", "args", "kwargs", "callbacks", "chord", "utc"),
)
_TASKS = st.sampled_from(["record", "celery.accumulate", "erp.book"]) | JSON
_HEADERS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(_FIELDS, JSON) | {"task": _TASKS, "id": st.just("generated") | JSON}
)
_BODIES = st.one_of(
    JSON,
    st.tuples(st.lists(JSON, max_size=3), st.dictionaries(ANY_TEXT, JSON, max_size=2), JSON),
    st.fixed_dictionaries({"task": _TASKS}, optional=dict.fromkeys(_FIELDS[1:], JSON)),
)


@st.composite
def anything(draw: st.DrawFn) -> bytes:
    """A message in which some of what makes one is something else."""
    message = envelope(draw(_BODIES), headers=draw(_HEADERS))
    for _ in range(draw(st.integers(0, 2))):
        inner: Any = message
        while True:
            key = draw(st.sampled_from(sorted(inner)))
            if not (isinstance(inner[key], dict) and inner[key]) or draw(st.booleans()):
                break
            inner = inner[key]
        if draw(st.booleans()):
            inner[key] = draw(JSON)
        else:
            del inner[key]
    text = json.dumps(message)
    return text[
        : draw(st.integers(0, len(text)) if draw(st.integers(0, 9)) == 0 else st.just(len(text)))
    ].encode()


# A pool's process says so, and the task has failed; here it is the worker's own.
@pytest.mark.filterwarnings("ignore:Exception raised outside body:RuntimeWarning")
def test_each_message_is_done_or_kept(worker: WorkerInProcess) -> None:
    @FUZZ
    @given(messages=st.lists(anything() | st.binary(max_size=20), min_size=BATCH, max_size=BATCH))
    def fuzz(messages: list[bytes]) -> None:
        worker.store.flushdb()
        worker.ran.clear()
        worker.broker.lpush("default", *messages)
        worker.broker.lpush("default", task("after"))
        # The queue is first in, first out: all the others have been before.
        worker.wait("the last is done", lambda: ("after", ("after",)) in worker.ran)

        kept = {kept_text(entry) for entry in worker.dead_messages.entries()}
        assert kept <= set(messages)

    fuzz()
    worker.wait("nothing is left in hand", worker.is_idle)
