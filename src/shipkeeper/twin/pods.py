"""Pods as the API server holds them: columns, the few transitions they make, and who is told of each.

A transition changes the columns and the indexes, goes into the trace, and calls its listeners in the order in which
they were registered. Listeners only schedule; they never make another transition inside one.
"""

from __future__ import annotations

from collections.abc import Callable

from shipkeeper.model.pods import Pod
from shipkeeper.twin.base import FAILED, PENDING, PHASES, RUNNING, SUCCEEDED, Base
from shipkeeper.twin.occupancy import Occupancy
from shipkeeper.twin.trace import Trace

Listener = Callable[[int], None]


class Pods:
    """All pods of one world, by row. Rows are never reused; a gone pod's row stays with ``alive`` 0."""

    def __init__(self, base: Base, occupancy: Occupancy, trace: Trace, now: Callable[[], int], shift_ms: int) -> None:
        columns = base.columns.copy()
        self.base, self.occupancy = base, occupancy
        self._trace, self._now = trace, now
        self.names, self.uids = columns.names, columns.uids
        self.group, self.node = columns.group, columns.node
        self.phase, self.ready = columns.phase, columns.ready
        self.created_ms, self.scheduled_ms, self.ready_ms = (
            columns.created_ms, columns.scheduled_ms, columns.ready_ms,
        )  # fmt: skip
        self.deletion_ms, self.grace_ms = columns.deletion_ms, columns.grace_ms
        self.broken, self.mirror = columns.broken, columns.mirror
        count = len(self.names)
        self._labels = base.labels.copy()
        self.alive = bytearray(b"\x01") * count
        self.down = bytearray(count)
        """The node is off: the containers are not running, whatever the API still says."""
        self.serving = bytearray(count)
        """Ready, not being deleted, and really running: what a client of the workload feels."""
        self._by_namespace: dict[str, dict[int, None]] | None = None
        self.changed: dict[int, Pod | None] = {}
        """Rows that differ from the survey; their Pod once it was asked for."""
        self.version = [0] * count
        self.versions = 1
        self.finalizers = {row: rare.finalizers for row, rare in base.rare.items() if rare.finalizers}
        self.by_name = base.by_name.copy()
        for row in base.rare:  # a deadline is relative to the survey; the world starts later
            if self.deletion_ms[row] >= 0:
                self.deletion_ms[row] += shift_ms
                self.changed[row] = None
        for row in range(count):
            self.serving[row] = self.ready[row] and self.deletion_ms[row] < 0
        self.on_created: list[Listener] = []
        self.on_bound: list[Listener] = []
        self.on_ready: list[Listener] = []
        self.on_deleting: list[Listener] = []
        self.on_finished: list[Listener] = []
        self.on_gone: list[Listener] = []
        self.on_serving: list[Callable[[int, int], None]] = []
        self.on_change: list[Listener] = []
        """Told after every transition, last of all: watches."""

    # --- reading ---------------------------------------------------------------------------

    def label(self, row: int) -> str:
        """``namespace/name``."""
        return self._labels[row]

    def find(self, namespace: str, name: str) -> int:
        """Row of the pod of that name, or -1."""
        return self.by_name.get((namespace, name), -1)

    def in_namespace(self, namespace: str) -> list[int]:
        """Rows of the pods that are there in a namespace. The first question makes an index, kept from then on."""
        if self._by_namespace is None:
            self._by_namespace = {}
            for (name, _), row in self.by_name.items():
                self._by_namespace.setdefault(name, {})[row] = None
        return list(self._by_namespace.get(namespace, ()))

    def finished(self, row: int) -> bool:
        """Phase Succeeded or Failed."""
        return self.phase[row] in (SUCCEEDED, FAILED)

    def active(self, row: int) -> bool:
        """Exists, is not being deleted and has not finished."""
        return bool(self.alive[row]) and self.deletion_ms[row] < 0 and self.phase[row] not in (SUCCEEDED, FAILED)

    def materialise(self, row: int) -> Pod:
        """The pod as the API server shows it now."""
        if row not in self.changed and row < len(self.base.columns.names):
            return self.base.pod(row)
        known = self.changed.get(row)
        if known is None:
            known = self.changed[row] = self._build(row)
        return known

    def _build(self, row: int) -> Pod:
        group = self.base.groups[self.group[row]]
        node = self.node[row]
        original = self.base.rare.get(row)
        return Pod(
            namespace=group.namespace,
            name=self.names[row],
            uid=self.uids[row],
            shape=group.shape,
            node=self.base.nodes[node].name if node >= 0 else "",
            owner=self.base.owners[group.owner].ref if group.owner >= 0 else None,
            phase=PHASES[self.phase[row]],
            ready=bool(self.ready[row]),
            created_ms=self.created_ms[row],
            scheduled_ms=self.scheduled_ms[row],
            ready_ms=self.ready_ms[row],
            deletion_ms=self.deletion_ms[row] if self.deletion_ms[row] >= 0 else None,
            deletion_grace_ms=self.grace_ms[row] if self.deletion_ms[row] >= 0 else None,
            finalizers=self.finalizers.get(row, ()),
            claims=group.claims,
            mirror=bool(self.mirror[row]),
            waiting=original.waiting if original is not None and not self.ready[row] else "",
            resource_version=str(self.version[row]) if self.version[row] else "",
        )

    # --- transitions -----------------------------------------------------------------------

    def create(self, group: int, name: str, uid: str, broken: bool) -> int:
        """A controller made a pod. Returns its row."""
        row = len(self.names)
        now = self._now()
        self.names.append(name)
        self.uids.append(uid)
        self.group.append(group)
        for column, value in (
            (self.node, -1), (self.phase, PENDING), (self.ready, 0), (self.created_ms, now), (self.scheduled_ms, 0),
            (self.ready_ms, 0), (self.deletion_ms, -1), (self.grace_ms, -1), (self.version, 0),
        ):  # fmt: skip
            column.append(value)
        for flags, flag in (
            (self.broken, broken), (self.mirror, 0), (self.alive, 1), (self.down, 0), (self.serving, 0),
        ):  # fmt: skip
            flags.append(flag)
        namespace = self.base.groups[group].namespace
        self._labels.append(f"{namespace}/{name}")
        self.by_name[namespace, name] = row
        if self._by_namespace is not None:
            self._by_namespace.setdefault(namespace, {})[row] = None
        self._tell("created", row, self.on_created)
        return row

    def bind(self, row: int, node: int) -> None:
        """The scheduler bound the pod, or the DaemonSet controller's pod met its node."""
        self.node[row] = node
        self.scheduled_ms[row] = self._now()
        self.occupancy.on_node[node][row] = None
        self.occupancy.take(self.group[row], node)
        self._tell("bound", row, self.on_bound)

    def set_ready(self, row: int, ready: bool) -> None:
        """The kubelet, or the node controller, wrote the Ready condition. A Ready pod is Running."""
        if ready:
            self.phase[row] = RUNNING
        if bool(self.ready[row]) == ready:
            return
        self.ready[row] = int(ready)
        self.ready_ms[row] = self._now()
        self._serve(row)
        self._tell("ready" if ready else "unready", row, self.on_ready)

    def set_running(self, row: int) -> None:
        """The kubelet started the containers of a pod that will not become Ready."""
        if self.phase[row] == PENDING:
            self.phase[row] = RUNNING
            self._tell("running", row, ())

    def set_down(self, row: int, down: bool) -> None:
        """The node went off, or came back; the API server is not told."""
        self.down[row] = int(down)
        self._serve(row)

    def start_deleting(self, row: int, grace_ms: int) -> None:
        """The pod got its deletionTimestamp, which is the deadline."""
        if self.deletion_ms[row] >= 0:
            return
        self.deletion_ms[row] = self._now() + grace_ms
        self.grace_ms[row] = grace_ms
        if self.node[row] >= 0 and not self.finished(row):
            self.occupancy.leave(self.group[row], self.node[row])
        self._serve(row)
        self._tell("deleting", row, self.on_deleting)

    def finish(self, row: int, phase: int) -> None:
        """The containers ended for good."""
        if self.finished(row):
            return
        self.set_ready(row, False)
        self.phase[row] = phase
        self._free(row)
        self._tell("finished", row, self.on_finished)

    def remove(self, row: int) -> None:
        """The object is gone from the API server."""
        if not self.finished(row):
            self._free(row)
        self.alive[row] = 0
        node = self.node[row]
        if node >= 0:
            del self.occupancy.on_node[node][row]
        key = (self.base.groups[self.group[row]].namespace, self.names[row])
        if self.by_name.get(key) == row:
            del self.by_name[key]
            if self._by_namespace is not None:
                del self._by_namespace[key[0]][row]
        self._serve(row)
        self._tell("gone", row, self.on_gone)

    def _free(self, row: int) -> None:
        if self.node[row] >= 0:
            self.occupancy.release(self.group[row], self.node[row], self.deletion_ms[row] >= 0)

    def _serve(self, row: int) -> None:
        serves = self.alive[row] and self.ready[row] and self.deletion_ms[row] < 0 and not self.down[row]
        if bool(serves) != bool(self.serving[row]):
            self.serving[row] = 1 if serves else 0
            for listener in self.on_serving:
                listener(row, 1 if serves else -1)

    def _tell(self, event: str, row: int, listeners: list[Listener] | tuple[()]) -> None:
        self.versions += 1
        self.version[row] = self.versions
        self.changed[row] = None
        self._trace.note(event, f"{self._labels[row]}@{self.node[row]}")
        for listener in listeners:
            listener(row)
        for listener in self.on_change:
            listener(row)
