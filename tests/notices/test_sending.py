"""Sending: each notice at most once, none lost, whatever breaks in the middle; and proof of it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.app.clock import now_ms
from shipkeeper.app.notices.couriers import BY_KIND
from shipkeeper.journal.locks import RunLocks
from shipkeeper.model.book import EmergencyDeclared, NoticeAttempt, NoticeResult, Waived
from shipkeeper.model.time import DAY, HOUR, MINUTE, moment, parse_instant
from tests.notices.desk import Desk, mail_channel
from tests.notices.smtp import PASSWORD, Mailbox, Server, free_port, secure, serving, until
from tests.notices.test_channels import GitHub
from tests.notices.web import Reply, Request
from tests.notices.web import serving as web

BY = ("--by", "ops desk")
USERS = ("a@example.net", "b@example.net", "c@example.net")


def by_mail(tmp_path: Path, server: Server, *to: str, **more: Any) -> Desk:
    return Desk.make(tmp_path, now_ms(), mail_channel(server.port, *(to or USERS)), **more)


def sending(desk: Desk) -> subprocess.Popen[bytes]:
    """The same verb in a process of its own, to be killed."""
    call = [sys.executable, "-m", "shipkeeper", *desk.args("send", *BY)]
    return subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def counts(desk: Desk, *words: str) -> tuple[int, dict[str, int], Any]:
    result = desk.says("send", *BY, "-o", "json", *words)
    document = json.loads(result.stdout) if result.stdout else {}
    return result.exit_code, document.get("counts", {}), result


@pytest.mark.requirement("R-C2")
def test_everybody_is_told_once_with_proof_and_not_again(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server)
        assert desk.says("status").exit_code == 4, "they are to be told, and were not"
        assert counts(desk)[:2] == (0, {"sent": 3})
        assert counts(desk)[:2] == (0, {"kept": 3})
        status = desk.says("status")
        assert status.exit_code == 0, "a reminder whose time has not come is no fault"
        assert "closed, and in order so far: reminder to users" in status.stdout
        assert Counter(server.box.to()) == dict.fromkeys(USERS, 1), "somebody was told twice, or not at all"
    attempts = [event for event in desk.events() if isinstance(event, NoticeAttempt)]
    results = [event for event in desk.events() if isinstance(event, NoticeResult)]
    assert [event.to for event in attempts] == list(USERS)
    assert {event.state for event in results} == {"sent"}
    assert all("250 queued" in event.proof for event in results)
    assert {event.by for event in attempts} == {"ops desk"}
    message = server.box.taken[0]
    text = message.get_body(("plain",)).get_content().replace("\r\n", "\n")  # type: ignore[union-attr]
    digest = hashlib.sha256(f"{message['Subject']}\n\n{text}".encode()).hexdigest()
    assert attempts[0].digest == digest, "the record does not prove what was read"


def test_each_attempt_is_on_disk_before_the_message_leaves(tmp_path: Path) -> None:
    seen = []
    box = Mailbox(after_data=lambda number: seen.append(attempts_of(desk)) or None)  # type: ignore[func-returns-value]
    with serving(box) as server:
        desk = by_mail(tmp_path, server)
        counts(desk)
    assert seen == [1, 2, 3]


def attempts_of(desk: Desk) -> int:
    return sum(isinstance(event, NoticeAttempt) for event in desk.events())


@pytest.mark.requirement("R-C2")
def test_a_server_that_dies_in_the_middle_loses_none_and_tells_nobody_twice(tmp_path: Path) -> None:
    """It dies after it took the second: that one may have arrived, the third certainly has not."""
    port, told = free_port(), Mailbox()

    def dies(number: int) -> str | None:
        return "drop" if number == 2 else None

    box = Mailbox(after_data=dies)
    with serving(box, port=port) as server:
        desk = by_mail(tmp_path, server, *USERS, "d@example.net")
        box.refuse["c@example.net"] = "421 closing down"
        box.refuse["d@example.net"] = "421 closing down"
        code, found, result = counts(desk)
    assert (code, found) == (1, {"sent": 1, "unknown": 1, "failed": 2}), result.stderr
    status = desk.says("status", "-o", "json")
    assert status.exit_code == 4, "a window whose notice may be lost must not open"
    states = {
        item["to"]: item["delivery"] for item in json.loads(status.stdout)["items"] if item["kind"] == "announcement"
    }
    assert states == {
        "a@example.net": "sent",
        "b@example.net": "unknown",
        "c@example.net": "failed",
        "d@example.net": "failed",
    }
    with serving(told, port=port):
        code, found, result = counts(desk)
        assert (code, found) == (1, {"kept": 1, "doubtful": 1, "sent": 2})
        assert told.to() == ["c@example.net", "d@example.net"], "what had failed is sent; what is in doubt is not"
        key = next(item["key"] for item in json.loads(result.stdout)["items"] if item["state"] == "doubtful")
        assert counts(desk, "--resend", key)[1] == {"kept": 3, "sent": 1}
        assert told.to()[-1] == "b@example.net"
    assert box.taken[1]["Message-ID"] == told.taken[-1]["Message-ID"], "one sent again is recognised as the same"


def test_an_unreachable_server_is_an_error_and_nothing_is_lost(tmp_path: Path) -> None:
    port = free_port()
    desk = Desk.make(tmp_path, now_ms(), mail_channel(port, *USERS))
    code, found, result = counts(desk)
    assert (code, found) == (1, {"failed": 3})
    assert "Connection refused" in result.stderr
    with serving(port=port) as server:
        assert counts(desk)[1] == {"sent": 3}
    assert server.box.to() == list(USERS)


def test_a_refused_recipient_does_not_keep_the_others_from_being_told(tmp_path: Path) -> None:
    with serving(Mailbox(refuse={"b@example.net": "550 no such user"})) as server:
        desk = by_mail(tmp_path, server)
        code, found, result = counts(desk)
    assert (code, found) == (1, {"sent": 2, "failed": 1})
    assert "550 no such user" in result.stderr


@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize("stage", ["rcpt", "data", "taken"])
@pytest.mark.requirement("R-C2")
def test_killed_in_the_middle_nobody_is_told_twice_and_nobody_is_lost(tmp_path: Path, stage: str, number: int) -> None:
    """kill -9 while the server is at some point of some message; then sent until nothing is left but doubt."""
    readers = [f"u{n}@example.net" for n in range(4)]
    box = Mailbox(stops=(stage, readers[number]))
    with serving(box) as server:
        desk = by_mail(tmp_path, server, *readers)
        child = sending(desk)
        try:
            until(box.stopped.is_set, f"{stage} of {readers[number]}")
        finally:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        code, found, result = counts(desk)
    assert (code, found.get("doubtful")) == (1, 1), result.stderr
    assert "nothing tells how it ended" in result.stderr
    doubtful = [item["to"] for item in json.loads(result.stdout)["items"] if item["state"] == "doubtful"]
    assert doubtful == [readers[number]], "the one in doubt was sent again by itself"
    got = Counter(box.to())
    assert max(got.values()) == 1, "somebody was told twice"
    assert set(got) | set(doubtful) == set(readers), "somebody was lost"
    assert (readers[number] in got) is (stage == "taken"), "nobody can know that from here: it stays in doubt"


def test_a_person_settles_what_nobody_knows(tmp_path: Path) -> None:
    with serving(Mailbox(after_data=lambda number: "drop")) as server:
        desk = by_mail(tmp_path, server, "a@example.net", "b@example.net")
        items = json.loads(counts(desk)[2].stdout)["items"]
    keys = [item["key"] for item in items]

    def settle(key: str, *words: str) -> Any:
        return desk.says("settle", key, *words, plan=False)

    assert settle(keys[0], "--arrived").exit_code == 2, "a record names who spoke"
    found = settle(keys[0], "--arrived", "--note", "it is in the list's archive", *BY, "-o", "json")
    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout)["proof"].startswith("by word of ops desk (")
    assert settle(keys[1], "--lost", *BY).exit_code == 0
    assert settle(keys[1], "--lost", *BY).exit_code == 2, "what is known is not settled again"
    assert settle("n-none", "--lost", *BY).exit_code == 2
    states = {
        i["key"]: i["delivery"] for i in json.loads(desk.says("status", "-o", "json").stdout)["items"] if i["key"]
    }
    assert (states[keys[0]], states[keys[1]]) == ("sent", "failed")


def test_two_processes_do_not_send_at_once(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server)
        other = RunLocks(desk.state.journal_path.parent / "journal.db.locks")
        other.take("notices-sending")
        code, _, result = counts(desk)
        other.close()
    assert code == 4
    assert "another process is sending notices" in result.stderr
    assert not server.box.taken


def test_a_broken_template_sends_nothing_to_anybody(tmp_path: Path) -> None:
    with serving() as server:
        channels = mail_channel(server.port, "a@example.net") + mail_channel(server.port, "d@example.net", name="dev")
        desk = Desk.make(tmp_path, now_ms(), channels, developers="dev", more="  templates: texts")
        (tmp_path / "texts").mkdir()
        (tmp_path / "texts/announcement.developers.txt").write_text("Subject: x\n\n{{ nobody }}\n")
        code, _, result = counts(desk)
    assert code == 2
    assert "announcement.developers.txt:3" in result.stderr
    assert not server.box.taken, "users were told, and developers were not"
    assert not attempts_of(desk)


def test_dry_run_shows_and_does_nothing(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server)
        result = desk.says("send", "--dry-run", "-o", "json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["counts"] == {"to-send": 3}
    assert not server.box.taken
    assert not attempts_of(desk)
    assert "Planned maintenance" in json.loads(result.stdout)["items"][0]["subject"]


# --- in time ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("R-C2")
def test_what_is_too_late_for_its_window_is_not_announced_and_the_date_is_told(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, opens_in_ms=3 * DAY)
        code, _, result = counts(desk)
        assert code == 4
        assert "announcement to users was due by" in result.stderr
        told = result.stderr.split("plan it for ")[1].split(" or later")[0]
        assert abs(parse_instant(told) - (now_ms() + 5 * DAY)) < 26 * HOUR
        assert not server.box.taken, "people were told of a time at which nothing may begin"
        assert counts(desk, "--late")[:2] == (0, {"sent": 3})
    status = desk.says("status")
    assert status.exit_code == 4
    assert "too late" in status.stderr


def test_a_waiver_or_an_emergency_lets_the_word_go_out_late(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, opens_in_ms=3 * DAY)
        waiver = Waived(rule="notices-sent", subject=desk.plan.digest, reason="exploited", by="platform lead")
        desk.book.write(now_ms(), [waiver])
        assert counts(desk)[:2] == (0, {"sent": 3})
    assert desk.says("status").exit_code == 0


def test_an_emergency_opens_the_gate_with_its_reason(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, opens_in_ms=HOUR)
        assert desk.says("status").exit_code == 4
        one = EmergencyDeclared(
            id="em-1", subject=desk.plan.digest, reason="CVE is used against us", by="ops desk", second="platform lead",
            identity="ops", second_identity="lead",
        )  # fmt: skip
        desk.book.write(now_ms(), [one])
        assert counts(desk)[:2] == (0, {"sent": 3})
    status = desk.says("status", "-o", "json")
    assert status.exit_code == 0
    assert "CVE is used against us" in json.loads(status.stdout)["gate"]["reading"]


def test_a_reminder_goes_out_when_it_is_its_time(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, opens_in_ms=36 * HOUR)
        told_days_ago(desk)
        assert desk.says("status").exit_code == 4, "the reminder is due, and not sent"
        assert counts(desk)[1] == {"kept": 3, "sent": 3}
        assert counts(desk)[1] == {"kept": 6}
        assert desk.says("status").exit_code == 0
    subjects = [message["Subject"] for message in server.box.taken]
    assert all(subject.startswith("Reminder:") for subject in subjects), subjects


def told_days_ago(desk: Desk) -> None:
    """The first word, as if it had gone out in time."""
    for item in json.loads(desk.says("send", "--dry-run", "--late", "-o", "json").stdout)["items"]:
        attempt = NoticeAttempt(
            key=item["key"], kind=item["kind"], audience="users", channel="mail", to=item["to"], subject="s", digest="d"
        )
        desk.book.write(now_ms() - 6 * DAY, [attempt, NoticeResult(key=item["key"], state="sent", proof="250 ok")])


def test_nobody_is_reminded_of_what_they_were_told_just_now(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, opens_in_ms=36 * HOUR, more="  users: 1 day")
        assert counts(desk)[1] == {"sent": 3}
        assert counts(desk)[1] == {"kept": 3}
        status = desk.says("status", "-o", "json")
    assert status.exit_code == 0
    states = {item["kind"]: item["state"] for item in json.loads(status.stdout)["items"]}
    assert (states["announcement"], states["reminder"]) == ("told", "covered")


def test_what_is_told_when_it_happens_is_sent_when_it_is_named(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net")
        assert counts(desk, "--kind", "start", "--kind", "overrun", "--until", "05:45 CET")[1] == {"sent": 2}
        assert counts(desk, "--kind", "cancelled")[1] == {"sent": 1}
        assert counts(desk, "--audience", "developers")[1] == {}
    assert [m["Subject"].partition(":")[0] for m in server.box.taken] == [
        f"Maintenance of the platform Harbour has begun, until {clock(desk)} at the latest".partition(":")[0],
        "Maintenance of the platform Harbour takes longer than planned",
        "Maintenance of the platform Harbour is cancelled",
    ]
    entry = next(iter(server.box.taken[2].iter_attachments()))
    assert "STATUS:CANCELLED" in entry.get_payload(decode=True).decode()  # type: ignore[union-attr]


def clock(desk: Desk) -> str:
    assert desk.plan.window is not None
    return f"{moment(desk.plan.window.closes_ms, 'Europe/Stockholm'):%H:%M}"


def test_nobody_decided_the_weeks_so_a_kubernetes_minor_is_not_announced(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, developers="mail", change="kubernetes-minor", opens_in_ms=90 * DAY)
        file = tmp_path / "shipkeeper.yaml"
        file.write_text(file.read_text().replace("kubernetesMinor: 4 weeks", 'kubernetesMinor: ""'))
        code, found, result = counts(desk, "--audience", "developers")
        assert (code, found) == (4, {})
        assert "nobody has decided how long" in result.stderr
        assert desk.says("status").exit_code == 4
        file.write_text(file.read_text().replace('kubernetesMinor: ""', "kubernetesMinor: 4 weeks"))
        assert counts(desk)[1] == {"sent": 6}
        assert counts(desk, "--kind", "reminder")[1] == {"sent": 6}
        assert desk.says("status").exit_code == 0
    assert any("please check which APIs" in m["Subject"].lower() or "APIs" in m["Subject"] for m in server.box.taken)


# --- other channels ---------------------------------------------------------------------------------------


def test_an_issue_is_opened_once_and_carries_the_rest(tmp_path: Path) -> None:
    service = GitHub()
    with web(service) as site:
        channels = f"  - {{name: gh, kind: github-issue, url: '{site.url}', token: 'env:GH', project: team/ops}}\n"
        desk = Desk.make(tmp_path, now_ms(), channels, users="", developers="gh", opens_in_ms=36 * HOUR,
                         more="  minor: 1 day")  # fmt: skip
        desk.environ["GH"] = "canary-gh-token"
        assert counts(desk)[1] == {"sent": 1}
        assert counts(desk, "--kind", "reminder")[1] == {"sent": 1}
        assert counts(desk, "--kind", "start")[1] == {"sent": 1}
        assert counts(desk, "--kind", "done")[1] == {"sent": 1}
    assert len(service.issues) == 1, "the reminder opened an issue of its own"
    assert len(service.comments[1]) == 3
    assert service.issues[0]["state"] == "closed"
    data = desk.state.journal_path.read_bytes() + (desk.folder / "state/journal.db-wal").read_bytes() if (
        desk.folder / "state/journal.db-wal"
    ).exists() else desk.state.journal_path.read_bytes()  # fmt: skip
    assert b"canary" not in data, "a token is in the journal"


def test_after_a_crash_the_issue_tracker_is_asked_and_believed(tmp_path: Path) -> None:
    service, mood = GitHub(), {"answer": True}

    def answer(request: Request) -> Reply:
        reply = service(request)
        return reply if mood["answer"] or request.method == "GET" else Reply(drop=True)

    with web(answer) as site:
        channels = f"  - {{name: gh, kind: github-issue, url: '{site.url}', token: 'env:GH', project: team/ops}}\n"
        desk = Desk.make(tmp_path, now_ms(), channels, users="", developers="gh")
        desk.environ["GH"] = "t"
        mood["answer"] = False
        assert counts(desk)[1] == {"unknown": 1}, "it was made, and the answer was lost"
        mood["answer"] = True
        code, found, result = counts(desk)
        assert (code, found) == (0, {"kept": 1}), result.stderr
    assert len(service.issues) == 1
    last = desk.events()[-1]
    assert isinstance(last, NoticeResult)
    assert (last.state, last.proof) == ("sent", "#1 https://git/1")


def test_what_the_service_surely_does_not_have_is_sent_again_and_not_before(tmp_path: Path) -> None:
    service = GitHub()
    with web(service) as site:
        channels = f"  - {{name: gh, kind: github-issue, url: '{site.url}', token: 'env:GH', project: team/ops}}\n"
        desk = Desk.make(tmp_path, now_ms(), channels, users="", developers="gh")
        desk.environ["GH"] = "t"
        key = json.loads(desk.says("send", "--dry-run", "-o", "json").stdout)["items"][0]["key"]
        attempt = NoticeAttempt(
            key=key, kind="announcement", audience="developers", channel="gh", to="team/ops", subject="s", digest="d"
        )
        desk.book.write(now_ms() - 10_000, [attempt])
        code, found, result = counts(desk)
        assert (code, found) == (1, {"doubtful": 1})
        assert "ask again in a minute" in result.stderr
        desk.book.write(now_ms() - 2 * MINUTE, [attempt])
        assert counts(desk)[:2] == (0, {"sent": 1})
    assert len(service.issues) == 1


def test_over_starttls_with_the_password_from_the_environment(tmp_path: Path) -> None:
    with secure(tmp_path) as server:
        more = "tls: starttls, user: ops, password: 'env:MAIL_PW'"
        desk = Desk.make(tmp_path, now_ms(), mail_channel(server.port, "a@example.net", more=more))
        environ = {**os.environ, "MAIL_PW": PASSWORD, "SSL_CERT_FILE": str(server.ca)}
        done = subprocess.run(
            [sys.executable, "-m", "shipkeeper", *desk.args("send", *BY)], env=environ, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    assert server.box.to() == ["a@example.net"]
    assert PASSWORD not in done.stdout + done.stderr
    assert PASSWORD.encode() not in b"".join(p.read_bytes() for p in (tmp_path / "state").rglob("*") if p.is_file())


# --- windows without a plan, and the other verbs ----------------------------------------------------------


def test_a_recurring_window_is_put_to_those_who_depend_on_it(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net", developers="mail")
        words = ("--window", "monthly", "--kind", "agreement")
        assert desk.says("send", *words, *BY, plan=False).exit_code == 0
        again = desk.says("send", *words, *BY, "-o", "json", plan=False)
        assert json.loads(again.stdout)["counts"] == {"kept": 2}
        file = tmp_path / "shipkeeper.yaml"
        file.write_text(file.read_text().replace("duration: 7h", "duration: 8h"))
        changed = desk.says("send", *words, *BY, "-o", "json", plan=False)
        assert json.loads(changed.stdout)["counts"] == {"sent": 2}, "other terms are another question"
    first = server.box.taken[0]
    assert first["Subject"].startswith(
        "Please agree: a regular maintenance window of the platform Harbour, every month"
    )
    body = first.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert body.count("22:00 to 05:00") == 4, "the next dates"


def test_first_it_is_agreed_then_it_is_announced(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net", developers="mail", agreed=False)
        code, found, result = counts(desk)
        assert (code, found) == (0, {"sent": 1})
        assert "nobody has agreed to this window yet" in result.stderr
        assert counts(desk, "--kind", "announcement")[1] == {"sent": 2}, "who insists may announce it"
    assert server.box.taken[0]["Subject"].startswith("Please agree: maintenance of the platform Harbour, ")


def test_a_window_is_announced_before_there_is_a_plan_and_the_plan_finds_it_told(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net")
        window = desk.plan.window
        assert window is not None
        written = f"{window.opens_at[:16]}/{window.closes_at[:16]} {window.zone}"
        words = ("--window", written, "--what", "Keycloak 26.1.4 → 26.2.5")
        assert desk.says("send", *words, *BY, plan=False).exit_code == 0
        assert counts(desk)[1] == {"kept": 1}
    assert "- Keycloak 26.1.4 → 26.2.5" in server.box.taken[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    both = desk.says("preview", "--window", "monthly")
    assert both.exit_code == 2, "a plan and a window at once"


def test_status_tells_what_has_changed_since_it_was_told(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net")
        counts(desk)
        calm = replace(desk.forecast, workloads=())
        desk.state.keep_forecast(calm)
        result = desk.says("status", "--kind", "announcement", "-o", "json")
    item = json.loads(result.stdout)["items"][0]
    assert (item["delivery"], item["changed"]) == ("sent", True)
    assert item["proof"].startswith("250 queued")
    table = desk.says("status")
    assert "its text has changed since" in " ".join(table.stdout.split())


def test_status_stands_also_where_a_template_is_broken_since(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net", more="  templates: texts")
        (tmp_path / "texts").mkdir()
        counts(desk)
    (tmp_path / "texts/announcement.txt").write_text("Subject: x\n\n{{ nobody }}\n")
    found = desk.says("status", "-o", "json")
    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout)["items"][0]["changed"] is False


def test_a_channel_that_cannot_even_be_made_has_told_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net")

        def fails(*_: object) -> None:
            raise OSError("no trust store")

        monkeypatch.setitem(BY_KIND, "email", fails)
        code, found, result = counts(desk)
        assert (code, found) == (1, {"failed": 1})
        assert "no trust store" in result.stderr
        monkeypatch.undo()
        assert counts(desk)[1] == {"sent": 1}


@pytest.mark.parametrize("output", ["table", "json", "yaml", "markdown"])
@pytest.mark.parametrize("verb", ["preview", "send", "status"])
def test_every_verb_speaks_every_format(tmp_path: Path, verb: str, output: str) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net", developers="mail")
        words = ("--dry-run",) if verb == "send" else ()
        result = desk.says(verb, "-o", output, *words)
    assert result.exit_code in (0, 4), result.stderr
    assert "announcement" in result.stdout
    if output == "json":
        kind = {"preview": "Notices", "send": "NoticesSent", "status": "NoticeStatus"}[verb]
        assert json.loads(result.stdout)["kind"] == kind


def test_preview_tells_who_when_and_on_which_channel(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net", developers="mail", opens_in_ms=3 * DAY)
        result = desk.says("preview", "-o", "json")
        table = desk.says("preview")
    document = json.loads(result.stdout)
    first = document["items"][0]
    assert (first["audience"], first["channels"], first["to"]) == ("users", ["mail"], ["a@example.net"])
    assert (first["lead"], first["because"], first["state"]) == ("5 days", "notices.users", "late")
    assert first["dueBy"] < first["sendAt"] or not first["sendAt"]
    assert [row["modelled"]["label"] for row in document["impact"]] == ["modelled", "modelled"]
    assert "too late for this window" in result.stderr
    assert document["earliest"] in result.stderr
    assert "DECLARED" in table.stdout
    assert "To: mail: a@example.net" in table.stdout


def test_bad_calls_are_told(tmp_path: Path) -> None:
    desk = Desk.make(tmp_path, now_ms(), mail_channel(free_port(), "a@example.net"))
    assert "name a plan file, or a window" in desk.says("preview", plan=False).stderr
    assert "--change belongs to a window" in desk.says("preview", "--change", "major").stderr
    assert "no window called 'weekly'" in desk.says("preview", "--window", "weekly", plan=False).stderr
    agreement = desk.says("send", "--window", "weekly", "--kind", "agreement", *BY, plan=False)
    assert "no window called 'weekly'" in agreement.stderr
    assert "nobody is named" in desk.says("send").stderr
    assert "has the key n-x" in desk.says("send", "--resend", "n-x", *BY).stderr
    assert "there is no zone" in desk.says("preview", "--zone", "Mars/Base").stderr.replace("time zone", "zone")
    assert "leave --at out" in desk.says("send", "--at", "2026-01-01T00:00:00Z", *BY).stderr
