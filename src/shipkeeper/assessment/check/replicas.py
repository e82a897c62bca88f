"""Rules about how many replicas there are, and whether they sit in one place."""

from __future__ import annotations

from collections.abc import Iterator

from shipkeeper.assessment.check.context import Context
from shipkeeper.assessment.check.registry import DOWNTIME, RISK, check, count, listed, named
from shipkeeper.model.findings import Finding
from shipkeeper.model.pods import Pod
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.time import HOUR, SECOND, format_duration
from shipkeeper.semantics.drain import grace_ms
from shipkeeper.semantics.selectors import matches

_NEEDS = ("pods", "deployments", "statefulsets", "replicasets")
_NO_REPLICAS = frozenset({"DaemonSet", "Job", "CronJob", "Node"})
_SOURCE = "Kubernetes documentation: Disruptions; Pod Topology Spread Constraints; Safely Drain a Node"


def _running(context: Context) -> Iterator[tuple[ObjectRef, list[Pod], int]]:
    """Workloads that keep replicas and whose pods the drain moves: (name, pods that stay up, wanted)."""
    for top, pods in sorted(context.of_top.items()):
        if top.kind in _NO_REPLICAS or not context.moving(pods):
            continue
        staying = [pod for pod in pods if pod.deletion_ms is None]
        workload = context.workload(top)
        wanted = len(staying) if workload is None else workload.desired
        if wanted > 0 and staying:
            yield top, staying, wanted


def _touched(context: Context) -> str:
    tops = {top for pod in context.live if pod.uid in context.movers and (top := context.top_of(pod)) is not None}
    return f"how many replicas {count(len(tops), 'workload')} should have" if tops else ""


@check(
    "single-replica",
    title="A workload has one replica",
    explanation=(
        "While its only pod moves, nothing answers. A Deployment's replacement is made as soon as the old pod is told "
        "to end, a StatefulSet's only when the old pod is gone. A budget does not help: it either blocks the drain or "
        "lets the one pod go."
    ),
    fix="Two replicas on different nodes; or accept the gap and tell its users.",
    source=_SOURCE,
    needs=_NEEDS,
    effect=DOWNTIME,
    touches=_touched,
)
def _single_replica(context: Context) -> Iterator[Finding]:
    for top, pods, wanted in _running(context):
        if wanted != 1 or len(pods) != 1 or _budget_holds(context, pods) or top in context.away_with_node:
            continue
        served = [name for name in _services(context, pods[0]) if "metrics" not in name]
        what = f"Service {listed(served, 2)} has no other back end" if served else "no Service depends on it"
        if context.missing("services"):
            what = "whether a Service depends on it is not known"
        lasts, evidence = downtime(context, top, pods)
        yield Finding(
            rule="single-replica",
            severity="warning" if served or context.missing("services") else "info",
            object=named(top),
            message=f"one replica, on {pods[0].node}; {what}",
            consequence=f"no Ready pod for {lasts} while it moves",
            fix=_scale(top, 2),
            evidence=evidence,
            nodes=context.nodes_of(pods),
        )


@check(
    "replicas-on-one-node",
    title="All replicas of a workload are on one node",
    explanation=(
        "A drain evicts the pods of a node all at once. Without a budget that keeps some of them, every replica ends "
        "at the same time, and the workload is down until the first replacement is Ready."
    ),
    fix="Spread them over nodes (topologySpreadConstraints on kubernetes.io/hostname), and add a budget.",
    source=_SOURCE,
    needs=("pods", "poddisruptionbudgets", *_NEEDS[1:]),
    effect=DOWNTIME,
    touches=_touched,
)
def _on_one_node(context: Context) -> Iterator[Finding]:
    for top, pods, wanted in _running(context):
        ready = [pod for pod in pods if pod.ready]
        if wanted < 2 or len(ready) < 2 or len({pod.node for pod in ready}) != 1:
            continue
        if _budget_holds(context, ready) or top in context.away_with_node:
            continue
        kept = _kept_by_budget(context, ready)
        lasts, evidence = downtime(context, top, ready)
        yield Finding(
            rule="replicas-on-one-node",
            severity="info" if kept else "warning",
            object=named(top),
            message=f"all {len(ready)} Ready replicas are on {ready[0].node}",
            consequence=f"its budget moves them {len(ready) - kept} at a time, so the drain takes longer"
            if kept
            else f"no Ready pod for {lasts} while they move together",
            fix=_apart(top, ready[0]),
            evidence=evidence,
            nodes=context.nodes_of(ready),
        )


@check(
    "replicas-in-one-zone",
    title="All replicas of a workload are in one zone",
    explanation=(
        "Draining that zone's nodes together, as an order zone by zone with more than one at a time does, moves all "
        "of them; and the zone's loss takes the workload down."
    ),
    fix="Spread them over zones (topologySpreadConstraints on topology.kubernetes.io/zone).",
    source=_SOURCE,
    needs=("pods", "nodes"),
    effect=RISK,
    touches=_touched,
)
def _in_one_zone(context: Context) -> Iterator[Finding]:
    zones = {node.name: node.zone for node in context.inventory.nodes if node.name not in context.control_plane}
    if len(set(zones.values()) - {""}) < 2:
        return
    for top, pods, wanted in _running(context):
        ready = [pod for pod in pods if pod.ready]
        places = {zones.get(pod.node, "") for pod in ready}
        if wanted < 2 or len(ready) < 2 or len(places) != 1 or "" in places:
            continue
        if len({pod.node for pod in ready}) == 1 or any(pod.shape.node_selector for pod in ready):
            continue
        yield Finding(
            rule="replicas-in-one-zone",
            severity="info",
            object=named(top),
            message=f"all {len(ready)} Ready replicas are in zone {places.pop()}",
            consequence="maintenance of the whole zone, or its loss, moves all of them",
            fix="topologySpreadConstraints on topology.kubernetes.io/zone",
            nodes=context.nodes_of(ready),
        )


@check(
    "workload-without-budget",
    title="Nothing keeps a drain from taking several replicas at once",
    explanation=(
        "Without a budget, all pods of a workload on the nodes that are drained together leave at the same time. With "
        "one node at a time and replicas on different nodes that is one pod; with more it is not."
    ),
    fix="A PodDisruptionBudget with maxUnavailable: 1.",
    source=_SOURCE,
    needs=("pods", "poddisruptionbudgets"),
    effect=RISK,
    touches=_touched,
)
def _without_budget(context: Context) -> Iterator[Finding]:
    for top, pods, wanted in _running(context):
        if wanted < 2 or any(context.budgets_of(pod) for pod in pods):
            continue
        ready = [pod for pod in pods if pod.ready]
        fullest = max((sum(1 for pod in ready if pod.node == name) for name in {pod.node for pod in ready}), default=0)
        if len({pod.node for pod in ready}) == 1:
            continue
        yield Finding(
            rule="workload-without-budget",
            severity="info",
            object=named(top),
            message=f"{wanted} replicas and no budget" + (f"; {fullest} share a node" if fullest > 1 else ""),
            consequence=f"a drain takes {count(fullest, 'replica')} at once, more when nodes are drained in parallel",
            fix=_budget_command(context, top),
            nodes=context.nodes_of(pods),
        )


@check(
    "autoscaler-minimum-one",
    title="An autoscaler may leave a workload with one replica",
    explanation=(
        "With minReplicas 1 the workload is down to one pod whenever load is low, which is when maintenance is done."
    ),
    fix="minReplicas: 2.",
    source="Kubernetes documentation: Horizontal Pod Autoscaling",
    needs=("horizontalpodautoscalers",),
    effect=RISK,
)
def _autoscaler_minimum_one(context: Context) -> Iterator[Finding]:
    for scaler in context.inventory.autoscalers:
        pods = context.of_top.get(scaler.target, [])
        if scaler.minimum != 1 or scaler.maximum < 2 or not context.moving(pods):
            continue
        yield Finding(
            rule="autoscaler-minimum-one",
            severity="info",
            object=named(ObjectRef("HorizontalPodAutoscaler", scaler.namespace, scaler.name)),
            message=f"may scale {scaler.target} down to one replica (now {scaler.current or len(pods)})",
            consequence="in a quiet hour its pod is the only one, and moving it is an outage",
            fix=(
                f"kubectl -n {scaler.namespace} patch hpa {scaler.name} --type merge"
                ' -p \'{"spec":{"minReplicas":2}}\''
            ),
            nodes=context.nodes_of(context.moving(pods)),
        )


def downtime(context: Context, top: ObjectRef, pods: list[Pod]) -> tuple[str, tuple[str, ...]]:
    """(words, evidence) for how long a workload is without a Ready pod while these pods move.

    A Deployment's replacement starts at once, so only its start counts; a StatefulSet's waits for the old pod to end.
    """
    starts = sorted(start for pod in pods if (start := _start_ms(pod)) is not None)
    grace = max(grace_ms(pod.shape.grace_ms, context.settings.policy) for pod in pods)
    waits = top.kind not in ("Deployment", "ReplicaSet", "ReplicationController")
    evidence = [f"grace period {format_duration(grace)}"]
    if not starts:
        evidence.append("how long it takes to become Ready is not known: no pod of it tells")
        least = f"up to {format_duration(grace)} and its start, which nobody has measured" if waits else ""
        return least or "as long as a new pod takes to become Ready (not measured)", tuple(evidence)
    start = starts[len(starts) // 2]
    evidence.append(f"became Ready {format_duration(start)} after it was scheduled, last time (n={len(starts)})")
    if waits:
        return f"about {format_duration(start)} plus up to {format_duration(grace)} to end", tuple(evidence)
    return f"about {format_duration(start)}", tuple(evidence)


def _start_ms(pod: Pod) -> int | None:
    """From scheduled to Ready, where the pod has not been unready since; None when it cannot be told."""
    took = pod.ready_ms - pod.scheduled_ms
    if not pod.ready or pod.restarts or pod.scheduled_ms <= 0 or not SECOND <= took <= HOUR:
        return None
    return took


def _services(context: Context, pod: Pod) -> list[str]:
    found = []
    for service in context.inventory.services:
        if service.namespace == pod.namespace and service.selector:
            pairs = service.selector.items()
            if all(pod.shape.labels.get(key) == value for key, value in pairs):
                found.append(service.name)
    return found


def _budget_holds(context: Context, pods: list[Pod]) -> bool:
    """Whether a budget finding speaks for these pods already: none of them may go."""
    return any(budget.allowed == 0 for pod in pods for budget in context.budgets_of(pod))


def _kept_by_budget(context: Context, pods: list[Pod]) -> int:
    """How many of these pods their budget keeps up at any time; 0 without one."""
    budgets = context.budgets_of(pods[0])
    return max(0, len(pods) - budgets[0].allowed) if len(budgets) == 1 else 0


def _apart(top: ObjectRef, pod: Pod) -> str:
    spread = "spread them over nodes (topologySpreadConstraints on kubernetes.io/hostname)"
    if top.kind != "Deployment" or pod.claims:
        return spread
    return f"{spread}; for tonight: kubectl -n {top.namespace} delete pod {pod.name}, which may land elsewhere"


def _scale(top: ObjectRef, replicas: int) -> str:
    if top.kind in ("Deployment", "StatefulSet", "ReplicaSet"):
        return (
            f"kubectl -n {top.namespace} scale {top.kind.lower()} {top.name} --replicas={replicas},"
            " where it can run twice; or announce the gap"
        )
    return f"{replicas} replicas in the {top.kind}, where it can run twice; or announce the gap"


def _budget_command(context: Context, top: ObjectRef) -> str:
    workload = context.workload(top)
    if workload is None or workload.selector is None or workload.template is None:
        return "a PodDisruptionBudget with maxUnavailable: 1 over its pods"
    if workload.selector.expressions or not matches(workload.selector, workload.template.labels):
        return "a PodDisruptionBudget with maxUnavailable: 1 over its pods"
    chosen = ",".join(f"{key}={value}" for key, value in workload.selector.pairs)
    return f"kubectl -n {top.namespace} create pdb {top.name} --selector={chosen} --max-unavailable=1"


CHECKS = (_single_replica, _on_one_node, _in_one_zone, _without_budget, _autoscaler_minimum_one)
