"""Rules about nodes: their state, the control plane, and who else drains them."""

from __future__ import annotations

from collections.abc import Iterator

from shipkeeper.assessment.check.context import Context
from shipkeeper.assessment.check.registry import BLOCKS, DOWNTIME, RISK, check, count, listed, named
from shipkeeper.model.findings import Finding
from shipkeeper.model.nodes import Node
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.time import format_duration
from shipkeeper.semantics import drainers
from shipkeeper.semantics.control_plane import etcd_members, quorum, spare_members
from shipkeeper.semantics.drainers import Mark

_NODES = "Kubernetes documentation: Nodes; Node Status"
_TROUBLE = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")


@check(
    "node-not-ready",
    title="A node is not Ready",
    explanation=(
        "Its kubelet does not answer, or says that it cannot run pods. Pods evicted from it stay Terminating until it "
        "confirms, so a drain of it does not end; and its room is not there for others."
    ),
    fix="Bring it back first, or leave it out of the plan.",
    source=_NODES,
    needs=("nodes",),
    effect=BLOCKS,
)
def _not_ready(context: Context) -> Iterator[Finding]:
    for node in context.inventory.nodes:
        if node.ready:
            continue
        condition = node.condition("Ready")
        state = "reports no Ready condition" if condition is None else f"Ready is {condition.status}"
        since = ""
        if condition is not None and 0 < condition.since_ms <= context.now_ms:
            since = f" for {format_duration(context.now_ms - condition.since_ms)}"
        chosen = node.name in context.selected
        yield Finding(
            rule="node-not-ready",
            severity="error" if chosen else "warning",
            object=named(node.ref),
            message=state + since + (f" ({condition.reason})" if condition is not None and condition.reason else ""),
            consequence="its pods cannot be confirmed gone: the drain does not end" if chosen else _LESS_ROOM,
            fix=f"kubectl describe node {node.name}; leave it out until it is back"
            if chosen
            else "bring it back first",
            nodes=(node.name,) if chosen else (),
        )


_LESS_ROOM = "its room is not there for the pods that move"


@check(
    "node-cordoned",
    title="A node is cordoned already",
    explanation=(
        "Somebody took it out of service, for a reason that may still hold. A plan leaves it out, or with "
        "--include-cordoned maintains it and leaves it cordoned; it is never uncordoned by us. Its room is not there "
        "for others meanwhile."
    ),
    fix="Ask who cordoned it; uncordon it, or plan with --include-cordoned.",
    source=_NODES + ", Manual Node administration",
    needs=("nodes",),
    effect=RISK,
)
def _cordoned(context: Context) -> Iterator[Finding]:
    for node in context.inventory.nodes:
        if not node.unschedulable:
            continue
        chosen = node.name in context.selected
        by = _who_cordoned(context, node)
        yield Finding(
            rule="node-cordoned",
            severity="warning",
            object=named(node.ref),
            message=f"cordoned {by}",
            consequence=("left out of the plan; " if chosen else "") + _LESS_ROOM,
            fix=f"ask, then kubectl uncordon {node.name}" + (", or plan with --include-cordoned" if chosen else ""),
            evidence=tuple(mark.evidence for mark in drainers.node_marks(node)),
            nodes=(node.name,) if chosen else (),
        )


def _who_cordoned(context: Context, node: Node) -> str:
    ours = sorted(key for key in node.annotations if key.startswith("shipkeeper"))
    if ours:
        return f"by a Shipkeeper run ({ours[0]}: {node.annotations[ours[0]]})"
    acting = drainers.acting_on(node)
    if acting:
        return f"by {acting[0].drainer} ({acting[0].evidence})"
    return "by somebody who left no name"


@check(
    "node-under-pressure",
    title="A node reports trouble",
    explanation="It is short of memory, disk or process ids, or has no network. It may evict pods by itself.",
    fix="Look at the node before you drain others onto it.",
    source=_NODES,
    needs=("nodes",),
    effect=RISK,
)
def _pressure(context: Context) -> Iterator[Finding]:
    for node in context.inventory.nodes:
        troubles = [
            condition for condition in node.conditions if condition.type in _TROUBLE and condition.status == "True"
        ]
        if troubles and node.ready:
            yield Finding(
                rule="node-under-pressure",
                severity="warning",
                object=named(node.ref),
                message=listed([condition.type for condition in troubles]),
                consequence="it may evict pods by itself, and takes none from the nodes that are drained",
                fix=f"kubectl describe node {node.name}",
                evidence=tuple(f"{condition.type}: {condition.reason}" for condition in troubles),
                nodes=(node.name,) if node.name in context.selected else (),
            )


@check(
    "other-drainer",
    title="Something else drains or reboots nodes here",
    explanation=(
        "kured, an autoscaler, Karpenter, the machine-config operator or Cluster API act on their own. Two drainers at "
        "once take out more than either counts on, and each undoes the other's cordon. Software that owns the reboots "
        "of these machines wants to be planned with."
    ),
    fix="Pause it for the window, and let it do the reboots that are its own.",
    source="the software's own documentation, as semantics.drainers names it",
    needs=("nodes", "daemonsets", "deployments"),
    effect=BLOCKS,
)
def _other_drainer(context: Context) -> Iterator[Finding]:
    marks: dict[str, list[Mark]] = {}
    for node in context.inventory.nodes:
        for mark in drainers.node_marks(node):
            marks.setdefault(mark.drainer, []).append(mark)
    for mark in drainers.workload_marks(context.inventory.workloads):
        marks.setdefault(mark.drainer, []).append(mark)
    kinds: dict[str, list[str]] = {}
    for kind in context.inventory.drainers:
        drainer = drainers.drainer_of_kind(kind)
        machines = drainer == drainers.CLUSTER_API and drainer not in marks and drainers.MACHINE_API in marks
        kinds.setdefault(drainers.MACHINE_API if machines else drainer, []).append(kind)
    for drainer in sorted({*marks, *kinds}):
        yield _drainer_finding(context, drainer, marks.get(drainer, []), kinds.get(drainer, []))


def _drainer_finding(context: Context, drainer: str, marks: list[Mark], kinds: list[str]) -> Finding:
    busy = any(mark.acting for mark in marks)
    acting = sorted({mark.object.name for mark in marks if mark.acting and mark.object.kind == "Node"})
    marked = sorted({mark.object.name for mark in marks if mark.object.kind == "Node"})
    owns = drainer in drainers.OWNS_REBOOTS
    runs = next((mark.object for mark in marks if mark.object.kind != "Node"), None)
    where = runs or (ObjectRef("Node", "", marked[0]) if marked else ObjectRef(kinds[0], "", "*"))
    at_work = f"has work in hand{f' on {listed(acting, 3)}' if acting else ''}"
    if busy:
        consequence = "it and a plan take out nodes at the same time"
    elif owns:
        consequence = "it reboots these machines itself: a reboot of ours is outside its books"
    else:
        consequence = "it may drain or remove nodes during the window"
    mild = drainer in (drainers.CLUSTER_API, drainers.MACHINE_API, drainers.TERMINATION_HANDLER)
    return Finding(
        rule="other-drainer",
        severity="error" if busy else "info" if mild else "warning",
        object=named(where),
        message=f"{drainer} {at_work if busy else 'looks after nodes here'}",
        consequence=consequence,
        fix=_PAUSE.get(drainer, "pause it for the window"),
        evidence=(*sorted({mark.evidence for mark in marks})[:5], *kinds),
        nodes=tuple(name for name in acting or marked if name in context.selected),
    )


_PAUSE = {
    drainers.KURED: "hold its lock, or narrow its --start-time, --end-time and --reboot-days",
    drainers.AUTOSCALER: "scale it to 0 for the window, or annotate the nodes"
    " cluster-autoscaler.kubernetes.io/scale-down-disabled=true",
    drainers.KARPENTER: "a NodePool disruption budget of 0 nodes for the window",
    drainers.MACHINE_CONFIG: "let it do the reboots (a MachineConfig change), or pause the pool: spec.paused: true;"
    " drain without reboot by plan nodes --action none",
    drainers.CLUSTER_API: "annotate the Cluster or MachineDeployment cluster.x-k8s.io/paused for the window",
    drainers.TALOS: "reboot through talosctl: plan with a reboot driver that calls it",
    drainers.UPGRADE_CONTROLLER: "let no Plan be in progress during the window",
}


@check(
    "control-plane-node",
    title="A node carries the control plane",
    explanation=(
        "While it is down, its API server, controllers and etcd member are too. Such nodes are never chosen by a "
        "selector alone; with --allow-control-plane each goes alone, last. A cluster with one has no API for the time "
        "of the reboot."
    ),
    fix="--allow-control-plane, once etcd is well and backed up.",
    source="Kubernetes documentation: Options for Highly Available Topology; Upgrading kubeadm clusters",
    needs=("nodes", "pods"),
    effect=DOWNTIME,
)
def _control_plane(context: Context) -> Iterator[Finding]:
    chosen = sorted(context.control_plane & context.selected)
    if not chosen:
        return
    only = len(context.control_plane) == 1
    yield Finding(
        rule="control-plane-node",
        severity="warning" if only else "info",
        object=named(ObjectRef("Node", "", chosen[0])),
        message=f"{listed(chosen)} carr{'y' if len(chosen) > 1 else 'ies'} the control plane"
        + (", the only one" if only else ""),
        consequence="no API while it reboots: nothing is scheduled, healed or observed"
        if only
        else "one member less while each reboots; a plan takes them only with --allow-control-plane",
        fix="back etcd up first; plan with --allow-control-plane",
        nodes=tuple(chosen),
    )


@check(
    "etcd-quorum",
    title="etcd cannot lose a member",
    explanation=(
        "A majority of etcd's members must be up. With a member already down, or with fewer than three, rebooting one "
        "stops every write to the cluster."
    ),
    fix="All members Ready, and three of them, before any of their nodes is touched.",
    source="etcd documentation: Failure modes; Kubernetes documentation: Operating etcd clusters",
    needs=("pods",),
    effect=BLOCKS,
)
def _etcd(context: Context) -> Iterator[Finding]:
    members = etcd_members(context.live)
    hosts = sorted({pod.node for pod in members} & context.selected)
    ready = sum(1 for pod in members if pod.ready)
    if not hosts or spare_members(len(members), ready) >= 1 or len(members) == 1:
        return
    down = [pod.name for pod in members if not pod.ready]
    yield Finding(
        rule="etcd-quorum",
        severity="error",
        object=named(members[0].ref),
        message=f"{ready} of {len(members)} members Ready, {quorum(len(members))} needed"
        + (f"; not Ready: {listed(down)}" if down else ""),
        consequence=f"rebooting {listed(hosts, 3)} stops every write to the cluster",
        fix="mend the member that is down"
        if down
        else f"add a member: {count(len(members), 'member')} cannot lose one",
        nodes=tuple(hosts),
    )


CHECKS = (_not_ready, _cordoned, _pressure, _other_drainer, _control_plane, _etcd)
