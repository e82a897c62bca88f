"""What is told of: a plan, or a window that no plan is made for yet, as the platform file knows its place."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.app.propose import resolve_window
from shipkeeper.assessment.notices.obligations import touched
from shipkeeper.assessment.standing.agreement import terms_of
from shipkeeper.model.errors import BadInput, UsageProblem
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.notices import Occasion
from shipkeeper.model.plan import Plan, PlanWindow
from shipkeeper.model.platform import ClusterConfig, Environment, Platform, WindowRule
from shipkeeper.planning.settings import find_cluster
from shipkeeper.planning.window import next_window

_DATES = 4
"""How many of a recurring window's next times people are shown who are to agree to it."""


class Recurring(Struct, frozen=True):
    """A window of the platform file that people are asked to agree to."""

    environment: Environment
    rule: WindowRule
    dates: tuple[PlanWindow, ...]


def of_plan(plan: Plan, platform: Platform, forecast: Forecast | None) -> Occasion:
    """The occasion that a plan is. Raises Refused when the platform file knows its cluster as another one."""
    found = find_cluster(platform, "", plan.cluster.name, plan.cluster.uid)
    return Occasion(
        place=found[1].name if found else plan.cluster.uid or plan.cluster.name,
        zone=plan.window.zone if plan.window else platform.zone,
        window=plan.window,
        plan=plan.digest,
        change=plan.change,
        namespaces=touched(forecast) if forecast is not None else None,
        production=found is None or found[0].production,
    )


def of_window(text: str, platform: Platform, cluster: str, changes: tuple[str, ...], at_ms: int) -> Occasion:
    """A window by name, by date or written out, before there is a plan for it; ``changes``: classes of what it is for.

    Raises BadInput for a window that is not understood or is over, UsageProblem where no cluster, or more than one,
    could be meant.
    """
    environment, entry = the_cluster(platform, cluster)
    window = resolve_window(text, platform, environment, at_ms)
    return Occasion(
        place=entry.name,
        zone=window.zone,
        window=window,
        change=changes[0] if changes else "",
        also=changes[1:],
        production=environment.production,
    )


def the_cluster(platform: Platform, name: str) -> tuple[Environment, ClusterConfig]:
    """The cluster of that name, or the only one. Raises UsageProblem."""
    found = find_cluster(platform, name, "", "")
    if found is None:
        names = [cluster.name for env in platform.environments for cluster in env.clusters]
        raise UsageProblem(
            "nothing tells which cluster the window is for",
            hint=f"name it with --cluster: {', '.join(names)}"
            if names
            else "declare it under environments: of the platform file, or name a plan",
        )
    return found


def recurring(name: str, platform: Platform, at_ms: int) -> Recurring:
    """The window of that name in the platform file, with its next dates. Raises BadInput."""
    found = [(env, rule) for env in platform.environments for rule in env.windows if rule.name == name]
    if len(found) != 1:
        known = ", ".join(rule.name for env in platform.environments for rule in env.windows) or "none"
        raise BadInput(
            f"there is no window called {name!r}" if not found else f"{len(found)} windows are called {name!r}",
            hint=f"the platform file has: {known}",
        )
    environment, rule = found[0]
    dates: list[PlanWindow] = []
    while len(dates) < _DATES:
        try:
            dates.append(next_window(rule, dates[-1].opens_ms + 1 if dates else at_ms))
        except BadInput:
            if not dates:
                raise
            break
    return Recurring(environment, rule, tuple(dates))


def to_agree(window: Recurring) -> Occasion:
    """Asking for the agreement to a recurring window: other terms are another question."""
    return Occasion(
        place=window.environment.name,
        zone=window.rule.zone,
        rule=f"{window.rule.name} {terms_of(window.rule)}",
        production=window.environment.production,
    )
