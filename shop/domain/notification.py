"""Notifications: a message to a customer's address."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shop.domain.email import Email

MAX_MESSAGE_CHARS = 2_000

#: Control characters but for tabs and line ends: a terminal or a mail server acts on them.
_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
#: What shows as nothing: spaces of any width, line and paragraph ends, and invisible marks.
_BLANK = (
    r"\t\n\r\x20\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    r"\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
MESSAGE_PATTERN = rf"^[^{_CONTROL}]*[^{_CONTROL}{_BLANK}][^{_CONTROL}]*$"
_HAS_CONTROL = re.compile(f"[{_CONTROL}]")
_HAS_TEXT = re.compile(f"[^{_CONTROL}{_BLANK}]")


def _readable(message: str) -> str:
    if found := _HAS_CONTROL.search(message):
        raise ValueError(f"holds the control character U+{ord(found[0]):04X}")
    if not _HAS_TEXT.search(message):
        raise ValueError("is blank")
    return message


class Notification(BaseModel):
    """A message to a customer, valid by construction."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Email = Field(examples=["ann@example.com"])
    message: Annotated[str, AfterValidator(_readable)] = Field(
        strict=True,
        min_length=1,
        max_length=MAX_MESSAGE_CHARS,
        examples=["Your parcel is here."],
        json_schema_extra={"pattern": MESSAGE_PATTERN},
    )


#: How long no mail is tried once the mail server wants fewer; twice as long each time in a row.
PAUSE_FIRST_S = 2
PAUSE_LONGEST_S = 5 * 60
#: How many of those that waited for the end of a pause are tried again, at most.
RELEASED_A_SECOND = 100

#: In place of a status: another delivery of it is under way.
IN_HAND = "in_hand"
#: In place of a status: the mail server wants fewer mails, so it is left for later untried.
PAUSED = "paused"


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


@dataclass(frozen=True, slots=True)
class BegunNotification:
    """What the store knew of a notification when a delivery of it began."""

    #: A `NotificationStatus`, `IN_HAND` or `PAUSED`.
    status: str
    #: Deliveries begun so far that count, this one included.
    attempts: int
    #: Deliveries that did not count, for they said nothing of this notification.
    deferrals: int = 0
    #: The order that it is about, if any.
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class InvoiceForMail:
    """An order's invoice, as far as there is one."""

    pdf: bytes | None
    #: Whether there is none yet, and will be one.
    is_owed: bool = False


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mailer takes to a customer for one notification, whatever the attempt."""

    #: The task's id: the same for every attempt.
    task_id: str
    email: str
    message: str
    order_id: str | None = None
    #: The invoice to attach, a PDF.
    invoice: bytes | None = None
