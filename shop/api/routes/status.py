"""Tasks: what became of one."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.convertors import StringConvertor, register_url_convertor

from shop.api.answers import answer, utc
from shop.api.body import shown
from shop.api.deps import in_time, services
from shop.api.openapi import path_parameter, problems
from shop.api.problems import STORE_UNAVAILABLE, TASK_NOT_FOUND, Problem
from shop.api.schemas import TaskView
from shop.domain.work import TaskReport, Timings

router = APIRouter(tags=["tasks"])

#: Celery's states that nothing follows.
READY_STATES = frozenset({"SUCCESS", "FAILURE", "REVOKED"})
#: Foreign clients choose their own ids; one that is longer was never issued here.
MAX_TASK_ID_CHARS = 255


class _Any(StringConvertor):
    """What came quoted is as it was by now: also a slash, or the end of a line."""

    regex = r"[\s\S]+"


register_url_convertor("any", _Any())


@router.get(
    "/status/{task_id:any}",
    summary="What became of a task",
    responses={200: {"model": TaskView}, **problems(TASK_NOT_FOUND, STORE_UNAVAILABLE)},
    openapi_extra=path_parameter(
        "task_id", "The task that an answer named.", "5d1e0a3c-8f0e-4f52-9c57-0a4f7a6b9d21"
    ),
)
async def show_task(request: Request) -> Response:
    """Its state in Celery's words, its result or error, and when it passed which stage."""
    task_id: str = request.path_params["task_id"]
    report = None
    if len(task_id) <= MAX_TASK_ID_CHARS:
        report = await in_time(services(request).tasks.find(task_id))
    if report is None:
        raise Problem(TASK_NOT_FOUND, f"There is no task {shown(task_id)}.")
    return answer(_view(report))


def _view(report: TaskReport) -> dict[str, Any]:
    return {
        "task_id": report.task_id,
        "task": report.task,
        "state": report.state,
        "ready": report.state in READY_STATES,
        "result": report.result,
        "error": report.error,
        "timings": _timings(report.timings),
    }


def _timings(timings: Timings) -> dict[str, Any]:
    return {
        "first_enqueued_at": utc(timings.first_enqueued_at_ms),
        "enqueued_at": utc(timings.enqueued_at_ms),
        "received_at": utc(timings.received_at_ms),
        "started_at": utc(timings.started_at_ms),
        "finished_at": utc(timings.finished_at_ms),
        "queue_wait_ms": timings.queue_wait_ms,
        "run_ms": timings.run_ms,
        "deliveries": timings.deliveries,
    }
