"""Mail servers as they are: one script for each behaviour."""

import base64
import logging
import re
import shutil
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from shop.adapters.mail import session
from shop.domain.errors import DeliveryFailed, DeliveryRefused, SenderRefused
from tests.builders import a_mail
from tests.unit.adapters.mail.mailers import SENDER, failure, mailer_of
from tests.unit.adapters.mail.scripted_server import (
    Conversation,
    decoded,
    scripted,
)
from tests.unit.adapters.mail.smtp_server import make_certificate

USER, PASSWORD = "лавка@example.com", "пароль-ключ-№7"
CREDENTIALS = f"{quote(USER)}:{quote(PASSWORD)}@"

without_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl is not there to make a certificate"
)


class TestRepliesToAMail:
    @pytest.mark.parametrize(
        "verb", ["MAIL", "RCPT", "DATA", "."], ids=lambda verb: "end" if verb == "." else verb
    )
    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            ("550 5.1.1 No such user", DeliveryRefused),
            ("554 Transaction failed", DeliveryRefused),
            ("552 5.2.2 Mailbox full", DeliveryRefused),
            ("451 4.3.0 Try again later", DeliveryFailed),
            ("450 4.2.0 Greylisted", DeliveryFailed),
            ("452 4.2.2 Mailbox full", DeliveryFailed),
            ("450 Too many mails", SenderRefused),
            ("450 4.7.1 Rate limit", SenderRefused),
            ("452 4.3.1 Insufficient system storage", SenderRefused),
            ("421 4.7.0 Too many connections", SenderRefused),
            ("530 5.7.0 Authentication required", SenderRefused),
        ],
    )
    def test_are_told_apart_and_kept_with_their_text(
        self, verb: str, answer: str, kind: type[DeliveryFailed]
    ) -> None:
        with scripted({verb: answer}) as server:
            failed = failure(mailer_of(server))

        assert type(failed) is kind
        assert (str(failed), failed.code) == (answer, int(answer[:3]))

    def test_the_code_for_a_mail_that_is_taken_is_given(self) -> None:
        with scripted() as server:
            assert mailer_of(server).deliver(a_mail()) == 250

    def test_addresses_and_line_ends_stay_out_of_the_text(self) -> None:
        answer = "550-5.1.1 <ann@example.com>: unknown\r\n550 5.1.1 see\x1b[31m https://example.com"
        with scripted({"RCPT": answer}) as server:
            failed = failure(mailer_of(server))

        assert str(failed) == (
            "550 5.1.1 <a***@example.com>: unknown 5.1.1 see [31m https://example.com"
        )

    def test_the_text_is_cut(self) -> None:
        with scripted({"RCPT": f"550 {'x' * 480}"}) as server:
            assert len(str(failure(mailer_of(server)))) <= session.MAX_REASON_CHARS

    @pytest.mark.parametrize("answer", ["hello", "", "25x ok", None, "2", f"250 {'x' * 9_000}"])
    @pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
    def test_one_that_is_none_of_smtp_is_a_failure_for_now(
        self, verb: str, answer: str | None
    ) -> None:
        with scripted({verb: answer}) as server:
            failed = failure(mailer_of(server))

        assert not isinstance(failed, DeliveryRefused)


class TestGreeting:
    @pytest.mark.parametrize("greeting", ["554 No SMTP service here", "421 Too many connections"])
    def test_a_server_that_wants_nothing_of_us_says_nothing_of_the_mail(
        self, greeting: str
    ) -> None:
        with scripted(greeting=greeting) as server:
            failed = failure(mailer_of(server))

        assert isinstance(failed, SenderRefused)
        assert (str(failed), failed.code) == (greeting, int(greeting[:3]))

    def test_a_server_that_hangs_up_is_a_failure_for_now(self) -> None:
        with scripted(greeting=None) as server:
            assert type(failure(mailer_of(server))) is DeliveryFailed

    @pytest.mark.parametrize("refusal", ["500 What?", "502 Not implemented", "550 No"])
    def test_helo_where_ehlo_is_refused(self, refusal: str) -> None:
        with scripted({"EHLO": refusal}) as server:
            mailer_of(server).deliver(a_mail(message="Ваш заказ"))

        assert server.verbs[:4] == ["EHLO", "HELO", "MAIL", "RCPT"]
        assert server.said[2] == f"mail FROM:<{SENDER}>"
        (mail,) = server.mails
        assert mail.isascii()
        body = message_from_bytes(mail, policy=policy.default).get_body(("plain",))
        assert body is not None
        assert body.get_content().strip() == "Ваш заказ"


class TestEncodings:
    def test_more_than_ascii_goes_as_it_is_where_that_is_offered(self) -> None:
        with scripted() as server:
            mailer_of(server).deliver(a_mail(message="Ваш заказ"))

        assert f"mail FROM:<{SENDER}> BODY=8BITMIME" in server.said
        assert "Ваш заказ".encode() in server.mails[0]

    def test_and_as_ascii_where_it_is_not(self) -> None:
        with scripted(offers=("SIZE 1000000",)) as server:
            mailer_of(server).deliver(a_mail(message="Ваш заказ"))

        assert f"mail FROM:<{SENDER}>" in server.said
        assert server.mails[0].isascii()

    def test_nothing_is_asked_for_that_is_not_needed(self) -> None:
        with scripted(offers=("8BITMIME", "SMTPUTF8")) as server:
            mailer_of(server).deliver(a_mail())

        assert f"mail FROM:<{SENDER}>" in server.said

    def test_an_address_beyond_ascii_is_asked_for(self) -> None:
        with scripted(offers=("8BITMIME", "SMTPUTF8")) as server:
            mailer = mailer_of(server)
            mailer.deliver(a_mail(email="анна@пример.рф"))
            mailer.deliver(a_mail())

        assert f"mail FROM:<{SENDER}> SMTPUTF8 BODY=8BITMIME" in server.said
        assert "rcpt TO:<анна@пример.рф>" in server.said
        assert f"mail FROM:<{SENDER}>" in server.said


class TestCredentials:
    """The password is beyond ASCII, and is seen by the server alone."""

    @pytest.fixture
    def shown(self, caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
        caplog.set_level(logging.DEBUG)
        texts: list[str] = []
        yield texts
        texts += [record.getMessage() for record in caplog.records]
        texts += [str(record.exc_info) for record in caplog.records]
        plain = f"\0{USER}\0{PASSWORD}"
        secrets = [
            PASSWORD,
            USER,
            *(base64.b64encode(s.encode()).decode() for s in (PASSWORD, plain)),
        ]
        for text in texts:
            for secret in secrets:
                assert secret not in text

    def test_plain_is_in_utf8(self) -> None:
        with scripted({"AUTH": "235 ok"}, offers=("AUTH PLAIN",)) as server:
            mailer_of(server, "smtp+plaintext", CREDENTIALS).deliver(a_mail())

        (auth,) = [line for line in server.said if line.startswith("AUTH")]
        assert decoded(auth) == f"\0{USER}\0{PASSWORD}"

    def test_login_is_in_utf8(self) -> None:
        def second(conversation: Conversation, words: str) -> str:
            conversation.send("334 UGFzc3dvcmQ6")
            said = conversation.connection.recv(1_000).decode().strip()
            conversation.commands.append(said)
            return "235 ok"

        with scripted({"AUTH": second}, offers=("AUTH LOGIN",)) as server:
            mailer_of(server, "smtp+plaintext", CREDENTIALS).deliver(a_mail())

        at = server.verbs.index("AUTH")
        assert [decoded(line) for line in server.said[at : at + 2]] == [USER, PASSWORD]

    def test_cram_md5_is_of_utf8(self) -> None:
        def second(conversation: Conversation, words: str) -> str:
            conversation.send("334 " + base64.b64encode(b"<1.2@here>").decode())
            said = conversation.connection.recv(1_000).decode().strip()
            conversation.commands.append(said)
            return "235 ok"

        with scripted({"AUTH": second}, offers=("AUTH CRAM-MD5 PLAIN",)) as server:
            mailer_of(server, "smtp+plaintext", CREDENTIALS).deliver(a_mail())

        at = server.verbs.index("AUTH")
        assert server.said[at] == "AUTH CRAM-MD5"
        assert re.fullmatch(rf"{USER} [0-9a-f]{{32}}", decoded(server.said[at + 1]))
        assert PASSWORD not in decoded(server.said[at + 1])

    def test_wrong_ones_say_nothing_of_the_mail(self, shown: list[str]) -> None:
        with scripted({"AUTH": "535 5.7.8 Wrong"}, offers=("AUTH PLAIN LOGIN",)) as server:
            failed = failure(mailer_of(server, "smtp+plaintext", CREDENTIALS))

        shown += [str(failed), repr(failed), repr(failed.__cause__)]
        assert type(failed) is SenderRefused
        assert (str(failed), failed.code) == ("535 5.7.8 Wrong", 535)
        assert "MAIL" not in server.verbs

    def test_a_server_that_repeats_them_is_not_repeated(self, shown: list[str]) -> None:
        def repeat(conversation: Conversation, words: str) -> str:
            return f"535 {words} means {decoded(words)!r} of {PASSWORD}"

        with scripted({"AUTH": repeat}, offers=("AUTH PLAIN",)) as server:
            failed = failure(mailer_of(server, "smtp+plaintext", CREDENTIALS))

        shown += [str(failed), repr(failed)]
        assert "***" in str(failed)

    @pytest.mark.parametrize("answer", ["334 not base64!", "334", "334 /w==", "235-", None])
    @pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
    def test_odd_challenges_are_failures_that_name_nothing(
        self, shown: list[str], mechanism: str, answer: str | None
    ) -> None:
        with scripted({"AUTH": answer}, offers=(f"AUTH {mechanism}",)) as server:
            mailer = mailer_of(server, "smtp+plaintext", CREDENTIALS)
            if answer == "235-":
                # It never ends, and is cut off.
                server.answers["AUTH"] = "235-\r\n235 ok"
                mailer.deliver(a_mail())
                return
            failed = failure(mailer)

        shown += [str(failed), repr(failed), repr(failed.__cause__)]

    @pytest.mark.parametrize("scheme", ["smtp", "smtp+starttls"])
    def test_never_in_clear(self, scheme: str) -> None:
        with scripted(offers=("AUTH PLAIN",)) as server:
            failed = failure(mailer_of(server, scheme, CREDENTIALS))

        assert isinstance(failed, SenderRefused)
        assert "STARTTLS" in str(failed)
        assert not {"AUTH", "MAIL"} & set(server.verbs)

    def test_a_server_without_auth_is_not_sent_to(self) -> None:
        with scripted() as server:
            failed = failure(mailer_of(server, "smtp+plaintext", CREDENTIALS))

        assert "no AUTH" in str(failed)
        assert "MAIL" not in server.verbs


class TestStarttls:
    def test_without_it_nothing_is_sent_where_it_is_required(self) -> None:
        with scripted() as server:
            failed = failure(mailer_of(server, "smtp+starttls"))

        assert isinstance(failed, SenderRefused)
        assert set(server.verbs) == {"EHLO"}

    def test_a_server_that_refuses_it_after_all_is_not_sent_to(self) -> None:
        with scripted({"STARTTLS": "454 TLS not available"}, offers=("STARTTLS",)) as server:
            for scheme in ("smtp", "smtp+starttls", "smtp+plaintext"):
                failed = failure(mailer_of(server, scheme))
                assert (str(failed), failed.code) == ("454 TLS not available", 454)

        assert "MAIL" not in server.verbs

    @without_openssl
    def test_credentials_and_mail_come_after_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, context = make_certificate(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with scripted({"AUTH": "235 ok"}, offers=("STARTTLS", "AUTH PLAIN"), tls=context) as server:
            mailer_of(server, "smtp+starttls", CREDENTIALS).deliver(a_mail())

        assert server.verbs[:5] == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL"]
        assert server.conversations[0].is_encrypted


class TestTimes:
    """RFC 5321, 4.5.3.2: who is less patient sends a mail twice."""

    def test_each_step_has_as_long_as_the_standard_says(self) -> None:
        assert session.GREETING_S >= 5 * 60
        assert session.COMMAND_S >= 5 * 60
        assert session.COMMANDS_S["data"] >= 2 * 60
        assert session.BLOCK_S >= 3 * 60
        assert session.DATA_END_S >= 10 * 60

    def test_the_time_of_a_step_is_that_of_the_step(self, monkeypatch: pytest.MonkeyPatch) -> None:
        waits: list[tuple[str, float]] = []
        with scripted(offers=("AUTH PLAIN",)) as server:
            server.answers["AUTH"] = "235 ok"
            reply = session.Session.getreply

            def noted(self: session.Session) -> tuple[int, bytes]:
                answer = reply(self)
                assert self.sock is not None
                waits.append((server.said[-1][:4] if server.said else "", self.sock.gettimeout()))
                return answer

            monkeypatch.setattr(session.Session, "getreply", noted)
            mailer_of(server, "smtp+plaintext", CREDENTIALS).deliver(a_mail())

        assert waits == [
            ("", session.GREETING_S),
            ("ehlo", session.COMMAND_S),
            ("AUTH", session.COMMAND_S),
            ("mail", session.COMMAND_S),
            ("rcpt", session.COMMAND_S),
            ("data", session.COMMANDS_S["data"]),
            ("data", session.DATA_END_S),
        ]

    def test_a_server_that_never_answers_the_end_of_a_mail_is_a_failure(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(session, "DATA_END_S", 0.2)
        is_over = threading.Event()

        def silent(_: Conversation, __: str) -> None:
            is_over.wait(30)

        with scripted({".": silent}) as server:
            failed = failure(mailer_of(server))
            is_over.set()

        assert (str(failed), failed.code) == ("SMTPServerDisconnected", None)


def test_what_nobody_foresaw_is_a_failure_that_says_where(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise UnicodeEncodeError("ascii", PASSWORD, 0, 1, PASSWORD)

    monkeypatch.setattr(session.Session, "mail", broken)
    with scripted() as server:
        failed = failure(mailer_of(server))

    assert str(failed) == "UnicodeEncodeError"
    (record,) = caplog.records
    assert re.search(r"UnicodeEncodeError in \S+test_conversations\.py:\d+", record.getMessage())
    assert PASSWORD not in caplog.text
