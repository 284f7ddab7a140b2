"""Bodies that are no order or no notification: named, and nothing stored or queued."""

import gzip
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api.conftest import World, client_of, problem
from tests.unit.api.test_orders import ORDER

JSON = {"Content-Type": "application/json"}
TEXT = '{"id": "1001", "item": "SKU-1", "qty": %s, "email": "ann@example.com"}'


def fields(document: dict[str, Any]) -> list[str]:
    return [error["field"] for error in document["errors"]]


WRONG_VALUES: dict[str, list[object]] = {
    "qty": [0, -1, 1.5, 1.0, 10_001, 10**12, "2", True, None, [], {}],
    "id": [
        *("a:b", "a/b", "a b", "a\n", "\n", "x" * 65, "", ".a", "\N{CYRILLIC CAPITAL LETTER A}"),
        *(True, 1.5, None, [], {}, 10**64),
    ],
    "item": ["", "a:b", "x" * 65, "a\x00", None],
    "email": [
        *("", "ann", "ann@", "ann@localhost", "@example.com", 5),
        *("ann@example.com\nBcc: eve@example.com", "a" * 3000 + "@example.com"),
    ],
}


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in WRONG_VALUES.items() for value in values],
)
async def test_a_field_out_of_its_limits_is_named(
    client: httpx.AsyncClient, world: World, field: str, value: object
) -> None:
    document = problem(
        await client.post("/order", json={**ORDER, field: value}), 422, "invalid-request"
    )

    assert fields(document) == [field]
    assert str(document["detail"]).startswith(f"{field}: ")
    assert world.is_untouched()


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("1" + "0" * 5000, "less than"),
        ("-1" + "0" * 5000, "greater than"),
        ("1e5000", "valid integer"),
        ("1e3", "valid integer"),
    ],
)
async def test_a_number_too_large_to_read_is_named(
    client: httpx.AsyncClient, world: World, number: str, message: str
) -> None:
    response = await client.post("/order", content=TEXT % number, headers=JSON)
    document = problem(response, 422, "invalid-request")

    assert fields(document) == ["qty"]
    assert message in response.text
    assert world.is_untouched()


async def test_an_id_of_more_digits_than_python_reads_is_named(client: httpx.AsyncClient) -> None:
    body = (TEXT % 1).replace('"1001"', "9" * 6000)
    document = problem(
        await client.post("/order", content=body, headers=JSON), 422, "invalid-request"
    )
    assert fields(document) == ["id"]


async def test_every_wrong_field_is_named_at_once(client: httpx.AsyncClient) -> None:
    document = problem(await client.post("/order", json={"qty": 0, "x": 1}), 422, "invalid-request")
    assert sorted(fields(document)) == ["email", "id", "item", "qty", "x"]


@pytest.mark.parametrize("name", ["x", "Id", "__proto__", "", "\ud800"])
async def test_an_unknown_field_is_refused(
    client: httpx.AsyncClient, world: World, name: str
) -> None:
    response = await client.post("/order", content=json.dumps({**ORDER, name: 1}), headers=JSON)
    document = problem(response, 422, "invalid-request")

    assert len(fields(document)) == 1
    assert world.is_untouched()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ((TEXT % 2).replace('"qty": 2', '"qty": 2, "qty": 3'), "qty"),
        ((TEXT % 2).replace('"qty": 2', '"qty": 2, "qty": 2'), "qty"),
        ((TEXT % 2).replace('"id": "1001"', '"id": "1001", "\\u0069d": "1002"'), "id"),
        (TEXT % '{"a": 1, "a": 2}', "a"),
    ],
)
async def test_a_key_given_twice_is_named(
    client: httpx.AsyncClient, world: World, body: str, field: str
) -> None:
    document = problem(
        await client.post("/order", content=body, headers=JSON), 422, "invalid-request"
    )

    assert fields(document) == [field]
    assert world.is_untouched()


@pytest.mark.parametrize("path", ["/order", "/test_notification"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is empty"),
        (b" ", "is not JSON"),
        (b'{"id":', "is not JSON"),
        (b"{'id': 1}", "is not JSON"),
        (b'{"id": 1,}', "is not JSON"),
        (b'{"id": 01}', "is not JSON"),
        (b"{} {}", "is not JSON"),
        (b'{"qty": NaN}', "NaN"),
        (b'{"qty": -Infinity}', "-Infinity"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'"order"', "must be a JSON object"),
        (b"[" * 60_000, "nested too deeply"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested too deeply"),
        (b'{"id": "\xff"}', "is not UTF-8"),
        (json.dumps(ORDER).encode("utf-16"), "begins with the byte order mark"),
        (b"\xef\xbb\xbf{}", "begins with the byte order mark"),
    ],
)
async def test_a_body_that_is_no_json_object_is_refused_as_a_whole(
    client: httpx.AsyncClient, world: World, path: str, body: bytes, words: str
) -> None:
    document = problem(await client.post(path, content=body, headers=JSON), 422, "invalid-request")

    assert fields(document) == ["body"]
    assert words in str(document["detail"])
    assert world.is_untouched()


@pytest.mark.parametrize("char", ["\\ud800", "\\udfff"])
@pytest.mark.parametrize("field", ["id", "item", "email"])
async def test_a_lone_surrogate_is_refused(
    client: httpx.AsyncClient, world: World, field: str, char: str
) -> None:
    body = json.dumps({**ORDER, field: "?@example.com"}).replace("?", char)
    document = problem(
        await client.post("/order", content=body, headers=JSON), 422, "invalid-request"
    )

    assert fields(document) == [field]
    assert world.is_untouched()


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "x/json"],
)
async def test_another_content_type_is_refused(
    client: httpx.AsyncClient, world: World, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = await client.post("/order", content=json.dumps(ORDER), headers=headers)

    assert fields(problem(response, 422, "invalid-request")) == ["body"]
    assert world.is_untouched()


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", "application/vnd.shop+json"],
)
async def test_every_way_to_say_json_is_taken(client: httpx.AsyncClient, content_type: str) -> None:
    response = await client.post(
        "/order", content=json.dumps(ORDER), headers={"Content-Type": content_type}
    )
    assert response.status_code == 202


async def test_a_small_body_cannot_ask_for_a_large_answer(client: httpx.AsyncClient) -> None:
    names = {f"field-{number}-{'x' * 200}": 1 for number in range(250)}
    response = await client.post("/order", json=names)

    problem(response, 422, "invalid-request")
    assert len(response.content) < 5_000


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "ann", "message": "Hello."}, "email"),
        ({"email": "ann@example.com", "message": ""}, "message"),
        ({"email": "ann@example.com", "message": "x" * 2001}, "message"),
        ({"email": "ann@example.com", "message": 5}, "message"),
        ({"email": "ann@example.com"}, "message"),
        ({"email": "ann@example.com", "message": "x", "to": "eve@example.com"}, "to"),
    ],
)
async def test_a_wrong_notification_is_named(
    client: httpx.AsyncClient, world: World, body: dict[str, object], field: str
) -> None:
    document = problem(await client.post("/test_notification", json=body), 422, "invalid-request")

    assert fields(document) == [field]
    assert world.is_untouched()


ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=80)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    body=st.fixed_dictionaries(
        {}, optional={name: ANY_JSON | st.just(value) for name, value in ORDER.items()}
    )
    | ANY_JSON
)
async def test_no_json_whatever_makes_a_fault(body: object) -> None:
    world = World()
    async with client_of(world) as client:
        response = await client.post("/order", content=json.dumps(body), headers=JSON)

    if response.status_code == 202:
        assert len(world.publisher.jobs) == 1
    else:
        assert problem(response, 422, "invalid-request")["errors"]
        assert world.is_untouched()


@settings(deadline=None, max_examples=200)
@given(body=st.binary(max_size=200))
async def test_no_bytes_whatever_make_a_fault(body: bytes) -> None:
    world = World()
    async with client_of(world) as client:
        response = await client.post("/order", content=body, headers=JSON)

    problem(response, 422, "invalid-request")
    assert world.is_untouched()


@pytest.mark.parametrize("path", ["/order", "/test_notification"])
@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("Content-Encoding", "gzip"),
        ("Content-Encoding", "GZIP"),
        ("Content-Encoding", "br"),
        ("Content-Encoding", "gzip, identity"),
        ("Transfer-Encoding", "gzip, chunked"),
    ],
)
async def test_an_encoded_body_is_refused_and_the_encoding_named(
    client: httpx.AsyncClient, world: World, path: str, header: str, encoding: str
) -> None:
    body = gzip.compress(json.dumps(ORDER).encode())
    answer = await client.post(path, content=body, headers={**JSON, header: encoding})

    assert f"encoded as {encoding}" in str(problem(answer, 415, "unsupported-encoding")["detail"])
    assert answer.headers["accept-encoding"] == "identity"
    assert world.is_untouched()


async def test_the_encoding_that_is_none_is_taken(client: httpx.AsyncClient) -> None:
    headers = {**JSON, "Content-Encoding": "identity"}
    answer = await client.post("/order", content=json.dumps(ORDER), headers=headers)

    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16"), ("utf-32", "UTF-32")],
)
async def test_a_byte_order_mark_is_named(
    client: httpx.AsyncClient, world: World, encoding: str, named: str
) -> None:
    body = json.dumps(ORDER).encode(encoding)
    document = problem(
        await client.post("/order", content=body, headers=JSON), 422, "invalid-request"
    )

    assert f"byte order mark of {named}" in str(document["detail"])
    assert world.is_untouched()
