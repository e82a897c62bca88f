"""Pods as columns: 150,000 of them in about a kilobyte each, materialised one by one on demand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from shipkeeper.model.pods import Pod, PodShape
from shipkeeper.model.refs import OwnerRef

_PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")
_NUMBERS = (
    "namespace", "node", "shape", "owner", "phase", "ready", "mirror", "restarts",
    "created_ms", "scheduled_ms", "ready_ms",
)  # fmt: skip


_ALIKE = ("namespace", "shape", "owner", "phase", "mirror")
_LARGEST = 2**62


V = TypeVar("V")


class Interner:
    """Gives equal strings one id, in order of first sight."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.values: list[str] = []
        self._ids: dict[str, int] = {}
        for value in values:
            self.add(value)

    def add(self, value: str) -> int:
        """Id of the value, new or known."""
        known = self._ids.get(value)
        if known is None:
            known = self._ids[value] = len(self.values)
            self.values.append(value)
        return known

    def find(self, value: str) -> int:
        """Id of the value, or -1."""
        return self._ids.get(value, -1)


class PodClasses(NamedTuple):
    """Pods that differ in nothing but their names, nodes, times and rare fields, told apart by small numbers.

    150,000 pods are a few thousand classes: what follows from namespace, shape, owner, phase and mirror needs to be
    worked out only that often. ``of_row``: the class of each row; ``first``: the first row of each class.
    """

    of_row: NDArray[np.int64]
    first: NDArray[np.int64]


class PodTable(Sequence[Pod]):
    """Immutable columns over pods. Row order is the order of addition; ``table[i]`` builds the Pod.

    ``rare`` holds, by row, the fields that few pods have (finalizers, claims, deletion, waiting reason).
    """

    __slots__ = ("_classes", "_names", "_namespaces", "_nodes", "_owners", "_rare", "_shapes", "_uids", "columns")

    def __init__(
        self,
        columns: dict[str, NDArray[np.int64]],
        names: list[str],
        uids: list[str],
        namespaces: list[str],
        nodes: list[str],
        shapes: list[PodShape],
        owners: list[OwnerRef],
        rare: dict[int, RareFields],
    ) -> None:
        self.columns = columns
        self._names, self._uids = names, uids
        self._namespaces, self._nodes = namespaces, nodes
        self._shapes, self._owners, self._rare = shapes, owners, rare
        self._classes: PodClasses | None = None

    @classmethod
    def of(cls, pods: Iterable[Pod]) -> PodTable:
        """Build a table from pods."""
        builder = PodTableBuilder()
        for pod in pods:
            builder.add(pod)
        return builder.build()

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, row):  # type: ignore[no-untyped-def]  # overloads add nothing here
        if isinstance(row, slice):
            return [self.row(i) for i in range(*row.indices(len(self)))]
        return self.row(row if row >= 0 else len(self) + row)

    def __iter__(self) -> Iterator[Pod]:
        return (self.row(i) for i in range(len(self)))

    def row(self, row: int) -> Pod:
        """The pod at that row. Raises IndexError outside the table."""
        column = self.columns
        owner = int(column["owner"][row])
        node = int(column["node"][row])
        rare = self._rare.get(row, _NOTHING_RARE)
        return Pod(
            namespace=self._namespaces[int(column["namespace"][row])],
            name=self._names[row],
            uid=self._uids[row],
            shape=self._shapes[int(column["shape"][row])],
            node=self._nodes[node] if node >= 0 else "",
            owner=self._owners[owner] if owner >= 0 else None,
            phase=_PHASES[int(column["phase"][row])],
            ready=bool(column["ready"][row]),
            mirror=bool(column["mirror"][row]),
            restarts=int(column["restarts"][row]),
            created_ms=int(column["created_ms"][row]),
            scheduled_ms=int(column["scheduled_ms"][row]),
            ready_ms=int(column["ready_ms"][row]),
            finalizers=rare.finalizers,
            claims=rare.claims,
            deletion_ms=rare.deletion_ms,
            deletion_grace_ms=rare.deletion_grace_ms,
            waiting=rare.waiting,
        )

    @property
    def shapes(self) -> Sequence[PodShape]:
        """The distinct shapes, indexed by column ``shape``."""
        return self._shapes

    @property
    def owners(self) -> Sequence[OwnerRef]:
        """The distinct owners, indexed by column ``owner`` (-1: none)."""
        return self._owners

    @property
    def namespaces(self) -> Sequence[str]:
        """The distinct namespaces, indexed by column ``namespace``."""
        return self._namespaces

    @property
    def nodes(self) -> Sequence[str]:
        """The distinct node names, indexed by column ``node`` (-1: unscheduled)."""
        return self._nodes

    @property
    def names(self) -> Sequence[str]:
        """Pod names by row."""
        return self._names

    @property
    def uids(self) -> Sequence[str]:
        """Pod UIDs by row."""
        return self._uids

    @property
    def rare(self) -> dict[int, RareFields]:
        """Rows with fields that few pods have."""
        return self._rare

    def sorted(self) -> PodTable:
        """The same pods by namespace, name and UID, with ids given anew in that order.

        Two tables of the same pods become equal column by column, whatever order they were read in.
        """
        names, spaces = self._names, self.columns["namespace"].tolist()
        order = sorted(range(len(names)), key=lambda i: (self._namespaces[spaces[i]], names[i], self._uids[i]))
        columns = {name: values[order] for name, values in self.columns.items()}
        return PodTable(
            columns,
            [names[i] for i in order],
            [self._uids[i] for i in order],
            _renumber(columns, "namespace", self._namespaces),
            _renumber(columns, "node", self._nodes),
            _renumber(columns, "shape", self._shapes),
            _renumber(columns, "owner", self._owners),
            {row: self._rare[i] for row, i in enumerate(order) if i in self._rare},
        )

    def classes(self) -> PodClasses:
        """The classes of the pods; worked out once."""
        if self._classes is None:
            numbers = np.zeros(len(self), dtype=np.int64)
            for name in _ALIKE:
                values = self.columns[name] + 1  # -1 means none
                span = int(values.max(initial=0)) + 1
                if int(numbers.max(initial=0)) >= _LARGEST // span:
                    numbers = np.unique(numbers, return_inverse=True)[1]
                numbers = numbers * span + values
            _, first, of_row = np.unique(numbers, return_index=True, return_inverse=True)
            self._classes = PodClasses(of_row, first)
        return self._classes

    def rows_by_node(self) -> dict[str, list[int]]:
        """Rows of the pods bound to each node, in row order. For many nodes; for one there is ``on_node``."""
        found: dict[str, list[int]] = {}
        for row, node in enumerate(self.columns["node"].tolist()):
            if node >= 0:
                found.setdefault(self._nodes[node], []).append(row)
        return found

    def on_node(self, node: str) -> list[Pod]:
        """Pods bound to that node, in row order."""
        if node not in self._nodes:
            return []
        rows = np.flatnonzero(self.columns["node"] == self._nodes.index(node))
        return [self.row(int(i)) for i in rows]


def _renumber(columns: dict[str, NDArray[np.int64]], column: str, values: list[V]) -> list[V]:
    """Give ids in order of first use, dropping values that no row uses; -1 stays -1."""
    ids: dict[int, int] = {-1: -1}
    for old in columns[column].tolist():
        ids.setdefault(old, len(ids) - 1)
    columns[column] = np.asarray([ids[old] for old in columns[column].tolist()], dtype=np.int64)
    return [values[old] for old in ids if old >= 0]


class RareFields(msgspec.Struct, frozen=True, omit_defaults=True):
    """Fields of a pod that most pods don't have."""

    finalizers: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    deletion_ms: int | None = None
    deletion_grace_ms: int | None = None
    waiting: str = ""


_NOTHING_RARE = RareFields()


class PodTableBuilder:
    """Collects pods page by page into columns; keeps no Pod and no page."""

    def __init__(self) -> None:
        self._numbers: dict[str, list[int]] = {name: [] for name in _NUMBERS}
        self._names: list[str] = []
        self._uids: list[str] = []
        self._namespaces = Interner()
        self._nodes = Interner()
        self._shapes: list[PodShape] = []
        self._shape_ids: dict[bytes, int] = {}
        self.shape_keys: dict[bytes, int] = {}
        """Ids of shapes by a key of the caller's own: lets a reader know a shape without building it again."""
        self._owners: list[OwnerRef] = []
        self._owner_ids: dict[OwnerRef, int] = {}
        self._rare: dict[int, RareFields] = {}

    def __len__(self) -> int:
        return len(self._names)

    @property
    def shapes(self) -> Sequence[PodShape]:
        """The distinct shapes so far, indexed by their ids."""
        return self._shapes

    def intern_shape(self, shape: PodShape) -> int:
        """Id of an equal shape, new or known."""
        key = msgspec.msgpack.encode(shape)
        known = self._shape_ids.get(key)
        if known is None:
            known = self._shape_ids[key] = len(self._shapes)
            self._shapes.append(shape)
        return known

    def _intern_owner(self, owner: OwnerRef | None) -> int:
        if owner is None:
            return -1
        known = self._owner_ids.get(owner)
        if known is None:
            known = self._owner_ids[owner] = len(self._owners)
            self._owners.append(owner)
        return known

    def add(self, pod: Pod, shape_id: int = -1) -> None:
        """Append one pod; pass ``shape_id`` when the shape was interned already."""
        row = len(self._names)
        self._names.append(pod.name)
        self._uids.append(pod.uid)
        numbers = self._numbers
        numbers["namespace"].append(self._namespaces.add(pod.namespace))
        numbers["node"].append(self._nodes.add(pod.node) if pod.node else -1)
        numbers["shape"].append(shape_id if shape_id >= 0 else self.intern_shape(pod.shape))
        numbers["owner"].append(self._intern_owner(pod.owner))
        numbers["phase"].append(_PHASES.index(pod.phase) if pod.phase in _PHASES else 4)
        numbers["ready"].append(int(pod.ready))
        numbers["mirror"].append(int(pod.mirror))
        numbers["restarts"].append(pod.restarts)
        numbers["created_ms"].append(pod.created_ms)
        numbers["scheduled_ms"].append(pod.scheduled_ms)
        numbers["ready_ms"].append(pod.ready_ms)
        if pod.finalizers or pod.claims or pod.deletion_ms is not None or pod.waiting:
            self._rare[row] = RareFields(
                finalizers=pod.finalizers,
                claims=pod.claims,
                deletion_ms=pod.deletion_ms,
                deletion_grace_ms=pod.deletion_grace_ms,
                waiting=pod.waiting,
            )

    def build(self) -> PodTable:
        """The finished table."""
        return PodTable(
            {name: np.asarray(values, dtype=np.int64) for name, values in self._numbers.items()},
            self._names,
            self._uids,
            self._namespaces.values,
            self._nodes.values,
            self._shapes,
            self._owners,
            self._rare,
        )
