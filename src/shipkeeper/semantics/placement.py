"""Where a pod may go, by what does not change while pods move: cordon, taints, affinity, volumes; and by free room.

``board`` adds what changes with every pod: host ports, spread, affinity between pods, volume limits. Which of the
possible nodes the scheduler picks cannot be known; a trial takes the first that fits, the biggest pods first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import Pod, PodShape
from shipkeeper.model.room import Room
from shipkeeper.model.words import count
from shipkeeper.semantics import room as rooms
from shipkeeper.semantics.affinity import selects_node
from shipkeeper.semantics.taints import UNSCHEDULABLE, tolerates_cordon, untolerated, write_taint
from shipkeeper.semantics.volumes import Storage, claim_reasons


def node_reasons(shape: PodShape, node: Node) -> tuple[str, ...]:
    """Why pods of this shape cannot be on the node, volumes and resources aside; empty when they can."""
    reasons = []
    if node.unschedulable and not tolerates_cordon(shape.tolerations):
        reasons.append("the node is cordoned")
    taint = untolerated((taint for taint in node.taints if taint.key != UNSCHEDULABLE), shape.tolerations)
    if taint is not None:
        reasons.append(f"taint {write_taint(taint)} is not tolerated")
    if not selects_node(shape, node):
        reasons.append("node selector or affinity does not match")
    return tuple(reasons)


def could_ever_take(shape: PodShape, node: Node) -> bool:
    """Whether the node could take a pod of this shape if it were empty, healthy and not cordoned.

    A pod that no other node could ever take waits for its own node's return; room elsewhere is no question for it.
    """
    lasting = (taint for taint in node.taints if not taint.key.startswith("node.kubernetes.io/"))
    if not selects_node(shape, node) or untolerated(lasting, shape.tolerations) is not None:
        return False
    return all(amount <= node.allocatable.get(name, 0) for name, amount in shape.requests.items())


def static_reasons(pod: Pod, node: Node, storage: Storage | None = None) -> tuple[str, ...]:
    """Why this pod cannot be on the node whatever room there is; empty when the node may take it.

    Without ``storage``, claims are not looked at.
    """
    reasons = node_reasons(pod.shape, node)
    if storage is not None and pod.claims:
        reasons += claim_reasons(pod.namespace, pod.claims, node, storage)
    return reasons


class Placed(Struct, frozen=True):
    """One pod of a trial. ``node`` empty: nowhere, and ``reasons`` counts nodes by reason, most frequent first."""

    pod: Pod
    node: str = ""
    reasons: tuple[tuple[str, int], ...] = ()

    def why(self) -> str:
        """The reasons in one line, the way the scheduler tells them."""
        return in_words(self.reasons)


def by_size(pods: Sequence[Pod]) -> list[Pod]:
    """Higher priority first, then the bigger memory and CPU requests, then namespace and name."""
    return sorted(
        pods,
        key=lambda pod: (
            -pod.shape.priority,
            -pod.shape.requests.get("memory", 0),
            -pod.shape.requests.get("cpu", 0),
            pod.namespace,
            pod.name,
        ),
    )


def tally(reasons: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Count equal reasons, most frequent first, then by text."""
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def in_words(reasons: Iterable[tuple[str, int]]) -> str:
    """Reasons in one line, each with the number of nodes it keeps the pod off."""
    return "; ".join(f"{count(number, 'node')}: {reason}" for reason, number in reasons)


def lacks(short: Sequence[str]) -> str:
    """One reason for a node that has too little of these resources."""
    return "too little " + ", ".join("room for pods" if name == rooms.PODS else name for name in short)


def with_room(room: Room, shape: PodShape) -> NDArray[np.bool_]:
    """For each node of the room, whether a pod of this shape fits into what is free."""
    for name, amount in shape.requests.items():
        if amount > 0 and name not in room.resources:
            return np.zeros(len(room.nodes), dtype=np.bool_)
    enough = np.ones(len(room.nodes), dtype=np.bool_)
    for j, name in enumerate(room.resources):
        amount = 1 if name == rooms.PODS else shape.requests.get(name, 0)
        if amount > 0:
            enough &= room.free[:, j] >= amount
    return enough


def labels_by_namespace(namespaces: Iterable[tuple[str, Mapping[str, str]]]) -> dict[str, Mapping[str, str]]:
    """Namespace labels by name, with the name label that every namespace carries."""
    return {name: {"kubernetes.io/metadata.name": name, **labels} for name, labels in namespaces}
