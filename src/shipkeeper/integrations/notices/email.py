"""E-mail: one message a recipient over SMTP, on a connection that is kept while it works.

What SMTP can tell: everything up to the final dot is certainly not delivered when it fails; once the dot has left, only
the server's answer tells, and without one nobody knows.
"""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, formataddr, parseaddr
from typing import Any

from shipkeeper.model.declared_people import Channel
from shipkeeper.model.errors import BadInput
from shipkeeper.model.notices import CANCELLED
from shipkeeper.model.time import moment
from shipkeeper.ports.notices import Letter, Receipt
from shipkeeper.ports.secrets import Secret, Secrets, redact

TIMEOUT_S = 30.0
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_DOT = b"\r\n.\r\n"


class Email:
    """Implements ``ports.notices.Courier``. ``timeout_s`` holds for each answer of the server."""

    def __init__(
        self,
        channel: Channel,
        secrets: Secrets,
        *,
        context: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._channel, self._secrets, self._timeout_s = channel, secrets, timeout_s
        self._context = context
        self._server: _Mail | None = None
        self._password: Secret | None = None

    def deliver(self, letter: Letter) -> Receipt:
        """See ports.notices.Courier."""
        try:
            server = self._connected()
        except BadInput as error:
            self.close()
            return Receipt("failed", reason=error.message)
        except (OSError, smtplib.SMTPException, UnicodeError, ValueError) as error:
            self.close()
            return Receipt("failed", reason=f"{self._channel.server}: {self._said(error)}")
        try:
            return self._hand_over(server, letter)
        except (OSError, smtplib.SMTPException, UnicodeError, ValueError) as error:
            gone = server.handed_over
            self.close()
            if gone:
                return Receipt("unknown", reason=f"the server took the message and never answered: {self._said(error)}")
            return Receipt("failed", reason=self._said(error))

    def find(self, letter: Letter, since_ms: int) -> Receipt:
        """A mail server does not tell what it has taken."""
        return Receipt(
            "unknown", reason=f"a mail server cannot be asked; look for Message-ID {message_id(letter, self._channel)}"
        )

    def close(self) -> None:
        """See ports.notices.Courier."""
        server, self._server = self._server, None
        if server is not None:
            with suppress(OSError, smtplib.SMTPException):
                server.close()

    def _connected(self) -> _Mail:
        """The connection, made anew where there is none or the server has given it up."""
        if self._server is not None:
            try:
                if self._server.noop()[0] == 250:
                    return self._server
            except (OSError, smtplib.SMTPException):
                pass
            self.close()
        host, _, port = self._channel.server.rpartition(":")
        if not host or not port.isdigit():
            host, port = self._channel.server, str(_PORTS[self._channel.tls])
        host = host.removeprefix("[").removesuffix("]")
        server: _Mail
        if self._channel.tls == "tls":
            server = _OverTls(host, int(port), timeout=self._timeout_s, context=self._tls())
        else:
            server = _Plain(host, int(port), timeout=self._timeout_s)
        self._server = server  # kept before more is said to it, so that whatever goes wrong it is closed
        server.ehlo_or_helo_if_needed()
        if self._channel.tls == "starttls":
            server.starttls(context=self._tls())
            server.ehlo_or_helo_if_needed()
        self._log_in(server)
        return server

    def _tls(self) -> ssl.SSLContext:
        if self._context is not None:
            return self._context
        context = ssl.create_default_context()
        # Python 3.13 asks more of a CA than earlier ones, and than mail servers' own CAs often have.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context

    def _log_in(self, server: _Mail) -> None:
        if not self._channel.user:
            return
        self._password = self._secrets.read(self._channel.password, f"channel {self._channel.name}, password")
        if self._channel.tls == "none":
            raise BadInput(
                f"channel {self._channel.name} would send its password unencrypted",
                hint="set tls to starttls or tls, or leave user and password out",
            )
        server.login(self._channel.user, self._password.reveal())

    def _hand_over(self, server: _Mail, letter: Letter) -> Receipt:
        server.handed_over = False
        message = compose(letter, self._channel)
        wide = not (letter.to.isascii() and self._channel.sender.isascii())
        if wide and not server.has_extn("smtputf8"):
            return Receipt("failed", reason="the address is not ASCII, and the server does not take such (SMTPUTF8)")
        options = ["SMTPUTF8"] if wide else []
        for code, said in (
            server.mail(parseaddr(self._channel.sender)[1], options),
            server.rcpt(letter.to),
        ):
            if code not in (250, 251):
                with suppress(OSError, smtplib.SMTPException):
                    server.rset()
                return Receipt("failed", reason=_answer(code, said))
        code, said = server.data(message.as_bytes(policy=SMTPUTF8 if wide else SMTP))
        if code == 250:
            return Receipt("sent", proof=f"{_answer(code, said)}; Message-ID {message_id(letter, self._channel)}")
        return Receipt("failed", reason=_answer(code, said))

    def _said(self, error: BaseException) -> str:
        """The error in words; no password is in them."""
        if isinstance(error, smtplib.SMTPResponseException):
            words = _answer(error.smtp_code, error.smtp_error)
        elif isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            words = f"no answer within {self._timeout_s:g} s"
        else:
            words = redact(str(error) or type(error).__name__)
        password = self._password
        return words.replace(password.reveal(), "***") if password else words


class _Tracked:
    """Remembers whether the end of a message has left for the server. Mixed into smtplib's classes."""

    handed_over = False

    def send(self, s: Any) -> None:
        """See smtplib.SMTP."""
        if isinstance(s, bytes) and s.endswith(_DOT):
            self.handed_over = True
        super().send(s)  # type: ignore[misc]


class _Plain(_Tracked, smtplib.SMTP):
    """SMTP, with STARTTLS where it is asked for."""


class _OverTls(_Tracked, smtplib.SMTP_SSL):
    """SMTP in TLS from the first byte."""


_Mail = _Plain | _OverTls


def message_id(letter: Letter, channel: Channel) -> str:
    """``<KEY@domain of the sender>``: the same whenever the same notice is sent again."""
    return f"<{letter.key}@{parseaddr(channel.sender)[1].rpartition('@')[2]}>"


def compose(letter: Letter, channel: Channel) -> EmailMessage:
    """The message: plain text, and the window as a calendar entry."""
    made = EmailMessage(policy=SMTP)
    name, address = parseaddr(channel.sender)
    made["From"] = formataddr((name, address))
    made["To"] = letter.to
    made["Subject"] = letter.subject
    made["Date"] = format_datetime(moment(letter.sent_ms))
    made["Message-ID"] = message_id(letter, channel)
    thread = f"<thread-{letter.thread}@{address.rpartition('@')[2]}>"
    made["References"] = thread
    made["Auto-Submitted"] = "auto-generated"
    made["X-Shipkeeper-Notice"] = letter.key
    made.set_content(letter.body, charset="utf-8", cte="quoted-printable")
    if letter.calendar:
        method = "CANCEL" if letter.kind == CANCELLED else "PUBLISH"
        made.add_attachment(
            letter.calendar.encode(),
            maintype="text",
            subtype="calendar",
            filename="maintenance.ics",
            params={"method": method, "charset": "utf-8"},
        )
    return made


def _answer(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return redact(f"{code} {' '.join(text.split())}".strip(), 200)
