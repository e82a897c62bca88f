"""Volumes: where a claim lets a pod go.

Source: ``pkg/scheduler/framework/plugins/{volumebinding,volumezone,volumerestrictions,nodevolumelimits}``.
Plain ReadWriteOnce is no scheduler filter: it costs time, until the volume is detached.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import Pod
from shipkeeper.model.storage import Claim, CsiNode, StorageClass, Volume
from shipkeeper.semantics.affinity import HOSTNAME, ZONE, any_term_holds

_ZONE_LABELS = {
    ZONE: (ZONE, "failure-domain.beta.kubernetes.io/zone"),
    "failure-domain.beta.kubernetes.io/zone": ("failure-domain.beta.kubernetes.io/zone", ZONE),
    "topology.kubernetes.io/region": ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"),
    "failure-domain.beta.kubernetes.io/region": (
        "failure-domain.beta.kubernetes.io/region",
        "topology.kubernetes.io/region",
    ),
}
"""Zone labels of a volume, and under which labels a node may carry the same."""

_TOPOLOGY_WORDS = ("zone", "region")


class Storage:
    """Claims, volumes and limits, indexed. ``known`` is False where claims or volumes could not be read."""

    def __init__(
        self,
        claims: Iterable[Claim] = (),
        volumes: Iterable[Volume] = (),
        classes: Iterable[StorageClass] = (),
        csi_nodes: Iterable[CsiNode] = (),
        *,
        known: bool = True,
    ) -> None:
        self.claims = {(claim.namespace, claim.name): claim for claim in claims}
        self.volumes = {volume.name: volume for volume in volumes}
        self.classes = {item.name: item for item in classes}
        self.limits = {
            item.name: {driver: limit for driver, limit in item.drivers if limit is not None} for item in csi_nodes
        }
        self.known = known

    def claim(self, namespace: str, name: str) -> Claim | None:
        """The claim, or None."""
        return self.claims.get((namespace, name))

    def volume_of(self, namespace: str, name: str) -> Volume | None:
        """The volume bound to that claim, or None."""
        claim = self.claims.get((namespace, name))
        return self.volumes.get(claim.volume) if claim is not None and claim.volume else None


def mountable(volume: Volume, node: Node) -> bool:
    """Whether the volume's node affinity and zone labels let it be mounted on the node."""
    if not any_term_holds(volume.node_terms, node.labels, node.name):
        return False
    for label, same in _ZONE_LABELS.items():
        wanted = volume.labels.get(label)
        if not wanted:
            continue
        own = next((node.labels[key] for key in same if key in node.labels), None)
        if own is not None and own not in wanted.split("__"):
            return False
        if own is None and any(key in node.labels for keys in _ZONE_LABELS.values() for key in keys):
            return False
    return True


def reach(volume: Volume) -> str:
    """How far the volume can follow a pod: ``node`` (local), ``zone`` (or region), or ``anywhere``.

    A hostPath volume without node affinity counts as ``node``: its data is on one machine, whatever the API says.
    """
    keys = {item.key for term in volume.node_terms for item in term.expressions}
    if volume.source in ("local", "hostPath") or HOSTNAME in keys or any(term.fields for term in volume.node_terms):
        return "node"
    zoned = any(volume.labels.get(label) for label in _ZONE_LABELS)
    if zoned or any(word in key.rsplit("/", 1)[-1] for key in keys for word in _TOPOLOGY_WORDS):
        return "zone"
    if any(key.rsplit("/", 1)[-1] in ("node", "hostname", "nodename") for key in keys):
        return "node"
    return "zone" if keys else "anywhere"


def claim_reasons(namespace: str, names: Sequence[str], node: Node, storage: Storage) -> tuple[str, ...]:
    """Why the claims of a pod keep it off the node; empty when they don't."""
    reasons = []
    for name in names:
        claim = storage.claim(namespace, name)
        if claim is None:
            if storage.known:
                reasons.append(f"claim {name} does not exist")
            continue
        if not claim.volume:
            if _binds_at_once(claim, storage):
                reasons.append(f"claim {name} is not bound")
            continue
        volume = storage.volumes.get(claim.volume)
        if volume is not None and not mountable(volume, node):
            reasons.append(f"volume of claim {name} cannot be mounted on the node")
    return tuple(reasons)


def single_node_claims(pod: Pod, storage: Storage) -> tuple[str, ...]:
    """Claims whose volume one node at a time may attach: moving the pod waits for the detach."""
    return tuple(
        name
        for name in pod.claims
        if _has_mode(storage.claim(pod.namespace, name), "ReadWriteOnce", "ReadWriteOncePod")
    )


def attachments_by_driver(pod_namespace: str, claims: Sequence[str], storage: Storage) -> dict[str, int]:
    """How many volumes of each CSI driver a pod brings along, for the node's limits."""
    counts: dict[str, int] = {}
    for name in claims:
        volume = storage.volume_of(pod_namespace, name)
        if volume is not None and volume.driver:
            counts[volume.driver] = counts.get(volume.driver, 0) + 1
    return counts


def _binds_at_once(claim: Claim, storage: Storage) -> bool:
    storage_class = storage.classes.get(claim.storage_class)
    return storage_class is not None and storage_class.binding != "WaitForFirstConsumer"


def _has_mode(claim: Claim | None, *modes: str) -> bool:
    return claim is not None and any(mode in claim.access_modes for mode in modes)
