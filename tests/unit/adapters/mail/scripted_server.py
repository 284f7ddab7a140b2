"""An SMTP server that says what it is told to say: one script for each behaviour of a real one."""

import base64
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from testing.servers import HOST

#: The answer to a command, or what makes it from the words behind the command.
Answer = str | Callable[["Conversation", str], str | None]


@dataclass
class Conversation:
    """One connection: what the client said, and the mail it handed over."""

    connection: Any
    commands: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    is_encrypted: bool = False
    is_open: bool = True

    def send(self, line: str) -> None:
        self.connection.sendall(line.encode("utf-8", "surrogateescape") + b"\r\n")


@dataclass
class ScriptedServer:
    """Answers each verb as `answers` says, and 250 otherwise; `.` is the end of a mail.

    An answer of several lines is separated by line ends. None closes the connection.
    """

    answers: dict[str, Answer | None] = field(default_factory=dict)
    greeting: str | None = "220 ready"
    #: What follows the first line of the answer to EHLO.
    offers: tuple[str, ...] = ("8BITMIME",)
    tls: ssl.SSLContext | None = None
    conversations: list[Conversation] = field(default_factory=list)
    #: The most connections that were open at once.
    most_open: int = 0
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def mails(self) -> list[bytes]:
        return [mail for conversation in self.conversations for mail in conversation.mails]

    @property
    def said(self) -> list[str]:
        """All commands, in the order of the connections."""
        return [line for conversation in self.conversations for line in conversation.commands]

    @property
    def verbs(self) -> list[str]:
        return [line.partition(" ")[0].upper() for line in self.said]

    def serve(self, connection: socket.socket) -> None:
        conversation = Conversation(connection)
        with self.lock:
            self.conversations.append(conversation)
            is_open = [other for other in self.conversations if other.is_open]
            self.most_open = max(self.most_open, len(is_open))
        try:
            with suppress(OSError):
                self._talk(conversation)
        finally:
            conversation.is_open = False
            conversation.connection.close()

    def _talk(self, conversation: Conversation) -> None:
        if self.greeting is None:
            return
        conversation.send(self.greeting)
        if not self.greeting.startswith("220"):
            return
        lines = conversation.connection.makefile("rb")
        while line := lines.readline():
            command = line.decode().rstrip("\r\n")
            conversation.commands.append(command)
            verb, _, words = command.partition(" ")
            answer = self._answer(conversation, verb.upper(), words)
            if answer is None:
                return
            conversation.send(answer)
            if verb.upper() == "QUIT":
                return
            if verb.upper() == "STARTTLS" and answer.startswith("220"):
                assert self.tls is not None
                conversation.connection = self.tls.wrap_socket(
                    conversation.connection, server_side=True
                )
                conversation.is_encrypted = True
                lines = conversation.connection.makefile("rb")
            if verb.upper() == "DATA" and answer.startswith("354"):
                mail = _read_mail(lines)
                answer = self._answer(conversation, ".", "")
                if answer is None:
                    return
                if answer.startswith("2"):
                    conversation.mails.append(mail)
                conversation.send(answer)

    def _answer(self, conversation: Conversation, verb: str, words: str) -> str | None:
        if verb not in self.answers:
            return self._usual(verb, conversation)
        answer = self.answers[verb]
        return answer(conversation, words) if callable(answer) else answer

    def _usual(self, verb: str, conversation: Conversation) -> str:
        if verb == "EHLO":
            offers = [
                offer
                for offer in self.offers
                if not conversation.is_encrypted or offer != "STARTTLS"
            ]
            lines = ["scripted", *offers]
            return "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])
        usual = {"DATA": "354 go on", "QUIT": "221 bye", "STARTTLS": "220 go on"}
        return usual.get(verb, "250 ok")


@contextmanager
def scripted(
    answers: Mapping[str, Answer | None] | None = None, **options: Any
) -> Iterator[ScriptedServer]:
    server = ScriptedServer(dict(answers or {}), **options)
    with socket.create_server((HOST, 0)) as listening:
        server.port = listening.getsockname()[1]

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for conversation in server.conversations:
                with suppress(OSError):
                    conversation.connection.shutdown(socket.SHUT_RDWR)


def in_turn(*answers: str | None) -> Answer:
    """One answer after the other; the last one stays."""
    left = list(answers)

    def answer(_: Conversation, __: str) -> str | None:
        return left.pop(0) if len(left) > 1 else left[0]

    return answer


def decoded(command: str) -> str:
    """What `AUTH PLAIN ...`, or a line of another mechanism, says."""
    return base64.b64decode(command.rpartition(" ")[2]).decode()


def _read_mail(lines: Any) -> bytes:
    read = []
    while (line := lines.readline()) not in (b".\r\n", b""):
        read.append(line.removeprefix(b".") if line.startswith(b"..") else line)
    return b"".join(read)
