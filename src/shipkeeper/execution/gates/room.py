"""Whether the pods that leave a node have somewhere to go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shipkeeper.model.pods import Pod, PodShape
from shipkeeper.model.room import Room
from shipkeeper.ports.gates import GateReading
from shipkeeper.semantics.placement import by_size, could_ever_take, node_reasons
from shipkeeper.semantics.room import copy, request_row


class Places:
    """First fit of pods into free room, the biggest first, with one look per shape and node."""

    def __init__(self, room: Room, leaving: Sequence[str]) -> None:
        self._room = copy(room)
        self._column = {name: j for j, name in enumerate(room.resources)}
        self._gone = frozenset(leaving)
        self._allowed: dict[int, dict[int, bool]] = {}
        self._rows: dict[int, NDArray[np.int64]] = {}

    def place(self, shape: PodShape) -> bool:
        """Take the first node that may take a pod of this shape and has room; False when there is none."""
        if any(amount > 0 and name not in self._column for name, amount in shape.requests.items()):
            return False
        row = self._rows.get(id(shape))
        if row is None:
            row = self._rows[id(shape)] = request_row(shape, self._column)
        free = self._room.free
        wants = row > 0
        fitting = np.flatnonzero((free[:, wants] >= row[wants]).all(axis=1))
        allowed = self._allowed.setdefault(id(shape), {})
        for index in fitting:
            i = int(index)
            if i not in allowed:
                node = self._room.nodes[i]
                allowed[i] = node.name not in self._gone and node.ready and not node_reasons(shape, node)
            if allowed[i]:
                free[i] -= row
                return True
        return False

    def pinned(self, shape: PodShape) -> bool:
        """Whether no other node could ever take pods of this shape, cordons, health and room aside."""
        others = (node for node in self._room.nodes if node.name not in self._gone)
        return not any(could_ever_take(shape, node) for node in others)


def room_for_pods(room: Room, pods: Sequence[Pod], leaving: Sequence[str]) -> tuple[GateReading, tuple[Pod, ...]]:
    """The gate, and the pods that can run on this node only: they wait for its return, and don't close the gate.

    A pod's own node selector, affinity, tolerations and requests are asked; spread and affinity between pods are the
    scheduler's.
    """
    places = Places(room, leaving)
    homeless: list[Pod] = []
    pinned: list[Pod] = []
    moving = [pod for pod in by_size(pods) if not pod.finished and pod.owner is not None]
    for pod in moving:
        if not places.place(pod.shape):
            (pinned if places.pinned(pod.shape) else homeless).append(pod)
    reading = f"{len(moving) - len(homeless) - len(pinned)} of {len(moving)} pods have a place elsewhere"
    if not homeless:
        return GateReading("room-for-pods", "open", reading), tuple(pinned)
    names = ", ".join(f"{pod.namespace}/{pod.name}" for pod in homeless[:3])
    more = f" and {len(homeless) - 3} more" if len(homeless) > 3 else ""
    return GateReading(
        "room-for-pods",
        "closed",
        reading,
        reason=f"{names}{more} would find no node with room (largest: {_wants(homeless[0])})",
        object=str(homeless[0].ref),
        retry=True,
    ), tuple(pinned)


def _wants(pod: Pod) -> str:
    """What it asks for; a device or other extended resource is most often what is lacking."""
    requests = pod.shape.requests
    devices = "".join(f", {amount} {name}" for name, amount in requests.items() if amount and "/" in name)
    return f"{requests.get('cpu', 0)}m CPU, {requests.get('memory', 0) // 1024**2} MiB{devices}"
