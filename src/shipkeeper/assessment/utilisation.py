"""How past windows were used, and what that advises: more in them, less, or longer ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from shipkeeper.assessment.standing.past import PastRun
from shipkeeper.model.book import WorkRecorded
from shipkeeper.model.declared_windows import WindowRule
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.record import Record
from shipkeeper.model.time import MINUTE, SECOND, format_duration, moment, parse_duration
from shipkeeper.model.words import count

FULL, ROOMY = 0.85, 0.4
"""From the first share of its usable time on a window counts as full, below the second as roomy."""
LEAST_WINDOWS = 2
"""Of fewer windows nothing is advised: one night is no habit."""


class WindowUse(Record, frozen=True, kw_only=True):
    """One past opening. ``used_seconds`` is what runs took; work that people recorded has no times and is only named.

    ``planned_seconds``: by P95 of the plans that were carried out in it. ``overrun_seconds``: after its end.
    """

    environment: str
    window: str
    opens_at: str
    closes_at: str
    zone: str
    planned_seconds: float
    used_seconds: float
    overrun_seconds: float
    share: float
    """Of the time before the reserve."""
    nodes: int
    runs: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """Nodes of these plans that were not done in it."""


class WindowAdvice(Record, frozen=True, kw_only=True):
    """What the past says about one window; ``text`` has the figures.

    ``advice``: fewer-or-longer | full | more | fits | unused | too-little-known.
    """

    environment: str
    window: str
    advice: str
    text: str
    windows: int
    used: int
    """How many of them had any work."""


class Utilisation(Record, frozen=True, kw_only=True):
    """Past openings, newest first, and the advice by window."""

    items: tuple[WindowUse, ...]
    advice: tuple[WindowAdvice, ...]


class Opening(Struct, frozen=True):
    """A past opening of a rule; ``reserve_ms`` is what plans there keep free at the end."""

    rule: WindowRule
    window: PlanWindow
    reserve_ms: int


def uses(
    environment: str,
    openings: Iterable[Opening],
    runs: Sequence[PastRun],
    records: Sequence[WorkRecorded],
    planned_seconds: Mapping[str, float],
) -> tuple[WindowUse, ...]:
    """How each opening was used, newest first. ``runs`` and ``records`` of that environment; ``planned_seconds`` by
    run.
    """
    found = [_use(environment, opening, runs, records, planned_seconds) for opening in openings]
    return tuple(sorted(found, key=lambda use: (use.opens_at, use.window), reverse=True))


def _use(
    environment: str,
    opening: Opening,
    runs: Sequence[PastRun],
    records: Sequence[WorkRecorded],
    planned_seconds: Mapping[str, float],
) -> WindowUse:
    window = opening.window
    inside = [run for run in runs if run.began_ms and window.opens_ms <= run.began_ms < window.closes_ms]
    used_ms = sum(run.busy_ms for run in inside)
    overrun_ms = max([run.last_ms - window.closes_ms for run in inside], default=0)
    usable_ms = max(1, window.closes_ms - window.opens_ms - opening.reserve_ms)
    days = {moment(at_ms, window.zone).date().isoformat() for at_ms in (window.opens_ms, window.closes_ms - 1)}
    done = {(run.run, turn.name) for run in inside for turn in run.nodes if turn.done_ms <= window.closes_ms}
    left = {node.name for run in inside for node in run.plan.nodes if (run.run, node.name) not in done}
    return WindowUse(
        environment=environment,
        window=opening.rule.name,
        opens_at=window.opens_at,
        closes_at=window.closes_at,
        zone=window.zone,
        planned_seconds=sum(planned_seconds.get(run.run, 0) for run in inside),
        used_seconds=used_ms / SECOND,
        overrun_seconds=max(0, overrun_ms) / SECOND,
        share=round(used_ms / usable_ms, 3),
        nodes=len(done),
        runs=tuple(run.run for run in inside),
        recorded=tuple(f"{item.runbook} {item.component}".strip() for item in records if item.done_on[:10] in days),
        left=tuple(sorted(left)),
    )


def advise(rule: WindowRule, environment: str, found: Sequence[WindowUse]) -> WindowAdvice:
    """What the past of one rule's openings says."""
    with_work = [use for use in found if use.runs or use.recorded]
    measured = [use for use in found if use.runs]
    advice, text = _advice(rule, found, with_work, measured)
    return WindowAdvice(
        environment=environment,
        window=rule.name,
        advice=advice,
        text=text,
        windows=len(found),
        used=len(with_work),
    )


def _advice(
    rule: WindowRule, found: Sequence[WindowUse], with_work: Sequence[WindowUse], measured: Sequence[WindowUse]
) -> tuple[str, str]:
    length = parse_duration(rule.duration)
    if not found:
        return "too-little-known", "nothing is on record since which it could have been used"
    windows = count(len(found), "window")
    if found and not with_work:
        return "unused", f"nothing is on record for any of {windows}: record what was done in them, or give it up"
    if len(measured) < LEAST_WINDOWS:
        return "too-little-known", f"{len(measured)} of {windows} with times on record: too little to advise"
    mean = sum(use.share for use in measured) / len(measured)
    used_ms = round(sum(use.used_seconds for use in measured) / len(measured) * SECOND)
    over_all = f"on average over {count(len(measured), 'window')}"
    figures = f"{mean:.0%} of the usable time {over_all}, {format_duration(used_ms)} a night"
    over = [use for use in measured if use.overrun_seconds > 0]
    left = [use for use in measured if use.left]
    if over or left:
        trouble = []
        if over:
            worst = round(max(use.overrun_seconds for use in over) * SECOND)
            trouble.append(f"{len(over)} of {len(measured)} overran, by up to {format_duration(worst)}")
        if left:
            most = max(len(use.left) for use in left)
            trouble.append(f"{len(left)} of {len(measured)} left nodes over, up to {most}")
        return "fewer-or-longer", f"{'; '.join(trouble)} ({figures}): plan fewer things, or agree on a longer window"
    if mean >= FULL:
        return "full", f"{figures}: nothing more fits; for more, agree on more than {format_duration(length)}"
    if mean < ROOMY:
        room_ms = round(length * (1 - mean)) // (5 * MINUTE) * (5 * MINUTE)
        return "more", f"{figures}: about {format_duration(room_ms)} are free, room for more things in each"
    return "fits", f"{figures}: as much as fits well"
