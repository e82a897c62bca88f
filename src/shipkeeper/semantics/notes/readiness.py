"""Whether a hop may be taken: somebody has read its notes, and what was found in them was talked over.

Source: the maintenance guide of Compliant Kubernetes and Welkin: check the release notes of each version in between for
anything that might cause problems, and if so consult the rest of the operations team before proceeding.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from shipkeeper.model.book import ConsultationClosed, NotesRead, ProblemFound
from shipkeeper.model.record import Record

Readiness = Literal["ready", "not-read", "changed", "consultation-open", "stopped"]


class OpenProblem(Record, frozen=True, kw_only=True):
    """A problem on record, and how it stands. ``state``: open | proceed | do-not-proceed."""

    id: str
    text: str
    by: str
    state: str
    decided_by: str = ""
    decision: str = ""
    ignored: tuple[str, ...] = ()
    """Decisions that do not count, and why."""


class HopReady(Record, frozen=True, kw_only=True):
    """How a hop stands. Only ``ready`` lets it be taken."""

    component: str
    from_version: str
    to_version: str
    state: Readiness
    reason: str
    read_by: tuple[str, ...] = ()
    problems: tuple[OpenProblem, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether it may be taken."""
        return self.state == "ready"


def hop_ready(component: str, start: str, target: str, digest: str, book: Iterable[object]) -> HopReady:
    """How one hop stands by what the logbook says, oldest record first.

    ``digest`` is that of the notes as they are now; empty: of notes that cannot be gathered, so that nobody can have
    read them.
    """
    events = list(book)
    here = (component, start, target)
    reads = [e for e in events if isinstance(e, NotesRead) and (e.component, e.hop_from, e.hop_to) == here]
    found = [e for e in events if isinstance(e, ProblemFound) and (e.component, e.hop_from, e.hop_to) == here]
    closings = [e for e in events if isinstance(e, ConsultationClosed)]
    problems = tuple(_standing(problem, closings) for problem in found)
    current = tuple(dict.fromkeys(read.by for read in reads if digest and read.digest == digest))
    state, reason = _state(target, problems, current, bool(reads), bool(digest))
    return HopReady(
        component=component, from_version=start, to_version=target, state=state, reason=reason, read_by=current,
        problems=problems,
    )  # fmt: skip


def _state(
    target: str, problems: tuple[OpenProblem, ...], current: tuple[str, ...], read_before: bool, gathered: bool
) -> tuple[Readiness, str]:
    stopped = [problem for problem in problems if problem.state == "do-not-proceed"]
    waiting = [problem for problem in problems if problem.state == "open"]
    if stopped:
        return "stopped", f"{stopped[0].decided_by} decided not to proceed: {stopped[0].decision}"
    if waiting:
        return "consultation-open", f"{waiting[0].by} found a problem, and nobody else has decided: {waiting[0].text}"
    if not gathered:
        return "not-read", f"the notes of {target} cannot be gathered, so nobody can have read them"
    if not current and read_before:
        return "changed", f"the notes of {target} are not what was read: they changed since"
    if not current:
        return "not-read", f"nobody has said that they read the notes of {target}"
    return "ready", f"read by {', '.join(current)}" + (f"; {len(problems)} problem(s) talked over" if problems else "")


def _standing(problem: ProblemFound, closings: Iterable[ConsultationClosed]) -> OpenProblem:
    """The newest decision by somebody else counts."""
    state, by, text = "open", "", ""
    ignored: list[str] = []
    for closing in closings:
        if closing.problem != problem.id:
            continue
        same = same_person(problem, closing.by, closing.identity)
        if same:
            ignored.append(f"{closing.by}: {same}")
        elif closing.decision in ("proceed", "do-not-proceed"):
            state, by, text = closing.decision, closing.by, closing.text
        else:
            ignored.append(f"{closing.by}: {closing.decision!r} is no decision")
    return OpenProblem(
        id=problem.id, text=problem.text, by=problem.by, state=state, decided_by=by, decision=text,
        ignored=tuple(ignored),
    )  # fmt: skip


def same_person(problem: ProblemFound, by: str, identity: str) -> str:
    """Why whoever wants to decide counts as the one who found the problem; empty when they are somebody else."""
    if by.strip().casefold() == problem.by.strip().casefold():
        return "found the problem, and a second person decides"
    if identity and identity == problem.identity:
        return f"spoke as {identity}, as {problem.by} did when the problem was found"
    return ""
