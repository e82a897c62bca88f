"""The fence: what is inside and outside of it, who owns what, and what runs that nobody claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.platform import Person, Platform, Scope
from shipkeeper.model.record import Record


class ScopeRow(Record, frozen=True, kw_only=True):
    """One part of the scope. ``runs``: workloads found in its namespaces; None where no cluster was read."""

    component: str
    inside: bool
    owner: str
    escalate_to: str
    contact: str
    namespaces: tuple[str, ...]
    runs: int | None = None
    absent: tuple[str, ...] = ()
    """Its namespaces that are not in the cluster."""


class Unclaimed(Record, frozen=True, kw_only=True):
    """A namespace in which something runs and that no part of the scope lists."""

    namespace: str
    workloads: int
    pods: int
    names: tuple[str, ...]
    """Some of what runs there, so that people recognise it."""


class ScopeView(Record, frozen=True, kw_only=True):
    """The whole answer. ``doubts``: what could not be known, in sentences."""

    rows: tuple[ScopeRow, ...]
    unclaimed: tuple[Unclaimed, ...]
    doubts: tuple[str, ...] = ()


_MOST_NAMES = 4


def look_at_scope(platform: Platform, inventory: Inventory | None) -> ScopeView:
    """Every part of the scope with who is called; and, with an inventory, what nobody claims."""
    doubts = []
    if not platform.scope:
        doubts.append("the platform file declares no scope: nobody is named as owner of anything")
    doubts += [
        f"nobody owns {scope.component}: write its owner"
        for scope in platform.scope
        if scope.inside and not scope.owner
    ]
    silent = [scope.component for scope in platform.scope if not _escalate(scope, platform)]
    if silent:
        doubts.append(f"nobody is named to escalate to for {', '.join(silent)}")
    for namespace, owners in _claimed_twice(platform.scope):
        doubts.append(f"namespace {namespace} is claimed by {' and by '.join(owners)}: who is called at night?")
    if inventory is None:
        doubts.append("no cluster was read: what runs and is claimed by nobody is not known")
    else:
        doubts += [
            f"{item.what} could not be read: something that nobody claims may be missing here"
            for item in inventory.missing
            if item.what in ("namespaces", "pods", "deployments", "statefulsets", "daemonsets", "jobs", "cronjobs")
        ]
    rows = tuple(_row(scope, platform, inventory) for scope in sorted(platform.scope, key=lambda s: not s.inside))
    return ScopeView(rows=rows, unclaimed=_unclaimed(platform.scope, inventory), doubts=tuple(doubts))


def owner_of(platform: Platform, namespace: str) -> Scope | None:
    """The part of the scope that lists a namespace, or None."""
    return next((scope for scope in platform.scope if namespace in scope.namespaces), None)


def _row(scope: Scope, platform: Platform, inventory: Inventory | None) -> ScopeRow:
    to = _escalate(scope, platform)
    person = next((p for p in platform.people if p.name == to), None)
    runs: int | None = None
    absent: tuple[str, ...] = ()
    if inventory is not None:
        runs = sum(1 for w in inventory.workloads if w.namespace in scope.namespaces and w.owner is None)
        if not inventory.is_missing("namespaces") and inventory.namespaces:
            present = {namespace.name for namespace in inventory.namespaces}
            absent = tuple(name for name in scope.namespaces if name not in present)
    return ScopeRow(
        component=scope.component,
        inside=scope.inside,
        owner=scope.owner,
        escalate_to=to,
        contact=person.contact if person else "",
        namespaces=scope.namespaces,
        runs=runs,
        absent=absent,
    )


def _escalate(scope: Scope, platform: Platform) -> str:
    """Whom to turn to: as the scope says, else whom its owner turns to, else for what is inside the team lead."""
    if scope.escalate_to:
        return scope.escalate_to
    owner: Person | None = next((p for p in platform.people if p.name == scope.owner), None)
    if owner is not None and owner.escalate_to:
        return owner.escalate_to
    if scope.inside:
        return next((p.name for p in platform.people if "lead" in p.roles), "")
    return ""


def _claimed_twice(scopes: Sequence[Scope]) -> list[tuple[str, list[str]]]:
    claims: dict[str, list[str]] = {}
    for scope in scopes:
        for namespace in scope.namespaces:
            claims.setdefault(namespace, []).append(scope.component)
    return sorted((namespace, owners) for namespace, owners in claims.items() if len(owners) > 1)


def _unclaimed(scopes: Sequence[Scope], inventory: Inventory | None) -> tuple[Unclaimed, ...]:
    if inventory is None:
        return ()
    claimed = {namespace for scope in scopes for namespace in scope.namespaces}
    pods = Counter(inventory.pods.namespaces[i] for i in inventory.pods.columns["namespace"].tolist())
    workloads: dict[str, list[str]] = {}
    for workload in inventory.workloads:
        if workload.owner is None:
            workloads.setdefault(workload.namespace, []).append(f"{workload.kind} {workload.name}")
    running = {*pods, *workloads} - claimed
    # An empty default namespace is no finding; one in which something runs is.
    return tuple(
        Unclaimed(
            namespace=namespace,
            workloads=len(workloads.get(namespace, ())),
            pods=pods.get(namespace, 0),
            names=tuple(sorted(workloads.get(namespace, ()))[:_MOST_NAMES]),
        )
        for namespace in sorted(running)
    )
