"""Gate staging-first: the same work proved itself where it hurts less, and people had days to look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta

from msgspec import Struct

from shipkeeper.assessment.standing.past import PastRun
from shipkeeper.assessment.standing.work import Work
from shipkeeper.model.book import WorkRecorded
from shipkeeper.model.calendar import local_instant
from shipkeeper.model.errors import BadInput
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Environment
from shipkeeper.model.time import DAY, iso, load_zone
from shipkeeper.model.words import count
from shipkeeper.model.workdays import ClosedDays, after_working_days, working_days_between
from shipkeeper.ports.gates import GateReading

NAME = "staging-first"
LONGEST_MS = 92 * DAY
"""Longer ago than a quarter, what was tried there is not what is done here."""


class Tried(Struct, frozen=True, order=True):
    """The same work, done to the end in the environment that goes first."""

    ended_ms: int
    what: str


def tried_by_runs(runs: Iterable[PastRun], work: Work) -> tuple[Tried, ...]:
    """Those of the runs in the environment that goes first that finished work of that kind."""
    return tuple(
        Tried(run.ended_ms, run.run) for run in runs if run.state == "done" and run.kind == work.kind and not work.what
    )


def tried_by_hand(records: Iterable[WorkRecorded], environment: str, work: Work, zone: str) -> tuple[Tried, ...]:
    """Work that people recorded; a date counts once its day is over."""
    return tuple(
        Tried(_day_over(item.done_on, zone), f"{item.runbook} recorded for {item.done_on} by {', '.join(item.by)}")
        for item in records
        if item.environment == environment and work.is_like(item)
    )


def _day_over(text: str, zone: str) -> int:
    try:
        day = date.fromisoformat(text[:10])
    except ValueError as error:
        raise BadInput(f"the logbook has work with a date that is none: {text!r}", object="logbook") from error
    return local_instant(datetime.combine(day + timedelta(days=1), time()), load_zone(zone), later=True)


def last_done_here(runs: Iterable[PastRun], plan: Plan) -> int:
    """When one of the plan's nodes was last gone through by another plan: what was tried before that is used up."""
    uids = {node.uid for node in plan.nodes}
    return max(
        (
            turn.done_ms
            for run in runs
            if run.plan.digest != plan.digest
            for turn in run.nodes
            if turn.uid and turn.uid in uids
        ),
        default=0,
    )


def staging_first(
    environment: Environment,
    work: Work,
    tried: Sequence[Tried],
    since_ms: int,
    closed: ClosedDays,
    zone: str,
    at_ms: int,
) -> GateReading:
    """Whether the work may be done here at that instant. ``since_ms``: as ``last_done_here`` says."""
    follows = environment.follows
    if not follows:
        return _follows_nothing(environment)
    fresh = sorted(item for item in tried if max(since_ms, at_ms - LONGEST_MS) < item.ended_ms <= at_ms)
    if not fresh:
        return _closed(f"nothing on {follows}", _why_not(tried, follows, since_ms, at_ms, zone), environment, work)
    first = fresh[0]
    days = working_days_between(first.ended_ms, at_ms, zone, closed)
    ended = iso(first.ended_ms, zone)
    said = f"; {closed.unknown}" if closed.unknown else ""
    newer = f"; {fresh[-1].what} ended there since" if len(fresh) > 1 else ""
    before = f"{count(days, 'working day')} before, {environment.skew} wanted"
    reading = f"{first.what} on {follows} ended {ended}: {before}{newer}{said}"
    if days >= environment.skew:
        return GateReading(NAME, "open", reading)
    earliest = after_working_days(first.ended_ms, environment.skew, zone, closed)
    when = "never" if earliest is None else iso(earliest, zone)
    return _closed(reading, f"{reading}; not before {when}", environment, work)


def _why_not(tried: Sequence[Tried], follows: str, since_ms: int, at_ms: int, zone: str) -> str:
    before = [item for item in tried if item.ended_ms <= at_ms]
    if not before:
        return f"nothing of this kind has been finished on {follows}, which goes first"
    newest = max(before)
    ended = iso(newest.ended_ms, zone)
    if newest.ended_ms <= since_ms:
        return (
            f"the newest on {follows} ({newest.what}, {ended}) is from before these nodes' last maintenance, "
            f"{iso(since_ms, zone)}"
        )
    return f"the newest on {follows} ({newest.what}) ended {ended}, more than {LONGEST_MS // DAY} days ago"


def _follows_nothing(environment: Environment) -> GateReading:
    name = environment.name
    if not environment.production:
        return GateReading(NAME, "open", f"{name} is not production")
    if environment.follows is not None:
        return GateReading(NAME, "open", f"the platform file says that nothing goes before {name}")
    return GateReading(
        NAME,
        "closed",
        f"which environment goes before {name} is not said",
        reason=f"the platform file does not say which environment gets a change before {name}",
        object=f"environment {name}",
        fix=f'write follows: STAGING under {name} in the platform file, or follows: "" where there is none; '
        f'or: shipkeeper windows waive {NAME} PLAN --reason "…" --by WHO',
    )


def _closed(reading: str, reason: str, environment: Environment, work: Work) -> GateReading:
    task = next(iter(work.tasks), work.kind)
    return GateReading(
        NAME,
        "closed",
        reading,
        reason=reason,
        object=f"environment {environment.name}",
        fix=f"carry it out on {environment.follows} first; done there by other means: shipkeeper record {task} "
        f'--environment {environment.follows} --by WHO; or: shipkeeper windows waive {NAME} PLAN --reason "…" --by WHO',
    )
