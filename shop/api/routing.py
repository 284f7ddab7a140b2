"""Routers' routes as the app's own, and the shortest way to their endpoints."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.params import Depends
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from shop.api.guard import ApiKeyGuard


class StraightRoute(APIRoute):
    """An endpoint that takes the request alone is called with it, and its answer sent.

    FastAPI's way there serves parameters and dependencies, and takes a tenth of the time of
    `GET /status` where there are none (`docs/decisions/0016`). It is left to endpoints that have
    some; the schema is FastAPI's for all.
    """

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        guards = [
            depends.dependency
            for depends in self.dependencies
            if isinstance(depends.dependency, ApiKeyGuard)
        ]
        if len(guards) == len(self.dependencies) and _takes_the_request_alone(endpoint):
            self.app = _straight(endpoint, guards)


def add_routes(
    app: FastAPI,
    router: APIRouter,
    *,
    dependencies: Sequence[Depends] = (),
    responses: Mapping[int | str, dict[str, Any]] | None = None,
) -> None:
    """What `include_router` does; but FastAPI 0.165 looks for an included route twice.

    That took a fourteenth of the time of `POST /order`, and more of what stands further down.
    """
    for route in router.routes:
        if not isinstance(route, APIRoute):
            raise TypeError(f"not a route of an API: {route!r}")
        app.router.add_api_route(
            route.path,
            route.endpoint,
            methods=sorted(route.methods or ()),
            name=route.name,
            tags=route.tags,
            summary=route.summary,
            response_class=route.response_class,
            response_description=route.response_description,
            status_code=route.status_code,
            responses={**route.responses, **(responses or {})},
            dependencies=list(dependencies),
            openapi_extra=route.openapi_extra,
            include_in_schema=route.include_in_schema,
            route_class_override=StraightRoute,
        )


def limit_route(app: FastAPI, name: str, limit: Callable[[ASGIApp], ASGIApp]) -> None:
    """Put `limit` around the route of this name, whatever path leads there."""
    (route,) = (route for route in app.routes if isinstance(route, APIRoute) and route.name == name)
    route.app = limit(route.app)


def _takes_the_request_alone(endpoint: Any) -> bool:
    parameters = list(inspect.signature(endpoint).parameters.values())
    alone = len(parameters) == 1 and parameters[0].annotation is Request
    return alone and inspect.iscoroutinefunction(endpoint)


def _straight(endpoint: Any, guards: Sequence[ApiKeyGuard]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        for guard in guards:
            guard.check(request)
        answer = await endpoint(request)
        await answer(scope, receive, send)

    return app
