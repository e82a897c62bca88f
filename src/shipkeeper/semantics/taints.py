"""Taints and tolerations.

Source: Kubernetes documentation, "Taints and Tolerations"; ``pkg/controller/daemon/util/daemonset_util.go``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shipkeeper.model.nodes import Node, Taint
from shipkeeper.model.pods import Toleration
from shipkeeper.model.time import SECOND

UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"

HARD = frozenset({"NoSchedule", "NoExecute"})
"""Effects that keep a pod off a node; PreferNoSchedule only scores."""

DAEMON_TOLERATIONS = (
    Toleration(NOT_READY, "Exists", "", "NoExecute"),
    Toleration(UNREACHABLE, "Exists", "", "NoExecute"),
    Toleration("node.kubernetes.io/disk-pressure", "Exists", "", "NoSchedule"),
    Toleration("node.kubernetes.io/memory-pressure", "Exists", "", "NoSchedule"),
    Toleration("node.kubernetes.io/pid-pressure", "Exists", "", "NoSchedule"),
    Toleration(UNSCHEDULABLE, "Exists", "", "NoSchedule"),
)
"""What the DaemonSet controller adds to every daemon pod (network-unavailable too, on the host network)."""


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether one toleration covers one taint. An empty key with Exists covers all, an empty effect every effect."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.operator == "Exists":
        return toleration.key in ("", taint.key)
    return toleration.key == taint.key and toleration.value == taint.value


def tolerated(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    """Whether any of the tolerations covers the taint."""
    return any(tolerates(toleration, taint) for toleration in tolerations)


def effective_taints(node: Node) -> tuple[Taint, ...]:
    """The node's taints, with the one that the node controller adds to a cordoned node even before it has."""
    if node.unschedulable and not any(taint.key == UNSCHEDULABLE for taint in node.taints):
        return (*node.taints, Taint(UNSCHEDULABLE, "NoSchedule"))
    return node.taints


def untolerated(
    taints: Iterable[Taint], tolerations: Sequence[Toleration], effects: frozenset[str] = HARD
) -> Taint | None:
    """The first taint of these effects that no toleration covers, or None."""
    for taint in taints:
        if taint.effect in effects and not tolerated(taint, tolerations):
            return taint
    return None


def tolerates_cordon(tolerations: Iterable[Toleration]) -> bool:
    """Whether a pod may be scheduled to a cordoned node."""
    return tolerated(Taint(UNSCHEDULABLE, "NoSchedule"), tolerations)


def removed_after_ms(taints: Iterable[Taint], tolerations: Sequence[Toleration]) -> int | None:
    """How long the taint manager leaves a running pod under these NoExecute taints; None: for ever.

    0 when one of them is not tolerated. Otherwise the shortest ``tolerationSeconds`` among the tolerations used.
    """
    shortest: int | None = None
    for taint in taints:
        if taint.effect != "NoExecute":
            continue
        used = [toleration for toleration in tolerations if tolerates(toleration, taint)]
        if not used:
            return 0
        for toleration in used:
            if toleration.seconds is not None:
                wait = max(0, toleration.seconds) * SECOND
                shortest = wait if shortest is None else min(shortest, wait)
    return shortest


def write_taint(taint: Taint) -> str:
    """Write a taint the way kubectl does: ``key=value:Effect``, or ``key:Effect`` without a value."""
    return f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"
