"""Everything that telling people of one occasion needs, gathered once: who, what, by when, in which words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.app.knowledge import load_knowledge
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.notices import occasions
from shipkeeper.app.notices.apis import used_apis
from shipkeeper.app.notices.past import measured
from shipkeeper.app.propose import load_plan
from shipkeeper.app.standing import RULES, matter_of, read_rule
from shipkeeper.app.state import State, read_forecast
from shipkeeper.assessment.notices.duties import Duty, duties
from shipkeeper.assessment.notices.ledger import Ledger
from shipkeeper.assessment.notices.obligations import agreement_requests, obligations
from shipkeeper.assessment.standing.agreement import AGREED
from shipkeeper.evidence.impact import Impact, ImpactRow, Measured, impact_of, impact_rows, roughly
from shipkeeper.evidence.notices import words
from shipkeeper.evidence.notices.compose import compose
from shipkeeper.evidence.notices.render import Templates
from shipkeeper.evidence.notices.telling import Telling
from shipkeeper.knowledge.schedule import merged_schedule
from shipkeeper.model.errors import BadInput, UsageProblem
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.lead import parse_lead
from shipkeeper.model.notices import AGREEMENT, KUBERNETES_MINOR, Message, Obligation, Occasion, UsedApi
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Person, Platform
from shipkeeper.model.time import SECOND, load_zone, parse_duration

ON_CALL = "on-call"
"""Role of the people whom a notice tells to call."""


class Asked(Struct, frozen=True, kw_only=True):
    """What a person asked to tell of: a plan file, or a window. The rest fills in what those cannot tell."""

    plan_path: str = ""
    window: str = ""
    cluster: str = ""
    changes: tuple[str, ...] = ()
    what: tuple[str, ...] = ()
    forecast_path: str = ""
    zone: str = ""
    until: str = ""
    reached: str = ""
    """The minor of Kubernetes that is reached, for what has to be changed before."""
    agreement: bool = False
    """Only the agreement to a recurring window is asked for."""


class Desk(Struct, frozen=True, kw_only=True):
    """One occasion with everything about it. ``doubts``: what a person should know before anything is sent."""

    platform: Platform
    occasion: Occasion
    obligations: tuple[Obligation, ...]
    telling: Telling
    templates: Templates
    rows: tuple[ImpactRow, ...] = ()
    doubts: tuple[str, ...] = ()
    plan: Plan | None = None

    def message(self, obligation: Obligation) -> Message:
        """The text that meets an obligation. Raises BadInput for a template that does not work."""
        own = {space for one in self.obligations if one.team for space in one.namespaces}
        return compose(
            obligation.kind,
            obligation.audience,
            self.telling,
            self.templates,
            team=obligation.team,
            namespaces=obligation.namespaces,
            without=frozenset(own),
        )

    def duties(self, ledger: Ledger) -> tuple[Duty, ...]:
        """Each obligation with what became of it."""
        return duties(self.occasion, self.obligations, self.platform.channels, ledger)


class _Going(Struct, frozen=True):
    """Objects that use APIs which go away, and what could not be looked at. ``apis`` None: nobody looked."""

    apis: tuple[UsedApi, ...] | None = None
    unseen: tuple[str, ...] = ()


NOT_LOOKED = _Going()


def ledger_of(state: State, platform: Platform) -> Ledger:
    """What the platform's logbook knows of notices."""
    return Ledger.of((item.at_ms, item.event) for item in Logbook.of(state, platform).read())


def open_desk(
    asked: Asked, platform: Platform, folder: Path, state: State, at_ms: int, inventory: Inventory | None = None
) -> Desk:
    """Gather what telling people of it needs. ``folder``: what the platform file's paths are relative to.

    Raises BadInput for files that cannot be used or do not belong together, UsageProblem for what is not told.
    """
    if bool(asked.plan_path) == bool(asked.window):
        raise UsageProblem("name a plan file, or a window with --window", hint="shipkeeper notices preview night.plan")
    templates = Templates(folder / platform.notices.templates if platform.notices.templates else None)
    if asked.agreement and asked.window:
        return _for_agreement(asked, platform, templates, at_ms)
    if asked.plan_path:
        if asked.changes:
            raise UsageProblem("--change belongs to a window: a plan says its class itself", hint="plan nodes --change")
        plan = load_plan(asked.plan_path)
        return desk_of_plan(plan, asked, platform, templates, state, _going(asked, platform, folder, state, inventory))
    occasion = occasions.of_window(asked.window, platform, asked.cluster, asked.changes, at_ms)
    going = _going(asked, platform, folder, state, inventory)
    return _desk(occasion, asked, platform, templates, None, None, Measured(), going, None)


def desk_of_plan(
    plan: Plan, asked: Asked, platform: Platform, templates: Templates, state: State, going: _Going = NOT_LOOKED
) -> Desk:
    """The desk of a plan, with the forecast that belongs to it. Raises as ``open_desk``."""
    forecast = _forecast(plan, asked, state)
    occasion = occasions.of_plan(plan, platform, forecast)
    agreed = None
    if platform.environments and plan.window is not None:
        reading = read_rule(AGREED, RULES[AGREED], matter_of(plan, platform, state), plan.window.opens_ms)
        agreed = reading.is_open
    past = measured(state, plan.cluster.uid)
    return _desk(occasion, asked, platform, templates, plan, forecast, past, going, agreed)


def _going(asked: Asked, platform: Platform, folder: Path, state: State, inventory: Inventory | None) -> _Going:
    """What goes away on the way to the minor that is reached, by the facts that hold here."""
    if inventory is None or not asked.reached:
        return NOT_LOOKED
    removals = load_knowledge(state, platform.sources, folder).removals
    return _Going(*used_apis(inventory, asked.reached, removals))


def _forecast(plan: Plan, asked: Asked, state: State) -> Forecast | None:
    if not asked.forecast_path:
        return state.find_forecast(plan.digest)
    found = read_forecast(Path(asked.forecast_path))
    if found.plan_digest != plan.digest:
        raise BadInput(
            f"{asked.forecast_path} is the forecast of another plan",
            why="people would be told of interruptions that this plan does not make",
            hint=f"make one: shipkeeper rehearse {asked.plan_path} --from INVENTORY",
        )
    return found


def _desk(
    occasion: Occasion,
    asked: Asked,
    platform: Platform,
    templates: Templates,
    plan: Plan | None,
    forecast: Forecast | None,
    past: Measured,
    going: _Going,
    agreed: bool | None,
) -> Desk:
    zone = asked.zone or occasion.zone
    load_zone(zone)
    impact = impact_of(forecast, platform, past) if forecast is not None else None
    telling = _telling(asked, platform, plan, impact, zone)
    telling = replace(telling, window=occasion.window, apis=going.apis, unseen=going.unseen)
    found = obligations(occasion, platform, agreed)
    return Desk(
        platform=platform,
        occasion=occasion,
        obligations=found,
        telling=telling,
        templates=templates,
        rows=impact_rows(forecast, platform, merged_schedule(platform.schedule), past) if plan is not None else (),
        doubts=tuple(_doubts(asked, plan, forecast, telling, found)),
        plan=plan,
    )


def _telling(asked: Asked, platform: Platform, plan: Plan | None, impact: Impact | None, zone: str) -> Telling:
    return Telling(
        name=_name(plan, platform),
        zone=zone,
        window=None,
        purpose=plan.purpose if plan is not None else "",
        machines=len(plan.nodes) if plan is not None else 0,
        max_parallel=plan.max_parallel if plan is not None else 1,
        what=asked.what,
        impact=impact,
        contacts=contacts(platform),
        reminder=str(parse_lead(platform.notices.reminder)) if platform.notices.reminder else "",
        until=asked.until,
    )


def _for_agreement(asked: Asked, platform: Platform, templates: Templates, at_ms: int) -> Desk:
    found = occasions.recurring(asked.window, platform, at_ms)
    occasion = occasions.to_agree(found)
    rule = found.rule
    zone = asked.zone or occasion.zone
    load_zone(zone)
    every = words.recurrence(rule.rrule)
    length = roughly(parse_duration(rule.duration) / SECOND)
    telling = Telling(
        name=_name(None, platform),
        zone=zone,
        window=None,
        contacts=contacts(platform),
        rule=f"{every + ', ' if every else ''}from {rule.start[:5]} for {length} ({rule.zone})",
        dates=found.dates,
    )
    return Desk(
        platform=platform,
        occasion=occasion,
        obligations=agreement_requests(platform, occasion.production),
        telling=telling,
        templates=templates,
        doubts=tuple(_nobody(telling)),
    )


def _doubts(
    asked: Asked, plan: Plan | None, forecast: Forecast | None, telling: Telling, found: Sequence[Obligation]
) -> list[str]:
    doubts = []
    named = asked.plan_path or "PLAN"
    if plan is None:
        doubts.append("there is no plan yet: nobody can say what people will notice")
    elif forecast is None:
        doubts.append(f"no forecast of this plan: the impact is not known (shipkeeper rehearse {named})")
    elif forecast.verdict != "fits":
        doubts.append(f"the rehearsal says {forecast.verdict.replace('-', ' ')}: mend the plan before telling anybody")
    if plan is not None and plan.window is None:
        doubts.append("the plan has no window: the time is left open (shipkeeper plan nodes --window …)")
    if plan is not None and not plan.change:
        doubts.append("the plan does not say its class of change: told as a restart (shipkeeper plan nodes --change …)")
    if any(one.kind == KUBERNETES_MINOR for one in found) and telling.apis is None:
        doubts.append("nobody looked which objects use APIs that go away (--from INVENTORY --kubernetes MINOR)")
    doubts += [f"{one.kind} to {one.audience}: {one.problem}; {one.mend}" for one in _impossible(found)]
    return [*doubts, *_nobody(telling)]


def _impossible(found: Sequence[Obligation]) -> list[Obligation]:
    return list({one.problem: one for one in reversed(found) if one.problem and one.kind != AGREEMENT}.values())


def _nobody(telling: Telling) -> list[str]:
    if telling.contacts:
        return []
    return [f"nobody has the role {ON_CALL} in the platform file: readers are sent to their usual contact"]


def contacts(platform: Platform) -> tuple[Person, ...]:
    """Whom readers are told to call."""
    return tuple(person for person in platform.people if ON_CALL in person.roles)


def _name(plan: Plan | None, platform: Platform) -> str:
    """How people call it: the platform's name where the file gives one, else the cluster's."""
    if platform.name != Platform().name:
        return f"the platform {platform.name}"
    return f"the platform {plan.cluster.name}" if plan is not None and plan.cluster.name else "the platform"
