"""Gates around a reboot: volumes off the node before, everything back on it after, quorum around both."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.execution.before import Before, ready_daemons, ready_mirrors
from shipkeeper.execution.context import Run
from shipkeeper.execution.gates.after import new_taints
from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import Pod
from shipkeeper.model.storage import CsiNode, VolumeAttachment
from shipkeeper.model.time import SECOND, format_duration
from shipkeeper.ports.gates import GateReading
from shipkeeper.semantics.control_plane import is_api_server, is_control_plane, is_etcd

_MIRROR_NAMESPACES = ("kube-system", "openshift-etcd", "openshift-kube-apiserver")


async def volumes_detached(run: Run, name: str) -> GateReading:
    """VolumeAttachments that name the node, and its own list of volumes in use."""
    attached = await run.api.list(VolumeAttachment, node=name)
    node = await run.api.get(Node, name)
    in_use = node.volumes_in_use if node is not None else ()
    if not attached and not in_use:
        return GateReading("volumes-detached", "open", "none attached, none in use")
    names = [f"VolumeAttachment {item.name} ({item.attacher or 'unknown driver'})" for item in attached]
    names += [f"volume in use {item}" for item in in_use]
    return GateReading(
        "volumes-detached",
        "closed",
        f"{len(attached)} attached, {len(in_use)} in use",
        reason="; ".join(names[:4]) + (f"; and {len(names) - 4} more" if len(names) > 4 else ""),
        object=f"Node {name}",
        retry=True,
    )


async def node_serves(run: Run, name: str, before: Before, old_boot: str, seen_ms: int) -> tuple[GateReading, int]:
    """Everything that shows that a node is back and serves. Also returns how long it makes no sense to look again.

    ``seen_ms``: when the new boot id was first seen. A quick reboot never turns Ready off, so Ready's own
    transition time alone would call it stable at once.
    """
    node = await run.api.get(Node, name)
    if node is None:
        return _closed(name, f"node {name} is gone", retry=False), 0
    problem, wait_ms = _status_problem(run, node, before, old_boot, seen_ms)
    if problem:
        return _closed(name, problem, retry=True), wait_ms
    pods = await run.api.list(Pod, node=name)
    missing = sorted({*before.daemons} - {*ready_daemons(pods)})
    missing += sorted({*before.mirrors} - {*ready_mirrors(pods)})
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        return _closed(name, f"not Ready yet on {name}: {', '.join(missing[:3])}{more}", retry=True), 0
    csi = await run.api.get(CsiNode, name)
    drivers = {driver for driver, _ in csi.drivers} if csi is not None else set()
    lost = sorted({*before.csi} - drivers)
    if lost:
        return _closed(name, f"storage drivers not registered yet on {name}: {', '.join(lost)}", retry=True), 0
    if before.kubelet and node.info.kubelet != before.kubelet:
        said = f"the kubelet is {node.info.kubelet or 'unknown'}, it was {before.kubelet}"
        return _closed(name, said, retry=False), 0
    kernel = (
        f"kernel {node.info.kernel} as before"
        if node.info.kernel == before.kernel
        else f"kernel {before.kernel} → {node.info.kernel}"
    )
    count = len(before.daemons) + len(before.mirrors)
    words = f"boot {old_boot[:4]}→{node.info.boot_id[:4]}, {kernel}, {count}/{count} daemon pods"
    return GateReading("node-serves", "open", words, object=f"Node {name}"), 0


def _status_problem(run: Run, node: Node, before: Before, old_boot: str, seen_ms: int) -> tuple[str, int]:
    """(what is wrong with the node's status, how long to wait before looking again)."""
    if not node.info.boot_id or node.info.boot_id == old_boot:
        return f"node {node.name} still reports boot id {old_boot or 'unknown'}", 0
    if not node.ready:
        return f"node {node.name} has booted and is not Ready yet", 0
    ready = node.condition("Ready")
    # Ready's own transition time is of before a reboot that never turned it off, and in whole seconds, rounded down.
    since = run.runtime.now_ms() - max(seen_ms, ready.since_ms if ready is not None else 0)
    if since < run.stable_ms:
        left = run.stable_ms - max(0, since)
        return (
            f"node {node.name} is Ready for {format_duration(max(0, since))}, wanted {run.stable_ms // SECOND} s",
            left,
        )
    network = node.condition("NetworkUnavailable")
    if network is not None and network.status != "False":
        return f"node {node.name} reports its network unavailable ({network.reason or network.status})", 0
    taints = new_taints(before, node)
    if taints:
        return f"node {node.name} still carries {', '.join(taints)}", 0
    return "", 0


def _closed(name: str, reason: str, retry: bool) -> GateReading:
    return GateReading("node-serves", "closed", reason, reason=reason, object=f"Node {name}", retry=retry)


async def quorum(run: Run, gate: str, away: Sequence[str]) -> GateReading:
    """Whether every API server and etcd member is Ready; those on nodes ``away`` are not asked."""
    members: list[Pod] = []
    for namespace in _MIRROR_NAMESPACES:
        members += [pod for pod in await run.api.list(Pod, namespace=namespace) if is_api_server(pod) or is_etcd(pod)]
    if not members:
        heads = [node for node in await run.api.list(Node) if is_control_plane(node, ())]
        if len(heads) == 1:
            # k3s and its like run no such pods; with one node there is no quorum, and the plan acknowledged the outage.
            return GateReading(gate, "open", f"{heads[0].name} is the only control-plane node: there is no quorum")
        return GateReading(
            gate,
            "unknown",
            "no API server or etcd pod to be seen",
            reason=f"no API server or etcd pod is to be seen in {', '.join(_MIRROR_NAMESPACES)}, so nobody can tell "
            "here whether the control plane keeps its quorum; look yourself, then approve",
        )
    asked = [pod for pod in members if pod.node not in away]
    bad = [pod for pod in asked if not pod.ready]
    if bad:
        names = ", ".join(f"{pod.name} on {pod.node}" for pod in bad)
        return GateReading(
            gate,
            "closed",
            f"{len(asked) - len(bad)} of {len(asked)} Ready",
            reason=f"not Ready: {names}",
            object=str(bad[0].ref),
            retry=True,
        )
    if not asked and away:
        alone = "there is no other member: the API server goes down with the node"
        return GateReading(gate, "open", alone)
    return GateReading(gate, "open", f"{len(asked)} API server and etcd pods Ready")
