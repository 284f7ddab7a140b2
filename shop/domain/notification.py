"""Notifications: a message to a customer's address."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from shop.domain.email import Email

MAX_MESSAGE_CHARS = 2_000


class Notification(BaseModel):
    """A message to a customer, valid by construction."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Email = Field(examples=["ann@example.com"])
    message: str = Field(
        strict=True, min_length=1, max_length=MAX_MESSAGE_CHARS, examples=["Your parcel is here."]
    )


#: In place of a status: another delivery of it is under way.
IN_HAND = "in_hand"


class NotificationStatus(StrEnum):
    """Where a notification stands."""

    #: Accepted, and owed its delivery.
    PENDING = "pending"
    #: The mail adapter took it.
    DELIVERED = "delivered"
    #: Given up after the last attempt.
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class NotificationRecord:
    """A notification as it is stored."""

    task_id: str
    email: str
    message: str
    status: NotificationStatus
    attempts: int = 0
    reason: str | None = None
