"""The standing gates of a plan: what the platform file and the logbook say about its time, asked again at each read.

A rule is a function of a ``Matter`` and an instant. To add one: decide in ``assessment/standing``, ask it in a module
of its own, list it in ``RULES``, and describe it in ``ports/standing_gates.py``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.notices.gate import read_notices
from shipkeeper.app.past_runs import PastRuns, place_of
from shipkeeper.app.standing_backups import BackupsSeen, read_backups, seen_of
from shipkeeper.app.standing_checklist import read_gate
from shipkeeper.app.state import State
from shipkeeper.app.survey_platform import LivePlatform
from shipkeeper.app.workdays import closed_days
from shipkeeper.assessment.standing import agreement, checklist, freezes, notes, staging
from shipkeeper.assessment.standing.backups import NAME as BACKUPS
from shipkeeper.assessment.standing.backups import cannot_undo
from shipkeeper.assessment.standing.notices_sent import NAME as NOTICES
from shipkeeper.assessment.standing.overrides import Overrides, with_overrides
from shipkeeper.assessment.standing.past import PastRun
from shipkeeper.assessment.standing.work import Work, work_of
from shipkeeper.knowledge.schedule import merged_schedule
from shipkeeper.model.book import EmergencyDeclared, Waived, WindowAgreed, WorkRecorded
from shipkeeper.model.errors import Refused, ShipkeeperError
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import ClusterConfig, Environment, Platform
from shipkeeper.model.time import moment
from shipkeeper.planning.settings import find_cluster
from shipkeeper.planning.window import window_at
from shipkeeper.ports.gates import GateReading, StandingGate

NO_FILE = "the platform file declares no environment"


@dataclass(frozen=True)
class Matter:
    """What the gates are about. Nothing is read ahead: an agreement recorded meanwhile counts at the next read."""

    plan: Plan
    platform: Platform
    state: State
    logbook: Logbook
    past: PastRuns = field(compare=False)
    backups: BackupsSeen = field(compare=False)
    context: str = ""
    """The kubeconfig context that the run was given: another name that the platform file may know the cluster by."""

    @property
    def place(self) -> tuple[Environment, ClusterConfig] | None:
        """The plan's cluster in the platform file; None when the file declares no environment at all.

        Raises Refused when the file has environments and the cluster is in none of them.
        """
        if not self.platform.environments:
            return None
        cluster = self.plan.cluster
        found = find_cluster(self.platform, "", cluster.name, cluster.uid)
        if found is None and self.context:
            found = find_cluster(self.platform, "", self.context, cluster.uid)
        if found is None:
            raise Refused(
                f"the platform file does not say which environment cluster {cluster.name or cluster.uid} belongs to",
                code="unknown-environment",
                object=f"cluster {cluster.name or cluster.uid}",
                why="windows, freezes and what goes first are declared by environment",
                hint=f"add it under clusters: of its environment, with uid: {cluster.uid}",
            )
        return found

    @property
    def environment(self) -> Environment | None:
        """The environment; None and errors as in ``place``."""
        found = self.place
        return None if found is None else found[0]

    @property
    def work(self) -> Work:
        """What the plan's work is called in the schedule and the logbook."""
        return work_of(self.plan, merged_schedule(self.platform.schedule))

    def places(self, environment: Environment) -> tuple[agreement.Place, ...]:
        """The environment's windows in which the plan's lies whole."""
        window = self.plan.window
        if window is None:
            return ()
        found = ((rule, window_at(rule, window.opens_ms, window.closes_ms)) for rule in environment.windows)
        return tuple(agreement.Place(rule, one) for rule, one in found if one is not None)


Decide = Callable[[Matter, int], GateReading]


@dataclass(frozen=True)
class Rule:
    """One standing gate. ``waivable``: one person's recorded word sets it aside for one plan; ``emergency``: two
    people's declaration does.
    """

    decide: Decide
    look: Callable[[Matter], Awaitable[None]] | None = None
    """Asks the cluster before a run's reading, where the rule is about what it shows now."""
    waivable: bool = False
    emergency: bool = True
    aside: str = ""
    """The command that sets a part of it aside, where it has parts."""


def _window_agreed(matter: Matter, at_ms: int) -> GateReading:
    environment = matter.environment
    if environment is None:
        return GateReading(agreement.AGREED, "open", NO_FILE)
    return agreement.window_agreed(
        matter.plan.window,
        matter.places(environment),
        matter.work,
        environment.name,
        bool(environment.windows),
        matter.logbook.of_kind(WindowAgreed),
        at_ms,
    )


def _window_content(matter: Matter, at_ms: int) -> GateReading:
    environment = matter.environment
    if environment is None:
        return GateReading(agreement.CONTENT, "open", NO_FILE)
    return agreement.window_content(matter.places(environment), matter.work, environment.name)


def _not_frozen(matter: Matter, at_ms: int) -> GateReading:
    platform, environment = matter.platform, matter.environment
    declared = platform.freezes + (environment.freezes if environment is not None else ())
    found = freezes.compile_freezes(declared, platform.zone)
    return freezes.not_frozen(found, matter.plan.window, matter.plan.change, at_ms)


def _staging_first(matter: Matter, at_ms: int) -> GateReading:
    platform, environment = matter.platform, matter.environment
    if environment is None:
        return GateReading(staging.NAME, "open", NO_FILE)
    runs = matter.past.all() if environment.follows else ()
    tried = staging.tried_by_runs(_first_runs(matter, runs), matter.work)
    if environment.follows:
        records = matter.logbook.of_kind(WorkRecorded)
        tried += staging.tried_by_hand(records, environment.follows, matter.work, platform.zone)
    closed = closed_days(platform, environment, at_ms - staging.LONGEST_MS, at_ms + staging.LONGEST_MS)
    since_ms = staging.last_done_here(runs, matter.plan)
    return staging.staging_first(environment, matter.work, tried, since_ms, closed, platform.zone, at_ms)


def _first_runs(matter: Matter, runs: Sequence[PastRun]) -> list[PastRun]:
    """Runs in the environment that goes first: on its cluster of the same role, where it has one."""
    place = matter.place
    assert place is not None, "asked only where there is an environment"
    environment, cluster = place
    first = next((env for env in matter.platform.environments if env.name == environment.follows), None)
    if first is None:
        return []
    alike = {other.name for other in first.clusters if other.role == cluster.role} or {c.name for c in first.clusters}
    found = ((run, place_of(matter.platform, run)) for run in runs)
    return [run for run, at in found if at is not None and at[0].name == first.name and at[1].name in alike]


def _checklist_before(matter: Matter, at_ms: int) -> GateReading:
    past = matter.past.all()
    return read_gate(matter.plan, matter.platform, matter.state, matter.logbook, past, at_ms, matter.context)


async def _look_at_backups(matter: Matter) -> None:
    if cannot_undo(matter.plan):
        await matter.backups.look()


def _backup_fresh(matter: Matter, at_ms: int) -> GateReading:
    return read_backups(matter.plan, matter.platform, matter.environment, matter.state, matter.backups, at_ms)


def _notices_sent(matter: Matter, at_ms: int) -> GateReading:
    return read_notices(matter.plan, matter.platform, matter.state, matter.logbook, at_ms)


def _notes_read(matter: Matter, at_ms: int) -> GateReading:
    return notes.notes_read(matter.plan.upgrade, [item.event for item in matter.logbook.read()])


RULES: dict[str, Rule] = {
    agreement.AGREED: Rule(_window_agreed),
    agreement.CONTENT: Rule(_window_content),
    freezes.NAME: Rule(_not_frozen),
    staging.NAME: Rule(_staging_first, waivable=True),
    notes.NAME: Rule(_notes_read, waivable=True),
    NOTICES: Rule(_notices_sent, waivable=True),
    checklist.NAME: Rule(_checklist_before, aside="shipkeeper checklist before PLAN --waive BOX --by WHO --note WHY"),
    BACKUPS: Rule(_backup_fresh, look=_look_at_backups, waivable=True, emergency=False),
}
"""By the gate's id, in the order in which a run reads them."""


@dataclass(frozen=True)
class _Standing:
    name: str
    rule: Rule
    matter: Matter

    async def read(self, at_ms: int) -> GateReading:
        if self.rule.look is not None:
            await self.rule.look(self.matter)
        return read_rule(self.name, self.rule, self.matter, at_ms)


def read_rule(name: str, rule: Rule, matter: Matter, at_ms: int) -> GateReading:
    """The rule's answer, opened where a record sets it aside. A logbook that cannot be read sets nothing aside."""
    try:
        reading = rule.decide(matter, at_ms)
    except ShipkeeperError as error:
        reading = GateReading(
            name, "unknown", "cannot be read", reason=error.message, object=error.object, fix=error.hint
        )
    if reading.is_open:
        return reading
    overrides = Overrides(matter.logbook.of_kind(Waived), matter.logbook.of_kind(EmergencyDeclared))
    window = matter.plan.window
    # A night is one day: what holds on the day of its opening holds until its end.
    day = moment(at_ms if window is None else min(at_ms, window.opens_ms), matter.platform.zone).date()
    return with_overrides(reading, overrides, matter.plan.digest, day, waivable=rule.waivable, emergency=rule.emergency)


def matter_of(
    plan: Plan, platform: Platform, state: State, context: str = "", live: LivePlatform | None = None
) -> Matter:
    """What the gates of that plan are about. ``live``: the cluster that its run is on."""
    seen = seen_of(plan, state, live)
    return Matter(plan, platform, state, Logbook.of(state, platform), PastRuns(state), seen, context)


def standing_gates(
    plan: Plan, platform: Platform, state: State, context: str = "", live: LivePlatform | None = None
) -> tuple[StandingGate, ...]:
    """The gates that a run of this plan has to pass, in the order in which they are read."""
    matter = matter_of(plan, platform, state, context, live)
    return tuple(_Standing(name, rule, matter) for name, rule in RULES.items())


def read_all(plan: Plan, platform: Platform, state: State, at_ms: int) -> tuple[GateReading, ...]:
    """What each of them says about that instant."""
    matter = matter_of(plan, platform, state)
    return tuple(read_rule(name, rule, matter, at_ms) for name, rule in RULES.items())


def keep_agreements(plan: Plan, platform: Platform, state: State, at_ms: int, context: str = "") -> None:
    """Record the file's agreement to the plan's windows once, so that changing the rule later shows."""
    matter = matter_of(plan, platform, state, context)
    try:
        environment = matter.environment
    except Refused:  # the gates say so
        return
    if environment is None:
        return
    book = matter.logbook.of_kind(WindowAgreed)
    found = (agreement.from_file(place.rule, environment.name, book) for place in matter.places(environment))
    new = [record for record in found if record is not None]
    if new:
        matter.logbook.write(at_ms, new)
