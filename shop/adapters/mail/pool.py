"""Connections to the mail server that are used again, and never more than so many at once."""

import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from shop.adapters.mail.session import no_connection
from shop.domain.errors import DeliveryDeferred, DeliveryFailed, SenderRefused

#: How long a mail waits for a connection that others have; the sweep sends it again later.
FREE_WITHIN_S = 5.0
#: An unused connection is closed before the server does it.
IDLE_S = 10.0
#: Servers limit the mails of one connection, many of them to 100.
MAILS_A_CONNECTION = 50


@dataclass(slots=True)
class _Used:
    session: smtplib.SMTP
    mails: int = 0
    since_s: float = 0.0


class ConnectionPool:
    """Shared by the threads of a process; each has a connection to itself while it sends."""

    def __init__(self, connect: Callable[[], smtplib.SMTP], size: int) -> None:
        self._connect = connect
        self._free = threading.BoundedSemaphore(size)
        self._lock = threading.Lock()
        self._idle: list[_Used] = []
        self._slowed_down_s = 0.0
        self._closing: threading.Timer | None = None

    @contextmanager
    def session(self) -> Iterator[smtplib.SMTP]:
        """A session in which nothing has begun.

        Raises what `connect` does, and `DeliveryDeferred` if none is free in time. If the server
        has asked to slow down since this began to wait, it is not asked again.
        """
        began_s = time.monotonic()
        if not self._free.acquire(timeout=FREE_WITHIN_S):
            raise no_connection()
        try:
            if self._slowed_down_s > began_s:
                raise DeliveryDeferred("the mail server has just asked to slow down")
            used = self._idle_one() or _Used(self._connect())
            try:
                yield used.session
            except BaseException as error:
                if not isinstance(error, DeliveryFailed):
                    # Nobody knows what the server will answer to.
                    used.session.close()
                raise
            finally:
                self._give_back(used)
        except SenderRefused:
            self._slowed_down_s = time.monotonic()
            raise
        finally:
            self._free.release()

    def close_idle(self, *, unused_for_s: float = 0.0) -> None:
        """Say goodbye in connections that nobody has used for so long."""
        latest_s = time.monotonic() - unused_for_s
        # With a place of its own, so that the server never sees more than there may be.
        while self._free.acquire(blocking=False):
            try:
                with self._lock:
                    old = next((used for used in self._idle if used.since_s <= latest_s), None)
                    if old is None:
                        break
                    self._idle.remove(old)
                _quit(old.session)
            finally:
                self._free.release()
        with self._lock:
            self._closing = None
            if self._idle:
                self._close_later()

    def _idle_one(self) -> _Used | None:
        """The one that was used last, if the server still has it."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                used = self._idle.pop()
            with suppress(smtplib.SMTPException, OSError):
                if used.session.rset()[0] == 250:
                    return used
            used.session.close()

    def _give_back(self, used: _Used) -> None:
        used.mails += 1
        if used.session.sock is None:
            return
        if used.mails >= MAILS_A_CONNECTION:
            _quit(used.session)
            return
        used.since_s = time.monotonic()
        with self._lock:
            self._idle.append(used)
            if self._closing is None:
                self._close_later()

    def _close_later(self) -> None:
        self._closing = threading.Timer(IDLE_S, self.close_idle, kwargs={"unused_for_s": IDLE_S})
        self._closing.daemon = True
        self._closing.start()


def _quit(session: smtplib.SMTP) -> None:
    with suppress(smtplib.SMTPException, OSError):
        session.quit()
    session.close()
