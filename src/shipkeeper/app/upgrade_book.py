"""What people said about the notes of a hop: read them, found a problem, decided about it. In the logbook."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.speaker import Speaker
from shipkeeper.app.upgrade import Upgrade
from shipkeeper.app.upgrade_notes import notes_from_checkout, notes_from_files, read_files
from shipkeeper.model.book import ConsultationClosed, NotesRead, ProblemFound
from shipkeeper.model.errors import BadInput, Refused, UsageProblem
from shipkeeper.model.notes import HopNotes
from shipkeeper.semantics.notes.readiness import HopReady, hop_ready, same_person

DECISIONS = ("proceed", "do-not-proceed")


def gather(upgrade: Upgrade, hops: Sequence[int], files: Sequence[str]) -> tuple[HopNotes, ...]:
    """What there is to read before these hops. Raises UsageProblem when nothing says where to read it."""
    path = upgrade.path
    chosen = [path.hops[index] for index in hops]
    if files:
        given = read_files(files)
        return tuple(notes_from_files(path.component, path.scheme, hop, given) for hop in chosen)
    if upgrade.repository is None:
        raise UsageProblem(
            f"where the release notes of {path.component} are is not said",
            code="no-notes-source",
            object=path.component,
            why="the notes of each version in between are read before an upgrade",
            hint="name a git checkout with --checkout DIR (or sources.checkouts in the platform file), or files with "
            "--notes FILE",
        )
    return tuple(notes_from_checkout(path.component, path.scheme, hop, upgrade.repository) for hop in chosen)


def standings(notes: Sequence[HopNotes], book: Logbook) -> tuple[HopReady, ...]:
    """How each hop stands by the logbook."""
    events = [item.event for item in book.read()]
    return tuple(hop_ready(n.component, n.from_version, n.to_version, n.digest, events) for n in notes)


def acknowledge(notes: HopNotes, who: Speaker, remark: str, book: Logbook, at_ms: int, shown: str = "") -> HopReady:
    """Record that somebody read a hop's notes. ``shown``: digest of what they saw, where they name it.

    Raises Refused when there are no notes that could have been read, or when they are no longer what was shown.
    """
    if shown and shown not in (notes.digest, notes.digest.removeprefix("sha256:")):
        raise Refused(
            f"the notes of {notes.to_version} are no longer what was shown",
            code="notes-changed",
            object=notes.to_version,
            why=f"they are {notes.digest or 'not there'} now: a tag was moved, or another checkout is read",
            hint="read them again: shipkeeper upgrade notes",
        )
    if not notes.digest:
        raise Refused(
            f"there are no notes of {notes.to_version} to have read",
            code="no-notes",
            object=notes.to_version,
            why="; ".join(notes.unknown) or "nothing was found",
            hint="fetch the checkout's tags, or give the notes as a file with --notes FILE",
        )
    book.write(
        at_ms,
        [
            NotesRead(
                component=notes.component, hop_from=notes.from_version, hop_to=notes.to_version, by=who.name,
                digest=notes.digest, identity=who.identity, note=remark,
            )
        ],
    )  # fmt: skip
    return standings([notes], book)[0]


def report_problem(notes: HopNotes, who: Speaker, text: str, book: Logbook, at_ms: int) -> ProblemFound:
    """Record a problem found in a hop's notes: the hop waits until somebody else decides. Raises BadInput."""
    if not text.strip():
        raise BadInput("a problem is told in words", hint="add --text, with what may go wrong and why you think so")
    words = "\0".join((notes.component, notes.from_version, notes.to_version, who.name, text, str(at_ms)))
    found = ProblemFound(
        id="problem-" + hashlib.sha256(words.encode()).hexdigest()[:8],
        component=notes.component,
        hop_from=notes.from_version,
        hop_to=notes.to_version,
        by=who.name,
        text=text.strip(),
        identity=who.identity,
    )
    book.write(at_ms, [found])
    return found


def decide(problem: str, who: Speaker, decision: str, text: str, book: Logbook, at_ms: int) -> ProblemFound:
    """Record how a problem is dealt with. Returns the problem.

    Raises UsageProblem for a problem that there is not, Refused when whoever found it wants to decide about it.
    """
    known = {found.id: found for found in book.of_kind(ProblemFound)}
    matches = [found for id, found in known.items() if problem and id.startswith(problem)]
    if len(matches) != 1:
        raise UsageProblem(
            f"there is no problem {problem!r} on record" if not matches else f"{problem!r} begins {len(matches)} ids",
            object=problem,
            hint=f"problems: {', '.join(known)}" if known else "none was ever reported: shipkeeper upgrade problem",
        )
    found = matches[0]
    same = same_person(found, who.name, who.identity)
    if same:
        raise Refused(
            f"{who.name} {same}",
            code="second-person",
            object=found.id,
            why="the rest of the team is consulted so that more than one person has thought about it",
            hint="somebody else decides, under their own login; --context NAME lets the API server say who that is",
        )
    if not text.strip():
        raise BadInput("a decision is told in words", hint="add --text, with what was talked over and why it is safe")
    book.write(
        at_ms,
        [
            ConsultationClosed(
                problem=found.id, by=who.name, decision=decision, text=text.strip(), identity=who.identity
            )
        ],
    )
    return found
