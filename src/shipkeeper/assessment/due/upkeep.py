"""A product that runs, against what is known of it: how long it is supported, where it should go, by which way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from msgspec import Struct

from shipkeeper.assessment.components import Running
from shipkeeper.knowledge.library import Knowledge
from shipkeeper.knowledge.paths import known_releases, newest_of_lines, path_policy, policies_of
from shipkeeper.knowledge.support import Support
from shipkeeper.model.errors import DoesNotFit, ShipkeeperError
from shipkeeper.model.paths import PathPolicy, Release, UpgradePath
from shipkeeper.model.schedule import Need
from shipkeeper.model.version import find_version
from shipkeeper.semantics.paths.find import find_path
from shipkeeper.semantics.paths.releases import Known

BREATH_DAYS = 90
"""A line counts as a way out of an end of life when it lasts at least this much longer."""


class Upkeep(Struct, frozen=True, kw_only=True):
    """What is known of one product here. ``path`` None: there is nothing to go to, or no way; then ``no_way`` says why.

    ``hops_needed``: how many hops until a line is reached that is supported when the one that runs is no more; 0 when
    no end is known. ``hops_lasting``: until one that then lasts for a while.
    """

    running: Running
    supports: tuple[tuple[str, Support], ...]
    """Each version that runs with its support."""
    target: str = ""
    path: UpgradePath | None = None
    no_way: str = ""
    hops_needed: int = 0
    hops_lasting: int = 0
    needs: tuple[Need, ...] = ()

    @property
    def worst(self) -> Support | None:
        """Support of the oldest version that runs."""
        return self.supports[0][1] if self.supports else None

    @property
    def ended(self) -> bool:
        """Whether any version that runs is out of support."""
        return any(support.state == "ended" for _, support in self.supports)

    @property
    def stops(self) -> tuple[str, ...]:
        """The versions on the way, the target last."""
        return self.path.stops if self.path is not None else ()


def upkeep_of(running: Running, knowledge: Knowledge, today: date) -> Upkeep:
    """Judge one product as of a day (local to the platform)."""
    supports = tuple((v, knowledge.support_of(running.product, v, today)) for v in running.versions)
    needs = tuple(need for version, support in supports for need in _end_of_life(running, version, support))
    known = _releases(running, knowledge)
    target = _target(running, supports, known)
    path, no_way = _path(running, target, known)
    return Upkeep(
        running=running,
        supports=supports,
        target=target,
        path=path,
        no_way=no_way,
        hops_needed=_hops(running, supports, path, knowledge, today, 1),
        hops_lasting=_hops(running, supports, path, knowledge, today, BREATH_DAYS),
        needs=needs,
    )


def _end_of_life(running: Running, version: str, support: Support) -> list[Need]:
    cited = support.source
    stale = "; that fact is old, look again" if support.stale else ""
    name = f"{running.name} {version}"
    if support.eol:
        verb = "support of {} ended" if support.state == "ended" else "support of {} ends"
        firm = support.kind == "date"
        reckoned = "" if firm else ", reckoned by the project's rule"
        more = f"; extended support, which has to be ordered or joined, until {support.extended}"
        text = f"{verb.format(name)} on {support.eol}{reckoned}{more if support.extended else ''}{stale}"
        return [Need(kind="end-of-life", text=text, by=support.eol, source=cited, firm=firm)]
    if support.state == "ended":
        return [Need(kind="end-of-life", text=f"{name} is out of support: {support.reason}{stale}", source=cited)]
    if support.expected:
        text = f"support of {name} is expected to end about {support.expected} ({support.reason}){stale}"
        return [Need(kind="end-of-life", text=text, by=support.expected, source=cited, firm=False)]
    return []


def _releases(running: Running, knowledge: Knowledge) -> Known:
    """The releases that come with Shipkeeper, else the newest one of every release line that is known."""
    listed = known_releases(running.product)
    if listed is not None:
        return Known(listed.releases)
    here = [
        Release(version) for text in running.versions if (version := find_version(text, running.scheme)) is not None
    ]
    return Known([*here, *newest_of_lines(knowledge.support, running.product, running.scheme)], partial=True)


def _target(running: Running, supports: Sequence[tuple[str, Support]], known: Known) -> str:
    """What the team says, else the newest release that is known and not older than what runs."""
    if running.declared is not None and running.declared.target:
        return running.declared.target
    if not known.path or not running.versions:
        return ""
    newest = known.path[-1].version
    here = find_version(running.oldest, running.scheme)
    if here is None or not here < newest:
        return ""
    return newest.text


def _path(running: Running, target: str, known: Known) -> tuple[UpgradePath | None, str]:
    if not target or not running.oldest:
        return None, ""
    start, end = find_version(running.oldest, running.scheme), find_version(target, running.scheme)
    if start is None or end is None:
        unread = running.oldest if start is None else target
        return None, f"{unread!r} is not written as {running.scheme} versions are: no way can be told"
    try:
        return find_path(_policy(running), start, end, known, component=running.product), ""
    except DoesNotFit as error:
        return None, error.message
    except ShipkeeperError as error:
        return None, f"no way can be told: {error.message}"


def _policy(running: Running) -> PathPolicy:
    """The rule that the team chose, else the product's own, else one minor after the other."""
    if running.declared is not None and running.declared.path_policy:
        return path_policy(running.declared.path_policy)
    own = policies_of(running.product)
    return own[0] if own else path_policy(running.path)


def _hops(
    running: Running,
    supports: Sequence[tuple[str, Support]],
    path: UpgradePath | None,
    knowledge: Knowledge,
    today: date,
    breath_days: int,
) -> int:
    """Hops until a line that is still supported so many days after the one that runs ended; all when none is."""
    if path is None or not supports:
        return 0
    first = supports[0][1]
    ends = first.eol or first.expected
    if first.state != "ended" and not ends:
        return 0
    after = max(today, date.fromisoformat(ends)) if ends else today
    wanted = after + timedelta(days=breath_days)
    for count, stop in enumerate(path.stops, start=1):
        support = knowledge.support_of(running.product, stop, today)
        until = support.eol or support.expected
        if support.state != "ended" and (not until or date.fromisoformat(until) >= wanted):
            return count
    return len(path.stops)


def upkeep(components: Sequence[Running], knowledge: Knowledge, today: date) -> Mapping[str, Upkeep]:
    """Product → what is known of it, for every component."""
    return {running.product: upkeep_of(running, knowledge, today) for running in components}
