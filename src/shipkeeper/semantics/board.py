"""Trial placements: nodes with pods on them, and every filter that one more pod has to pass.

Static rules come from ``placement``; what changes with every pod is here: resources, host ports, topology spread,
affinity between pods, volume limits. Pods are kept as counts by (namespace, shape) and node. ``rollback`` undoes
everything since a ``mark``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import HostPort, Pod, PodShape, PodTerm, SpreadConstraint
from shipkeeper.model.room import Room
from shipkeeper.model.storage import Volume
from shipkeeper.semantics import room as rooms
from shipkeeper.semantics import spread as spreading
from shipkeeper.semantics.affinity import term_matches
from shipkeeper.semantics.placement import Placed, lacks, node_reasons, tally, with_room
from shipkeeper.semantics.ports import clash
from shipkeeper.semantics.selectors import matches
from shipkeeper.semantics.taints import tolerates_cordon
from shipkeeper.semantics.volumes import Storage, attachments_by_driver, claim_reasons, mountable

Mask = NDArray[np.bool_]
_NO_LIMIT = np.iinfo(np.int64).max


class Group:
    """All pods of one namespace and shape: how many on each node (by row)."""

    __slots__ = ("key", "namespace", "on", "shape", "takes")

    def __init__(self, key: int, namespace: str, shape: PodShape, takes: NDArray[np.int64]) -> None:
        self.key, self.namespace, self.shape = key, namespace, shape
        self.takes = takes
        """Of each resource, one pod."""
        self.on: dict[int, int] = {}


def _looks_afar(term: PodTerm) -> bool:
    """Whether a term may look beyond its own namespace."""
    return bool(term.namespaces) or term.namespace_selector is not None


class Board:
    """Nodes, what is free on them, and which pods they hold. Terminating pods count for room and affinity only."""

    def __init__(
        self,
        nodes: Sequence[Node],
        pods: Iterable[Pod],
        storage: Storage | None = None,
        namespace_labels: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.nodes = tuple(nodes)
        self.rows = {node.name: i for i, node in enumerate(self.nodes)}
        self.storage = storage or Storage(known=False)
        self.namespace_labels = namespace_labels or {}
        self.away: Mask = np.array([not node.ready for node in self.nodes], dtype=np.bool_)
        """Nodes that take nothing: not Ready, or taken out of the trial."""
        self._taken_out: set[int] = set()
        self._groups: dict[tuple[str, int, bool], Group] = {}
        self._in_namespace: dict[str, list[tuple[bool, Group]]] = {}
        self._repelling: dict[str, list[Group]] = {}
        self._repelling_afar: list[Group] = []
        self._shape_ids: dict[bytes, int] = {}
        self._known_shapes: dict[int, tuple[PodShape, int]] = {}
        self._static_keys: dict[int, bytes] = {}
        self._static: dict[bytes, tuple[Mask, list[str]]] = {}
        self._domains_counted: dict[tuple[object, ...], Mask] = {}
        self._domains: dict[str, tuple[NDArray[np.int64], int]] = {}
        self._mounts: dict[bytes, Mask] = {}
        self._log: list[Callable[[], None]] = []
        settled = [pod for pod in pods if not pod.finished]
        resources = rooms.resource_names(self.nodes, (pod.shape for pod in settled))
        self._column = {name: j for j, name in enumerate(resources)}
        self.room = Room(self.nodes, resources, rooms.allocatable(self.nodes, resources))
        self._attached: dict[str, NDArray[np.int64]] = {}
        self._limits = {driver: self._limit_row(driver) for driver in self._limited_drivers()}
        for pod in settled:
            row = self.rows.get(pod.node)
            if row is not None:
                self._count(pod, row, 1)
        self._log.clear()

    def mark(self) -> int:
        """A point to roll back to."""
        return len(self._log)

    def rollback(self, mark: int) -> None:
        """Undo everything since that point."""
        while len(self._log) > mark:
            self._log.pop()()

    def take_out(self, node: str) -> None:
        """Cordon the node: it takes no more pods, and stays a domain of spread constraints that ignore taints."""
        row = self.rows[node]
        if not self.away[row]:
            self.away[row] = True
            self._log.append(lambda: self.away.__setitem__(row, False))
        if row not in self._taken_out:
            self._taken_out.add(row)
            self._log.append(lambda: self._taken_out.discard(row))

    def remove(self, pod: Pod) -> None:
        """Take a pod off its node."""
        self._count(pod, self.rows[pod.node], -1)

    def add(self, pod: Pod, node: str) -> None:
        """Put a pod on a node, whether it may go there or not."""
        self._count(pod, self.rows[node], 1)

    def place(self, pod: Pod) -> Placed:
        """Put a pod on the first node that takes it, as a new pod that replaces it would be."""
        fresh = msgspec.structs.replace(pod, node="", deletion_ms=None) if pod.deletion_ms is not None else pod
        where = self.options(fresh)
        rows = np.flatnonzero(where)
        if not len(rows):
            return Placed(pod, "", self.why_not(fresh))
        row = int(rows[0])
        self._count(fresh, row, 1)
        return Placed(pod, self.nodes[row].name)

    def options(self, pod: Pod) -> Mask:
        """For each node, whether the pod may go there now."""
        where = self._static_of(pod.shape)[0] & ~self.away
        where = where & with_room(self.room, pod.shape)
        for _, allowed in self._filters(pod):
            if not where.any():
                break
            where = where & allowed()
        return where

    def why_not(self, pod: Pod) -> tuple[tuple[str, int], ...]:
        """Reasons that keep the pod off the nodes, each with the number of nodes whose first reason it is.

        Nodes that were taken out of the trial are not counted.
        """
        allowed, why = self._static_of(pod.shape)
        filters = [(reason, mask()) for reason, mask in self._filters(pod)]
        reasons = []
        for row, node in enumerate(self.nodes):
            if self.away[row]:
                if not node.ready:
                    reasons.append("the node is not Ready")
            elif not allowed[row]:
                reasons.append(why[row])
            elif short := rooms.shortages(self.room, row, pod.shape):
                reasons.append(lacks(short))
            else:
                reasons.extend(reason for reason, mask in filters if not mask[row])
        return tally(reasons)

    def _filters(self, pod: Pod) -> list[tuple[str, Callable[[], Mask]]]:
        shape = pod.shape
        filters: list[tuple[str, Callable[[], Mask]]] = []
        if pod.claims:
            filters.append(("its volume cannot be mounted there", lambda: self._by_claims(pod)))
            if self._limits:
                filters.append(("the limit of attached volumes is reached", lambda: self._by_limits(pod)))
        if shape.host_ports:
            filters.append(("the host port is taken", lambda: self._by_ports(shape.host_ports)))
        for constraint in spreading.hard_constraints(shape):
            text = f"topology spread over {constraint.topology_key} would be too uneven"
            filters.append((text, lambda constraint=constraint: self._by_spread(pod, constraint)))  # type: ignore[misc]
        if shape.pod_affinity:
            filters.append(("no pod there that it must be near", lambda: self._by_affinity(pod)))
        if shape.pod_anti_affinity or self._repelling_afar or pod.namespace in self._repelling:
            filters.append(("anti-affinity with a pod there", lambda: self._by_anti_affinity(pod)))
        return filters

    def _by_ports(self, wanted: tuple[HostPort, ...]) -> Mask:
        free = np.ones(len(self.nodes), dtype=np.bool_)
        for group in self._groups.values():
            if group.shape.host_ports and any(clash(a, b) for a in wanted for b in group.shape.host_ports):
                for row, count in group.on.items():
                    if count > 0:
                        free[row] = False
        return free

    def _by_spread(self, pod: Pod, constraint: SpreadConstraint) -> Mask:
        """Nodes whose domain stays even enough with one more pod; a property test holds it to the rule."""
        of_row, size = self._domain_of(constraint.topology_key)
        counted = self._counted(constraint, pod.shape)
        present = np.zeros(size, dtype=np.bool_)
        present[of_row[counted]] = True
        counts = np.zeros(size + 1, dtype=np.int64)
        selector = spreading.effective_selector(constraint, pod.shape.labels)
        for dying, group in self._in_namespace.get(pod.namespace, ()):
            if not dying and matches(selector, group.shape.labels):
                for row, count in group.on.items():
                    if counted[row]:
                        counts[of_row[row]] += count
        enough = int(present.sum()) >= constraint.min_domains
        least = int(counts[:size][present].min()) if enough and present.any() else 0
        self_match = spreading.counts_self(constraint, pod.shape.labels)
        even = counts + int(self_match) - least <= constraint.max_skew
        return np.asarray(even[of_row] & (of_row >= 0), dtype=np.bool_)

    def _counted(self, constraint: SpreadConstraint, shape: PodShape) -> Mask:
        """Nodes that count as domains of the constraint, by row."""
        keys = tuple(sorted({other.topology_key for other in spreading.hard_constraints(shape)}))
        policies = (constraint.topology_key, constraint.node_affinity_policy, constraint.node_taints_policy)
        key = (self._static_key(shape), keys, policies)
        known = self._domains_counted.get(key)
        if known is None:
            known = self._domains_counted[key] = np.array(
                [spreading.counts_node(constraint, shape, node) for node in self.nodes], dtype=np.bool_
            )
        if constraint.node_taints_policy != "Honor" or not self._taken_out or tolerates_cordon(shape.tolerations):
            return known
        still = known.copy()
        still[sorted(self._taken_out)] = False
        return still

    def _by_anti_affinity(self, pod: Pod) -> Mask:
        allowed = np.ones(len(self.nodes), dtype=np.bool_)
        for term in pod.shape.pod_anti_affinity:
            allowed &= ~self._domains_with(term, self._groups_of_term(term, pod.namespace))
        for group in (*self._repelling.get(pod.namespace, ()), *self._repelling_afar):
            for term in group.shape.pod_anti_affinity:
                if term_matches(term, group.namespace, pod.namespace, pod.shape.labels, self.namespace_labels):
                    allowed &= ~self._domains_with(term, [group])
        return allowed

    def _by_affinity(self, pod: Pod) -> Mask:
        terms = pod.shape.pod_affinity
        friends = [
            group
            for group in self._groups.values()
            if any(group.on.values())
            and all(
                term_matches(term, pod.namespace, group.namespace, group.shape.labels, self.namespace_labels)
                for term in terms
            )
        ]
        allowed = np.ones(len(self.nodes), dtype=np.bool_)
        itself = all(
            term_matches(term, pod.namespace, pod.namespace, pod.shape.labels, self.namespace_labels) for term in terms
        )
        for term in terms:
            if friends or not itself:
                allowed &= self._domains_with(term, friends)
            else:
                allowed &= self._domain_of(term.topology_key)[0] >= 0
        return allowed

    def _groups_of_term(self, term: PodTerm, own_namespace: str) -> list[Group]:
        near = (group for _, group in self._in_namespace.get(own_namespace, ()))
        return [
            group
            for group in (self._groups.values() if _looks_afar(term) else near)
            if term_matches(term, own_namespace, group.namespace, group.shape.labels, self.namespace_labels)
        ]

    def _domains_with(self, term: PodTerm, groups: Iterable[Group]) -> Mask:
        """Nodes whose domain of the term's key holds a pod of these groups."""
        of_row, size = self._domain_of(term.topology_key)
        held = np.zeros(size + 1, dtype=np.bool_)
        for group in groups:
            for row, count in group.on.items():
                if count > 0 and of_row[row] >= 0:
                    held[of_row[row]] = True
        held[size] = False
        return held[of_row]

    def _domain_of(self, key: str) -> tuple[NDArray[np.int64], int]:
        known = self._domains.get(key)
        if known is None:
            ids: dict[str, int] = {}
            rows = [ids.setdefault(node.labels[key], len(ids)) if key in node.labels else -1 for node in self.nodes]
            known = self._domains[key] = (np.array(rows, dtype=np.int64), len(ids))
        return known

    def _by_claims(self, pod: Pod) -> Mask:
        allowed = np.ones(len(self.nodes), dtype=np.bool_)
        for name in pod.claims:
            volume = self.storage.volume_of(pod.namespace, name)
            if volume is not None:
                allowed &= self._mountable(volume)
            elif self.nodes and claim_reasons(pod.namespace, (name,), self.nodes[0], self.storage):
                return np.zeros(len(self.nodes), dtype=np.bool_)
        return allowed

    def _mountable(self, volume: Volume) -> Mask:
        key = msgspec.msgpack.encode((volume.node_terms, volume.labels))
        known = self._mounts.get(key)
        if known is None:
            known = self._mounts[key] = np.array([mountable(volume, node) for node in self.nodes], dtype=np.bool_)
        return known

    def _by_limits(self, pod: Pod) -> Mask:
        allowed = np.ones(len(self.nodes), dtype=np.bool_)
        for driver, count in attachments_by_driver(pod.namespace, pod.claims, self.storage).items():
            if driver in self._limits:
                allowed &= self._attached_row(driver) + count <= self._limits[driver]
        return allowed

    def _limited_drivers(self) -> list[str]:
        return sorted({driver for limits in self.storage.limits.values() for driver in limits})

    def _limit_row(self, driver: str) -> NDArray[np.int64]:
        limits = self.storage.limits
        return np.array([limits.get(node.name, {}).get(driver, _NO_LIMIT) for node in self.nodes], dtype=np.int64)

    def _attached_row(self, driver: str) -> NDArray[np.int64]:
        return self._attached.setdefault(driver, np.zeros(len(self.nodes), dtype=np.int64))

    def _static_of(self, shape: PodShape) -> tuple[Mask, list[str]]:
        key = self._static_key(shape)
        known = self._static.get(key)
        if known is None:
            reasons = [node_reasons(shape, node) for node in self.nodes]
            mask = np.array([not why for why in reasons], dtype=np.bool_)
            known = self._static[key] = (mask, [why[0] if why else "" for why in reasons])
        return known

    def _static_key(self, shape: PodShape) -> bytes:
        """The same for shapes that every node takes or refuses alike."""
        shape_id = self._shape_id(shape)
        known = self._static_keys.get(shape_id)
        if known is None:
            known = msgspec.msgpack.encode((shape.tolerations, shape.node_selector, shape.node_terms))
            self._static_keys[shape_id] = known
        return known

    def _shape_id(self, shape: PodShape) -> int:
        known = self._known_shapes.get(id(shape))
        if known is None:
            key = msgspec.msgpack.encode(shape)
            known = (shape, self._shape_ids.setdefault(key, len(self._shape_ids)))
            self._known_shapes[id(shape)] = known
        return known[1]

    def _count(self, pod: Pod, row: int, delta: int) -> None:
        self._apply(pod, row, delta)
        self._log.append(lambda: self._apply(pod, row, -delta))

    def _apply(self, pod: Pod, row: int, delta: int) -> None:
        dying = pod.deletion_ms is not None
        shape_id = self._shape_id(pod.shape)
        key = (pod.namespace, shape_id, dying)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(
                shape_id, pod.namespace, pod.shape, rooms.request_row(pod.shape, self._column)
            )
            self._in_namespace.setdefault(pod.namespace, []).append((dying, group))
            if any(_looks_afar(term) for term in pod.shape.pod_anti_affinity):
                self._repelling_afar.append(group)
            elif pod.shape.pod_anti_affinity:
                self._repelling.setdefault(pod.namespace, []).append(group)
        left = group.on.get(row, 0) + delta
        if left:
            group.on[row] = left
        else:
            group.on.pop(row, None)
        self.room.free[row] -= group.takes * delta
        if pod.claims and self._limits:
            for driver, count in attachments_by_driver(pod.namespace, pod.claims, self.storage).items():
                self._attached_row(driver)[row] += count * delta
