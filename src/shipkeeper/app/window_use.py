"""How past windows were used, from the journal and from what people recorded."""

from __future__ import annotations

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.past_runs import PastRuns, place_of
from shipkeeper.app.state import State
from shipkeeper.assessment.standing.past import PastRun
from shipkeeper.assessment.utilisation import Opening, Utilisation, WindowAdvice, WindowUse, advise, uses
from shipkeeper.model.book import WorkRecorded
from shipkeeper.model.errors import BadInput, UsageProblem
from shipkeeper.model.platform import Environment, Platform
from shipkeeper.model.time import DAY, parse_duration, parse_instant
from shipkeeper.planning.estimates import plan_seconds
from shipkeeper.planning.window import upcoming

LONGEST_MS = 800 * DAY
"""Windows longer ago tell nothing about the next."""


def utilisation(platform: Platform, state: State, now_ms: int, each: int, environment: str = "") -> Utilisation:
    """The last ``each`` openings of every window since there is a record of that environment, and the advice."""
    names = [env.name for env in platform.environments]
    if environment and environment not in names:
        raise UsageProblem(
            f"there is no environment called {environment!r}", hint=f"there are: {', '.join(names) or 'none'}"
        )
    runs = PastRuns(state).all()
    records = Logbook.of(state, platform).of_kind(WorkRecorded)
    items: list[WindowUse] = []
    advice: list[WindowAdvice] = []
    for env in platform.environments:
        if environment in ("", env.name):
            mine = [run for run in runs if (place := place_of(platform, run)) is not None and place[0].name == env.name]
            theirs = [item for item in records if item.environment == env.name]
            _of_environment(platform, env, mine, theirs, now_ms, each, items, advice)
    return Utilisation(items=tuple(items), advice=tuple(advice))


def _of_environment(
    platform: Platform,
    env: Environment,
    runs: list[PastRun],
    records: list[WorkRecorded],
    now_ms: int,
    each: int,
    items: list[WindowUse],
    advice: list[WindowAdvice],
) -> None:
    planned = {run.run: plan_seconds(run.plan).p95 for run in runs}
    known_ms = [run.began_ms for run in runs if run.began_ms] + [_day_ms(item) for item in records]
    since_ms = max(min(known_ms, default=now_ms), now_ms - LONGEST_MS)
    reserve_ms = min((parse_duration(cluster.drain.reserve) for cluster in env.clusters), default=0)
    for rule in env.windows:
        past = [w for w in upcoming(rule, since_ms, now_ms) if w.closes_ms <= now_ms][-each:]
        found = uses(env.name, [Opening(rule, window, reserve_ms) for window in past], runs, records, planned)
        items.extend(found)
        advice.append(advise(rule, env.name, found))


def _day_ms(item: WorkRecorded) -> int:
    try:
        return parse_instant(item.done_on[:10] + "T00:00:00Z")
    except BadInput as error:
        raise BadInput(f"the logbook has work with a date that is none: {item.done_on!r}", object="logbook") from error
