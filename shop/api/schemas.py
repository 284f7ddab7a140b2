"""What the answers look like, for the documentation and the tests.

The routes build their answers as plain dicts; the tests hold them to these models.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

#: UTC, ISO 8601, as `answers.utc` writes it.
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]

_TASK_ID = "5d1e0a3c-8f0e-4f52-9c57-0a4f7a6b9d21"


class Answer(BaseModel):
    """An answer has these fields, and no others."""

    model_config = ConfigDict(extra="forbid")


class OrderAccepted(Answer):
    """An order was placed, now or before."""

    task_id: str = Field(
        description="The task that processes it: see /status/{task_id}.", examples=[_TASK_ID]
    )
    order_id: str = Field(examples=["1001"])
    status: Literal["pending", "processed", "failed"] = Field(examples=["pending"])


class OrderView(Answer):
    """Where an order stands."""

    order_id: str = Field(examples=["1001"])
    status: Literal["pending", "processed", "failed"] = Field(examples=["processed"])
    item: str = Field(examples=["SKU-1"])
    qty: int = Field(examples=[2])
    reason: str | None = Field(
        description="Why it failed or was given up.",
        examples=[
            *(None, "unknown_item", "out_of_stock", "no_price", "attempts_exhausted"),
            "revoked",
        ],
    )
    placed_at: Moment = Field(description="UTC, ISO 8601.", examples=["2026-01-01T12:00:00.005Z"])
    processed_at: Moment | None = Field(
        description="When it was processed or failed.", examples=["2026-01-01T12:00:00.042Z"]
    )
    task_id: str = Field(examples=[_TASK_ID])
    invoice: str | None = Field(
        description="Where its invoice is, once there is one.", examples=["/invoice/1001"]
    )


class NotificationAccepted(Answer):
    """A notification was recorded and will be delivered."""

    task_id: str = Field(examples=[_TASK_ID])


class TimingsView(Answer):
    """When a task passed which stage: UTC, ISO 8601, all by one clock."""

    first_enqueued_at: Moment | None = Field(
        description="When the work was recorded, and so first published.",
        examples=["2026-01-01T12:00:00.005Z"],
    )
    enqueued_at: Moment | None = Field(
        description="When the message was published that was started last; later than the first "
        "if it had to be sent again.",
        examples=["2026-01-01T12:00:00.005Z"],
    )
    received_at: Moment | None = Field(
        description="When a worker took that message from its queue.",
        examples=["2026-01-01T12:00:00.017Z"],
    )
    started_at: Moment | None = Field(examples=["2026-01-01T12:00:00.018Z"])
    finished_at: Moment | None = Field(examples=["2026-01-01T12:00:00.042Z"])
    queue_wait_ms: int | None = Field(description="From enqueued to started.", examples=[13])
    run_ms: int | None = Field(description="From started to finished.", examples=[24])
    deliveries: int = Field(description="How often a worker was given it.", examples=[1])


class TaskView(Answer):
    """What became of a task."""

    task_id: str = Field(examples=[_TASK_ID])
    task: str = Field(examples=["process_order"])
    state: str = Field(
        description="Celery's word for it; PENDING means queued.",
        examples=["SUCCESS", "PENDING", "RETRY", "FAILURE"],
    )
    ready: bool = Field(description="Whether the state is final.", examples=[True])
    result: Any = Field(
        description="What the task returned, once it succeeded.",
        examples=[{"order_id": "1001", "status": "processed"}],
    )
    error: str | None = Field(
        description="One line, once it failed.",
        examples=[None, "InvalidTask: process_order: qty: Field required"],
    )
    timings: TimingsView


class Alive(Answer):
    """The process answers."""

    status: Literal["alive"] = Field(examples=["alive"])


class Ready(Answer):
    """Everything that the shop needs is there."""

    status: Literal["ready"] = Field(examples=["ready"])
    rate_limits: dict[str, str] = Field(
        default={},
        description="What operators limited by `celery control rate_limit`, by task.",
        examples=[{"process_order": "10/m"}],
    )


class ProblemTypeView(Answer):
    """What a type of problem means."""

    type: str = Field(examples=["/problems/order-not-found"])
    title: str = Field(examples=["There is no such order"])
    status: int = Field(examples=[404])
    meaning: str = Field(examples=["No order was ever placed under this id."])
    retry_after_s: int | None = Field(
        description="Seconds after which the same request may succeed.", examples=[None, 1]
    )


class FieldError(Answer):
    """What is wrong with one field."""

    field: str = Field(description="Its name; `body` stands for the whole body.", examples=["qty"])
    message: str = Field(examples=["Input should be less than or equal to 10000"])


class ProblemDocument(BaseModel):
    """A problem document of RFC 9457; which further members it has depends on its type."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="What kind of problem it is; GET it for an explanation.",
        examples=["/problems/invalid-request"],
    )
    title: str
    status: int = Field(description="The HTTP status again.")
    detail: str = Field(description="What is wrong in this case.")
    errors: list[FieldError] = Field(
        default=[], description="The fields that are wrong, when the request is invalid."
    )
    missing: list[str] = Field(
        default=[], description="What is missing, when the shop is not ready."
    )
    order_status: str | None = Field(
        default=None, description="Where the order stands, when there is no invoice."
    )
    reason: str | None = Field(
        default=None, description="Why the order failed, when there is no invoice."
    )
