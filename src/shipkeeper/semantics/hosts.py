"""What is known of nodes' operating systems: from the cluster's own signs, and from facts that others gathered.

Sources: kured's node annotations (``--annotate-nodes``), Flatcar's update operator, conditions of node-problem-detector
plugins. A sign that is absent proves nothing: kured writes its annotations only inside its own window.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from shipkeeper.model.errors import BadInput
from shipkeeper.model.facts import HostFacts, NodeFacts
from shipkeeper.model.nodes import Node
from shipkeeper.model.time import parse_instant

_KURED_NOW = "weave.works/kured-reboot-in-progress"
_KURED_SINCE = "weave.works/kured-most-recent-reboot-needed"
_FLATCAR = "flatcar-linux-update.v1.flatcar-linux.net/reboot-needed"
REBOOT_CONDITIONS = frozenset({"RebootRequired", "NodeRebootRequired", "KernelNeedsReboot", "PendingReboot"})
"""Conditions of a node that say whether it waits for a reboot."""
_HOSTNAME = "kubernetes.io/hostname"


def facts_of_nodes(nodes: Iterable[Node], known: Iterable[NodeFacts] = ()) -> tuple[NodeFacts, ...]:
    """Facts of every node, by name; of those that nothing tells more about than Kubernetes does, too."""
    told = {facts.node: facts for facts in known}
    found = (told.get(node.name) or _of_cluster(node) for node in nodes)
    return tuple(sorted(found, key=lambda item: item.node))


def with_gathered(
    nodes: Iterable[Node], known: Iterable[NodeFacts], gathered: Iterable[HostFacts]
) -> tuple[tuple[NodeFacts, ...], tuple[str, ...]]:
    """What is known with what was gathered, and the hosts among those that are no node of this cluster.

    A node is found by its name, its host name label, or its address; older facts come before newer ones.
    """
    by_name = {facts.node: facts for facts in known}
    nodes_by = {name: node for node in nodes for name in reversed(_names(node))}
    strangers = []
    for host in sorted(gathered, key=lambda item: item.facts.taken_ms):
        node = next((nodes_by[name.lower()] for name in host.names if name.lower() in nodes_by), None)
        if node is None:
            strangers.append(host.names[0])
        else:
            base = by_name.get(node.name) or _of_cluster(node)
            by_name[node.name] = _merge(base, _as_of_now(host.facts, node))
    return tuple(by_name[name] for name in sorted(by_name)), tuple(sorted(set(strangers)))


def _names(node: Node) -> tuple[str, ...]:
    names = (node.name, node.labels.get(_HOSTNAME, ""), node.address)
    return tuple(dict.fromkeys(name.lower() for name in names if name))


def _of_cluster(node: Node) -> NodeFacts:
    """What the Node object itself tells."""
    facts = NodeFacts(node.name, kernel_running=node.info.kernel, os=node.info.os_image, boot_id=node.info.boot_id)
    told = node.annotations
    if _KURED_NOW in told:
        since = _time(told.get(_KURED_SINCE) or told[_KURED_NOW])
        return replace(facts, reboot_required=True, reboot_since_ms=since, sources=("kured",))
    if told.get(_FLATCAR) in ("true", "false"):
        return replace(facts, reboot_required=told[_FLATCAR] == "true", sources=("flatcar",))
    for item in node.conditions:
        if item.type in REBOOT_CONDITIONS and item.status in ("True", "False"):
            required = item.status == "True"
            since = (item.since_ms or None) if required else None
            sources = (f"condition {item.type}",)
            return replace(facts, reboot_required=required, reboot_since_ms=since, sources=sources)
    return facts


def _as_of_now(facts: NodeFacts, node: Node) -> NodeFacts:
    """The facts without what a reboot since then has made void."""
    other_boot = facts.boot_id and node.info.boot_id and facts.boot_id != node.info.boot_id
    other_kernel = facts.kernel_running and node.info.kernel and facts.kernel_running != node.info.kernel
    if not (other_boot or other_kernel):
        return facts
    sources = tuple(f"{source} (from before a reboot)" for source in facts.sources)
    return replace(facts, reboot_required=None, reboot_since_ms=None, kernel_running="", boot_id="", sources=sources)


def _merge(base: NodeFacts, told: NodeFacts) -> NodeFacts:
    """What ``told`` says where it says something; that the cluster itself asks for a reboot stays."""
    required = base.reboot_required or told.reboot_required
    if required is None or (required is False and told.reboot_required is not None):
        required = told.reboot_required if told.reboot_required is not None else base.reboot_required
    since = [when for when in (base.reboot_since_ms, told.reboot_since_ms) if when is not None]
    return NodeFacts(
        node=base.node,
        pending_updates=_first(told.pending_updates, base.pending_updates),
        pending_security=_first(told.pending_security, base.pending_security),
        packages=told.packages or base.packages,
        reboot_required=required,
        reboot_since_ms=min(since) if since and required else None,
        automatic_security=told.automatic_security if told.automatic_security is not None else base.automatic_security,
        kernel_installed=told.kernel_installed or base.kernel_installed,
        kernel_running=base.kernel_running or told.kernel_running,
        os=told.os or base.os,
        taken_ms=told.taken_ms or base.taken_ms,
        sources=tuple(dict.fromkeys((*base.sources, *told.sources))),
        boot_id=base.boot_id or told.boot_id,
    )


def _first(one: int | None, other: int | None) -> int | None:
    return one if one is not None else other


def _time(text: str) -> int | None:
    try:
        return parse_instant(text)
    except BadInput:
        return None
