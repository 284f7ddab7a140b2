"""Connections to the mail server: used again, and never more than there may be."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shop.adapters.mail import pool, session
from shop.domain.errors import DeliveryDeferred, SenderRefused
from testing.waiting import wait_for
from tests.builders import ANN, a_mail
from tests.unit.adapters.mail.mailers import failure, mailer_of
from tests.unit.adapters.mail.scripted_server import Conversation, in_turn, scripted


def test_one_is_used_for_many_mails() -> None:
    with scripted() as server:
        mailer = mailer_of(server)
        for number in range(5):
            mailer.deliver(a_mail(f"task-{number}"))

        assert len(server.conversations) == 1
        assert server.verbs.count("EHLO") == 1
        assert len(server.mails) == 5


def test_not_for_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MAILS_A_CONNECTION", 2)
    with scripted() as server:
        mailer = mailer_of(server)
        for number in range(5):
            mailer.deliver(a_mail(f"task-{number}"))

        assert [len(conversation.mails) for conversation in server.conversations] == [2, 2, 1]
        assert server.verbs.count("QUIT") == 2


@pytest.mark.parametrize("farewell", ["421 Idle for too long", None])
def test_one_that_the_server_has_closed_is_replaced(farewell: str | None) -> None:
    with scripted({"RSET": farewell}) as server:
        mailer = mailer_of(server)
        mailer.deliver(a_mail())
        mailer.deliver(a_mail())

        assert len(server.mails) == 2
        assert len(server.conversations) == 2


def test_after_a_refused_mail_the_next_one_begins_anew() -> None:
    with scripted({"RCPT": in_turn("550 No such user", "250 ok")}) as server:
        mailer = mailer_of(server)
        failure(mailer)
        mailer.deliver(a_mail())

        assert server.verbs == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA"]


def test_there_are_never_more_than_there_may_be() -> None:
    gate = threading.Barrier(3, timeout=30)

    def together(_: Conversation, __: str) -> str:
        gate.wait()
        return "250 ok"

    with scripted({"MAIL": together}) as server:
        mailer = mailer_of(server, connections=3)
        with ThreadPoolExecutor(30) as threads:
            for done in [threads.submit(mailer.deliver, a_mail(f"t-{n}")) for n in range(30)]:
                assert done.result() == 250

    assert server.most_open == 3
    assert len(server.mails) == 30
    assert len(server.conversations) == 3


def test_whoever_waits_too_long_for_one_has_not_been_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "FREE_WITHIN_S", 0.05)
    began, is_over = threading.Event(), threading.Event()

    def slow(_: Conversation, __: str) -> str:
        began.set()
        is_over.wait(30)
        return "250 ok"

    with scripted({".": slow}) as server:
        mailer = mailer_of(server, connections=1)
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(mailer.deliver, a_mail())
            assert began.wait(30)
            failed = failure(mailer)
            is_over.set()
            assert first.result() == 250

    assert type(failed) is DeliveryDeferred
    assert len(server.mails) == 1


def test_whoever_waited_while_the_server_asked_to_slow_down_does_not_ask_again() -> None:
    began, is_over = threading.Event(), threading.Event()

    def slow(_: Conversation, __: str) -> str:
        began.set()
        is_over.wait(30)
        return "450 Too many mails"

    with scripted({"MAIL": slow}) as server:
        mailer = mailer_of(server, connections=1)
        with ThreadPoolExecutor(2) as threads:
            first = threads.submit(failure, mailer)
            assert began.wait(30)
            second = threads.submit(failure, mailer)
            waiting = mailer._pool._free._cond._waiters
            wait_for("it waits for the connection", lambda: bool(waiting), within_s=30)
            is_over.set()

            assert type(first.result()) is SenderRefused
            assert type(second.result()) is DeliveryDeferred

    assert server.verbs.count("MAIL") == 1


def test_idle_ones_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE_S", 0.05)
    with scripted() as server:
        mailer_of(server).deliver(a_mail())

        wait_for("it says goodbye", lambda: "QUIT" in server.verbs, within_s=30)
        assert ANN not in "".join(server.said[-1:])


def test_what_breaks_in_the_middle_leaves_no_connection_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when a worker's process is told to end while it waits for an answer."""

    def ended(*_: Any) -> None:
        raise SystemExit

    with scripted() as server:
        mailer = mailer_of(server, connections=1)
        with monkeypatch.context() as patched:
            patched.setattr(session.Session, "rcpt", ended)
            with pytest.raises(SystemExit):
                mailer.deliver(a_mail())
        mailer.deliver(a_mail())

        assert len(server.conversations) == 2
        assert len(server.mails) == 1
