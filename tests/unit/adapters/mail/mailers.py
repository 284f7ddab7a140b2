"""Mailers for scripted servers, and what comes of their mails."""

from typing import Any

import pytest

from shop.adapters.mail.smtp import SmtpMailer
from shop.domain.errors import DeliveryFailed
from testing.servers import HOST
from tests.builders import a_mail
from tests.unit.adapters.mail.scripted_server import ScriptedServer

SENDER = "shop@example.com"

#: Those of the test that runs; they are closed after it.
opened: list[SmtpMailer] = []


def mailer_of(
    server: ScriptedServer, scheme: str = "smtp", credentials: str = "", **options: Any
) -> SmtpMailer:
    url = f"{scheme}://{credentials}{HOST}:{server.port}"
    opened.append(SmtpMailer(url, sender=SENDER, **options))
    return opened[-1]


def failure(mailer: SmtpMailer, **mail: Any) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failed:
        mailer.deliver(a_mail(**mail))
    return failed.value
