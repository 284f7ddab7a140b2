"""A real SMTP server that records every mail it accepts, and is slow or refuses when told."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from testing.history import Effect, Observer, Recorder
from testing.servers import HOST, free_port

ACCEPTED = "250 OK"
REFUSED_FOR_NOW = "451 Try again later"


class MailSink:
    """A context manager; while it is entered, `SMTP_URL` may be its `url`."""

    def __init__(self, history: Recorder, *, host: str = HOST, port: int | None = None) -> None:
        """`host` is the address to listen on: containers do not reach the default."""
        self.port = port or free_port()
        self._history = history
        self._host = host
        self._answer = ACCEPTED
        self._delay_s = 0.0
        self._controller = Controller(self, hostname=host, port=self.port)

    @property
    def url(self) -> str:
        return f"smtp://{self._host}:{self.port}"

    @contextmanager
    def refusing(self, answer: str = REFUSED_FOR_NOW) -> Iterator[None]:
        """Every mail is answered with this, and not accepted."""
        self._answer, earlier = answer, self._answer
        try:
            yield
        finally:
            self._answer = earlier

    @contextmanager
    def delaying(self, delay_s: float) -> Iterator[None]:
        """Every mail is answered so much later; what the answer is does not change meanwhile."""
        self._delay_s, earlier = delay_s, self._delay_s
        try:
            yield
        finally:
            self._delay_s = earlier

    def start(self) -> None:
        self._controller.start()
        self._history.watching(Observer.MAIL)

    def stop(self) -> None:
        self._controller.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it so
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
    ) -> str:
        answer = self._answer
        await asyncio.sleep(self._delay_s)
        if answer.startswith("250"):
            # Before the answer: what the sender knows to be accepted is in the history.
            for recipient in envelope.rcpt_tos:
                self._history.effect(Effect.MAIL_DELIVERED, recipient, text=_text(envelope))
        return answer


def _text(envelope: Envelope) -> str:
    """The body as it was before its lines were ended for the journey."""
    content = envelope.original_content or b""
    message = message_from_bytes(content, policy=policy.default)
    body = message.get_body(("plain",))
    text: str = "" if body is None else body.get_content()
    return text.replace("\r\n", "\n").removesuffix("\n")
