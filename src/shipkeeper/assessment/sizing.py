"""Whether an environment is sized: a node of any group, or a zone, may go away and every pod still has a place.

By requests, each pod placed in turn as ``check`` does it, with taints, selectors, affinity and volumes; pods that ask
for nothing take no room in this reckoning, however much they use. Only workers count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from shipkeeper.assessment.check.context import Context, Settings
from shipkeeper.assessment.check.trial import CAPACITY, OTHER, Homeless, without
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.nodes import Node
from shipkeeper.model.record import Record
from shipkeeper.model.words import count

GROUP_LABELS = (
    "elastisys.io/node-group",
    "eks.amazonaws.com/nodegroup",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "karpenter.sh/nodepool",
    "kops.k8s.io/instancegroup",
    "doks.digitalocean.com/node-pool",
    "node-pool",
    "nodepool",
    "pool",
)
"""Labels that say which nodes are of one kind, the first that a node carries."""
_ROLE = "node-role.kubernetes.io/"


class GroupSize(Record, frozen=True, kw_only=True):
    """A node group, or a zone, and what its loss means. ``kind``: group (one of its nodes is out) | zone (all are).

    ``lost``: workloads with pods that find no place, in the worst case. ``cpu`` and ``memory`` are requested shares of
    what its nodes offer, in percent.
    """

    kind: Literal["group", "zone"]
    name: str
    nodes: int
    state: Literal["ok", "unmet", "unknown"]
    reading: str
    cpu: int
    memory: int
    without: str = ""
    pods: int = 0
    lost: tuple[str, ...] = ()
    bound: tuple[str, ...] = ()
    """Workloads with pods that cannot move because of their volume or their rules, whatever the room."""


def sizes(inventory: Inventory, known: Context | None = None) -> tuple[GroupSize, ...]:
    """Every node group, then every zone where there are two or more. ``known``: indexes over all of its nodes."""
    context = known or Context(inventory, Settings(), None, inventory.taken_ms)
    workers = [node for node in inventory.nodes if node.name not in context.control_plane]
    workers = workers or list(inventory.nodes)
    unread = next((gap.why for gap in inventory.cluster_missing if gap.what in ("nodes", "pods")), "")
    groups: dict[str, list[Node]] = {}
    zones: dict[str, list[Node]] = {}
    for node in workers:
        groups.setdefault(group_of(node), []).append(node)
        zones.setdefault(node.zone, []).append(node)
    found = [_group(context, name, nodes, unread) for name, nodes in sorted(groups.items())]
    if len(set(zones) - {""}) > 1:
        found += [_zone(context, name, nodes, unread) for name, nodes in sorted(zones.items()) if name]
    return tuple(found)


def group_of(node: Node) -> str:
    """The node's group: by a label that says it, else its roles, else ``workers``."""
    for label in GROUP_LABELS:
        if node.labels.get(label):
            return node.labels[label]
    roles = sorted(key.removeprefix(_ROLE) for key in node.labels if key.startswith(_ROLE))
    return ", ".join(roles) or "workers"


def _group(context: Context, name: str, nodes: Sequence[Node], unread: str) -> GroupSize:
    """The loss of any one node of the group: the worst counts."""
    lost: dict[str, list[Homeless]] = {}
    names = {node.name for node in nodes}
    for one in context.homeless:
        if one.node in names:
            lost.setdefault(one.node, []).append(one)
    worst = max(sorted(lost), key=lambda node: _pods(lost[node]), default="")
    return _size(context, "group", name, nodes, worst, lost.get(worst, []), unread)


def _zone(context: Context, name: str, nodes: Sequence[Node], unread: str) -> GroupSize:
    found = list(without(context, [node.name for node in nodes], name))
    return _size(context, "zone", name, nodes, name, found, unread)


def _size(
    context: Context,
    kind: Literal["group", "zone"],
    name: str,
    nodes: Sequence[Node],
    out: str,
    found: Sequence[Homeless],
    unread: str,
) -> GroupSize:
    homeless = [one for one in found if one.cause in (CAPACITY, OTHER)]
    bound = tuple(str(one.top) for one in found if one.cause not in (CAPACITY, OTHER))
    pods = _pods(found)
    cpu, memory = (_share(context, nodes, resource) for resource in ("cpu", "memory"))
    state: Literal["ok", "unmet", "unknown"] = "unknown" if unread else "unmet" if homeless else "ok"
    which = f"without zone {name}" if kind == "zone" else f"without {out}" if out else "without any one of its nodes"
    if unread:
        reading = f"could not be read: {unread}"
    elif homeless:
        why = homeless[0].why() or "there is no other node"
        reading = f"{which} {count(pods, 'pod')} would have no place: {why}"
    else:
        any_one = which if kind == "zone" else "without any one of its nodes"
        rest = (
            f"; {count(len(bound), 'workload stays', 'workloads stay')} away with it, by volume or rule"
            if bound
            else ""
        )
        reading = f"{any_one} every pod that may move has a place{rest}"
    return GroupSize(
        kind=kind,
        name=name,
        nodes=len(nodes),
        state=state,
        reading=reading,
        cpu=cpu,
        memory=memory,
        without=out if homeless else "",
        pods=pods if homeless else 0,
        lost=tuple(str(one.top) for one in homeless),
        bound=bound,
    )


def _pods(found: Sequence[Homeless]) -> int:
    return sum(len(one.pods) for one in found if one.cause in (CAPACITY, OTHER))


def _share(context: Context, nodes: Sequence[Node], resource: str) -> int:
    offered = sum(node.allocatable.get(resource, 0) for node in nodes)
    asked = sum(
        pod.shape.requests.get(resource, 0)
        for node in nodes
        for pod in context.on.get(node.name, [])
        if not pod.finished
    )
    return round(100 * asked / offered) if offered else 0
