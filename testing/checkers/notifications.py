"""Notifications and mails: each was asked for, and none comes more often than it may."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shop.domain.order import Notices, Order, OrderStatus, Reason, order_notices
from testing.checkers.evidence import Content, Evidence, Mail, Outcome
from testing.checkers.violation import Check, Violation, violation
from testing.final_state import FinalNotification, FinalOrder, FinalState
from testing.history import Observer


@dataclass(frozen=True, slots=True)
class Accounted:
    """What is behind the notifications that are recorded."""

    #: task id -> what is wrong; a record that somebody asked for is not among them.
    unexpected: Mapping[str, str]
    #: How many mails there are to be of each, one for each record that was asked for.
    owed: Counter[Mail]


def account_for(evidence: Evidence, final: FinalState) -> Accounted:
    """Whose each record is: an order's, that of a send that was accepted, or of one unanswered."""
    due = {
        order.notification_task_id: order
        for order in final.orders.values()
        if order.status in (OrderStatus.PROCESSED, OrderStatus.FAILED)
        and order.reason != Reason.ATTEMPTS_EXHAUSTED
    }
    asked = {
        send.task_id: send.mail
        for send in evidence.notifications
        if send.outcome is Outcome.ACCEPTED
    }
    notices = Counter(all_notices(evidence, final))
    unexpected: dict[str, str] = {}
    others: dict[str, Mail] = {}
    for task_id, found in final.notifications.items():
        mail = mail_of(found)
        if task_id in due:
            notices[mail] -= 1
            if mail != _notice(due[task_id]):
                order_id = due[task_id].order_id
                unexpected[task_id] = f"does not say what became of order {order_id}"
        elif task_id in asked:
            if mail != asked[task_id]:
                unexpected[task_id] = "has content other than what was accepted"
        else:
            others[task_id] = mail
    unexpected |= _unexplained(others, notices, evidence)
    records = {task_id: mail_of(found) for task_id, found in final.notifications.items()}
    # Of what nobody asked for a mail is no repetition either, but the first of its kind.
    owed = Counter(set(records.values()))
    owed |= Counter(mail for task_id, mail in records.items() if task_id not in unexpected)
    return Accounted(unexpected, owed)


def _unexplained(
    records: Mapping[str, Mail], notices: Counter[Mail], evidence: Evidence
) -> Iterator[tuple[str, str]]:
    """Of records that are neither due to an order nor those of an accepted send.

    `notices` says how often each text about an order may still come. One that was taken up again
    had been decided otherwise before, and its customer told so: by another text, and once.
    """
    # A send that nobody confirmed may have left a record, under a task id that nobody knows.
    unconfirmed = Counter(
        send.mail for send in evidence.notifications if send.outcome is Outcome.UNKNOWN
    )
    for task_id, mail in records.items():
        if unconfirmed[mail] > 0:
            unconfirmed[mail] -= 1
        elif notices[mail] > 0:
            notices[mail] -= 1
        elif mail in notices:
            yield task_id, "says of an order what another has said already"
        else:
            yield task_id, "was sent by nobody"


def unexpected_notifications(evidence: Evidence, final: FinalState) -> Iterator[Violation]:
    """Records that nobody asked for, and mails from nobody or too many of them."""
    for task_id, what in account_for(evidence, final).unexpected.items():
        notification = final.notifications[task_id]
        yield _violation(f"notification {task_id}", what, notification=notification)
    recorded = {mail_of(found) for found in final.notifications.values()}
    known = {send.mail for send in evidence.notifications if send.outcome is not Outcome.REFUSED}
    known |= recorded | all_notices(evidence, final)
    for mail, count in evidence.mails.items():
        if mail not in known:
            subject = f"mail to {mail.email}"
            yield _violation(subject, "was sent by nobody", text=mail.text, count=count)
    # Without stamps nobody knows how often anything was started.
    if evidence.deliveries:
        yield from _mails_without_a_start(evidence, final)


def _mails_without_a_start(evidence: Evidence, final: FinalState) -> Iterator[Violation]:
    """Each start of a notification's task sends one mail at most.

    The start is stamped in the same round trip that the task waits for before it sends. A store
    that dies may forget the last of what it has answered while its disk is slow: one start of
    each task, for none begins again while another may still be sending. It may forget a send that
    nobody confirmed altogether.
    """
    deaths = len(evidence.blind.get(Observer.STORE, ()))
    unconfirmed = Counter(
        send.mail for send in evidence.notifications if send.outcome is Outcome.UNKNOWN
    )
    tasks: dict[Mail, list[str]] = defaultdict(list)
    for task_id, found in final.notifications.items():
        tasks[mail_of(found)].append(task_id)
    for mail, task_ids in tasks.items():
        starts = sum(
            evidence.deliveries[task_id].deliveries
            for task_id in task_ids
            if task_id in evidence.deliveries
        )
        count = evidence.mails[mail]
        if count > starts + deaths * (len(task_ids) + unconfirmed[mail]):
            yield _violation(
                f"mail to {mail.email}",
                f"came {count} times, and was begun {starts} times",
                text=mail.text,
                task_ids=task_ids,
            )


def all_notices(evidence: Evidence, final: FinalState) -> set[Mail]:
    """About every order that is recorded, or may have been and be lost."""
    contents = {(order_id, content_of(order)) for order_id, order in final.orders.items()}
    for order_id, sent in evidence.orders.items():
        contents |= {(order_id, content) for content in sent.possible_contents if content}
    return {mail for known in contents for mail in _possible_notices(*known)}


def mail_of(notification: FinalNotification) -> Mail:
    return Mail.of(notification.email, notification.message)


def content_of(order: FinalOrder) -> Content:
    return Content(order.item, order.qty, order.email)


def _notice(order: FinalOrder) -> Mail:
    """What the customer is owed once the order is decided."""
    content = content_of(order)
    message = _notices(order.order_id, content).for_outcome(OrderStatus(order.status), order.reason)
    return Mail.of(content.email or "", message)


def _possible_notices(order_id: str, content: Content) -> set[Mail]:
    notices = _notices(order_id, content)
    texts = (
        *(notices.processed, notices.unknown_item),
        *(notices.out_of_stock, notices.no_price),
    )
    return {Mail.of(content.email or "", text) for text in texts}


def _notices(order_id: str, content: Content) -> Notices:
    # Whether the record is valid is judged elsewhere.
    fields: dict[str, Any] = content._asdict()
    return order_notices(Order.model_construct(id=order_id, **fields))


def _violation(subject: str, what: str, **evidence: Any) -> Violation:
    return violation(Check.UNEXPECTED_EFFECT, subject, what, **evidence)
