"""E-mail against a real SMTP server: what certainly did not arrive is told apart from what may have."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import icalendar
import pytest
from msgspec.structs import replace

from shipkeeper.evidence.notices.invitation import invitation
from shipkeeper.integrations.notices.email import Email
from shipkeeper.integrations.system.secrets import ReferencedSecrets
from shipkeeper.model.notices import Message
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.time import parse_instant
from shipkeeper.ports.notices import Letter
from tests.notices.smtp import HOST, PASSWORD, Mailbox, free_port, secure, serving

WINDOW = PlanWindow(opens_at="2026-12-01T22:00:00+01:00", closes_at="2026-12-02T05:00:00+01:00", zone="UTC")
MESSAGE = Message(
    kind="announcement",
    audience="users",
    subject="Planned maintenance Tuesday, 22:00–05:00 CET: short interruptions to Övervakning only",
    body="You do not have to do anything.\n\n.a line that begins with a dot\n\n- a; b, c\\d\n",
)
LETTER = Letter(
    key="n-0123456789abcdef",
    thread="feed",
    kind="announcement",
    audience="users",
    to="all@example.net",
    subject=MESSAGE.subject,
    body=MESSAGE.body,
    sent_ms=parse_instant("2026-11-20T09:00:00Z"),
    opens_at=WINDOW.opens_at,
    closes_at=WINDOW.closes_at,
    calendar=invitation(MESSAGE, WINDOW, "feed-0", parse_instant("2026-11-20T09:00:00Z")),
)


def courier(server: Any, *, environ: dict[str, str] | None = None, timeout_s: float = 10, **more: Any) -> Email:
    channel = server.channel("all@example.net", **more)
    return Email(channel, ReferencedSecrets(environ or {}), context=server.trust, timeout_s=timeout_s)


def test_a_message_arrives_as_it_was_written() -> None:
    with serving() as server:
        mail = courier(server)
        receipt = mail.deliver(LETTER)
        mail.close()
        got = server.box.taken[0]
    assert receipt.state == "sent"
    assert receipt.proof == "250 queued as 1; Message-ID <n-0123456789abcdef@example.net>"
    assert (got["From"], got["To"], got["Subject"]) == ("ops@example.net", "all@example.net", MESSAGE.subject)
    assert got["Message-ID"] == "<n-0123456789abcdef@example.net>"
    assert got["Auto-Submitted"] == "auto-generated", "a vacation reply would answer us"
    assert got["Date"] == "Fri, 20 Nov 2026 09:00:00 +0000"
    text = got.get_body(("plain",))
    assert text is not None
    assert text.get_content().replace("\r\n", "\n") == MESSAGE.body


def test_the_window_goes_along_as_a_calendar_entry() -> None:
    with serving() as server:
        mail = courier(server)
        mail.deliver(LETTER)
        mail.close()
        got = server.box.taken[0]
    part = next(iter(got.iter_attachments()))
    assert (part.get_content_type(), part.get_filename()) == ("text/calendar", "maintenance.ics")
    assert part["Content-Type"].params["method"] == "PUBLISH"
    event = icalendar.Calendar.from_ical(part.get_payload(decode=True)).walk("VEVENT")[0]
    assert (event.decoded("DTSTART").isoformat(), event.decoded("DTEND").isoformat()) == (
        "2026-12-01T21:00:00+00:00", "2026-12-02T04:00:00+00:00",
    )  # fmt: skip
    assert str(event["SUMMARY"]) == MESSAGE.subject
    assert str(event["DESCRIPTION"]) == MESSAGE.body.strip(), "what is escaped is read back as it was"


def test_a_cancellation_takes_the_same_entry_away() -> None:
    first, last = (
        icalendar.Calendar.from_ical(invitation(replace(MESSAGE, kind=kind), WINDOW, "feed-0", 0)).walk("VEVENT")[0]
        for kind in ("announcement", "cancelled")
    )
    assert first["UID"] == last["UID"]
    assert (str(last["STATUS"]), int(last["SEQUENCE"])) == ("CANCELLED", 1)
    assert invitation(replace(MESSAGE, kind="start"), WINDOW, "feed-0", 0) == "", "a start moves nothing in a calendar"
    assert invitation(MESSAGE, None, "feed-0", 0) == ""
    lines = invitation(replace(MESSAGE, body="å" * 400), WINDOW, "u", 0).split("\r\n")
    assert max(len(line.encode()) for line in lines) <= 75


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "tls"])
def test_over_tls_with_a_log_in(tmp_path: Path, implicit: bool) -> None:
    with secure(tmp_path, implicit=implicit) as server:
        how = {"tls": "tls" if implicit else "starttls", "user": "ops", "password": "env:PW"}
        mail = courier(server, environ={"PW": PASSWORD}, **how)
        receipts = [mail.deliver(replace(LETTER, key=f"n-{n}", to=f"u{n}@example.net")) for n in range(3)]
        mail.close()
    assert [receipt.state for receipt in receipts] == ["sent"] * 3, receipts
    assert server.box.to() == ["u0@example.net", "u1@example.net", "u2@example.net"]
    assert len(server.box.logins) == 1, "one connection for all of them"


def test_a_wrong_password_is_refused_and_repeated_nowhere(tmp_path: Path) -> None:
    with secure(tmp_path) as server:
        wrong = {"tls": "starttls", "user": "ops", "password": "env:PW"}
        receipt = courier(server, environ={"PW": "canary-wrong"}, **wrong).deliver(LETTER)
        missing = courier(server, environ={}, **wrong).deliver(LETTER)
    assert receipt.state == "failed"
    assert "535" in receipt.reason
    assert "canary" not in repr(receipt)
    assert missing.state == "failed"
    assert "the environment has no PW" in missing.reason
    assert not server.box.taken


def test_a_certificate_that_nobody_vouches_for_gets_no_password(tmp_path: Path) -> None:
    with secure(tmp_path) as server:
        channel = server.channel("all@example.net", tls="starttls", user="ops", password="env:PW")
        receipt = Email(channel, ReferencedSecrets({"PW": PASSWORD}), timeout_s=10).deliver(LETTER)
    assert receipt.state == "failed"
    assert "certificate verify failed" in receipt.reason
    assert not server.box.logins


def test_a_password_never_goes_over_an_open_line() -> None:
    with serving() as server:
        mail = courier(server, environ={"PW": PASSWORD}, user="ops", password="env:PW")
        receipt = mail.deliver(LETTER)
        mail.close()
    assert receipt.state == "failed"
    assert "unencrypted" in receipt.reason


def test_a_server_without_starttls_is_not_talked_to_in_the_clear() -> None:
    with serving() as server:
        mail = courier(server, tls="starttls")
        receipt = mail.deliver(LETTER)
        mail.close()
    assert receipt.state == "failed"
    assert "STARTTLS" in receipt.reason
    assert not server.box.taken


@pytest.mark.parametrize(
    ("answer", "state"), [("450 mailbox busy", "failed"), ("550 no such user", "failed")], ids=["4xx", "5xx"]
)
def test_a_recipient_is_refused_and_the_next_is_told(answer: str, state: str) -> None:
    box = Mailbox(refuse={"gone@example.net": answer})
    with serving(box) as server:
        mail = courier(server)
        receipts = [mail.deliver(replace(LETTER, to=to)) for to in ("gone@example.net", "all@example.net")]
        mail.close()
    assert [receipt.state for receipt in receipts] == [state, "sent"]
    assert receipts[0].reason == answer
    assert box.to() == ["all@example.net"]


@pytest.mark.parametrize(
    ("after", "state", "words"),
    [
        ("451 try later", "failed", "451 try later"),
        ("554 spam", "failed", "554 spam"),
        ("drop", "unknown", "the server took the message and never answered"),
        ("hang", "unknown", "no answer within 0.5 s"),
    ],
)
def test_after_the_dot_only_the_server_s_answer_tells(after: str, state: str, words: str) -> None:
    box = Mailbox(after_data=lambda number: after if number == 1 else None)
    with serving(box) as server:
        mail = courier(server, timeout_s=0.5)
        first, second = (mail.deliver(replace(LETTER, to=f"u{n}@example.net")) for n in (1, 2))
        mail.close()
    assert first.state == state
    assert words in first.reason
    assert second.state == "sent", "the next one gets a connection of its own"


def test_a_server_that_is_not_there_has_taken_nothing() -> None:
    port = free_port()

    class Nowhere:
        trust = None

        def channel(self, *to: str, **more: Any) -> Any:
            with serving() as server:
                return replace(server.channel(*to, **more), server=f"{HOST}:{port}")

    receipt = courier(Nowhere()).deliver(LETTER)
    assert receipt.state == "failed"
    assert "refused" in receipt.reason.lower()


@pytest.mark.parametrize("said", [b"", b"554 go away\r\n", b"\xff\xfe\r\n"], ids=["silence", "unwelcome", "not SMTP"])
def test_a_server_that_does_not_greet_has_taken_nothing(said: bytes) -> None:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        held: list[socket.socket] = []

        def greet() -> None:
            connection, _ = listener.accept()
            held.append(connection)
            if said:
                connection.sendall(said)

        thread = threading.Thread(target=greet)
        thread.start()
        with serving() as other:
            channel = replace(other.channel("all@example.net"), server=f"{HOST}:{listener.getsockname()[1]}")
        receipt = Email(channel, ReferencedSecrets({}), timeout_s=0.5).deliver(LETTER)
        thread.join()
        for connection in held:
            connection.close()
    assert receipt.state == "failed", receipt


def test_a_connection_that_was_given_up_is_made_anew() -> None:
    box, port = Mailbox(), free_port()
    with serving(box, port=port) as server:
        mail = courier(server)
        assert mail.deliver(LETTER).state == "sent"
    with serving(box, port=port):
        assert mail.deliver(replace(LETTER, to="desk@example.net")).state == "sent"
        mail.close()
    assert box.to() == ["all@example.net", "desk@example.net"]


def test_an_address_that_the_server_cannot_take_is_said() -> None:
    with serving(enable_SMTPUTF8=False) as server:
        mail = courier(server)
        receipt = mail.deliver(replace(LETTER, to="övervakning@exämple.net"))
        mail.close()
    assert receipt.state == "failed"
    assert "SMTPUTF8" in receipt.reason


def test_a_mail_server_cannot_be_asked_what_it_took() -> None:
    with serving() as server:
        found = courier(server).find(LETTER, 0)
    assert found.state == "unknown"
    assert "<n-0123456789abcdef@example.net>" in found.reason
