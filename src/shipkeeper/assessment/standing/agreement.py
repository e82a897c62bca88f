"""Gates window-agreed and window-content: the hour is one that people agreed to, for this kind of work."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal

import msgspec
from msgspec import Struct

from shipkeeper.assessment.standing.work import Work
from shipkeeper.model.book import WindowAgreed
from shipkeeper.model.declared_windows import CONTENTS, WindowRule
from shipkeeper.model.errors import BadInput
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.time import iso, moment, parse_duration, parse_instant
from shipkeeper.ports.gates import GateReading

AGREED, CONTENT = "window-agreed", "window-content"
FROM_FILE = "platform file"
"""``recorded_by`` of an agreement that a run found in the platform file and kept, so that a later edit shows."""


class Agreement(Struct, frozen=True, kw_only=True):
    """Whether people agreed to a window for a day. Only ``agreed`` opens the gate.

    ``changed``: they agreed to other terms · ``ended``, ``not-yet``: for other days · ``none``: nobody did.
    """

    state: Literal["agreed", "changed", "ended", "not-yet", "none"]
    by: str = ""
    on: str = ""
    until: str = ""
    source: str = ""

    def __str__(self) -> str:
        by = f" by {self.by}" if self.by else ""
        on = f" on {self.on}" if self.on else ""
        return {
            "agreed": f"agreed{by}{on}, " + (f"until {self.until}" if self.until else "until it is changed"),
            "changed": f"what was agreed{by}{on} was another window",
            "ended": f"the agreement{by} ended on {self.until}",
            "not-yet": f"agreed{by} only from {self.on}",
            "none": "nobody agreed to it",
        }[self.state]


class Place(Struct, frozen=True):
    """A rule of the environment, and its window in which the plan's lies."""

    rule: WindowRule
    window: PlanWindow


def terms_of(rule: WindowRule) -> str:
    """Digest of what is agreed to: recurrence, start, length, zone, content. Another digest is another window."""
    parts = sorted(part for part in rule.rrule.upper().removeprefix("RRULE:").split(";") if part)
    content = sorted(rule.content or CONTENTS)
    return _digest([parts, rule.start[:5], parse_duration(rule.duration), rule.zone, rule.first, content])


def once(window: PlanWindow) -> str:
    """What a single window is called in the logbook: ``OPENS/CLOSES``, instants in UTC."""
    return f"{iso(window.opens_ms)}/{iso(window.closes_ms)}"


def terms_once(name: str) -> str:
    """Digest of a single window's terms."""
    return _digest([name])


def _digest(value: object) -> str:
    return "sha256:" + hashlib.sha256(msgspec.json.encode(value)).hexdigest()


def agreement(
    rule: WindowRule, environment: str, book: Sequence[WindowAgreed], opens: date, today: date | None = None
) -> Agreement:
    """What is known of a rule's agreement, from the logbook and from the rule itself.

    ``opens`` is the local day on which the window opens, ``today`` the one on which it is asked (None: the same): an
    agreement that ends with the day of the opening holds for the whole night, and one made in that night counts.
    The newest record about a window replaces older ones. The file's agreement counts unless the rule beside it was
    changed after it was first seen, and ``agreedOn`` was not.
    """
    records = [item for item in book if (item.environment, item.window) == (environment, rule.name)]
    newest = max(enumerate(records), key=lambda pair: (pair[1].agreed_on, pair[0]), default=(0, None))[1]
    terms = terms_of(rule)
    found = []
    if newest is not None and newest.terms == terms and newest.recorded_by != FROM_FILE:
        found.append(_covers(newest.by, newest.agreed_on, newest.until, "logbook", opens, today))
    replaced = newest is not None and newest.terms != terms and newest.agreed_on >= rule.agreed_on
    if rule.agreed_by and not replaced:
        by = ", ".join(rule.agreed_by)
        found.append(_covers(by, rule.agreed_on, rule.agreed_until, FROM_FILE, opens, today))
    if found:
        return min(found, key=lambda item: _BEST.index(item.state))
    if newest is not None and replaced:
        return Agreement(state="changed", by=newest.by, on=newest.agreed_on, source="logbook")
    return Agreement(state="none")


_BEST = ("agreed", "not-yet", "ended", "changed", "none")


def _covers(by: str, on: str, until: str, source: str, opens: date, today: date | None) -> Agreement:
    state: Literal["agreed", "ended", "not-yet"] = "agreed"
    if until and opens.isoformat() > until:
        state = "ended"
    elif on and max(opens, today or opens).isoformat() < on:
        state = "not-yet"
    return Agreement(state=state, by=by, on=on, until=until, source=source)


def agreement_once(window: PlanWindow, environment: str, book: Iterable[WindowAgreed], today: date) -> Agreement:
    """The newest agreement to a single window that holds all of this one."""
    found = Agreement(state="none")
    for item in book:
        if item.environment == environment and "/" in item.window and item.terms == terms_once(item.window):
            opens, closes = _span(item.window)
            if opens <= window.opens_ms and window.closes_ms <= closes:
                opened = _day(window.opens_ms, window.zone)
                found = _covers(item.by, item.agreed_on, item.until, "logbook", opened, today)
    return found


def _span(name: str) -> tuple[int, int]:
    opens, _, closes = name.partition("/")
    try:
        return parse_instant(opens), parse_instant(closes)
    except BadInput:
        return 0, 0


def from_file(rule: WindowRule, environment: str, book: Sequence[WindowAgreed]) -> WindowAgreed | None:
    """The record that keeps the file's agreement as it is now; None when there is none, or it is kept already."""
    by = ", ".join(rule.agreed_by)
    made = WindowAgreed(
        environment=environment,
        window=rule.name,
        terms=terms_of(rule),
        by=by,
        agreed_on=rule.agreed_on,
        until=rule.agreed_until,
        recorded_by=FROM_FILE,
    )
    kept = any(
        (item.environment, item.window, item.by, item.agreed_on) == (environment, rule.name, by, rule.agreed_on)
        for item in book
        if item.recorded_by == FROM_FILE
    )
    return None if kept or not by else made


def window_agreed(
    window: PlanWindow | None,
    places: Sequence[Place],
    work: Work,
    environment: str,
    has_windows: bool,
    book: Sequence[WindowAgreed],
    at_ms: int,
) -> GateReading:
    """Whether the plan's hour was agreed to. ``places``: the environment's windows in which it lies whole."""
    if window is None:
        return _without_window(work, environment, has_windows)
    for place in places:
        found = _of_place(place, environment, book, at_ms)
        if found.state == "agreed":
            return GateReading(AGREED, "open", f"{environment}/{place.rule.name}: {found}")
    single = agreement_once(window, environment, book, _day(at_ms, window.zone))
    if single.state == "agreed":
        return GateReading(AGREED, "open", f"this window alone: {single}")
    if places:
        rule = places[0].rule
        found = _of_place(places[0], environment, book, at_ms)
        return _not_agreed(f"{environment}/{rule.name}: {found}", f"window {rule.name}", rule.name, environment)
    written = written_out(window)
    reading = f"{written} is no window of {environment}, and {single}"
    return _not_agreed(reading, f"window {written}", f'"{written}"', environment)


def _of_place(place: Place, environment: str, book: Sequence[WindowAgreed], at_ms: int) -> Agreement:
    zone = place.rule.zone
    return agreement(place.rule, environment, book, _day(place.window.opens_ms, zone), _day(at_ms, zone))


def _not_agreed(reading: str, object: str, named: str, environment: str) -> GateReading:
    fix = f"once they agreed: shipkeeper windows agree {named} --environment {environment} --by WHO"
    return GateReading(AGREED, "closed", reading, reason=reading, object=object, fix=fix)


def written_out(window: PlanWindow) -> str:
    """The window as people write it, and as ``--window`` takes it."""
    opens, closes = (
        moment(at_ms, window.zone).strftime("%Y-%m-%dT%H:%M") for at_ms in (window.opens_ms, window.closes_ms)
    )
    return f"{opens}/{closes} {window.zone}"


def _without_window(work: Work, environment: str, has_windows: bool) -> GateReading:
    if not has_windows:
        return GateReading(AGREED, "open", f"the plan has no window, and {environment} declares none")
    if not work.needs_window:
        return GateReading(AGREED, "open", f"the plan has no window, and {work.kind} needs none by the schedule")
    return GateReading(
        AGREED,
        "closed",
        "the plan has no window",
        reason=f"{environment} has agreed windows, {work.kind} needs one by the schedule, and the plan has none",
        object=f"environment {environment}",
        fix="plan it again with --window NAME",
    )


def window_content(places: Sequence[Place], work: Work, environment: str) -> GateReading:
    """Whether the window may be used for that work."""
    if not places:
        return GateReading(CONTENT, "open", "no window of the platform file limits it")
    wrong = [place for place in places if place.rule.content and not set(work.content) <= set(place.rule.content)]
    words = ", ".join(work.content)
    if len(wrong) < len(places):
        fitting = next(place.rule for place in places if place not in wrong)
        limit = ", ".join(fitting.content) if fitting.content else "everything"
        return GateReading(CONTENT, "open", f"{words} in {environment}/{fitting.name}, which is for {limit}")
    rule = wrong[0].rule
    return GateReading(
        CONTENT,
        "closed",
        f"{environment}/{rule.name} is for {', '.join(rule.content)}",
        reason=f"window {rule.name} of {environment} is for {', '.join(rule.content)}, and the plan's work is {words}",
        object=f"window {rule.name}",
        fix=f"plan it for another window, or agree on its content: and add {words} to content: of {rule.name}",
    )


def _day(at_ms: int, zone: str) -> date:
    return moment(at_ms, zone).date()
