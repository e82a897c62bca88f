"""The loaded cluster: everything that is the same for every seed, indexed once.

Pods are columns; pods that nothing can tell apart for controllers and scheduler share one ``Group``.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.pods import Pod, PodShape
from shipkeeper.model.refs import ObjectRef, OwnerRef
from shipkeeper.model.table import RareFields
from shipkeeper.model.workloads import Workload
from shipkeeper.semantics import ownership
from shipkeeper.semantics import room as rooms
from shipkeeper.semantics.budgets import compile_budgets
from shipkeeper.semantics.control_plane import is_control_plane, is_etcd

PENDING, RUNNING, SUCCEEDED, FAILED, UNKNOWN = range(5)
PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")

_STARTING_MS = 10 * 60_000
"""A pod that is not Ready and younger than this at the survey is taken to be starting, not broken."""


class Owner(Struct, frozen=True):
    """A direct controller of pods: a workload of the inventory, or somebody else's (``workload`` None)."""

    index: int
    kind: str
    namespace: str
    name: str
    ref: OwnerRef
    workload: Workload | None
    top: int


class Top(Struct, frozen=True):
    """The outermost controller, which is what people call the workload. ``desired`` pods are what it wants."""

    index: int
    ref: ObjectRef
    desired: int
    workload: Workload | None


class Group(Struct, frozen=True):
    """A scheduling class: pods of one namespace, shape, owner and set of claims."""

    index: int
    namespace: str
    shape: PodShape
    owner: int
    top: int
    claims: tuple[str, ...]
    requests: tuple[tuple[int, int], ...]
    """(index of the resource, amount); ``pods`` 1 is among them."""
    budgets: tuple[int, ...]


class Columns(Struct):
    """Pods by row. Lists of Python integers: they are read and written one by one, millions of times."""

    names: list[str]
    uids: list[str]
    group: list[int]
    node: list[int]
    phase: list[int]
    ready: list[int]
    created_ms: list[int]
    scheduled_ms: list[int]
    ready_ms: list[int]
    deletion_ms: list[int]
    grace_ms: list[int]
    broken: bytearray
    mirror: bytearray

    def copy(self) -> Columns:
        """Columns of one's own."""
        return Columns(*(getattr(self, name)[:] for name in self.__struct_fields__))


class Base:
    """Indexes over one inventory. Immutable after loading, apart from memos of pure functions."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.nodes = inventory.nodes
        self.node_index = {node.name: i for i, node in enumerate(inventory.nodes)}
        self.workloads = ownership.by_uid(inventory.workloads)
        self.resources = rooms.resource_names(inventory.nodes, inventory.pods.shapes)
        # Transposed: one resource of all nodes is contiguous, because the scheduler compares it with one number.
        self.allocatable: NDArray[np.int64] = np.ascontiguousarray(rooms.allocatable(self.nodes, self.resources).T)
        self.owners: list[Owner] = []
        self.tops: list[Top] = []
        self.groups: list[Group] = []
        self.rare: dict[int, RareFields] = inventory.pods.rare
        self.top_ids: dict[ObjectRef, int] = {}
        self._owner_ids: dict[tuple[str, str, str, str], int] = {}
        self._budget_ids = {(b.namespace, b.name): i for i, b in enumerate(inventory.budgets)}
        self._budget_index = compile_budgets(inventory.budgets)
        self._resource_ids = {name: i for i, name in enumerate(self.resources)}
        self.columns = self._load_pods()
        self.labels = [
            f"{self.groups[group].namespace}/{name}"
            for group, name in zip(self.columns.group, self.columns.names, strict=True)
        ]
        self.by_name = self._index_names()
        self._materialised: dict[int, Pod] = {}
        self.members = self._find_members()
        """Nodes whose quorum the API server needs; empty where the control plane is somebody else's."""

    def is_daemon(self, group: Group) -> bool:
        """Whether a DaemonSet owns the pods of that class."""
        return group.owner >= 0 and self.owners[group.owner].kind == "DaemonSet"

    def pod(self, row: int) -> Pod:
        """The pod as surveyed; built once for all seeds."""
        known = self._materialised.get(row)
        if known is None:
            known = self._materialised[row] = self.inventory.pods.row(row)
        return known

    def _find_members(self) -> tuple[int, ...]:
        """Nodes with an etcd member, else control-plane nodes as their labels, taints and static pods tell."""
        static: dict[int, list[Pod]] = {}
        for row, mirror in enumerate(self.columns.mirror):
            if mirror and self.columns.node[row] >= 0:
                static.setdefault(self.columns.node[row], []).append(self.pod(row))
        etcd = tuple(index for index in sorted(static) if any(is_etcd(pod) for pod in static[index]))
        if etcd:
            return etcd
        nodes = enumerate(self.nodes)
        return tuple(index for index, node in nodes if is_control_plane(node, static.get(index, ())))

    def _index_names(self) -> dict[tuple[str, str], int]:
        groups, columns = self.groups, self.columns
        return {
            (groups[group].namespace, name): row
            for row, (group, name) in enumerate(zip(columns.group, columns.names, strict=True))
        }

    def _load_pods(self) -> Columns:
        table = self.inventory.pods
        count = len(table)
        raw = {name: column.tolist() for name, column in table.columns.items()}
        node_ids = [self.node_index.get(name, -1) for name in table.nodes]
        group_ids: dict[tuple[int, int, int, tuple[str, ...], int], int] = {}
        columns = Columns(
            names=list(table.names),
            uids=list(table.uids),
            group=[0] * count,
            node=[node_ids[i] if i >= 0 else -1 for i in raw["node"]],
            phase=raw["phase"],
            ready=raw["ready"],
            created_ms=raw["created_ms"],
            scheduled_ms=raw["scheduled_ms"],
            ready_ms=raw["ready_ms"],
            deletion_ms=[-1] * count,
            grace_ms=[-1] * count,
            broken=bytearray(count),
            mirror=bytearray(raw["mirror"]),
        )
        for row in range(count):
            rare = self.rare.get(row)
            claims = rare.claims if rare is not None else ()
            owner = raw["owner"][row]
            # A bare pod is its own workload, so it gets its own group.
            alone = row if owner < 0 else -1
            key = (raw["namespace"][row], raw["shape"][row], owner, claims, alone)
            group = group_ids.get(key)
            if group is None:
                group = group_ids[key] = self._add_group(row, key)
            columns.group[row] = group
            if rare is not None and rare.deletion_ms is not None:
                columns.deletion_ms[row] = rare.deletion_ms
                columns.grace_ms[row] = rare.deletion_grace_ms or 0
            columns.broken[row] = self._is_broken(row, columns, rare)
        return columns

    def _is_broken(self, row: int, columns: Columns, rare: RareFields | None) -> bool:
        """Running for long enough and still not Ready: nothing says that it, or its replacement, will be."""
        if columns.ready[row] or columns.phase[row] in (SUCCEEDED, FAILED) or columns.node[row] < 0:
            return False
        if rare is not None and rare.waiting not in ("", "ContainerCreating", "PodInitializing"):
            return True
        since = columns.scheduled_ms[row] or columns.created_ms[row]
        return bool(since) and self.inventory.taken_ms - since > _STARTING_MS

    def _add_group(self, row: int, key: tuple[int, int, int, tuple[str, ...], int]) -> int:
        table = self.inventory.pods
        namespace, shape = table.namespaces[key[0]], table.shapes[key[1]]
        if key[2] >= 0:
            owner = self._owner(table.owners[key[2]], namespace)
            top = self.owners[owner].top
        else:
            owner, top = -1, self._top(ObjectRef("Pod", namespace, table.names[row]), None, 1)
        wanted = enumerate(rooms.request_row(shape, self._resource_ids).tolist())
        budgets = self._budget_index.matching(namespace, shape.labels)
        group = Group(
            index=len(self.groups),
            namespace=namespace,
            shape=shape,
            owner=owner,
            top=top,
            claims=key[3],
            requests=tuple((line, amount) for line, amount in wanted if amount > 0),
            budgets=tuple(self._budget_ids[b.namespace, b.name] for b in budgets),
        )
        self.groups.append(group)
        return group.index

    def _owner(self, ref: OwnerRef, namespace: str) -> int:
        key = (ref.uid, ref.kind, namespace, ref.name)
        known = self._owner_ids.get(key)
        if known is not None:
            return known
        top_ref = ownership.top_of(ref, namespace, self.workloads)
        top_workload = ownership.top_workload(ref, self.workloads)
        if top_workload is not None and top_workload.ref != top_ref:
            top_workload = None
        owner = Owner(
            index=len(self.owners),
            kind=ref.kind,
            namespace=namespace,
            name=ref.name,
            ref=ref,
            workload=self.workloads.get(ref.uid),
            top=self._top(top_ref, top_workload, top_workload.desired if top_workload is not None else -1),
        )
        self._owner_ids[key] = owner.index
        self.owners.append(owner)
        return owner.index

    def _top(self, ref: ObjectRef, workload: Workload | None, desired: int) -> int:
        known = self.top_ids.get(ref)
        if known is None:
            known = self.top_ids[ref] = len(self.tops)
            self.tops.append(Top(known, ref, desired, workload))
        return known
