"""Notices of a plan: composed from its window, its forecast and the platform file; sent by people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from shipkeeper.app.propose import load_plan
from shipkeeper.app.state import State, read_forecast
from shipkeeper.evidence.impact import impact_of
from shipkeeper.evidence.notices import Notice, Telling, compose
from shipkeeper.model.errors import BadInput
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.model.time import load_zone

ON_CALL = "on-call"
"""Role of the people whom a notice tells to call."""


class Preview(Struct, frozen=True):
    """Notices, and what they rest on. ``doubts``: what a person should know before sending them."""

    plan: Plan
    notices: tuple[Notice, ...]
    doubts: tuple[str, ...]


def preview(
    plan_path: str,
    platform: Platform,
    state: State,
    audiences: Sequence[str],
    kinds: Sequence[str],
    *,
    forecast_path: str = "",
    zone: str = "",
) -> Preview:
    """Compose the notices of a plan. Raises BadInput for files that cannot be used or do not belong together."""
    plan = load_plan(plan_path)
    shown = zone or (plan.window.zone if plan.window else platform.zone)
    load_zone(shown)
    forecast = read_forecast(Path(forecast_path)) if forecast_path else state.find_forecast(plan.digest)
    if forecast is not None and forecast.plan_digest != plan.digest:
        raise BadInput(
            f"{forecast_path} is the forecast of another plan",
            why="people would be told of interruptions that this plan does not make",
            hint=f"make one: shipkeeper rehearse {plan_path} --from INVENTORY",
        )
    contacts = tuple(person for person in platform.people if ON_CALL in person.roles)
    doubts = []
    if forecast is None:
        doubts.append(f"no forecast of this plan: the impact is not known (shipkeeper rehearse {plan_path})")
    elif forecast.verdict != "fits":
        doubts.append(f"the rehearsal says {forecast.verdict.replace('-', ' ')}: mend the plan before telling anybody")
    if plan.window is None:
        doubts.append("the plan has no window: the time is left open (shipkeeper plan nodes --window …)")
    if not contacts:
        doubts.append(f"nobody has the role {ON_CALL} in the platform file: readers are sent to their usual contact")
    telling = Telling(
        plan=plan,
        impact=impact_of(forecast, platform) if forecast is not None else None,
        name=_name(plan, platform),
        zone=shown,
        contacts=contacts,
    )
    made = tuple(compose(kind, audience, telling) for audience in audiences for kind in kinds)
    return Preview(plan=plan, notices=made, doubts=tuple(doubts))


def _name(plan: Plan, platform: Platform) -> str:
    """How people call it: the platform's name where the file gives one, else the cluster's."""
    if platform.name != Platform().name:
        return f"the platform {platform.name}"
    return f"the platform {plan.cluster.name}" if plan.cluster.name else "the platform"
