"""How fast a control plane makes pods, at most.

Source: kube-controller-manager's reference, ``--kube-api-qps`` (20) and ``--kube-api-burst`` (30). Each controller has
a client of its own, so these hold for ReplicaSets, StatefulSets and Jobs apart.
"""

from __future__ import annotations

CREATES_PER_SECOND = 20
CREATE_BURST = 30
"""Creations that a controller may make at once, after it was idle."""

MAKERS = frozenset({"ReplicaSet", "ReplicationController", "StatefulSet", "Job"})
"""Kinds whose controllers run in the controller manager, and make again what is evicted."""


def least_ms(creations: int, per_second: int = CREATES_PER_SECOND, burst: int = CREATE_BURST) -> int:
    """How long one controller takes at least for that many creations, milliseconds."""
    return max(0, creations - burst) * 1_000 // per_second
