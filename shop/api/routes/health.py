"""Probes: is the process there, and can the shop work?"""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from shop.api.answers import answer
from shop.api.deps import in_time, services
from shop.api.openapi import problems
from shop.api.problems import NOT_READY, Problem
from shop.api.schemas import Alive, Ready
from shop.domain.errors import StoreUnavailable

router = APIRouter(prefix="/health", tags=["operations"])


@router.get("/live", summary="Does the process answer?", responses={200: {"model": Alive}})
async def live() -> Response:
    """Says nothing of Redis or the workers: restarting the API would not bring them back."""
    return answer({"status": "alive"})


@router.get(
    "/ready",
    summary="Can the shop work?",
    responses={200: {"model": Ready}, **problems(NOT_READY)},
)
async def ready(request: Request) -> Response:
    """Whether Redis answers and each queue has a live worker that takes from it.

    Rate limits that an operator set make it no less ready; they are named.
    """
    readiness = services(request).readiness
    rate_limits: Mapping[str, str] = {}
    try:
        missing = await in_time(readiness.missing())
        if not missing:
            rate_limits = await in_time(readiness.rate_limits())
    except StoreUnavailable:
        missing = ["redis"]
    if missing:
        raise Problem(NOT_READY, f"Missing: {', '.join(missing)}.", missing=missing)
    limited = {"rate_limits": rate_limits} if rate_limits else {}
    return answer({"status": "ready", **limited})
