"""Looking back at a run: the page, and putting on record what people said and decided."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from shipkeeper.app.actions import new_action, open_actions
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.prove import find_run, open_journal, show
from shipkeeper.app.speaker import speaker
from shipkeeper.app.state import State
from shipkeeper.evidence.chains import after_chain
from shipkeeper.evidence.retro import Retro, look_back
from shipkeeper.execution.status import OVER, RunView
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.book import ActionOpened, RetrospectiveHeld
from shipkeeper.model.errors import BadInput, Problems, Refused, UsageProblem
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.model.record import Record
from shipkeeper.model.time import DAY, moment
from shipkeeper.planning.settings import find_cluster
from shipkeeper.planning.window import next_window


class Said(Struct, frozen=True, kw_only=True):
    """What people put on record. ``actions`` as typed: ``text; owner; date``."""

    by: str
    present: tuple[str, ...] = ()
    went_well: tuple[str, ...] = ()
    to_improve: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()


class Looked(Record, frozen=True, kw_only=True):
    """A run that is over, and whether the team looked back at it."""

    run: str
    title: str
    outcome: str
    ended_at: str
    held_by: str = ""
    held_at: str = ""
    actions_open: int = 0


def retrospective(
    state: State, platform: Platform, run: str, now_ms: int, *, zone: str = "", forecast_path: str = ""
) -> Retro:
    """The page of one run. Raises as ``prove.show``."""
    report = show(state, run, zone=zone, forecast_path=forecast_path)
    return look_back(report, platform, _before_next_window(platform, _plan_of(state, report.run), now_ms))


def hold(
    state: State, platform: Platform, logbook: Logbook, run: str, said: Said, now_ms: int
) -> tuple[RetrospectiveHeld, tuple[ActionOpened, ...]]:
    """Record a retrospective and its actions: in the logbook, and beside the run's own record for its report.

    Raises Refused for a run that is not over, UsageProblem when nothing is said, Problems with every action that is
    not understood; nothing is written then. An action that is open already is not opened again.
    """
    who = speaker(platform, said.by)
    name = _over(state, run)
    actions = _read_actions(platform, name, said.actions, who.name, who.identity, now_ms)
    well, improve = _lines(said.went_well), _lines(said.to_improve)
    if not (well or improve or actions):
        raise UsageProblem(
            "nothing is said",
            why="a retrospective that says nothing teaches nothing",
            hint="--went-well TEXT, --improve TEXT, --action 'TEXT; OWNER; DATE'",
        )
    known = {action.id for action in open_actions(logbook)}
    fresh = tuple(action for action in actions if action.id not in known)
    held = RetrospectiveHeld(
        run=name,
        by=who.name,
        present=_lines(said.present),
        went_well=well,
        to_improve=improve,
        identity=who.identity,
    )
    # The run's side first: should the second write fail, saying it again mends both.
    journal = SqliteJournal(state.journal_path)
    try:
        journal.append(after_chain(name), now_ms, [held, *actions])
    finally:
        journal.close()
    logbook.write(now_ms, [held, *fresh])
    return held, actions


def looked_back(state: State, logbook: Logbook, zone: str) -> tuple[Looked, ...]:
    """Every run that is over, newest first, and who looked back at it when."""
    if not state.journal_path.exists():
        return ()
    held = {item.event.run: item for item in logbook.read() if isinstance(item.event, RetrospectiveHeld)}
    todo = [action.run for action in open_actions(logbook)]
    journal = SqliteJournal(state.journal_path)
    try:
        views = [(run, RunView.of(journal.read(run))) for run in reversed(journal.runs())]
    finally:
        journal.close()
    found = []
    for run, view in views:
        if view.state in OVER and view.plan is not None:
            record = held.get(run)
            found.append(
                Looked(
                    run=run,
                    title=f"{len(view.plan.nodes)} nodes of {view.plan.cluster.name or 'a cluster'}",
                    outcome=view.state,
                    ended_at=view.status().ended_at,
                    held_by=record.event.by
                    if record is not None and isinstance(record.event, RetrospectiveHeld)
                    else "",
                    held_at=moment(record.at_ms, zone).date().isoformat() if record is not None else "",
                    actions_open=todo.count(run),
                )
            )
    return tuple(found)


def _over(state: State, run: str) -> str:
    journal = open_journal(state)
    try:
        name = find_run(journal, run)
        view = RunView.of(journal.read(name))
    finally:
        journal.close()
    if view.state not in OVER:
        raise Refused(
            f"{name} is not over: {view.state}",
            code="run-not-over",
            object=name,
            why="people look back at what has ended",
            hint=f"shipkeeper runs status {name}",
        )
    return name


def _read_actions(
    platform: Platform, run: str, texts: Sequence[str], by: str, identity: str, now_ms: int
) -> tuple[ActionOpened, ...]:
    made: dict[str, ActionOpened] = {}
    wrong: list[BadInput] = []
    for text in texts:
        parts = [part.strip() for part in text.rsplit(";", 2)]
        try:
            if len(parts) != 3:
                raise BadInput(f"{text!r} names no owner or no day", hint="write it like 'TEXT; OWNER; 2026-12-20'")
            action = new_action(
                platform, parts[0], owner=parts[1], due_on=parts[2], by=by, identity=identity, now_ms=now_ms, run=run
            )
        except BadInput as error:
            wrong.append(error)
        else:
            made[action.id] = action
    if wrong:
        raise Problems("some actions are not understood", tuple(wrong))
    return tuple(made.values())


def _lines(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words for text in texts if (words := " ".join(text.split()))))


def _plan_of(state: State, run: str) -> Plan | None:
    journal = open_journal(state)
    try:
        return RunView.of(journal.read(run)).plan
    finally:
        journal.close()


def _before_next_window(platform: Platform, plan: Plan | None, now_ms: int) -> str:
    """The day before the next agreed window opens, so that what is learnt is there in time; empty without windows."""
    found = find_cluster(platform, "", plan.cluster.name, plan.cluster.uid) if plan is not None else None
    environments = [found[0]] if found is not None else []
    opens = []
    for rule in (rule for environment in environments for rule in environment.windows):
        try:
            opens.append(next_window(rule, now_ms + 2 * DAY).opens_ms)
        except BadInput:  # the rule has ended
            continue
    return moment(min(opens) - DAY, platform.zone).date().isoformat() if opens else ""
