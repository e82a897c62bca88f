"""The gate at work: the executor waits for people to have been told, and goes on when they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipkeeper.app.notices.occasions import of_plan
from shipkeeper.assessment.notices.duties import duties
from shipkeeper.assessment.notices.ledger import Ledger
from shipkeeper.assessment.notices.obligations import obligations
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.book import BookEvent, EmergencyDeclared, NoticeAttempt, NoticeResult, Waived
from shipkeeper.model.platform import Channel, NoticePolicy
from shipkeeper.model.run import GateRead, StepIntent
from shipkeeper.model.time import DAY, HOUR
from tests import builders as b
from tests.windows.test_standing_gates import NIGHTLY, Scene, platform, staged

MAIL = Channel(name="mail", kind="email", server="mail", sender="a@b.c", to=("all@example.net",))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    policy = NoticePolicy(channels={"users": ("mail",), "developers": ()})
    made = Scene(tmp_path, platform(NIGHTLY, channels=(MAIL,), notices=policy))
    staged(made)
    return made


def tell(scene: Scene, days_before: float, state: str = "sent") -> None:
    """The word that everybody has to get, that long before the window."""
    occasion = of_plan(scene.stage.plan, scene.platform, None)
    found = duties(occasion, obligations(occasion, scene.platform), scene.platform.channels, Ledger.of([]))
    records: list[BookEvent] = []
    for duty in found:
        for item, _ in duty.deliveries if duty.obligation.required else ():
            records.append(
                NoticeAttempt(
                    key=item.key,
                    kind=item.kind,
                    audience=item.audience,
                    channel=item.channel,
                    to=item.to,
                    subject="s",
                    digest="d",
                )
            )
            if state:
                records.append(NoticeResult(key=item.key, state=state, proof="250 queued"))
    scene.book.write(round(b.NOW - days_before * DAY), records)


@pytest.mark.requirement("R-C2")
def test_a_window_that_nobody_was_told_of_stays_shut_and_nothing_is_begun(scene: Scene) -> None:
    result = scene.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert result.reason.startswith("notices-sent is closed"), result.reason
    assert "announcement to users is not sent" in result.reason
    assert "the earliest lawful opening is" in result.reason
    assert not scene.stage.of(StepIntent)


@pytest.mark.requirement("R-C2")
def test_told_in_time_it_is_carried_out_with_the_reading_on_record(scene: Scene) -> None:
    tell(scene, days_before=6)
    result = scene.play()
    assert result.state == "done", result.reason
    journal = SqliteJournal(scene.state.journal_path)
    events = [entry.event for entry in journal.read(result.run_id)]
    journal.close()
    reading = next(event for event in events if isinstance(event, GateRead) and event.gate == "notices-sent")
    assert (reading.state, reading.reading) == ("open", "2 of 2 notices were sent in time")


@pytest.mark.parametrize(
    ("days_before", "state", "words"),
    [(2, "sent", "too late"), (6, "failed", "could not be sent"), (6, "", "is not known to have arrived")],
    ids=["late", "failed", "a crash between"],
)
@pytest.mark.requirement("R-C2")
def test_late_failed_and_unknown_hold_it(scene: Scene, days_before: float, state: str, words: str) -> None:
    tell(scene, days_before, state)
    result = scene.play()
    assert result.state == "held"
    assert words in result.reason
    assert not scene.stage.of(StepIntent)


@pytest.mark.requirement("R-C2")
def test_a_waiver_or_an_emergency_on_record_lets_it_go(scene: Scene) -> None:
    assert scene.play().state == "held"
    scene.book.write(
        b.NOW, [Waived(rule="notices-sent", subject=scene.subject, reason="they sit beside us", by="lead")]
    )
    assert scene.play().state == "done"


def test_an_emergency_opens_it_too(scene: Scene) -> None:
    scene.book.write(
        b.NOW - HOUR,
        [
            EmergencyDeclared(
                id="e-1",
                subject=scene.subject,
                reason="exploited",
                by="on-call",
                second="lead",
                identity="u1",
                second_identity="u2",
            )
        ],
    )
    state, words = scene.readings()["notices-sent"]
    assert state == "open"
    assert words.startswith("e-1, declared by on-call (u1) and lead (u2): exploited")
