"""Rules about where pods would go: room, spread, anti-affinity, quota."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from shipkeeper.assessment.check import trial
from shipkeeper.assessment.check.context import Context
from shipkeeper.assessment.check.registry import BLOCKS, DOWNTIME, RISK, check, count, listed, named
from shipkeeper.assessment.check.trial import Homeless
from shipkeeper.model.cluster import Quota
from shipkeeper.model.findings import Finding
from shipkeeper.model.pods import Pod
from shipkeeper.model.refs import ObjectRef
from shipkeeper.semantics import quotas

_PLACES = ("nodes", "pods")
_SOURCE = "Kubernetes documentation: Kubernetes Scheduler; Assigning Pods to Nodes"


def _moving(context: Context) -> str:
    return f"where {count(len(context.movers), 'pod')} would go" if context.movers else ""


def _by_workload(context: Context, *causes: str) -> Iterator[tuple[ObjectRef, list[Homeless]]]:
    groups: dict[ObjectRef, list[Homeless]] = {}
    for item in context.homeless:
        if item.cause in causes:
            groups.setdefault(item.top, []).append(item)
    yield from sorted(groups.items())


def _nodes(items: Sequence[Homeless]) -> tuple[str, ...]:
    return tuple(item.node for item in items)


def _lines(items: Sequence[Homeless]) -> tuple[str, ...]:
    return tuple(f"without {item.node}: {count(len(item.pods), 'pod')} Pending; {item.why()}" for item in items[:5])


@check(
    "capacity-node-out",
    title="The other nodes have no room for a node's pods",
    explanation=(
        "With the node out, these pods fit nowhere: by their requests, on nodes that their taints, selectors and "
        "affinity allow, each placed in turn from the biggest. They stay Pending until the node is back, or preempt "
        "pods of lower priority. Which node the scheduler picks is not predicted; that there is no way is."
    ),
    fix="Add a node for the window, lower requests, or scale something else in.",
    source=_SOURCE + "; Resource Management for Pods and Containers",
    needs=_PLACES,
    effect=BLOCKS,
    touches=_moving,
)
def _capacity(context: Context) -> Iterator[Finding]:
    by_node: dict[str, list[Homeless]] = {}
    for item in context.homeless:
        if item.cause == trial.CAPACITY:
            by_node.setdefault(item.node, []).append(item)
    for node, items in by_node.items():
        pods = [pod for item in items for pod in item.pods]
        preempts = _may_preempt(context, pods)
        yield Finding(
            rule="capacity-node-out",
            severity="error",
            object=named(ObjectRef("Node", "", node)),
            message=f"{count(len(pods), 'pod')} of {count(len(items), 'workload')} fit on no other node ({_sum(pods)})",
            consequence="they stay Pending until the node is back"
            + ("; some may push out pods of lower priority instead" if preempts else ""),
            fix="add a node of that kind for the window, or scale something else in before it",
            evidence=tuple(f"{item.top}: {count(len(item.pods), 'pod')}; {item.why()}" for item in items[:10]),
            nodes=(node,),
        )


@check(
    "spread-cannot-be-met",
    title="A spread constraint keeps replacements Pending while a node is out",
    explanation=(
        "A drained node still counts as a domain of topologySpreadConstraints, with no pods in it, as long as "
        "nodeTaintsPolicy is Ignore, its default. With whenUnsatisfiable DoNotSchedule and a small maxSkew no other "
        "node may then take one more pod. The workload is short of a replica until the node is back."
    ),
    fix="nodeTaintsPolicy: Honor in the constraint, or whenUnsatisfiable: ScheduleAnyway.",
    source="Kubernetes documentation: Pod Topology Spread Constraints; pkg/scheduler/.../podtopologyspread",
    needs=_PLACES,
    effect=RISK,
    touches=_moving,
)
def _spread(context: Context) -> Iterator[Finding]:
    for top, items in _by_workload(context, trial.SPREAD):
        yield Finding(
            rule="spread-cannot-be-met",
            severity="warning",
            object=named(top),
            message=(
                f"must be spread over {listed(trial.hard_keys(items[0].pods[0]))}, and a node that is out still counts:"
                f" no other node may take one more"
            ),
            consequence=trial.while_out(context, items),
            fix="nodeTaintsPolicy: Honor in its topologySpreadConstraints, or whenUnsatisfiable: ScheduleAnyway",
            evidence=_lines(items),
            nodes=_nodes(items),
        )


@check(
    "anti-affinity-cannot-be-met",
    title="Anti-affinity keeps replacements Pending while a node is out",
    explanation=(
        "Required anti-affinity, or a host port, allows one pod per node (or zone), and every other one that could "
        "take it has one already. The workload is short of a replica until the node is back. Where that is meant, as "
        "with one replica for each control-plane node, there is nothing to mend."
    ),
    fix="One node more than replicas, or preferred instead of required anti-affinity.",
    source="Kubernetes documentation: Inter-pod affinity and anti-affinity",
    needs=_PLACES,
    effect=RISK,
    touches=_moving,
)
def _apart(context: Context) -> Iterator[Finding]:
    for top, items in _by_workload(context, trial.APART, trial.PORT):
        port = all(item.cause == trial.PORT for item in items)
        yield Finding(
            rule="anti-affinity-cannot-be-met",
            severity="warning",
            object=named(top),
            message=("claims a host port" if port else "allows one pod per node or zone")
            + ", and every other that could take it has one",
            consequence=trial.while_out(context, items),
            fix="one node more than replicas, or preferred instead of required anti-affinity; or expect it",
            evidence=_lines(items),
            nodes=_nodes(items),
        )


@check(
    "no-other-node",
    title="No other node may take a pod",
    explanation=(
        "Node selectors, affinity, taints, cordons, NotReady nodes, or a device or size that no other node has, leave "
        "no node but the one that is drained. The pod stays Pending until that node is back."
    ),
    fix="Label or untaint a second node for it, or accept the gap and tell its users.",
    source=_SOURCE + "; Taints and Tolerations",
    needs=_PLACES,
    effect=DOWNTIME,
    touches=_moving,
)
def _nowhere(context: Context) -> Iterator[Finding]:
    if len(context.inventory.nodes) == 1:
        yield from _only_node(context)
        return
    for top, items in _by_workload(context, trial.OTHER):
        yield Finding(
            rule="no-other-node",
            severity="warning",
            object=named(top),
            message=f"may run on no other node than {listed(_nodes(items), 3)}" + _lacking(items),
            consequence=trial.while_out(context, items),
            fix="a second node that may take it (label, taint, size, device), or announce the gap",
            evidence=_lines(items),
            nodes=_nodes(items),
        )


def _lacking(items: Sequence[Homeless]) -> str:
    """What the other nodes have too little of, even empty; nothing where it is labels or taints that forbid it."""
    short = next((reason for reason, _ in items[0].reasons if reason.startswith("too little")), "")
    return f": the others have {short}" if short else ""


def _only_node(context: Context) -> Iterator[Finding]:
    if context.homeless:
        name = context.inventory.nodes[0].name
        pods = sum(len(item.pods) for item in context.homeless)
        yield Finding(
            rule="no-other-node",
            severity="warning",
            object=named(ObjectRef("Node", "", name)),
            message="is the cluster's only node",
            consequence=f"{count(pods, 'pod')} have nowhere to go: all of it is down until the node is back",
            fix="announce the outage; a second node would take them",
            evidence=tuple(str(item.top) for item in context.homeless[:20]),
            nodes=(name,),
        )


@check(
    "quota-blocks-replacement",
    title="A quota has no room for a replacement beside the pod that ends",
    explanation=(
        "A Deployment makes the replacement while the old pod still ends, so for that time both count against the "
        "namespace's ResourceQuota. Without room the replacement is refused and tried again later: the workload is "
        "short of a pod for as long as the old one takes to end, and longer. A quota that is over its limit refuses "
        "the replacement for good, of any kind of workload: a run holds before it evicts such a pod."
    ),
    fix="Room for one more pod in the quota, for the window.",
    source="Kubernetes documentation: Resource Quotas",
    needs=("pods", "resourcequotas"),
    effect=BLOCKS,
    touches=_moving,
)
def _quota(context: Context) -> Iterator[Finding]:
    for quota in context.inventory.quotas:
        moving = [
            (top, pod)
            for top, pods in context.of_top.items()
            if top.namespace == quota.namespace
            for pod in context.moving(pods)
            if quotas.covers(quota, pod.shape) is not False
        ]
        for question in _QUESTIONS:
            asked = [(top, pod, entries) for top, pod in moving if (entries := question.ask(quota, top, pod))]
            if asked:
                yield _quota_finding(context, quota, question, asked)
                break


def _over(quota: Quota, top: ObjectRef, pod: Pod) -> tuple[str, ...]:
    return quotas.over(quota, pod.shape)


def _untold(quota: Quota, top: ObjectRef, pod: Pod) -> tuple[str, ...]:
    return quotas.untold(quota, pod.shape)


def _short(quota: Quota, top: ObjectRef, pod: Pod) -> tuple[str, ...]:
    """Only a Deployment makes the replacement while the old pod is still there."""
    if top.kind not in ("Deployment", "ReplicaSet") or not quotas.covers(quota, pod.shape):
        return ()
    return quotas.lacking(quota, quota.used, pod.shape)


class _Question(Struct, frozen=True):
    """What is asked of a quota, and what the answer means. ``ask`` gives the entries that it holds for."""

    severity: str
    ask: Callable[[Quota, ObjectRef, Pod], tuple[str, ...]]
    message: str
    consequence: str


_QUESTIONS = (
    _Question(
        "error",
        _over,
        "is over its limit: no pod of {tops} can be made again ({entries})",
        "an evicted pod stays away until something else in the namespace goes; a run holds before it evicts one",
    ),
    _Question(
        "unknown",
        _untold,
        "does not tell how much of {entries} is used, under which pods of {tops} count",
        "whether replacements are refused is not known; the API server refuses them until it is told",
    ),
    _Question(
        "warning",
        _short,
        "no room for one more pod of {tops} ({entries})",
        "replacements are refused until the old pods are gone: each move is a gap, not a handover",
    ),
)
"""The worst first; one finding a quota."""


def _quota_finding(
    context: Context, quota: Quota, question: _Question, asked: Sequence[tuple[ObjectRef, Pod, tuple[str, ...]]]
) -> Finding:
    entries = tuple(sorted({entry for _, _, names in asked for entry in names}))
    tops = sorted({str(top) for top, _, _ in asked})
    return Finding(
        rule="quota-blocks-replacement",
        severity=question.severity,
        object=named(ObjectRef("ResourceQuota", quota.namespace, quota.name)),
        message=question.message.format(tops=listed(tops, 3), entries=listed(entries)),
        consequence=question.consequence,
        fix=f"kubectl describe quota -n {quota.namespace} {quota.name}"
        if question.severity == "unknown"
        else f"raise {listed(entries)} in the quota for the window",
        evidence=tuple(f"{name}: {quota.used.get(name, 'unknown')} of {quota.hard[name]} used" for name in entries),
        nodes=context.nodes_of(pod for _, pod, _ in asked),
    )


def _may_preempt(context: Context, pods: Sequence[Pod]) -> bool:
    highest = max((pod.shape.priority for pod in pods if pod.shape.preemption), default=None)
    return highest is not None and any(pod.shape.priority < highest for pod in context.live)


def _sum(pods: Sequence[Pod]) -> str:
    cpu = sum(pod.shape.requests.get("cpu", 0) for pod in pods)
    memory = sum(pod.shape.requests.get("memory", 0) for pod in pods)
    others = sorted({name for pod in pods for name, amount in pod.shape.requests.items() if amount and "/" in name})
    extended = (f", {sum(pod.shape.requests.get(name, 0) for pod in pods)} {name}" for name in others)
    return f"{cpu / 1000:g} CPU, {memory / 1024**3:.1f} GiB" + "".join(extended)


CHECKS = (_capacity, _spread, _apart, _nowhere, _quota)
