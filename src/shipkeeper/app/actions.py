"""Actions: what people decided to improve, who does it and by when. Records of the logbook; open ones return in due."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Sequence
from datetime import date

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.speaker import person_of, speaker
from shipkeeper.model.book import ActionClosed, ActionOpened
from shipkeeper.model.errors import BadInput, UsageProblem
from shipkeeper.model.platform import Platform
from shipkeeper.model.record import Record
from shipkeeper.model.run import RunEvent
from shipkeeper.model.time import iso


class Action(Record, frozen=True, kw_only=True):
    """One action. ``state``: open | overdue | done | dropped; ``note`` is what was said when it was closed."""

    id: str
    text: str
    owner: str
    due_on: str
    state: str
    run: str = ""
    opened_by: str = ""
    closed_by: str = ""
    note: str = ""


def open_actions(logbook: Logbook) -> tuple[ActionOpened, ...]:
    """Actions that nobody closed, oldest first."""
    return still_open(item.event for item in logbook.read())


def still_open(events: Iterable[RunEvent]) -> tuple[ActionOpened, ...]:
    """Those of the events that open an action which no later one closes, oldest first."""
    found: dict[str, ActionOpened] = {}
    for event in events:
        if isinstance(event, ActionOpened):
            found[event.id] = event
        elif isinstance(event, ActionClosed):
            found.pop(event.id, None)
    return tuple(found.values())


def all_actions(logbook: Logbook, zone: str, now_ms: int) -> tuple[Action, ...]:
    """Every action: open ones by their date, then the closed ones, newest first."""
    opened: dict[str, ActionOpened] = {}
    closed: dict[str, ActionClosed] = {}
    for item in logbook.read():
        if isinstance(item.event, ActionOpened):
            opened[item.event.id] = item.event
            closed.pop(item.event.id, None)
        elif isinstance(item.event, ActionClosed):
            closed.pop(item.event.id, None)
            closed[item.event.id] = item.event
    today = iso(now_ms, zone)[:10]
    live = [_action(event, None, today) for id, event in opened.items() if id not in closed]
    over = [_action(opened[id], closed[id], today) for id in reversed(closed) if id in opened]
    return (*sorted(live, key=lambda action: (action.due_on, action.id)), *over)


def new_action(
    platform: Platform, text: str, *, owner: str, due_on: str, by: str, identity: str, now_ms: int, run: str = ""
) -> ActionOpened:
    """An action as a record, not yet written. The same text about the same run has the same id.

    Raises BadInput for an empty text, an owner whom nobody can ask, and a day that is none or past.
    """
    words = " ".join(text.split())
    if not words:
        raise BadInput("the action says nothing", hint="write what is to be done, by whom, by when")
    digest = hashlib.sha256(f"{platform.name}\n{run}\n{words}".encode()).hexdigest()
    return ActionOpened(
        id=f"action-{digest[:6]}",
        text=words,
        owner=_owner(platform, owner),
        due_on=_day(due_on, platform.zone, now_ms),
        by=by,
        run=run,
        identity=identity,
    )


def open_action(
    platform: Platform, logbook: Logbook, text: str, *, owner: str, due_on: str, by: str, now_ms: int, run: str = ""
) -> ActionOpened:
    """Record an action. Raises as ``new_action`` and ``speaker``; UsageProblem when it is open already."""
    who = speaker(platform, by)
    made = new_action(
        platform, text, owner=owner, due_on=due_on, by=who.name, identity=who.identity, now_ms=now_ms, run=run
    )
    known = next((action for action in open_actions(logbook) if action.id == made.id), None)
    if known is not None:
        raise UsageProblem(
            f"this action is open already: {known.id}, {known.owner}, due {known.due_on}",
            object=known.id,
            hint=f"to change it, close it first: shipkeeper actions close {known.id} --dropped --by NAME --note WHY",
        )
    logbook.write(now_ms, [made])
    return made


def close_action(
    platform: Platform, logbook: Logbook, id: str, *, by: str, now_ms: int, dropped: bool = False, note: str = ""
) -> ActionClosed:
    """Record that an action is done, or dropped for a reason.

    Raises UsageProblem for one that is not open, or that is dropped without a reason; and as ``speaker``.
    """
    who = speaker(platform, by)
    action = _find(open_actions(logbook), id)
    if dropped and not note.strip():
        raise UsageProblem(
            "an action that is dropped needs a reason",
            object=action.id,
            why="the next retrospective will ask",
            hint="add --note WHY",
        )
    state = "dropped" if dropped else "done"
    made = ActionClosed(id=action.id, state=state, by=who.name, note=note.strip(), identity=who.identity)
    logbook.write(now_ms, [made])
    return made


def owners(platform: Platform) -> tuple[str, ...]:
    """Whom an action can be given to: people, and owners of what is inside and outside the scope."""
    names = [person.name for person in platform.people]
    names += [name for scope in platform.scope for name in (scope.owner, scope.escalate_to)]
    names += [component.owner for component in platform.components]
    return tuple(dict.fromkeys(name for name in names if name))


def _action(event: ActionOpened, end: ActionClosed | None, today: str) -> Action:
    state = end.state if end is not None else "overdue" if event.due_on < today else "open"
    return Action(
        id=event.id,
        text=event.text,
        owner=event.owner,
        due_on=event.due_on,
        state=state,
        run=event.run,
        opened_by=event.by,
        closed_by=end.by if end is not None else "",
        note=end.note if end is not None else "",
    )


def _owner(platform: Platform, name: str) -> str:
    wanted = name.strip()
    if not wanted:
        raise BadInput("the action has no owner", why="what everybody should do nobody does", hint="name one person")
    person = person_of(platform, wanted)
    known = owners(platform)
    if person is not None:
        return person.name
    if known and wanted not in known:
        close = difflib.get_close_matches(wanted, known, n=1)
        raise BadInput(
            f"the platform file knows nobody called {wanted!r}",
            why="an action's owner is somebody who can be asked",
            hint=f"did you mean {close[0]}?" if close else f"it knows {', '.join(known)}",
        )
    return wanted


def _day(text: str, zone: str, now_ms: int) -> str:
    try:
        day = date.fromisoformat(text.strip()).isoformat()
    except ValueError as error:
        raise BadInput(f"{text.strip()!r} is not a date", hint="by when, like 2026-12-20") from error
    today = iso(now_ms, zone)[:10]
    if day < today:
        raise BadInput(f"{day} is past", why="an action is due in time to come", hint=f"today is {today} in {zone}")
    return day


def _find(known: Sequence[ActionOpened], id: str) -> ActionOpened:
    found = [action for action in known if action.id == id] or [a for a in known if id and a.id.startswith(id)]
    if len(found) == 1:
        return found[0]
    ids = [action.id for action in found or known]
    raise UsageProblem(
        f"{id!r} could be any of {', '.join(ids)}" if found else f"there is no open action {id!r}",
        object=id,
        hint=f"open: {', '.join(ids)}" if ids else "no action is open",
    )
