"""The shortest way to an endpoint leads past nothing that counts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from shop.api.guard import ApiKeyGuard
from shop.api.problems import Problem
from shop.api.routing import add_routes

Endpoint = Callable[..., Any]
Solved = list[str]


async def refuse() -> None:
    raise HTTPException(403)


async def alone(request: Request) -> Response:
    return Response(request.path_params["name"])


async def with_a_dependency(request: Request, _: Annotated[None, Depends(refuse)]) -> Response:
    return Response("passed")


async def with_its_own_parameter(name: str) -> dict[str, str]:
    return {"name": name}


def not_async(request: Request) -> Response:
    return Response(request.path_params["name"])


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> Solved:
    """The paths whose parameters and dependencies FastAPI has looked for."""
    from fastapi import routing

    looked_for: Solved = []
    solve = routing.solve_dependencies

    async def noted(**options: Any) -> Any:
        looked_for.append(options["request"].url.path)
        return await solve(**options)

    monkeypatch.setattr(routing, "solve_dependencies", noted)
    return looked_for


@asynccontextmanager
async def serving(endpoint: Endpoint, *dependencies: Any) -> AsyncIterator[httpx.AsyncClient]:
    app, router = FastAPI(), APIRouter()
    router.get("/{name}")(endpoint)
    add_routes(app, router, dependencies=[Depends(one) for one in dependencies])

    @app.exception_handler(Problem)
    async def _problem(_: Request, error: Problem) -> Response:
        return Response(error.detail, error.kind.status)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        yield client


async def test_an_endpoint_that_takes_the_request_alone_is_called_with_it(solved: Solved) -> None:
    async with serving(alone) as client:
        answer = await client.get("/kettle")

    assert (answer.status_code, answer.text) == (200, "kettle")
    assert solved == []


@pytest.mark.parametrize("endpoint", [with_its_own_parameter, not_async])
async def test_any_other_endpoint_is_fastapis(endpoint: Endpoint, solved: Solved) -> None:
    async with serving(endpoint) as client:
        answer = await client.get("/kettle")

    assert answer.status_code == 200
    assert "kettle" in answer.text
    assert solved == ["/kettle"]


@pytest.mark.parametrize(
    ("endpoint", "dependencies"),
    [(with_a_dependency, ()), (alone, (refuse,)), (alone, (ApiKeyGuard(["right"]), refuse))],
)
async def test_no_dependency_is_passed_by(endpoint: Endpoint, dependencies: tuple[Any]) -> None:
    async with serving(endpoint, *dependencies) as client:
        answer = await client.get("/kettle", headers={"X-API-Key": "right"})

    assert answer.status_code == 403


@pytest.mark.parametrize(("key", "status"), [(None, 401), ("wrong", 401), ("right", 200)])
async def test_the_guard_stands_on_both_ways(key: str | None, status: int) -> None:
    headers = {} if key is None else {"X-API-Key": key}
    statuses = []
    for endpoint in (alone, with_its_own_parameter):
        async with serving(endpoint, ApiKeyGuard(["another", "right"])) as client:
            statuses.append((await client.get("/kettle", headers=headers)).status_code)

    assert statuses == [status, status]
