"""`API_KEY`: what needs it, and what stays open."""

from collections.abc import AsyncIterator

import httpx
import pytest

from shop.settings import Settings
from tests.unit.api.conftest import World, client_of, problem
from tests.unit.api.test_orders import ORDER

KEY = "a key of \N{LATIN SMALL LETTER U WITH DIAERESIS}mlauts"
GUARDED = [
    ("POST", "/order"),
    ("POST", "/test_notification"),
    ("GET", "/order/1001"),
    ("GET", "/invoice/1001"),
    ("GET", "/status/some-task"),
]


@pytest.fixture
async def guarded(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(world, api_key=KEY) as client:
        yield client


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize(
    "key", [None, b"", b"wrong", KEY.encode()[:-1], KEY.encode() + b"x", b"\xff"]
)
async def test_without_the_key_nothing_is_read_or_shown(
    guarded: httpx.AsyncClient, world: World, method: str, path: str, key: bytes | None
) -> None:
    headers = [] if key is None else [(b"X-API-Key", key)]
    # Not even JSON: the key is asked for first.
    response = await guarded.request(method, path, content=b"{", headers=headers)

    problem(response, 401, "api-key-required")
    assert response.headers["www-authenticate"] == "ApiKey"
    assert KEY not in response.text
    assert world.is_untouched()


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_the_key_opens(guarded: httpx.AsyncClient, method: str, path: str) -> None:
    response = await guarded.request(method, path, headers=[(b"X-API-Key", KEY.encode())])
    assert response.status_code in (404, 422)


async def test_an_order_is_placed_with_the_key(guarded: httpx.AsyncClient) -> None:
    headers = [(b"X-API-Key", KEY.encode()), (b"Content-Type", b"application/json")]
    assert (await guarded.post("/order", json=ORDER, headers=headers)).status_code == 202


@pytest.mark.parametrize(
    "path",
    ["/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json", "/problems/not-found"],
)
async def test_what_shows_no_customer_stays_open(guarded: httpx.AsyncClient, path: str) -> None:
    assert (await guarded.get(path)).status_code == 200


async def test_the_schema_says_which_calls_need_it(guarded: httpx.AsyncClient) -> None:
    schema = (await guarded.get("/openapi.json")).json()
    (scheme,) = schema["components"]["securitySchemes"].values()
    needing = {
        (method.upper(), path)
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
        if operation.get("security") and "401" in operation["responses"]
    }

    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "X-API-Key")
    assert needing == {
        ("POST", "/order"),
        ("POST", "/test_notification"),
        ("GET", "/order/{order_id}"),
        ("GET", "/invoice/{order_id}"),
        ("GET", "/status/{task_id}"),
    }


async def test_without_a_key_set_none_is_asked_for(client: httpx.AsyncClient) -> None:
    assert (await client.post("/order", json=ORDER)).status_code == 202
    schema = (await client.get("/openapi.json")).json()
    assert "securitySchemes" not in schema["components"]


async def test_each_of_several_keys_opens_and_no_other(world: World) -> None:
    async with client_of(world, api_key="old-key, new-key") as client:
        statuses = {
            key: (await client.post("/order", json=ORDER, headers={"X-API-Key": key})).status_code
            for key in ("old-key", "new-key", "old-key, new-key", "other", "")
        }

    assert statuses == {
        "old-key": 202,
        "new-key": 200,
        "old-key, new-key": 401,
        "other": 401,
        "": 401,
    }


@pytest.mark.parametrize("blank", [" ", ",", " , "])
def test_a_blank_key_is_no_open_door(blank: str) -> None:
    with pytest.raises(ValueError, match="blank"):
        Settings(api_key=blank)
