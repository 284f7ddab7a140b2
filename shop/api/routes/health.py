"""Probes: is the process there, and can the shop work?"""

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
    """Whether Redis answers and each queue has a live worker."""
    try:
        missing = await in_time(services(request).readiness.missing())
    except StoreUnavailable:
        missing = ["redis"]
    if missing:
        raise Problem(NOT_READY, f"Missing: {', '.join(missing)}.", missing=missing)
    return answer({"status": "ready"})
