"""Windows: the calendars of all environments, and the words that people leave about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from shipkeeper.app.identity import who_am_i
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.past_runs import PastRuns
from shipkeeper.app.propose import load_plan
from shipkeeper.app.speaker import Speaker, person_of, speaker
from shipkeeper.app.standing import RULES
from shipkeeper.app.state import State
from shipkeeper.app.workdays import closed_days, national_of
from shipkeeper.assessment.standing.agreement import once, terms_of, terms_once, written_out
from shipkeeper.assessment.standing.overrides import counts
from shipkeeper.assessment.standing.past import FINISHED
from shipkeeper.evidence.calendar import AHEAD_MS, Calendar, PlannedWork, make_calendar
from shipkeeper.model.book import EmergencyDeclared, Waived, WindowAgreed
from shipkeeper.model.errors import BadInput, Refused, UsageProblem
from shipkeeper.model.plan import Plan, PlanWindow
from shipkeeper.model.platform import Environment, Platform
from shipkeeper.model.time import moment
from shipkeeper.planning.estimates import plan_seconds
from shipkeeper.planning.settings import find_cluster
from shipkeeper.planning.window import parse_window


def calendar_of(platform: Platform, state: State, plans: Sequence[str], now_ms: int, each: int) -> Calendar:
    """The next openings of every window, with what unfinished runs and these plan files put into them."""
    if not platform.environments:
        raise UsageProblem(
            "the platform file declares no environment, so there are no windows",
            hint="write environments: with windows: into shipkeeper.yaml; shipkeeper init begins one",
        )
    planned: dict[str, list[tuple[PlanWindow, PlannedWork]]] = {}
    for run in PastRuns(state).all():
        if run.state not in FINISHED:
            _put(planned, platform, run.plan, run.run, run.state)
    for path in plans:
        _put(planned, platform, load_plan(path), path, "planned")
    until_ms = now_ms + AHEAD_MS
    closed = {env.name: closed_days(platform, env, now_ms - AHEAD_MS, until_ms) for env in platform.environments}
    national = {env.name: national_of(platform, env, now_ms - AHEAD_MS, until_ms) for env in platform.environments}
    book = Logbook.of(state, platform).of_kind(WindowAgreed)
    return make_calendar(platform, book, planned, closed, national, now_ms, each)


def _put(
    planned: dict[str, list[tuple[PlanWindow, PlannedWork]]], platform: Platform, plan: Plan, name: str, state: str
) -> None:
    try:
        found = find_cluster(platform, "", plan.cluster.name, plan.cluster.uid)
    except Refused:  # a cluster of that name, and not this one
        return
    if plan.window is None or found is None:
        return
    work = PlannedWork(
        name=name, digest=plan.digest, seconds=plan_seconds(plan).p95, state=state, cluster=found[1].name
    )
    entries = planned.setdefault(found[0].name, [])
    if all(known.digest != plan.digest for _, known in entries):
        entries.append((plan.window, work))


# --- words ---------------------------------------------------------------------------------


def agree(
    platform: Platform,
    logbook: Logbook,
    name: str,
    *,
    environment: str,
    by: Sequence[str],
    on: str,
    until: str,
    note: str,
    recorded_by: Speaker,
    now_ms: int,
) -> WindowAgreed:
    """Record that people agreed to a window of the file, or to a single one written out.

    Raises UsageProblem for a window that is not there or is in several environments, BadInput for dates that make no
    sense.
    """
    who = [person.strip() for person in by if person.strip()]
    if not who:
        raise UsageProblem(
            "nobody is named who agreed",
            why="an agreement is with those who depend on the platform",
            hint='add --by "shop team", once for each',
        )
    today = moment(now_ms, platform.zone).date()
    agreed_on = _day(on, "--on") if on else today
    if agreed_on > today:
        raise BadInput(f"{agreed_on} has not come yet", hint="--on is the day on which they agreed")
    if until and _day(until, "--until") < agreed_on:
        raise BadInput(f"{until} is before {agreed_on}", hint="--until is the last day for which it holds")
    if "/" in name:
        window = parse_window(name, platform.zone)
        env = _environment(platform, environment, [env.name for env in platform.environments], written_out(window))
        key = once(window)
        terms = terms_once(key)
    else:
        having = [env.name for env in platform.environments if any(rule.name == name for rule in env.windows)]
        env = _environment(platform, environment, having, name)
        rule = next((rule for rule in env.windows if rule.name == name), None)
        if rule is None:
            raise UsageProblem(
                f"{env.name} has no window called {name!r}",
                hint=f"it has: {', '.join(rule.name for rule in env.windows) or 'none'}; or write one out: "
                '"2026-12-02T22:00/05:00 Europe/Stockholm"',
            )
        key, terms = rule.name, terms_of(rule)
    made = WindowAgreed(
        environment=env.name,
        window=key,
        terms=terms,
        by=", ".join(who),
        agreed_on=agreed_on.isoformat(),
        until=until,
        recorded_by=recorded_by.name,
        identity=recorded_by.identity,
        note=note,
    )
    logbook.write(now_ms, [made])
    return made


def _environment(platform: Platform, named: str, having: Sequence[str], what: str) -> Environment:
    names = [env.name for env in platform.environments]
    if named and named not in names:
        raise UsageProblem(f"there is no environment called {named!r}", hint=f"there are: {', '.join(names) or 'none'}")
    if not named and len(having) > 1:
        raise UsageProblem(f"window {what} could be of {' or '.join(having)}", hint="add --environment NAME")
    if not named and not having:
        known = sorted({rule.name for env in platform.environments for rule in env.windows})
        raise UsageProblem(
            f"there is no window called {what!r}", hint=f"the platform file has: {', '.join(known) or 'none'}"
        )
    chosen = named or having[0]
    return next(env for env in platform.environments if env.name == chosen)


def _day(text: str, flag: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{flag} {text!r} is not a date", hint="write it like 2026-12-02") from error


def waive(
    platform: Platform, logbook: Logbook, rule: str, plan: Plan, *, reason: str, by: str, until: str, now_ms: int
) -> Waived:
    """Set one rule aside for one plan, on record. Raises UsageProblem for a rule that cannot be waived."""
    waivable = [name for name, item in RULES.items() if item.waivable]
    if rule not in waivable:
        why = "it is about safety, or two people have to set it aside"
        hint = f"what can be waived: {', '.join(waivable)}"
        if rule in RULES and RULES[rule].aside:
            why, hint = "it has boxes, and each is set aside by itself", RULES[rule].aside
        elif rule in RULES and RULES[rule].emergency:
            hint += '; for this one: shipkeeper windows emergency PLAN --reason "…" --by WHO --second WHO'
        raise UsageProblem(
            f"{rule!r} cannot be waived", why=why if rule in RULES else "there is no such gate", hint=hint
        )
    who = speaker(platform, by)
    if until:
        _day(until, "--until")
    made = Waived(
        rule=rule, subject=plan.digest, reason=_reason(reason), by=who.name, identity=who.identity, until=until
    )
    logbook.write(now_ms, [made])
    return made


def _reason(text: str) -> str:
    if not text.strip():
        raise UsageProblem("no reason is given", why="it is what an auditor asks first", hint='add --reason "…"')
    return text.strip()


class Voice(Struct, frozen=True):
    """A person who speaks, and how the API server can be asked who they are."""

    name: str
    context: str = ""
    kubeconfig: str = ""

    def identity(self, platform: Platform) -> str:
        """What the API server calls them, where it can be asked; else the platform file's ``identity``; else nothing.

        Raises Refused when the API server and the platform file know them by different names.
        """
        person = person_of(platform, self.name)
        declared = person.identity if person is not None else ""
        if not self.context and not self.kubeconfig:
            return declared
        told = who_am_i(self.context, self.kubeconfig)
        if declared and told != declared:
            raise Refused(
                f"these credentials are not {self.name}'s",
                code="another-identity",
                object=self.name,
                why=f"the API server calls them {told}, and the platform file knows {self.name} as {declared}",
                hint="use their own context, or mend identity: in the platform file",
            )
        return told


def declare_emergency(
    platform: Platform, logbook: Logbook, plan: Plan, *, reason: str, first: Voice, second: Voice, now_ms: int
) -> EmergencyDeclared:
    """Record that two people declare an emergency for a plan. Raises Refused when they are not known to be two."""
    one, other = speaker(platform, first.name), speaker(platform, second.name)
    identity, second_identity = first.identity(platform) or one.identity, second.identity(platform)
    if one.name == other.name or identity == second_identity:
        raise Refused(
            f"{one.name} and {other.name} are the same person",
            code="same-person",
            object=other.name,
            why="work outside what was agreed is decided by two",
            hint="a second person says so with --second NAME",
        )
    if not second_identity:
        raise Refused(
            f"who {other.name} is, is not known",
            code="unknown-identity",
            object=other.name,
            why="a name alone could be typed by anybody",
            hint="give their own credentials with --second-context NAME, or add identity: to them in the platform file",
        )
    made = EmergencyDeclared(
        id=f"emergency-{moment(now_ms):%Y%m%dT%H%M%SZ}",
        subject=plan.digest,
        reason=_reason(reason),
        by=one.name,
        second=other.name,
        identity=identity,
        second_identity=second_identity,
    )
    assert counts(made), "what is recorded opens the gates"
    logbook.write(now_ms, [made])
    return made
