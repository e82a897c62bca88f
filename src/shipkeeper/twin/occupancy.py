"""Who is on which node: requests in use, pods by node, and pods by scheduling class and node.

Counts by class are what spread and affinity are computed from: few classes match a selector, and each knows its nodes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shipkeeper.model.pods import HostPort
from shipkeeper.twin.base import FAILED, SUCCEEDED, Base
from shipkeeper.twin.tallies import Tally, add

_LOG = 1_024


class Occupancy:
    """Indexes over bound pods. Finished pods hold no room; terminating ones do, until their object is gone."""

    def __init__(self, base: Base) -> None:
        nodes, columns = len(base.nodes), base.columns
        self._groups = base.groups
        self.free: NDArray[np.int64] = base.allocatable.copy()
        """Allocatable minus requested: rows are resources, columns nodes."""
        self.on_node: list[dict[int, None]] = [{} for _ in range(nodes)]
        self.staying: list[dict[int, int]] = [{} for _ in base.groups]
        """By class: node → pods that are not being deleted."""
        self.present: list[dict[int, int]] = [{} for _ in base.groups]
        """By class: node → pods whose object exists and has not finished."""
        self.ports: dict[tuple[str, int], list[tuple[int, HostPort]]] = {}
        """(protocol, port) → (node, claim) of every claim in use."""
        self.priorities: dict[int, int] = {}
        """Priority → bound pods that hold room."""
        self.tallies: dict[int, list[Tally]] = {}
        """By class: who counts its pods that stay."""
        self.changes = 0
        """How often the free room of a node changed since loading."""
        self._changed: NDArray[np.int64] = np.empty(_LOG, dtype=np.int64)
        """The nodes, in that order."""
        for row, (group, node, phase) in enumerate(zip(columns.group, columns.node, columns.phase, strict=True)):
            if node >= 0:
                self.on_node[node][row] = None
                if phase not in (SUCCEEDED, FAILED):
                    self.take(group, node)
                    if columns.deletion_ms[row] >= 0:
                        self.leave(group, node)
        self.changes = 0

    def copy(self) -> Occupancy:
        """Indexes of one's own, for one seed."""
        twin = object.__new__(Occupancy)
        twin._groups = self._groups
        twin.free = self.free.copy()
        twin.on_node = [rows.copy() for rows in self.on_node]
        twin.staying = [counts.copy() for counts in self.staying]
        twin.present = [counts.copy() for counts in self.present]
        twin.ports = {key: claims.copy() for key, claims in self.ports.items()}
        twin.priorities = self.priorities.copy()
        twin.tallies = {}
        twin.changes, twin._changed = 0, np.empty(_LOG, dtype=np.int64)
        return twin

    def take(self, group: int, node: int) -> None:
        """A pod of that class was bound to the node."""
        item = self._groups[group]
        for line, amount in item.requests:
            self.free[line, node] -= amount
        self._change(node)
        self._stay(group, node, 1)
        add(self.present[group], node, 1)
        add(self.priorities, item.shape.priority, 1)
        for port in item.shape.host_ports:
            self.ports.setdefault((port.protocol, port.port), []).append((node, port))

    def leave(self, group: int, node: int) -> None:
        """A pod of that class got its deletionTimestamp; it still holds its room."""
        self._stay(group, node, -1)

    def changed_since(self, change: int) -> NDArray[np.int64]:
        """Nodes whose free room changed after so many changes, some of them more than once."""
        return self._changed[change : self.changes]

    def _change(self, node: int) -> None:
        if self.changes == len(self._changed):
            self._changed = np.resize(self._changed, 2 * self.changes)
        self._changed[self.changes] = node
        self.changes += 1

    def _stay(self, group: int, node: int, change: int) -> None:
        add(self.staying[group], node, change)
        for tally in self.tallies.get(group, ()):
            tally.add(node, change)

    def release(self, group: int, node: int, left: bool) -> None:
        """A pod of that class is gone or has finished. ``left``: ``leave`` was told before."""
        item = self._groups[group]
        for line, amount in item.requests:
            self.free[line, node] += amount
        self._change(node)
        if not left:
            self._stay(group, node, -1)
        add(self.present[group], node, -1)
        add(self.priorities, item.shape.priority, -1)
        for port in item.shape.host_ports:
            self.ports[port.protocol, port.port].remove((node, port))
