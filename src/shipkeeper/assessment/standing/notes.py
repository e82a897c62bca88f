"""Gate notes-read: the notes of the hop were read, and what was found in them was talked over."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.model.book import NotesRead
from shipkeeper.model.plan import UpgradeHop
from shipkeeper.model.run import RunEvent
from shipkeeper.ports.gates import GateReading
from shipkeeper.semantics.notes.readiness import hop_ready

NAME = "notes-read"


def notes_read(hop: UpgradeHop | None, book: Sequence[RunEvent]) -> GateReading:
    """What the logbook says about a plan's hop; ``book`` oldest first. A plan without a hop has no notes to read.

    What was read last counts: `upgrade ready` compares it with the notes as they are now.
    """
    if hop is None:
        return GateReading(NAME, "open", "the plan carries no component to another version")
    here = (hop.component, hop.from_version, hop.to_version)
    read = [e for e in book if isinstance(e, NotesRead) and (e.component, e.hop_from, e.hop_to) == here]
    found = hop_ready(*here, read[-1].digest if read else "", book)
    if found.ready:
        return GateReading(NAME, "open", f"{hop}: read by {', '.join(found.read_by)}")
    reason = f"nobody has read the notes of {hop}" if not read and found.state == "not-read" else found.reason
    words = f"{hop.component} --from-version {hop.from_version} --to {hop.to_version}"
    deed = "decide" if found.state in ("consultation-open", "stopped") else "acknowledge"
    return GateReading(
        NAME, "closed", found.state, reason=reason, object=str(hop), fix=f"shipkeeper upgrade {deed} {words} --by NAME"
    )
