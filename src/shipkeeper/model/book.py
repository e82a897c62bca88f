"""What people said, agreed and were told around maintenance: records of the logbook.

They are not part of one run. Each is one record of a chain of its own in the journal (``book-<platform>``), hashed and
kept as a run's records are. ``by`` is the person's name in the platform file or the word given; ``identity`` what the
API server or the operating system calls them.
"""

from __future__ import annotations

from shipkeeper.model.record import Record


class Attested(Record, frozen=True, kw_only=True, tag="attested", tag_field="event"):
    """A person says that a task of the schedule was done. ``done_on`` is a date; ``answers`` by question."""

    task: str
    by: str
    done_on: str
    identity: str = ""
    answers: dict[str, str] = {}
    note: str = ""
    environment: str = ""


class WindowAgreed(Record, frozen=True, kw_only=True, tag="window-agreed", tag_field="event"):
    """Those who depend on the platform agreed to a window. Only a change of it asks for a new agreement.

    ``terms``: digest of what was agreed to (rule, duration, zone, content); another digest is another window.
    """

    environment: str
    window: str
    terms: str
    by: str
    agreed_on: str
    until: str = ""
    recorded_by: str = ""
    identity: str = ""
    note: str = ""


class NoticeAttempt(Record, frozen=True, kw_only=True, tag="notice-attempt", tag_field="event"):
    """Written before a message leaves: after a crash it is known that it may have left.

    ``key`` names the obligation for good: plan or window, kind, audience, channel and recipient; the same key is
    never sent twice without a person saying so.
    """

    key: str
    kind: str
    audience: str
    channel: str
    to: str
    subject: str
    digest: str
    """SHA-256 of the text."""
    plan: str = ""
    window_opens: str = ""
    change: str = ""
    """Class of change that it tells of."""
    by: str = ""


class NoticeResult(Record, frozen=True, kw_only=True, tag="notice-result", tag_field="event"):
    """What became of it. ``state``: sent | failed | unknown. ``proof``: what the service answered (an id, a code)."""

    key: str
    state: str
    proof: str = ""
    reason: str = ""


class NotesRead(Record, frozen=True, kw_only=True, tag="notes-read", tag_field="event"):
    """A person read the release notes of one hop. ``digest``: SHA-256 of what they were shown."""

    component: str
    hop_from: str
    hop_to: str
    by: str
    digest: str
    identity: str = ""
    note: str = ""


class ProblemFound(Record, frozen=True, kw_only=True, tag="problem-found", tag_field="event"):
    """Something in a hop's notes may cause trouble: the rest of the team is consulted before anybody proceeds."""

    id: str
    component: str
    hop_from: str
    hop_to: str
    by: str
    text: str
    identity: str = ""


class ConsultationClosed(Record, frozen=True, kw_only=True, tag="consultation-closed", tag_field="event"):
    """A second person says how the problem is dealt with. Somebody other than who found it."""

    problem: str
    by: str
    decision: str
    """proceed | do-not-proceed."""
    text: str
    identity: str = ""


class Waived(Record, frozen=True, kw_only=True, tag="waived", tag_field="event"):
    """A rule is set aside once, on record. ``rule`` is a gate's name; ``subject`` what it is waived for (a digest)."""

    rule: str
    subject: str
    reason: str
    by: str
    identity: str = ""
    until: str = ""


class EmergencyDeclared(Record, frozen=True, kw_only=True, tag="emergency-declared", tag_field="event"):
    """Work outside windows, notices and freezes, because waiting is the greater danger. Two people say so."""

    id: str
    subject: str
    reason: str
    by: str
    second: str
    identity: str = ""
    second_identity: str = ""


class ExposureAnswered(Record, frozen=True, kw_only=True, tag="exposure-answered", tag_field="event"):
    """Whether a vulnerability that is known to be exploited can be used here. ``answer``: exposed | not-exposed."""

    vulnerability: str
    component: str
    answer: str
    by: str
    reason: str
    identity: str = ""


class ActionOpened(Record, frozen=True, kw_only=True, tag="action-opened", tag_field="event"):
    """Something to improve, found in a retrospective or elsewhere. ``due_on`` is a date."""

    id: str
    text: str
    owner: str
    due_on: str
    by: str
    run: str = ""
    identity: str = ""


class ActionClosed(Record, frozen=True, kw_only=True, tag="action-closed", tag_field="event"):
    """An action is done, or dropped with a reason. ``state``: done | dropped."""

    id: str
    state: str
    by: str
    note: str = ""
    identity: str = ""


class RetrospectiveHeld(Record, frozen=True, kw_only=True, tag="retrospective-held", tag_field="event"):
    """The team looked back at a run: what went well, and what is to improve."""

    run: str
    by: str
    present: tuple[str, ...] = ()
    went_well: tuple[str, ...] = ()
    to_improve: tuple[str, ...] = ()
    identity: str = ""


class WorkRecorded(Record, frozen=True, kw_only=True, tag="work-recorded", tag_field="event"):
    """Maintenance that was carried out by other means, as people recorded it: who did what, when.

    ``runbook`` is a task of the schedule or a name of the team's; ``component`` what it was done to.
    """

    runbook: str
    component: str
    by: tuple[str, ...]
    done_on: str
    environment: str = ""
    recorded_by: str = ""
    identity: str = ""
    note: str = ""
    change: str = ""
    """What was done exactly, such as ``1.12.5 → 1.13.4``: how staging's maintenance is recognised in production's."""


BookEvent = (
    Attested
    | WindowAgreed
    | NoticeAttempt
    | NoticeResult
    | NotesRead
    | ProblemFound
    | ConsultationClosed
    | Waived
    | EmergencyDeclared
    | ExposureAnswered
    | ActionOpened
    | ActionClosed
    | RetrospectiveHeld
    | WorkRecorded
)
