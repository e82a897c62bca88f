"""A hop is ready only when its notes were read and what was found in them was talked over with somebody else."""

from __future__ import annotations

import pytest

from shipkeeper.model.book import ConsultationClosed, NotesRead, ProblemFound
from shipkeeper.semantics.notes.readiness import HopReady, hop_ready

HERE = {"component": "ck8s-apps", "hop_from": "v0.49.2", "hop_to": "v0.50.1"}
READ = NotesRead(**HERE, by="on-call one", digest="sha256:a", identity="one@jump")
PROBLEM = ProblemFound(**HERE, id="p1", by="on-call one", text="ports change", identity="one@jump")


def closed(by: str, identity: str = "two@jump", decision: str = "proceed", problem: str = "p1") -> ConsultationClosed:
    return ConsultationClosed(problem=problem, by=by, decision=decision, text="talked over", identity=identity)


def stands(*events: object, digest: str = "sha256:a") -> HopReady:
    return hop_ready("ck8s-apps", "v0.49.2", "v0.50.1", digest, events)


@pytest.mark.requirement("R-C6")
def test_nobody_read_it_so_it_is_not_ready() -> None:
    assert stands().state == "not-read"
    other = NotesRead(component="ck8s-apps", hop_from="v0.48.1", hop_to="v0.49.2", by="x", digest="sha256:a")
    assert stands(other).state == "not-read", "the notes of another hop are other notes"
    assert stands(READ).ready
    assert stands(READ).read_by == ("on-call one",)


def test_notes_that_changed_since_have_to_be_read_again() -> None:
    assert stands(READ, digest="sha256:b").state == "changed"
    assert stands(READ, digest="").state == "not-read", "what cannot be gathered nobody has read"


@pytest.mark.requirement("R-C6")
def test_a_problem_closes_the_hop_until_a_second_person_decides() -> None:
    assert stands(READ, PROBLEM).state == "consultation-open"
    assert stands(READ, PROBLEM, closed("on-call two")).ready
    stopped = stands(READ, PROBLEM, closed("on-call two", decision="do-not-proceed"))
    assert stopped.state == "stopped"
    assert "on-call two decided not to proceed" in stopped.reason
    again = stands(READ, PROBLEM, closed("on-call two", decision="do-not-proceed"), closed("lead", "lead@laptop"))
    assert again.ready, "the newest decision counts"


@pytest.mark.requirement("R-C6")
@pytest.mark.parametrize(
    ("by", "identity", "why"),
    [
        ("on-call one", "elsewhere@laptop", "the same name from another machine"),
        ("On-Call One ", "elsewhere@laptop", "the same name written otherwise"),
        ("on-call two", "one@jump", "another name from the same login"),
    ],
)
def test_who_found_it_cannot_decide(by: str, identity: str, why: str) -> None:
    found = stands(READ, PROBLEM, closed(by, identity))
    assert found.state == "consultation-open", why
    assert found.problems[0].ignored


def test_a_decision_about_another_problem_or_none_decides_nothing() -> None:
    assert stands(READ, PROBLEM, closed("on-call two", problem="p2")).state == "consultation-open"
    assert stands(READ, PROBLEM, closed("on-call two", decision="maybe")).state == "consultation-open"
    assert stands(PROBLEM, closed("on-call two")).state == "not-read", "talked over is not yet read"
