"""When a task was last done, and how that is known: declared, attested, recorded, or proven by runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from shipkeeper.assessment.due.facts import NodeDone
from shipkeeper.knowledge.cadence import day_start
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.platform import Platform
from shipkeeper.model.schedule import Task
from shipkeeper.model.time import parse_instant
from shipkeeper.semantics.control_plane import control_plane_names


class Said(Struct, frozen=True):
    """Somebody's word that a task was done: an attestation, or a record of work by other means."""

    task: str
    done_on: str
    """A date, or RFC 3339."""
    text: str
    """Who said so, in words."""


class Done(Struct, frozen=True):
    """When a task was last done, and how that is known. None: it is not known."""

    at_ms: int | None
    text: str = ""


def last_done(
    platform: Platform,
    task: Task,
    facts: Sequence[NodeDone],
    inventory: Inventory | None,
    said: Sequence[Said] = (),
) -> Done:
    """The latest of what the platform file declares, what people said on record, and what the journal proves."""
    newest = Done(None)
    declared = platform.done.get(task.id)
    if declared is not None:
        newest = Done(_day(declared, platform.zone))
    for word in said:
        at_ms = _day(word.done_on, platform.zone) if word.task == task.id else None
        if at_ms is not None and at_ms >= (newest.at_ms if newest.at_ms is not None else at_ms):
            newest = Done(at_ms, word.text)
    if task.action != "nodes" or not facts:
        return newest
    proven, text = _nodes_done(facts, inventory)
    if proven is None or (newest.at_ms is not None and newest.at_ms >= proven):
        return Done(newest.at_ms, "; ".join(filter(None, (newest.text, text))))
    return Done(proven, text)


def _day(text: str, zone: str) -> int:
    """A date counts from the beginning of its day in the platform's zone."""
    if len(text) == len("2026-01-01"):
        return day_start(date.fromisoformat(text), zone)
    return parse_instant(text)


def _nodes_done(facts: Sequence[NodeDone], inventory: Inventory | None) -> tuple[int | None, str]:
    """When every worker had been gone through, and how many were since. Without an inventory: the last run's end."""
    newest: dict[tuple[str, str], NodeDone] = {}
    for fact in sorted(facts, key=lambda f: (f.at_ms, f.run, f.node)):
        newest[fact.node, fact.uid] = fact
    last = max(newest.values(), key=lambda f: (f.at_ms, f.node))
    if inventory is None or not inventory.nodes:
        of_run = sum(1 for fact in newest.values() if fact.run == last.run)
        return last.at_ms, f"{last.run} maintained {of_run} nodes"
    known = inventory.identity.uid
    controllers = control_plane_names(inventory)
    workers = [node for node in inventory.nodes if node.name not in controllers]
    found = (newest.get((node.name, node.uid)) for node in workers)
    here = [done for done in found if done is not None and done.cluster in ("", known)]
    if not here:
        return None, ""
    last = max(here, key=lambda f: (f.at_ms, f.node))
    if len(here) < len(workers):
        return None, f"{len(here)} of {len(workers)} workers maintained, last by {last.run}"
    return min(done.at_ms for done in here), f"all {len(workers)} workers maintained, last by {last.run}"
