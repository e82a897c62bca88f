"""The programme of maintenance: what is due in each cluster, put into the agreed windows of its environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.app.classify import Around, Given, classify_given
from shipkeeper.app.due import journal_facts, list_due
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.propose import Wishes, seconds_of_nodes
from shipkeeper.app.state import State
from shipkeeper.app.workdays import closed_days
from shipkeeper.assessment.notices.obligations import earliest_opening
from shipkeeper.assessment.standing.freezes import compile_freezes, frozen_during
from shipkeeper.knowledge.library import Knowledge
from shipkeeper.model.book import EmergencyDeclared, ExposureAnswered
from shipkeeper.model.declared_windows import CHANGES, WindowRule
from shipkeeper.model.errors import BadInput, Refused, ShipkeeperError
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.platform import ClusterConfig, Environment, Platform
from shipkeeper.model.program import WINDOWS_AHEAD, Program, Work
from shipkeeper.model.run import RunEvent
from shipkeeper.model.time import DAY, iso, moment, parse_duration
from shipkeeper.model.workdays import after_working_days
from shipkeeper.planning.fill import Box
from shipkeeper.planning.program import Asked, Opening, make_program
from shipkeeper.planning.settings import find_cluster
from shipkeeper.planning.window import upcoming
from shipkeeper.planning.works import ClusterDue, works_of

AHEAD_MS = 400 * DAY


class Looked(Struct, frozen=True):
    """One cluster that was looked at, and how it is called."""

    inventory: Inventory
    context: str = ""
    cluster: str = ""


def programme(
    platform: Platform,
    clusters: Sequence[Looked],
    state: State,
    now_ms: int,
    *,
    ahead: int = WINDOWS_AHEAD,
    only: Sequence[str] = (),
    knowledge: Knowledge,
) -> Program:
    """Plan everything that is due. Raises BadInput for a window rule that is not understood."""
    book = [item.event for item in Logbook.of(state, platform).read()]
    facts = journal_facts(state)
    doubts: list[str] = []
    works: list[Work] = []
    places: dict[str, Environment] = {}
    roles: dict[str, str] = {}
    for looked in clusters:
        environment, cluster = _place(platform, looked)
        places[environment.name] = environment
        roles[cluster.name] = cluster.role
        found = list_due(
            platform, looked.inventory, facts, now_ms, book=book, knowledge=knowledge, cluster=looked.cluster,
            context=looked.context,
        )  # fmt: skip
        due = ClusterDue(
            environment=environment,
            cluster=cluster.name,
            role=cluster.role,
            context=looked.context or cluster.context,
            inventory=looked.inventory,
            items=found.items,
            change=_Classes(platform, knowledge, looked.inventory, book, now_ms),
            node_seconds=_node_seconds(looked, platform, now_ms, doubts),
        )
        works.extend(_lawful(work, platform, now_ms) for work in works_of(due, platform, knowledge, only))
        doubts += [
            f"{cluster.name}: {item.what} could not be read: {item.unknown}" for item in looked.inventory.missing
        ]
    openings = [one for env in places.values() for one in _openings(platform, env, now_ms, ahead)]
    openings.sort(key=lambda one: (one.box.opens_ms, one.box.environment, one.box.name))
    doubts += _doubts(places)
    return make_program(
        Asked(
            platform=platform,
            works=works,
            openings=openings,
            gap=_Gaps(platform, places, roles, openings),
            created_ms=now_ms,
            blocked=_blocked(works, platform),
            doubts=tuple(dict.fromkeys(doubts)),
        )
    )


def _place(platform: Platform, looked: Looked) -> tuple[Environment, ClusterConfig]:
    """The environment and cluster of an inventory; without a platform file one of its own."""
    identity = looked.inventory.identity
    found = find_cluster(platform, looked.cluster, looked.context or identity.name, identity.uid)
    if found is not None:
        return found
    cluster = ClusterConfig(name=looked.cluster or identity.name or looked.context or "cluster")
    return Environment(name="production", clusters=(cluster,)), cluster


class _Classes:
    """The class of each hop, by its versions, the APIs it removes, and what scanners and people said."""

    def __init__(
        self, platform: Platform, known: Knowledge, inventory: Inventory, book: Sequence[RunEvent], now_ms: int
    ) -> None:
        self._around = Around(
            platform=platform,
            knowledge=known,
            today=moment(now_ms, platform.zone).date(),
            inventory=inventory,
            answers=tuple(event for event in book if isinstance(event, ExposureAnswered)),
            emergencies=tuple(event for event in book if isinstance(event, EmergencyDeclared)),
        )

    def __call__(self, product: str, before: str, after: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        given = Given(component=product, from_version=before, to_version=after)
        classed = classify_given(given, self._around)
        change = classed.notice if classed.notice != "emergency" else "security-patch"
        if classed.kind == "security-patch":
            change = "security-patch"
        why = [reason.text for reason in classed.reasons if reason.decides][:2]
        unread = sorted({gap.source for gap in classed.unknown})
        if unread:
            why.append(f"not compared: {', '.join(unread)} (shipkeeper classify)")
        also = ("major",) if classed.treated_as == "major" and change != "major" else ()
        return change, tuple(why), also


def _node_seconds(looked: Looked, platform: Platform, now_ms: int, doubts: list[str]) -> tuple[float, float] | None:
    """(P50, P95) of draining and restarting all workers one after another, as ``plan nodes`` estimates it."""
    try:
        return seconds_of_nodes(looked.inventory, Wishes(cluster=looked.cluster), platform, now_ms, looked.context)
    except (Refused, BadInput, ShipkeeperError) as error:
        doubts.append(f"how long the nodes take is not known: {error.message}")
        return None


def _lawful(work: Work, platform: Platform, now_ms: int) -> Work:
    """The work with the earliest time at which its notice, sent now, is in time."""
    if not work.needs_window:
        return work
    zone = platform.zone
    changes = (work.change, *work.also)
    opens_ms = max(earliest_opening(change, platform.notices, now_ms, zone) for change in changes)
    return replace(work, not_before=iso(opens_ms, zone)) if opens_ms > now_ms else work


def _openings(platform: Platform, environment: Environment, now_ms: int, ahead: int) -> list[Opening]:
    """The next windows of an environment, each with what may go into it."""
    freezes = compile_freezes((*platform.freezes, *environment.freezes), platform.zone)
    reserve = environment.clusters[0].drain.reserve if environment.clusters else "30m"
    found = []
    for rule in environment.windows:
        for window in islice(_coming(rule, now_ms), ahead):
            stopping = frozen_during(freezes, window.opens_ms, window.closes_ms)
            allowed = tuple(
                change for change in CHANGES if not frozen_during(freezes, window.opens_ms, window.closes_ms, change)
            )
            box = Box(
                name=rule.name,
                environment=environment.name,
                opens_ms=window.opens_ms,
                closes_ms=window.closes_ms,
                reserve_ms=parse_duration(reserve),
                content=rule.content,
                frozen_but=allowed if stopping else None,
                frozen_by=", ".join(one.freeze.name for one in stopping),
            )
            found.append(Opening(window, box))
    return sorted(found, key=lambda one: one.box.opens_ms)[:ahead]


def _coming(rule: WindowRule, now_ms: int) -> Iterator[PlanWindow]:
    """The rule's windows that have not begun."""
    return (window for window in upcoming(rule, now_ms, now_ms + AHEAD_MS) if window.opens_ms > now_ms)


class _Gaps:
    """How two works of the same change hang together across clusters and environments."""

    def __init__(
        self,
        platform: Platform,
        places: Mapping[str, Environment],
        roles: Mapping[str, str],
        openings: Sequence[Opening],
    ) -> None:
        self._places = places
        self._roles = roles
        self._skews = {name: self._skew(platform, env, openings) for name, env in places.items() if env.follows}

    def __call__(self, work: Work, other: Work) -> int | None:
        """How long after ``other`` the same may begin as ``work``; None: they are not tied."""
        if work.environment == other.environment:
            before = self._roles.get(other.cluster) == "sc" and self._roles.get(work.cluster) == "wc"
            return 0 if before or other.id in work.needs else None
        if self._places[work.environment].follows == other.environment:
            return self._skews[work.environment]
        return None

    @staticmethod
    def _skew(platform: Platform, environment: Environment, openings: Sequence[Opening]) -> int:
        """The longest that so many working days take, after any window of the followed environment."""
        ends = [one.box.closes_ms for one in openings if one.box.environment == environment.follows]
        if not ends:
            return environment.skew * DAY
        closed = closed_days(platform, environment, min(ends), max(ends) + 120 * DAY)
        gaps = []
        for end in ends:
            proved = after_working_days(end, environment.skew, platform.zone, closed)
            gaps.append(AHEAD_MS if proved is None else proved - end)
        return max(gaps)


def _blocked(works: Sequence[Work], platform: Platform) -> dict[str, str]:
    """Minors of Kubernetes while nobody has decided how long before them developers are told, and what follows."""
    if platform.notices.kubernetes_minor:
        return {}
    why = "nobody has decided how long before a Kubernetes minor developers are told (notices.kubernetesMinor)"
    found = {work.id: why for work in works if work.change == "kubernetes-minor"}
    for work in works:
        waiting = [need for need in work.needs if need in found]
        if waiting and work.id not in found:
            found[work.id] = f"it needs {waiting[0]} first"
    return found


def _doubts(places: Mapping[str, Environment]) -> list[str]:
    """What a reader should know before they rely on it."""
    said = []
    for name, env in places.items():
        if not env.windows:
            said.append(f"environment {name} has no agreed windows: nothing that needs one can be planned")
        if env.production and env.follows and env.follows not in places:
            said.append(
                f"{name} follows {env.follows}, which was not looked at: what is planned here waits for it there"
            )
        if env.production and env.follows is None:
            said.append(
                f"nobody said which environment {name} follows (follows:): production waits until somebody does"
            )
    return said
