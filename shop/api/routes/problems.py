"""Problem types, explained: a problem document's `type` leads here."""

from typing import Any

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

from shop.api.answers import answer
from shop.api.openapi import problems
from shop.api.problems import NOT_FOUND, PROBLEM_TYPES, ProblemType
from shop.api.schemas import ProblemTypeView

router = APIRouter(prefix="/problems", tags=["problems"])


@router.get(
    "/{slug}",
    summary="What a type of problem means",
    responses={200: {"model": ProblemTypeView}, **problems(NOT_FOUND)},
)
async def show_problem_type(slug: str) -> Response:
    """When it happens, and what to do about it."""
    kind = PROBLEM_TYPES.get(slug)
    if kind is None:
        raise HTTPException(404)
    return answer(_view(kind))


def _view(kind: ProblemType) -> dict[str, Any]:
    return {
        "type": kind.uri,
        "title": kind.title,
        "status": kind.status,
        "meaning": kind.meaning,
        "retry_after_s": kind.retry_after_s,
    }
