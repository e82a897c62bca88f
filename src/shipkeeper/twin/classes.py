"""What the scheduler asks about a scheduling class, worked out once for all seeds.

Everything here is a pure function of the inventory: which other classes a term or constraint is about, which node
belongs to which domain, and whether a node may ever take pods of the class. The rules themselves are ``semantics``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from shipkeeper.model.nodes import Node, Taint
from shipkeeper.model.pods import PodShape, PodTerm, SpreadConstraint
from shipkeeper.semantics import spread as spreading
from shipkeeper.semantics.affinity import HOSTNAME, ZONE, term_matches
from shipkeeper.semantics.placement import labels_by_namespace, node_reasons
from shipkeeper.semantics.selectors import matches
from shipkeeper.semantics.taints import tolerated
from shipkeeper.semantics.volumes import Storage, attachments_by_driver, claim_reasons
from shipkeeper.twin.base import Base, Group

Ids = NDArray[np.int64]
Verdict = Callable[[Node], int]


class Domains(Struct, frozen=True):
    """Nodes by the value of one label: ``of[node]`` is the domain, -1 without the label."""

    of: Ids
    at: tuple[int, ...]
    """The same for reading one by one, which an array is slow at."""
    count: int


class Spreading(Struct, frozen=True):
    """A spread constraint of a class: whom it counts, and which nodes are part of its domains."""

    constraint: SpreadConstraint
    domains: Domains
    groups: tuple[int, ...]
    counts_self: bool
    eligible: int
    """Index of the node verdict that says which nodes count."""


class Term(Struct, frozen=True):
    """An affinity term: its domains and the classes it is about."""

    domains: Domains
    groups: tuple[int, ...]


class SchedulingClass(Struct, frozen=True):
    """Everything the filters need of one class."""

    group: Group
    static: int
    """Index of the node verdict: taints, cordon, node affinity, volumes."""
    avoided: int
    """Index of the node verdict that counts PreferNoSchedule taints; -1 where no node has any."""
    hard: tuple[Spreading, ...]
    soft: tuple[Spreading, ...]
    near: tuple[Term, ...]
    near_self: bool
    """The class satisfies its own affinity: its first pod may start a domain."""
    apart: tuple[Term, ...]
    """The class's own anti-affinity, and that of others against it."""
    exclusive: tuple[int, ...]
    """Classes that share a ReadWriteOncePod claim with it, itself included."""
    drivers: tuple[tuple[str, int], ...]
    """(CSI driver, volumes) that a pod brings along, for drivers with limits."""
    plain: bool
    """Nothing but resources and node verdicts decides where it fits."""


class Classes:
    """Scheduling classes by group, built on first use, and the node verdicts they refer to."""

    def __init__(self, base: Base) -> None:
        self._base = base
        inventory = base.inventory
        known = not (inventory.is_missing("persistentvolumeclaims") or inventory.is_missing("persistentvolumes"))
        self.storage = Storage(
            inventory.claims, inventory.volumes, inventory.storage_classes, inventory.csi_nodes, known=known
        )
        self.verdicts: list[Verdict] = []
        self.initial: list[Ids] = []
        """Each verdict over the surveyed nodes."""
        self._verdict_ids: dict[object, int] = {}
        self._memo: dict[tuple[int, int, bool, tuple[Taint, ...]], int] = {}
        self._classes: dict[int, SchedulingClass] = {}
        self._domains: dict[str, Domains] = {}
        self._in_namespace: dict[str, list[Group]] = {}
        for group in base.groups:
            self._in_namespace.setdefault(group.namespace, []).append(group)
        self._repelling = [group for group in base.groups if group.shape.pod_anti_affinity]
        self._labels = labels_by_namespace((item.name, item.labels) for item in inventory.namespaces)
        self._prefer = any(taint.effect == "PreferNoSchedule" for node in base.nodes for taint in node.taints)
        self._limits = {driver for limits in self.storage.limits.values() for driver in limits}
        self._of_owner: dict[int, list[int]] = {}
        for group in base.groups:
            self._of_owner.setdefault(group.owner, []).append(group.index)

    def of(self, group: int) -> SchedulingClass:
        """The class of that group."""
        known = self._classes.get(group)
        if known is None:
            known = self._classes[group] = self._build(self._base.groups[group])
        return known

    def verdict(self, index: int, row: int, node: Node) -> int:
        """One node verdict for a node as it is now. Only taints and cordon ever change, so those key the memo."""
        key = (index, row, node.unschedulable, node.taints)
        known = self._memo.get(key)
        if known is None:
            known = self._memo[key] = self.verdicts[index](node)
        return known

    def domains(self, key: str) -> Domains:
        """Nodes by the value of that label."""
        known = self._domains.get(key)
        if known is None:
            ids: dict[str, int] = {}
            of = [ids.setdefault(n.labels[key], len(ids)) if key in n.labels else -1 for n in self._base.nodes]
            known = self._domains[key] = Domains(np.asarray(of, dtype=np.int64), tuple(of), len(ids))
        return known

    # --- building --------------------------------------------------------------------------

    def _build(self, group: Group) -> SchedulingClass:
        shape = group.shape
        hard = tuple(self._spreading(group, item) for item in spreading.hard_constraints(shape))
        soft = [self._spreading(group, item) for item in shape.spread if not item.hard]
        if not shape.spread:
            soft = self._default_spread(group)
        apart = self._apart(group)
        drivers = attachments_by_driver(group.namespace, group.claims, self.storage) if group.claims else {}
        limited = tuple((driver, count) for driver, count in sorted(drivers.items()) if driver in self._limits)
        exclusive = self._exclusive(group)
        plain = not (hard or apart or shape.pod_affinity or shape.host_ports or limited or exclusive)
        return SchedulingClass(
            group=group,
            static=self._static(group),
            avoided=self._avoided(shape) if self._prefer else -1,
            hard=hard,
            soft=tuple(soft),
            near=self._near(group),
            near_self=all(
                term_matches(term, group.namespace, group.namespace, shape.labels, self._labels)
                for term in shape.pod_affinity
            ),
            apart=apart,
            exclusive=exclusive,
            drivers=limited,
            plain=plain,
        )

    def _add_verdict(self, key: object, verdict: Verdict) -> int:
        known = self._verdict_ids.get(key)
        if known is None:
            known = self._verdict_ids[key] = len(self.verdicts)
            self.verdicts.append(verdict)
            rows = [self.verdict(known, row, node) for row, node in enumerate(self._base.nodes)]
            self.initial.append(np.asarray(rows, dtype=np.int64))
        return known

    def _static(self, group: Group) -> int:
        shape, storage = group.shape, self.storage

        def may_take(node: Node) -> int:
            if node_reasons(shape, node):
                return 0
            return int(not (group.claims and claim_reasons(group.namespace, group.claims, node, storage)))

        claims = (group.namespace, group.claims) if group.claims else ()
        return self._add_verdict(("static", _where(shape), claims), may_take)

    def _avoided(self, shape: PodShape) -> int:
        def avoid(node: Node) -> int:
            soft = (taint for taint in node.taints if taint.effect == "PreferNoSchedule")
            return sum(1 for taint in soft if not tolerated(taint, shape.tolerations))

        return self._add_verdict(("avoided", shape.tolerations), avoid)

    def _spreading(self, group: Group, constraint: SpreadConstraint) -> Spreading:
        shape = group.shape
        selector = spreading.effective_selector(constraint, shape.labels)
        found = (other for other in self._in_namespace[group.namespace] if matches(selector, other.shape.labels))
        keys = tuple(item.topology_key for item in spreading.hard_constraints(shape))
        policies = (constraint.node_affinity_policy, constraint.node_taints_policy)
        key = ("counts", _where(shape), keys, constraint.topology_key, policies)
        return Spreading(
            constraint=constraint,
            domains=self.domains(constraint.topology_key),
            groups=tuple(other.index for other in found),
            counts_self=spreading.counts_self(constraint, shape.labels),
            eligible=self._add_verdict(key, lambda node: int(spreading.counts_node(constraint, shape, node))),
        )

    def _default_spread(self, group: Group) -> list[Spreading]:
        """The scheduler's own soft constraints for pods of a controller: zones (skew 5) and nodes (skew 3)."""
        if group.owner < 0 or self._base.owners[group.owner].kind not in _SPREAD_BY_DEFAULT:
            return []
        groups = tuple(self._of_owner[group.owner])
        every = self._add_verdict("every", lambda node: 1)
        return [
            Spreading(
                constraint=SpreadConstraint(topology_key=key, max_skew=skew, hard=False),
                domains=self.domains(key),
                groups=groups,
                counts_self=True,
                eligible=every,
            )
            for key, skew in ((ZONE, 5), (HOSTNAME, 3))
        ]

    def _near(self, group: Group) -> tuple[Term, ...]:
        terms = group.shape.pod_affinity
        if not terms:
            return ()
        candidates = self._about(terms[0])
        friends = tuple(
            other.index
            for other in (candidates if candidates is not None else self._in_namespace[group.namespace])
            if all(self._matches(term, group, other) for term in terms)
        )
        return tuple(Term(self.domains(term.topology_key), friends) for term in terms)

    def _apart(self, group: Group) -> tuple[Term, ...]:
        found: list[Term] = []
        for term in group.shape.pod_anti_affinity:
            candidates = self._about(term)
            others = candidates if candidates is not None else self._in_namespace[group.namespace]
            groups = tuple(other.index for other in others if self._matches(term, group, other))
            found.append(Term(self.domains(term.topology_key), groups))
        by_key: dict[str, list[int]] = {}
        for other in self._repelling:
            for term in other.shape.pod_anti_affinity:
                near = term.namespaces or term.namespace_selector is not None or other.namespace == group.namespace
                if near and self._matches(term, other, group):
                    by_key.setdefault(term.topology_key, []).append(other.index)
        found.extend(Term(self.domains(key), tuple(groups)) for key, groups in sorted(by_key.items()))
        return tuple(found)

    def _about(self, term: PodTerm) -> list[Group] | None:
        """Groups that a term may be about; None: those of the pod's own namespace only."""
        return self._base.groups if term.namespaces or term.namespace_selector is not None else None

    def _matches(self, term: PodTerm, of: Group, other: Group) -> bool:
        return term_matches(term, of.namespace, other.namespace, other.shape.labels, self._labels)

    def _exclusive(self, group: Group) -> tuple[int, ...]:
        alone = {
            name
            for name in group.claims
            if (claim := self.storage.claim(group.namespace, name)) is not None
            and "ReadWriteOncePod" in claim.access_modes
        }
        if not alone:
            return ()
        return tuple(other.index for other in self._in_namespace[group.namespace] if alone.intersection(other.claims))


_SPREAD_BY_DEFAULT = frozenset({"ReplicaSet", "ReplicationController", "StatefulSet"})


def _where(shape: PodShape) -> tuple[object, ...]:
    """What decides which nodes a shape may ever be on."""
    return (tuple(sorted(shape.node_selector.items())), shape.node_terms, shape.tolerations)
