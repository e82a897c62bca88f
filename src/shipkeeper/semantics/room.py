"""Free room on nodes, from pods' requests.

Source: ``pkg/scheduler/framework/plugins/noderesources/fit.go``. Terminating pods still count; finished ones don't.
A pod without requests takes nothing but its place among the node's pods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import PodShape
from shipkeeper.model.room import Room
from shipkeeper.model.table import PodTable

PODS = "pods"
DEFAULT_PODS = 110
"""What a kubelet allows when a node reports no limit of pods."""

_FINISHED = (2, 3)


def room_of(nodes: Sequence[Node], pods: PodTable) -> Room:
    """Free room on every node: allocatable minus what the pods bound to it request."""
    resources = resource_names(nodes, pods.shapes)
    column = {name: j for j, name in enumerate(resources)}
    free = allocatable(nodes, resources)
    row_of = {node.name: i for i, node in enumerate(nodes)}
    wanted = np.zeros((max(1, len(pods.shapes)), len(resources)), dtype=np.int64)
    for i, shape in enumerate(pods.shapes):
        wanted[i] = request_row(shape, column)
    if len(pods):
        rows = np.array([row_of.get(name, -1) for name in pods.nodes] + [-1], dtype=np.int64)
        on = rows[pods.columns["node"]]
        counted = (on >= 0) & ~np.isin(pods.columns["phase"], _FINISHED)
        np.subtract.at(free, on[counted], wanted[pods.columns["shape"][counted]])
    return Room(tuple(nodes), resources, free)


def resource_names(nodes: Iterable[Node], shapes: Iterable[PodShape]) -> tuple[str, ...]:
    """Every resource that a node offers or a pod asks for, sorted; ``pods`` is always among them."""
    names = {PODS}
    for node in nodes:
        names.update(node.allocatable)
    for shape in shapes:
        names.update(shape.requests)
    return tuple(sorted(names))


def allocatable(nodes: Sequence[Node], resources: Sequence[str]) -> NDArray[np.int64]:
    """Allocatable of each node (row) and resource (column), in model units."""
    # Column by column in memory: what is asked most is which nodes have so much of one resource.
    table = np.zeros((len(nodes), len(resources)), dtype=np.int64, order="F")
    for i, node in enumerate(nodes):
        for j, name in enumerate(resources):
            table[i, j] = node.allocatable.get(name, DEFAULT_PODS if name == PODS else 0)
    return table


def request_row(shape: PodShape, column: Mapping[str, int]) -> NDArray[np.int64]:
    """What one pod of the shape takes of each resource; one place among the pods included."""
    row = np.zeros(len(column), dtype=np.int64)
    for name, amount in shape.requests.items():
        if name in column:
            row[column[name]] = amount
    if PODS in column:
        row[column[PODS]] = 1
    return row


def shortages(room: Room, index: int, shape: PodShape) -> tuple[str, ...]:
    """The resources that node ``index`` has too little of for a pod of this shape, sorted."""
    free = room.free[index]
    short = [
        name
        for j, name in enumerate(room.resources)
        if (amount := 1 if name == PODS else shape.requests.get(name, 0)) > 0 and amount > int(free[j])
    ]
    short.extend(name for name, amount in shape.requests.items() if amount > 0 and name not in room.resources)
    return tuple(sorted(short))
