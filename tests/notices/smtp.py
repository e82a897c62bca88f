"""A real SMTP server on loopback, whose misbehaviour a test chooses."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from shipkeeper.model.platform import Channel
from tests.client.authority import Authority

HOST = "127.0.0.1"
PASSWORD = "canary-smtp-pw-7f3a"


@dataclass
class Mailbox:
    """What the server took. ``refuse``: answer by recipient to RCPT; ``after_data``: what happens once the dot came."""

    refuse: dict[str, str] = field(default_factory=dict)
    after_data: Callable[[int], str | None] = lambda number: None
    stops: tuple[str, str] = ("", "")
    """(stage, recipient) at which the server says nothing more: rcpt, data (not taken) or taken."""
    stopped: threading.Event = field(default_factory=threading.Event)
    taken: list[EmailMessage] = field(default_factory=list)
    logins: list[tuple[str, bool]] = field(default_factory=list)
    seen: int = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await self._stop("rcpt", address)
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.seen += 1
        await self._stop("data", envelope.rcpt_tos[0])
        what = self.after_data(self.seen)
        assert isinstance(envelope.content, bytes)
        if what is None or what.startswith("2") or what == "drop":
            self.taken.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
        await self._stop("taken", envelope.rcpt_tos[0])
        if what == "hang":
            await asyncio.sleep(30)
        if what == "drop":
            server.transport.abort()
            raise asyncio.CancelledError
        return what or f"250 queued as {self.seen}"

    async def _stop(self, stage: str, address: str) -> None:
        if self.stops == (stage, address):
            self.stops = ("", "")
            self.stopped.set()
            await asyncio.sleep(30)

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, how: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        good = data.password == PASSWORD.encode()
        self.logins.append((data.login.decode(), session.ssl is not None))
        return AuthResult(success=good, handled=False)

    def to(self) -> list[str]:
        return [str(message["To"]) for message in self.taken]


@dataclass(frozen=True)
class Server:
    """Where it listens, and the authority that vouches for it."""

    box: Mailbox
    port: int
    trust: ssl.SSLContext | None = None
    ca: Path | None = None

    def channel(self, *to: str, **more: Any) -> Channel:
        said = {"name": "mail", "kind": "email", "server": f"{HOST}:{self.port}", "sender": "ops@example.net", "to": to}
        return Channel(**{**said, "tls": "none", **more})


@contextmanager
def serving(box: Mailbox | None = None, *, port: int = 0, **more: Any) -> Iterator[Server]:
    """Without TLS and without authentication."""
    box = box or Mailbox()
    controller = Controller(box, hostname=HOST, port=port or free_port(), **more)
    controller.start()
    try:
        yield Server(box, controller.port)
    finally:
        controller.stop()


@contextmanager
def secure(folder: Path, box: Mailbox | None = None, *, implicit: bool = False, **more: Any) -> Iterator[Server]:
    """With STARTTLS, or TLS from the first byte, under a certificate that is thrown away; it asks for a log-in."""
    box = box or Mailbox()
    authority = Authority.make("throw-away")
    context = authority.server_context(authority.leaf("mail", addresses=(HOST,)), folder / "tls")
    ca = folder / "ca.pem"
    ca.write_bytes(authority.pem)
    trust = ssl.create_default_context(cadata=authority.pem.decode())
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    how: dict[str, Any] = {"ssl_context": context} if implicit else {"tls_context": context, "require_starttls": True}
    controller = Controller(
        box,
        hostname=HOST,
        port=free_port(),
        authenticator=box.authenticate,
        auth_required=not implicit,
        auth_require_tls=not implicit,
        **how,
        **more,
    )
    controller.start()
    try:
        yield Server(box, controller.port, trust, ca)
    finally:
        controller.stop()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Wait for another process or thread."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, f"waited in vain for {what}"
        time.sleep(0.02)
