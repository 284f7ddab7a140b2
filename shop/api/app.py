"""The API, put together."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

from shop.api.admission import AdmissionController
from shop.api.docs import install_docs
from shop.api.entrance import Entrance
from shop.api.errors import install_error_handlers
from shop.api.guard import ApiKeyGuard
from shop.api.head import HeadAsGet
from shop.api.headlimits import HeadLimits
from shop.api.limits import BodyLimit
from shop.api.metrics import ApiMetrics
from shop.api.openapi import DocumentedFastAPI, Responses, problems
from shop.api.problems import API_KEY_REQUIRED
from shop.api.protocol import SERVER_ANSWERS
from shop.api.routes import health, invoices, metrics, notifications, orders, status
from shop.api.routes import problems as problem_types
from shop.api.routing import add_routes, limit_route
from shop.api.server_answers import ServerAnswers
from shop.api.shedding import LoadShedding
from shop.bootstrap import ApiServices, bootstrap_api
from shop.settings import Settings

_DESCRIPTION = """\
An online shop's order back end. Orders and notifications are recorded first and worked on in
the background: the answer to a `POST` names a task, and `/status/{task_id}` says what became
of it.

Every error is a problem document of RFC 9457; its `type` leads to an explanation.
"""

_TAGS = [
    {"name": "orders", "description": "Placing orders, and where they stand."},
    {"name": "invoices", "description": "The PDF of each processed order."},
    {"name": "notifications", "description": "Messages to customers."},
    {"name": "tasks", "description": "What became of the work behind an answer."},
    {"name": "operations", "description": "Probes and metrics."},
    {"name": "problems", "description": "What the types of problem documents mean."},
]


def create_api(settings: Settings, *, services: ApiServices | None = None) -> FastAPI:
    """The API; without `services` it builds its own when it starts, and closes them at its end."""
    shop_version = _version()
    own_metrics = ApiMetrics(shop_version, shared_dir=settings.prometheus_multiproc_dir)
    app = LayeredFastAPI(
        title="ShopTaskManager",
        version=shop_version,
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
        # A redirect would repeat whatever host the client named.
        redirect_slashes=False,
        # It looks for OpenTelemetry's providers at every request, whether there are any or not.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        generate_unique_id_function=lambda route: route.name,
        lifespan=_lifespan(settings, services),
    )
    app.state.services = services
    admission = AdmissionController(settings.order_concurrency_limit, settings.order_rate_limit)
    app.state.server_answers = ServerAnswers(
        admission, own_metrics, timeout_s=settings.request_timeout_s
    )
    app.state.metrics = own_metrics

    guard, refusals = [], Responses()
    if settings.api_keys:
        guard = [Depends(ApiKeyGuard(settings.api_keys))]
        refusals = problems(API_KEY_REQUIRED)
    # In the order of how often they are called: routes are tried one after the other.
    for module in (orders, status, notifications, invoices):
        add_routes(app, module.router, dependencies=guard, responses=refusals)
    for module in (health, metrics, problem_types):
        add_routes(app, module.router)
    limit_route(app, "place_order", partial(LoadShedding, admission=admission))
    install_docs(app)
    install_error_handlers(app)

    app.layers = [HeadAsGet, HeadLimits, BodyLimit, partial(Entrance, metrics=own_metrics)]
    return app


class LayeredFastAPI(DocumentedFastAPI):
    """With layers of its own around FastAPI's."""

    #: The last one is the outermost.
    layers: list[Callable[[ASGIApp], ASGIApp]]

    def build_middleware_stack(self) -> ASGIApp:
        app = super().build_middleware_stack()
        for layer in self.layers:
            app = layer(app)
        return app


def _lifespan(
    settings: Settings, given: ApiServices | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[dict[str, Any]]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        """Yields what the server's own part of the API is to know."""
        state = {SERVER_ANSWERS: app.state.server_answers}
        if given is not None:
            yield state
            return
        app.state.services = services = bootstrap_api(settings)
        try:
            yield state
        finally:
            await services.close()

    return lifespan


def _version() -> str:
    try:
        return version("shop-task-manager")
    except PackageNotFoundError:
        return "0.0.0"
