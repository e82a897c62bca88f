"""What must be done by when, and why: the schedule's rows, and a row for whatever else is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from shipkeeper.assessment.due.dates import by_date, needs_window
from shipkeeper.assessment.due.done import Done, Said, last_done
from shipkeeper.assessment.due.evidence import Seen, look
from shipkeeper.assessment.due.facts import NodeDone
from shipkeeper.assessment.due.others import other_rows
from shipkeeper.assessment.due.products import Told, tell, worse
from shipkeeper.assessment.due.upkeep import Upkeep
from shipkeeper.knowledge.cadence import PERIODIC, Word, due_after, recurs
from shipkeeper.model.book import ActionOpened
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.platform import Platform
from shipkeeper.model.schedule import DueItem, Need, Task
from shipkeeper.model.time import iso


class Question(Struct, frozen=True, kw_only=True):
    """What ``due`` is asked about. ``windows`` are the agreed windows of about the next year, earliest first."""

    platform: Platform
    schedule: Sequence[Task]
    now_ms: int
    inventory: Inventory | None = None
    nodes_done: Sequence[NodeDone] = ()
    said: Sequence[Said] = ()
    windows: Sequence[PlanWindow] = ()
    upkeep: Mapping[str, Upkeep] = {}
    """Product → what is known of it; empty when nothing was read."""
    needs: Mapping[str, Sequence[Need]] = {}
    """Product → further needs: patches, removed APIs, proposed updates."""
    remarks: Mapping[str, Sequence[str]] = {}
    """Product → sentences that belong to its reason and set no date."""
    actions: Sequence[ActionOpened] = ()
    """Open actions of retrospectives."""


def due(asked: Question) -> tuple[DueItem, ...]:
    """Every task of the schedule with its dates, in the schedule's order; then what else is due, most urgent first.

    Raises BadInput for a cadence that is not understood.
    """
    own = {task.product for task in asked.schedule if task.product}
    others = other_rows(
        asked.platform,
        asked.inventory,
        [one for product, one in asked.upkeep.items() if product not in own],
        asked.needs,
        asked.actions,
        asked.windows,
        asked.now_ms,
    )
    wanting = [row.product for row in others if row.product and row.state in ("due", "overdue")]
    return (*(_item(asked, task, wanting) for task in asked.schedule), *others)


def _item(asked: Question, task: Task, wanting: Sequence[str]) -> DueItem:
    platform, now_ms = asked.platform, asked.now_ms
    mine = [asked.upkeep[task.product]] if task.product in asked.upkeep else []
    words = recurs(task)
    done = last_done(platform, task, asked.nodes_done, asked.inventory, asked.said)
    seen = look(task, asked.inventory, asked.upkeep, now_ms, wanting)
    tied = needs_window(task)
    told = tell(mine, asked.needs, asked.windows if tied else None, platform.zone, now_ms)
    next_ms, state, reason = _by_cadence(asked, task, words, done, seen, told)
    if seen.wants:
        state = worse(state, "due")
    if told.state:
        # What is known of its versions answers what nobody recorded.
        state = told.state if state == "unknown" and told.settled else worse(state, told.state)
    said = asked.remarks.get(task.product, ())
    needs = told.needs
    if next_ms is not None:
        text = f"{task.cadence}, last done {iso(done.at_ms or 0, platform.zone)[:10]}"
        needs = (*needs, Need(kind="cadence", text=text, by=iso(next_ms, platform.zone)))
    attest = f"shipkeeper attest {task.id}" if task.questions and state != "ok" else ""
    return DueItem(
        id=task.id,
        task=task.task,
        level=task.level,
        cadence=task.cadence,
        needs_window=task.needs_window,
        impact=_impact(task, mine),
        last_done="" if done.at_ms is None else iso(done.at_ms, platform.zone),
        next_due="" if next_ms is None else iso(next_ms, platform.zone),
        state=state,
        reason="; ".join(part for part in (told.text, *said, reason, done.text, seen.text, _unread(words)) if part),
        owner=task.owner or _owner(platform, task, mine),
        product=mine[0].running.product if len(mine) == 1 else "",
        namespaces=mine[0].running.namespaces if len(mine) == 1 else (),
        current=told.current,
        target=told.target,
        hops=told.hops,
        hops_needed=told.hops_needed,
        needed_by=min((need.by for need in needs if need.by), default="", key=_sortable),
        needs=tuple(sorted(needs, key=lambda need: (not need.by, need.by, need.kind))),
        windows_left=told.windows_left,
        late=told.late,
        questions=task.questions,
        action=attest,
        recurs=next((word for word in PERIODIC if word in words), ""),
    )


def _sortable(by: str) -> str:
    """Dates and times as text sort by their day first; that is as fine as a needed-by date is meant."""
    return by[:10]


def _by_cadence(
    asked: Question, task: Task, words: Sequence[Word], done: Done, seen: Seen, told: Told
) -> tuple[int | None, str, str]:
    """(next date, state, reason) by how often the task recurs."""
    zone = asked.platform.zone
    periodic = [word for word in words if word in PERIODIC]
    if periodic and done.at_ms is not None:
        word = min(periodic, key=lambda word: (due_after(done.at_ms or 0, word, zone), word))
        return by_date(task, done.at_ms, word, asked.now_ms, asked.windows, zone)
    if not seen.applies and not told.state and done.at_ms is None:
        return None, "ok", ""
    state, reason = _without_date(task, words, done, bool(periodic), told.settled or seen.wants)
    return None, state, reason


def _without_date(task: Task, words: Sequence[Word], done: Done, periodic: bool, settled: bool) -> tuple[str, str]:
    """State and reason where no next date can be told. ``settled``: whether a newer release waits is known."""
    if periodic:
        known = "runs by itself, and whether it did is not recorded" if "automatic" in words else ""
        todo = f": shipkeeper attest {task.id}" if task.questions else ""
        return "unknown", known or ("" if done.text else f"nobody has recorded when it was last done{todo}")
    if "as released" in words:
        return ("ok", "") if settled else ("unknown", "whether a newer release waits is not known")
    if "on advisory" in words:
        return "unknown", "whether an advisory asks for it is not known"
    return "ok", "done when somebody needs it" if "as needed" in words else "runs by itself"


def _unread(words: Sequence[Word]) -> str:
    return "advisories are not read" if "on advisory" in words and any(w in PERIODIC for w in words) else ""


def _impact(task: Task, mine: Sequence[Upkeep]) -> str:
    """What the team declared for the component, else what the schedule says."""
    own = [one.running.declared.impact for one in mine if one.running.declared and one.running.declared.impact]
    return "; ".join(own) or task.impact


def _owner(platform: Platform, task: Task, mine: Sequence[Upkeep]) -> str:
    """Who owns it: the component's owner, else whom the scope names for its name or its namespaces."""
    for one in mine:
        if one.running.declared is not None and one.running.declared.owner:
            return one.running.declared.owner
    name = task.task.lower()
    for scope in platform.scope:
        if scope.owner and name.startswith(scope.component.lower()):
            return scope.owner
    spaces = {space for one in mine for space in one.running.namespaces}
    return next((scope.owner for scope in platform.scope if scope.owner and spaces & set(scope.namespaces)), "")
