"""All environments' calendars side by side: windows, who agreed to them, freezes, holidays, what is planned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from shipkeeper.assessment.standing.agreement import agreement
from shipkeeper.assessment.standing.freezes import Frozen, compile_freezes, frozen_during
from shipkeeper.model.book import WindowAgreed
from shipkeeper.model.calendar import is_date
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.platform import Environment, Platform
from shipkeeper.model.record import Record
from shipkeeper.model.time import DAY, iso, moment
from shipkeeper.model.workdays import ClosedDays, working_days_between
from shipkeeper.planning.window import upcoming

AHEAD_MS = 400 * DAY
"""No window is looked for further ahead: beyond a year, so that a yearly one is found."""


class PlannedWork(Record, frozen=True, kw_only=True):
    """Work that a plan puts into a window. ``name`` is a plan file or a run; ``seconds`` by P95."""

    name: str
    digest: str
    seconds: float
    state: str = "planned"
    cluster: str = ""


class AgreementView(Record, frozen=True, kw_only=True):
    """Who agreed, for which days. ``state``: agreed, changed, ended, not-yet, none."""

    state: str
    by: str = ""
    on: str = ""
    until: str = ""
    source: str = ""
    text: str = ""


class SkewView(Record, frozen=True, kw_only=True):
    """How long after a window of the environment that goes first this one opens. ``enough``: as long as declared."""

    after: str
    closed_at: str
    working_days: int
    wanted: int
    enough: bool


class WindowView(Record, frozen=True, kw_only=True):
    """One opening of a window. ``reserve_seconds`` of its end are not planned with."""

    environment: str
    window: str
    opens_at: str
    closes_at: str
    zone: str
    content: tuple[str, ...]
    agreement: AgreementView
    frozen: tuple[str, ...] = ()
    """Freezes that reach into it."""
    skew: SkewView | None = None
    planned: tuple[PlannedWork, ...] = ()

    @property
    def span(self) -> PlanWindow:
        """As instants."""
        return PlanWindow(opens_at=self.opens_at, closes_at=self.closes_at, zone=self.zone)


class FreezeView(Record, frozen=True, kw_only=True):
    """A freeze. ``environment`` empty: of all. ``first_day`` and ``last_day`` where it begins and ends with a day."""

    environment: str
    name: str
    begins_at: str
    ends_at: str
    zone: str
    reason: str = ""
    allows: tuple[str, ...] = ()
    closed: bool = False
    first_day: str = ""
    last_day: str = ""


class HolidayView(Record, frozen=True, kw_only=True):
    """A day on which people of that environment do not work, although it is in their working week."""

    environment: str
    day: str
    name: str


class Calendar(Record, frozen=True, kw_only=True):
    """Everything from ``begins_at`` on, in order. ``unknown``: what could not be known, and why."""

    platform: str
    zone: str
    begins_at: str
    environments: tuple[str, ...]
    windows: tuple[WindowView, ...] = ()
    freezes: tuple[FreezeView, ...] = ()
    holidays: tuple[HolidayView, ...] = ()
    unknown: tuple[str, ...] = ()


def make_calendar(
    platform: Platform,
    book: Sequence[WindowAgreed],
    planned: Mapping[str, Sequence[tuple[PlanWindow, PlannedWork]]],
    closed: Mapping[str, ClosedDays],
    national: Mapping[str, ClosedDays],
    now_ms: int,
    each: int,
) -> Calendar:
    """The next ``each`` openings of every window. By environment: what is planned, all closed days, and of these the
    national ones.
    """
    windows = [
        view
        for env in platform.environments
        for view in _windows(platform, env, book, planned.get(env.name, ()), closed[env.name], now_ms, each)
    ]
    windows.sort(key=lambda item: (item.span.opens_ms, item.environment, item.window))
    until_ms = max([item.span.closes_ms for item in windows], default=now_ms)
    return Calendar(
        platform=platform.name,
        zone=platform.zone,
        begins_at=iso(now_ms, platform.zone),
        environments=tuple(env.name for env in platform.environments),
        windows=tuple(windows),
        freezes=_freezes(platform, now_ms, until_ms),
        holidays=_holidays(platform, national, now_ms, until_ms),
        unknown=tuple(dict.fromkeys(item.unknown for item in national.values() if item.unknown)),
    )


def _windows(
    platform: Platform,
    env: Environment,
    book: Sequence[WindowAgreed],
    planned: Sequence[tuple[PlanWindow, PlannedWork]],
    closed: ClosedDays,
    now_ms: int,
    each: int,
) -> Iterator[WindowView]:
    frozen = compile_freezes(platform.freezes + env.freezes, platform.zone)
    before = _closings(platform, env, now_ms)
    for rule in env.windows:
        for window in islice(upcoming(rule, now_ms, now_ms + AHEAD_MS), each):
            found = agreement(rule, env.name, book, moment(window.opens_ms, rule.zone).date())
            yield WindowView(
                environment=env.name,
                window=rule.name,
                opens_at=window.opens_at,
                closes_at=window.closes_at,
                zone=window.zone,
                content=rule.content,
                agreement=AgreementView(
                    state=found.state,
                    by=found.by,
                    on=found.on,
                    until=found.until,
                    source=found.source,
                    text=str(found),
                ),
                frozen=tuple(item.freeze.name for item in frozen_during(frozen, window.opens_ms, window.closes_ms)),
                skew=_skew(env, before, window, closed, platform.zone),
                planned=tuple(work for span, work in planned if _meets(span, window)),
            )


def _meets(span: PlanWindow, window: PlanWindow) -> bool:
    return span.opens_ms < window.closes_ms and window.opens_ms < span.closes_ms


def _closings(platform: Platform, env: Environment, now_ms: int) -> list[tuple[int, str]]:
    """When windows of the environment that goes first close, and their names, over two years around now."""
    return sorted(
        (window.closes_ms, f"{other.name}/{rule.name}")
        for other in platform.environments
        if env.follows and other.name == env.follows
        for rule in other.windows
        for window in upcoming(rule, now_ms - AHEAD_MS, now_ms + AHEAD_MS)
    )


def _skew(
    env: Environment, closings: Sequence[tuple[int, str]], window: PlanWindow, closed: ClosedDays, zone: str
) -> SkewView | None:
    """The last window of the environment that goes first which closes early enough; else the last before this one."""
    found = None
    for ends_ms, name in reversed(closings):
        if ends_ms > window.opens_ms:
            continue
        days = working_days_between(ends_ms, window.opens_ms, zone, closed)
        view = SkewView(
            after=name,
            closed_at=iso(ends_ms, zone),
            working_days=days,
            wanted=env.skew,
            enough=days >= env.skew,
        )
        if view.enough:
            return view
        found = found or view
    return found


def _freezes(platform: Platform, now_ms: int, until_ms: int) -> tuple[FreezeView, ...]:
    declared = [("", freeze) for freeze in platform.freezes]
    declared += [(env.name, freeze) for env in platform.environments for freeze in env.freezes]
    found = []
    for environment, freeze in declared:
        (item,) = compile_freezes((freeze,), platform.zone)
        if item.ends_ms > now_ms and item.begins_ms <= max(until_ms, now_ms + 92 * DAY):
            found.append((item.begins_ms, environment, _freeze(environment, item)))
    return tuple(view for _, _, view in sorted(found, key=lambda entry: entry[:2]))


def _freeze(environment: str, item: Frozen) -> FreezeView:
    freeze = item.freeze
    whole = is_date(freeze.begins) and is_date(freeze.ends)
    return FreezeView(
        environment=environment,
        name=freeze.name,
        begins_at=iso(item.begins_ms, item.zone),
        ends_at=iso(item.ends_ms, item.zone),
        zone=item.zone,
        reason=freeze.reason,
        allows=freeze.allows,
        closed=freeze.closed,
        first_day=freeze.begins if whole else "",
        last_day=freeze.ends if whole else "",
    )


def _holidays(
    platform: Platform, national: Mapping[str, ClosedDays], now_ms: int, until_ms: int
) -> tuple[HolidayView, ...]:
    first, last = moment(now_ms, platform.zone).date(), moment(until_ms, platform.zone).date()
    return tuple(
        HolidayView(environment=env.name, day=day.isoformat(), name=name)
        for env in platform.environments
        for day, name in sorted(national[env.name].days.items())
        if first <= day <= last and day.weekday() not in national[env.name].weekend
    )
