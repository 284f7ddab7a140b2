"""The mail server: reachable, willing to take our mail, and how the sending goes."""

from collections.abc import Iterator
from typing import Any

from redis import Redis

from shop.adapters.doctor.finding import Finding, State
from shop.adapters.mail.smtp import SmtpMailer
from shop.adapters.redis import keys
from shop.domain.errors import DeliveryFailed
from shop.domain.notification import PAUSE_LONGEST_S
from shop.settings import Settings

#: A person waits for the answer; the workers are more patient.
TIMEOUT_S = 5.0


def server(settings: Settings) -> Finding:
    """Whether the mail server takes our name and our credentials; no mail is sent."""
    if settings.smtp_url is None:
        return Finding("mail server", State.OK, "none is set: notifications are only logged")
    mailer = SmtpMailer(settings.smtp_url.get_secret_value(), sender=settings.smtp_from)
    try:
        detail, is_encrypted = mailer.greet(within_s=TIMEOUT_S)
    except DeliveryFailed as error:
        return Finding(
            "mail server",
            State.FAIL,
            f"{mailer.where}: {error}",
            "Correct SMTP_URL or SMTP_FROM, or look at the mail server's log.",
        )
    return Finding(
        "mail server",
        State.OK if is_encrypted else State.WARN,
        f"{mailer.where} {detail}",
        "" if is_encrypted else "Let it offer STARTTLS, and ask for it: smtp+starttls://.",
    )


def sending(store: Redis) -> Iterator[Finding]:
    """Whether the mail server has asked to slow down, and what it says to mails."""
    seconds, _ = store.time()
    until_ms, reason = store.hmget(keys.MAIL_PAUSE, "until", "reason")
    left_s = int(until_ms or 0) / 1000 - int(seconds)
    is_paused = 0 < left_s <= PAUSE_LONGEST_S
    replies: dict[Any, Any] = store.hgetall(keys.METRICS_MAIL)
    said = ", ".join(f"{count} x {code}" for code, count in sorted(replies.items()))
    yield Finding(
        "mail, sending",
        State.WARN if is_paused else State.OK,
        f"paused for {left_s:.0f} s: {reason!s}" if is_paused else f"replies: {said or 'none yet'}",
        "Lower SMTP_CONNECTIONS, or ask the provider for its limits." if is_paused else "",
    )
