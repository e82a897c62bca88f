"""How many nodes can be away before the others lack room, by sums over all of them.

Sums only: pods that fit by sums may still not fit one by one, so this can only say no with certainty. Whether each
pod finds a place is what a rehearsal answers.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from msgspec import Struct

from shipkeeper.model.inventory import Inventory
from shipkeeper.semantics.control_plane import control_plane_names
from shipkeeper.semantics.room import allocatable, request_row, resource_names

_GONE = (2, 3)


class AwayLimit(Struct, frozen=True):
    """``nodes``: how many may be away. ``resource`` is the scarcest, empty where none limits."""

    nodes: int
    resource: str = ""


def away_at_once(inventory: Inventory, names: Collection[str], *, optimistic: bool) -> AwayLimit:
    """How many of these worker nodes may be away at once: counting the smallest first (optimistic, an upper limit
    that no schedule can beat) or the largest first (what is safe by sums in any choice).
    """
    controllers = control_plane_names(inventory)
    nodes = [n for n in inventory.nodes if n.name not in controllers and (n.name in names or not n.unschedulable)]
    planned = [i for i, node in enumerate(nodes) if node.name in names]
    if not planned or not len(inventory.pods):
        return AwayLimit(len(planned))
    resources = resource_names(nodes, inventory.pods.shapes)
    room = allocatable(nodes, resources)
    movable = np.zeros(len(resources), dtype=np.int64)
    row_of = {node.name: i for i, node in enumerate(nodes)}
    column_of = {name: j for j, name in enumerate(resources)}
    requests = np.array([request_row(shape, column_of) for shape in inventory.pods.shapes])
    pods, column = inventory.pods, inventory.pods.columns
    bound = np.array([*(row_of.get(name, -1) for name in pods.nodes), -1])[column["node"]]
    stays = np.array([*(owner.kind == "DaemonSet" for owner in pods.owners), False])[column["owner"]]
    stays |= column["mirror"] == 1
    counted = (bound >= 0) & ~np.isin(column["phase"], _GONE)
    np.subtract.at(room, bound[counted & stays], requests[column["shape"][counted & stays]])
    movable = requests[column["shape"][counted & ~stays]].sum(axis=0)
    limit = AwayLimit(len(planned))
    for j in range(len(resources)):
        if movable[j] <= 0:
            continue
        sizes = np.sort(room[planned, j])
        away = np.cumsum(sizes if optimistic else sizes[::-1])
        most = int(np.count_nonzero(room[:, j].sum() - away >= movable[j]))
        if most < limit.nodes:
            limit = AwayLimit(most, resources[j])
    return limit
