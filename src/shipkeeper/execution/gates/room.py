"""Whether the pods that leave a node have somewhere to go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shipkeeper.model.pods import Pod, PodShape
from shipkeeper.model.room import Room
from shipkeeper.ports.gates import GateReading
from shipkeeper.semantics.placement import by_size, could_ever_take, node_reasons
from shipkeeper.semantics.room import request_row


class _Search:
    """Where pods of one shape may go: nodes that had room once, and how far they are used up."""

    __slots__ = ("at", "checked", "nodes", "wanted")

    def __init__(self, wanted: tuple[tuple[int, int], ...], nodes: NDArray[np.intp]) -> None:
        self.wanted, self.nodes = wanted, nodes
        self.at = 0
        self.checked = -1
        """The node that may take the shape, room aside."""


class Places:
    """First fit of pods into free room, the biggest first."""

    def __init__(self, room: Room, leaving: Sequence[str]) -> None:
        self._nodes, self._free = room.nodes, np.array(room.free, order="F")
        self._column = {name: j for j, name in enumerate(room.resources)}
        self._gone = frozenset(leaving)
        self._searches: dict[int, _Search] = {}
        self._roomy: dict[tuple[tuple[int, int], ...], NDArray[np.intp]] = {}
        """Nodes that had room for these requests when they were first asked for: none will join them."""

    def place(self, shape: PodShape) -> bool:
        """Take the first node that may take a pod of this shape and has room; False when there is none."""
        search = self._searches.get(id(shape))
        if search is None:
            search = self._searches[id(shape)] = self._begin(shape)
        free = self._free
        while search.at < len(search.nodes):
            node = int(search.nodes[search.at])
            if all(free[node, column] >= amount for column, amount in search.wanted) and self._may(shape, node, search):
                for column, amount in search.wanted:
                    free[node, column] -= amount
                return True
            search.at += 1  # room only shrinks here: what has too little now will have too little later
        return False

    def _begin(self, shape: PodShape) -> _Search:
        if any(amount > 0 and name not in self._column for name, amount in shape.requests.items()):
            return _Search((), np.empty(0, dtype=np.intp))
        row = request_row(shape, self._column).tolist()
        wanted = tuple((column, amount) for column, amount in enumerate(row) if amount > 0)
        roomy = self._roomy.get(wanted)
        if roomy is None:
            fits = np.ones(len(self._nodes), dtype=np.bool_)
            for column, amount in wanted:
                fits &= self._free[:, column] >= amount
            roomy = self._roomy[wanted] = fits.nonzero()[0]
        return _Search(wanted, roomy)

    def _may(self, shape: PodShape, index: int, search: _Search) -> bool:
        if search.checked != index:
            node = self._nodes[index]
            if node.name in self._gone or not node.ready or node_reasons(shape, node):
                return False
            search.checked = index
        return True

    def pinned(self, shape: PodShape) -> bool:
        """Whether no other node could ever take pods of this shape, cordons, health and room aside."""
        others = (node for node in self._nodes if node.name not in self._gone)
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
