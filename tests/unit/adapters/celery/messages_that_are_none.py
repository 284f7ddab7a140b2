"""Messages that no worker can process, as somebody may push them onto a queue's list."""

import json
from base64 import b64encode
from typing import Any

#: A task's arguments, as a body in version 2 of Celery's protocol holds them.
CALL: list[Any] = [["first", 2], {}, {"callbacks": None, "errbacks": None, "chain": None}]


def envelope(
    body: Any = CALL, *, task_id: str = "task-1", queue: str = "default", **changes: Any
) -> dict[str, Any]:
    """A task's message as kombu writes it, but for what is changed; `headers` are added to."""
    headers = changes.pop("headers", {})
    properties = {
        "correlation_id": task_id,
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": queue},
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": "tag-1",
    }
    return {
        "body": body if isinstance(body, str) else b64encode(json.dumps(body).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": "record", "id": task_id} | headers,
        "properties": properties | changes.pop("properties", {}),
    } | changes


def without(message: dict[str, Any], *path: str) -> dict[str, Any]:
    """The same, and what stands at `path` is missing."""
    copy: dict[str, Any] = json.loads(json.dumps(message))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return copy


def nested(depth: int) -> Any:
    value: Any = "at last"
    for _ in range(depth):
        value = [value]
    return value


def _encoded(text: bytes) -> str:
    return b64encode(text).decode()


_BARE = json.dumps(envelope())

TEXTS: dict[str, bytes] = {
    "a word": b"hello",
    "nothing": b"",
    "a blank": b" ",
    "bytes that are no text": b"\xff\xfe\x00hello",
    "half a message": _BARE[: len(_BARE) // 2].encode(),
    "two messages": (_BARE + _BARE).encode(),
    "a message in another encoding": _BARE.encode("utf-16"),
    "a number": b"5",
    "a huge number": b"9" * 5_000,
    "a list": b"[]",
    "a list of a message": f"[{_BARE}]".encode(),
    "null": b"null",
    "true": b"true",
    "a text": b'"hello"',
    "an empty object": b"{}",
    "deeply nested lists": b"[" * 100_000 + b"]" * 100_000,
    "deeply nested objects": b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    "a time that is none": b'{"__type__": "datetime", "__value__": 5}',
    "a type that nobody knows": b'{"__type__": "dict", "__value__": {}}',
    "bytes of a number": b'{"__type__": "bytes", "__value__": 5}',
    "something of what redis-cli shows": b'1) "default"',
}

ENVELOPES: dict[str, Any] = {
    "no properties": without(envelope(), "properties"),
    "empty properties": {"properties": {}},
    "properties: a text": envelope() | {"properties": "x"},
    "properties: null": envelope() | {"properties": None},
    "no delivery_info": without(envelope(), "properties", "delivery_info"),
    "delivery_info: null": envelope(properties={"delivery_info": None}),
    "delivery_info: empty": envelope(properties={"delivery_info": {}}),
    "routing_key: a number": envelope(
        properties={"delivery_info": {"exchange": "", "routing_key": 5}}
    ),
    "priority: a text": envelope(properties={"priority": "high"}),
    "priority: infinite": envelope(properties={"priority": float("inf")}),
    "body: missing": without(envelope(), "body"),
    "body: null": envelope() | {"body": None},
    "body: a number": envelope() | {"body": 5},
    "body: an object": envelope() | {"body": {}},
    "body: empty": envelope(""),
    "body: no base64": envelope("&&&&&"),
    "body: base64 without its end": envelope("W10=W"),
    "body: base64 of no JSON": envelope(_encoded(b"hello")),
    "body: base64 of no text": envelope(_encoded(b"\xff\xfe\xfd")),
    "body: half a character": envelope("\ud800", properties={"body_encoding": "utf-8"}),
    "body_encoding: unknown": envelope(properties={"body_encoding": "rot13"}),
    "body_encoding: a number": envelope(properties={"body_encoding": 5}),
    "body_encoding: a list": envelope(properties={"body_encoding": []}),
    "content-type: missing": without(envelope(), "content-type"),
    "content-type: null": envelope() | {"content-type": None},
    "content-type: a list": envelope() | {"content-type": []},
    "content-type: unknown": envelope() | {"content-type": "application/x-shop"},
    "content-type: text": envelope() | {"content-type": "text/plain"},
    "content-type: pickle": envelope() | {"content-type": "application/x-python-serialize"},
    "content-type: yaml": envelope() | {"content-type": "application/x-yaml"},
    "content-type: data": envelope() | {"content-type": "application/data"},
    "content-type: what was none": envelope() | {"content-type": "application/x-unreadable"},
    "content-encoding: a number": envelope() | {"content-encoding": 5},
    "headers: null": envelope() | {"headers": None},
    "headers: a text": envelope() | {"headers": "x"},
    "headers: a list": envelope() | {"headers": []},
    "headers: empty": envelope() | {"headers": {}},
    "compression: unknown": envelope(headers={"compression": "rar"}),
    "compression: none": envelope(headers={"compression": "application/x-gzip"}),
    "compression: a list": envelope(headers={"compression": [5]}),
    "headers: deeply nested": envelope(headers={"x": nested(300)}),
}

TASKS: dict[str, Any] = {
    "no id": without(envelope(), "headers", "id"),
    "id: empty": envelope(headers={"id": ""}),
    "id: a number": envelope(headers={"id": 5}),
    "id: an object": envelope(headers={"id": {}}),
    "id: too long": envelope(headers={"id": "x" * 300}),
    "id: half a character": envelope(headers={"id": "\ud800"}),
    "task: null": envelope(headers={"task": None}),
    "task: a number": envelope(headers={"task": 5}),
    "task: a list": envelope(headers={"task": []}),
    "task: empty": envelope(headers={"task": ""}),
    "task: half a character": envelope(headers={"task": "\ud800"}),
    "arguments: missing": envelope([]),
    "arguments: two": envelope([[], {}]),
    "arguments: an object": envelope({}),
    "arguments: a number": envelope(5),
    "arguments: null": envelope(None),
    "arguments: a text": envelope(["args", {}, {}]),
    "arguments: deeply nested": envelope([[nested(300)], {}, {}]),
    "arguments: endlessly nested": envelope(_encoded(b"[" * 50_000)),
    "arguments: a huge number": envelope(_encoded(b"[[" + b"9" * 5_000 + b"],{},{}]")),
    "arguments: a type that nobody knows": envelope(
        [[{"__type__": "dict", "__value__": 1}], {}, {}]
    ),
    "named arguments: a list": envelope([[], [], {}]),
    "named arguments: null": envelope([[], None, {}]),
    "after it: a list": envelope([[], {}, []]),
    "callbacks: a text": envelope([[], {}, {"callbacks": "x"}]),
    "callbacks: numbers": envelope([[], {}, {"callbacks": [5]}]),
    "callbacks: no tasks": envelope([[], {}, {"callbacks": [{}]}]),
    "errbacks: an object": envelope([[], {}, {"errbacks": {}}]),
    "chain: a number": envelope([[], {}, {"chain": 5}]),
    "chord: a number": envelope([[], {}, {"chord": 5}]),
    "chord: no task": envelope([[], {}, {"chord": {"task": 5}}]),
    "callbacks: a header": envelope([[], {}, None], headers={"callbacks": "x"}),
    "eta: no time": envelope(headers={"eta": "tomorrow"}),
    "eta: empty": envelope(headers={"eta": ""}),
    "eta: a number": envelope(headers={"eta": 5}),
    "eta: an object": envelope(headers={"eta": {}}),
    "eta: the first day": envelope(headers={"eta": "0001-01-01T00:00:00+14:00"}),
    "eta: the last day": envelope(headers={"eta": "9999-12-31T23:59:59-14:00"}),
    "expires: no time": envelope(headers={"expires": "never"}),
    "expires: a list": envelope(headers={"expires": []}),
    "expires: the first day": envelope(headers={"expires": "0001-01-01T00:00:00+14:00"}),
    "timelimit: a number": envelope(headers={"timelimit": 5}),
    "timelimit: one": envelope(headers={"timelimit": [5]}),
    "timelimit: texts": envelope(headers={"timelimit": ["a", "b"]}),
    "timelimit: negative": envelope(headers={"timelimit": [-1, None]}),
    "timelimit: endless": envelope(headers={"timelimit": [10**400, None]}),
    "timelimit: no number": envelope(headers={"timelimit": [float("nan"), None]}),
    "retries: a text": envelope(headers={"retries": "2"}),
    "root_id: a number": envelope(headers={"root_id": 5}),
    "argsrepr: an object": envelope(headers={"argsrepr": {}}),
    "shadow: a list": envelope(headers={"shadow": []}),
    "group: half a character": envelope(headers={"group": "\ud800"}),
    "stamped_headers: a number": envelope(headers={"stamped_headers": 5}),
    "stamped_headers: lists": envelope(headers={"stamped_headers": [[]], "stamps": {}}),
    "stamps: a list": envelope(headers={"stamped_headers": ["a"], "stamps": []}),
    "version 1, no id": envelope({"task": "record", "args": [], "kwargs": {}}, headers={})
    | {"headers": {}},
    "version 1, named arguments: null": envelope({"task": "record", "id": "1", "kwargs": None})
    | {"headers": {}},
    "version 1, args: a number": envelope({"task": "record", "id": "1", "args": 5})
    | {"headers": {}},
    "version 1, task: a list": envelope({"task": [], "id": "1"}) | {"headers": {}},
    "version 1, eta: a number": envelope({"task": "record", "id": "1", "eta": 5}) | {"headers": {}},
    "between the versions, args: a text": envelope({"args": "x"}),
}

#: By what is wrong with each.
NONE: dict[str, bytes] = TEXTS | {
    name: json.dumps(message).encode() for name, message in (ENVELOPES | TASKS).items()
}
