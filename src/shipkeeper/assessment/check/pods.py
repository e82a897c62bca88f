"""Rules about single pods: those a drain may not touch, cannot move, or finds broken already."""

from __future__ import annotations

from collections.abc import Iterator

from shipkeeper.assessment.check.context import Context
from shipkeeper.assessment.check.registry import BLOCKS, RISK, check, count, listed, named
from shipkeeper.model.findings import Finding
from shipkeeper.model.pods import Pod
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.time import MINUTE, format_duration
from shipkeeper.semantics.drain import foreign_finalizers, is_stuck

_DRAIN = "Kubernetes documentation: Safely Drain a Node; kubectl drain"
_STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
_PENDING_AFTER_MS = 5 * MINUTE


@check(
    "pod-unmanaged",
    title="A pod has no controller",
    explanation="Nothing makes it again after an eviction: it is gone for good. A drain refuses its node unless told.",
    fix="Run it under a Deployment or Job; or let it go with --allow-unmanaged=NAMESPACE/NAME.",
    source=_DRAIN,
    needs=("pods",),
    effect=BLOCKS,
)
def _unmanaged(context: Context) -> Iterator[Finding]:
    for node in context.nodes:
        drain = context.drains[node.name]
        for item in drain.blocked:
            if "unmanaged" in item.reasons:
                yield Finding(
                    rule="pod-unmanaged",
                    severity="error",
                    object=named(item.pod.ref),
                    message="has no controller",
                    consequence=f"node {node.name} is not drained: evicting the pod would remove it for good",
                    fix=(
                        f"run it under a controller, or plan with"
                        f" --allow-unmanaged={item.pod.namespace}/{item.pod.name}"
                    ),
                    nodes=(node.name,),
                )
        for item in drain.evict:
            if item.pod.owner is None and not item.pod.finished:
                yield Finding(
                    rule="pod-unmanaged",
                    severity="warning",
                    object=named(item.pod.ref),
                    message="has no controller; the policy lets it go",
                    consequence="evicting it removes it for good",
                    fix="make it again afterwards, where it is still needed",
                    nodes=(node.name,),
                )


@check(
    "pod-empty-dir",
    title="Pods keep data in emptyDir volumes",
    explanation=(
        "What a pod wrote to an emptyDir is deleted with it. Most of it is scratch space; some of it is a cache that "
        "takes hours to fill, or a queue nobody has read. A drain refuses the node unless told, by namespace."
    ),
    fix="Look at the workloads named; where the data may go: --delete-emptydir-data=NAMESPACE.",
    source=_DRAIN,
    needs=("pods",),
    effect=BLOCKS,
)
def _empty_dir(context: Context) -> Iterator[Finding]:
    blocked: dict[str, list[Pod]] = {}
    allowed: dict[str, list[Pod]] = {}
    for drain in context.drains.values():
        for item in drain.blocked:
            if "empty-dir" in item.reasons:
                blocked.setdefault(item.pod.namespace, []).append(item.pod)
        for item in drain.evict:
            if item.pod.shape.has_empty_dir and not item.pod.finished:
                allowed.setdefault(item.pod.namespace, []).append(item.pod)
    for namespace, pods in sorted(blocked.items()):
        nodes = context.nodes_of(pods)
        yield Finding(
            rule="pod-empty-dir",
            severity="error",
            object=named(ObjectRef("Namespace", "", namespace)),
            message=f"{count(len(pods), 'pod')} with emptyDir, of {count(len(_tops(context, pods)), 'workload')}",
            consequence=f"{count(len(nodes), 'node')} not drained until somebody says that this data may go",
            fix=f"plan with --delete-emptydir-data={namespace}",
            evidence=tuple(_tops(context, pods)[:20]),
            nodes=nodes,
        )
    for namespace, pods in sorted(allowed.items()):
        yield Finding(
            rule="pod-empty-dir",
            severity="info",
            object=named(ObjectRef("Namespace", "", namespace)),
            message=f"{count(len(pods), 'pod')} with emptyDir volumes; the policy lets their data go",
            consequence="what they wrote there is deleted with them",
            evidence=tuple(_tops(context, pods)[:20]),
            nodes=context.nodes_of(pods),
        )


@check(
    "pod-terminating",
    title="A pod does not end",
    explanation=(
        "Its deletion was asked for, the grace period is over, and it is still there: a finalizer nobody removes, a "
        "volume that does not unmount, or a kubelet that no longer answers. A drain waits for it and then holds; it "
        "never forces."
    ),
    fix="Find who owns the finalizer, or bring the node's kubelet back; then the pod goes by itself.",
    source="Kubernetes documentation: Pod Lifecycle, Termination of Pods; Finalizers",
    needs=("pods",),
    effect=BLOCKS,
)
def _terminating(context: Context) -> Iterator[Finding]:
    for node in context.nodes:
        for pod in context.on.get(node.name, []):
            if pod.deletion_ms is None or pod.mirror:
                continue
            stuck = is_stuck(pod, context.now_ms)
            if not stuck and not foreign_finalizers(pod.finalizers):
                continue
            late = max(0, context.now_ms - pod.deletion_ms)
            held = f"held by finalizers {listed(pod.finalizers)}" if pod.finalizers else "no finalizer holds it"
            when = f"{format_duration(late)} past its deadline" if stuck else "terminating"
            yield Finding(
                rule="pod-terminating",
                severity="error" if stuck and not pod.daemon else "warning",
                object=named(pod.ref),
                message=f"{when} on {node.name}; {held}",
                consequence=f"the drain of {node.name} waits for it and then holds",
                fix=(
                    f"kubectl -n {pod.namespace} get pod {pod.name} -o yaml, and the owner of its finalizers"
                    if pod.finalizers
                    else f"look at the kubelet of {node.name} and at what the pod has mounted"
                ),
                evidence=() if node.ready else (f"node {node.name} is not Ready",),
                nodes=(node.name,),
            )


@check(
    "pod-finalizer",
    title="A pod is gone only when somebody has removed its finalizer",
    explanation=(
        "An evicted pod with a finalizer ends, but its object stays until whoever set the finalizer takes it away. A "
        "drain waits for that, and so does a StatefulSet's replacement. If nobody takes it away, because its "
        "controller is down or was removed, the pod is held as stuck; Shipkeeper never removes a finalizer. Those of "
        "Kubernetes itself go by themselves and are not told."
    ),
    fix="See that the controller that set the finalizer runs, and on a node that is not drained at the same time.",
    source="Kubernetes documentation: Finalizers; Pod Lifecycle, Termination of Pods",
    needs=("pods",),
    effect=BLOCKS,
)
def _finalizer(context: Context) -> Iterator[Finding]:
    groups: dict[tuple[ObjectRef, tuple[str, ...]], list[Pod]] = {}
    for pod in context.live:
        held = tuple(sorted(foreign_finalizers(pod.finalizers)))
        if held and pod.uid in context.movers:
            groups.setdefault((context.top_of(pod) or pod.ref, held), []).append(pod)
    for (top, held), pods in sorted(groups.items()):
        nodes = context.nodes_of(pods)
        yield Finding(
            rule="pod-finalizer",
            severity="warning",
            object=named(top),
            message=f"{count(len(pods), 'pod')} to evict with finalizer {listed(held)}",
            consequence=(
                f"the drain of {listed(nodes, 3)} waits until it is removed, and holds the pod as stuck if nobody does"
            ),
            fix=f"see that what removes {listed(held)} runs, and stays up while {listed(nodes, 3)} is drained",
            evidence=tuple(f"{pod.name} on {pod.node}" for pod in pods[:5]),
            nodes=nodes,
        )


@check(
    "pod-failing",
    title="A workload is broken before the maintenance",
    explanation=(
        "Its pods crash, or cannot start. They will not be better elsewhere; afterwards nobody can tell whether the "
        "maintenance broke them. A run compares each workload with itself before, so it does not wait for these."
    ),
    fix="Mend it first, or write down that it was broken before.",
    source="Kubernetes documentation: Debug Running Pods",
    needs=("pods",),
    effect=RISK,
)
def _failing(context: Context) -> Iterator[Finding]:
    groups: dict[ObjectRef, list[Pod]] = {}
    for pod in context.live:
        if pod.waiting not in _STARTING and pod.deletion_ms is None and pod.node in context.selected:
            groups.setdefault(context.top_of(pod) or pod.ref, []).append(pod)
    for top, pods in sorted(groups.items()):
        reasons = sorted({pod.waiting for pod in pods})
        yield Finding(
            rule="pod-failing",
            severity="warning",
            object=named(top),
            message=f"{count(len(pods), 'pod')} in {listed(reasons)}",
            consequence="broken before the maintenance; it will be so afterwards, and may hide what the drain breaks",
            fix=f"kubectl -n {pods[0].namespace} logs {pods[0].name} --previous; mend it, or note it before you start",
            evidence=tuple(f"{pod.name} on {pod.node}: {pod.waiting}, {pod.restarts} restarts" for pod in pods[:5]),
            nodes=context.nodes_of(pods),
        )


@check(
    "pod-pending",
    title="A pod has no node already",
    explanation=(
        "The scheduler finds no place for it now, with every node there. With a node out there is less. Pods that "
        "wait for a scheduling gate are not counted."
    ),
    fix="kubectl describe the pod: the scheduler's event names the reason.",
    source="Kubernetes documentation: Kubernetes Scheduler; Pod Scheduling Readiness",
    needs=("pods",),
    effect=RISK,
)
def _pending(context: Context) -> Iterator[Finding]:
    groups: dict[ObjectRef, list[Pod]] = {}
    for pod in context.live:
        waited = context.now_ms - pod.created_ms
        if not pod.node and pod.deletion_ms is None and not pod.shape.scheduling_gates and waited > _PENDING_AFTER_MS:
            groups.setdefault(context.top_of(pod) or pod.ref, []).append(pod)
    for top, pods in sorted(groups.items()):
        oldest = max(context.now_ms - pod.created_ms for pod in pods)
        why = context.board.why_not(pods[0])
        lines = tuple(f"{count(number, 'node')}: {reason}" for reason, number in why[:5])
        yield Finding(
            rule="pod-pending",
            severity="warning",
            object=named(top),
            message=f"{count(len(pods), 'pod')} without a node for {format_duration(oldest)}",
            consequence="the cluster is short already; draining makes it shorter",
            fix=f"kubectl -n {pods[0].namespace} describe pod {pods[0].name}",
            evidence=lines,
        )


@check(
    "pod-without-requests",
    title="Pods ask for no CPU or memory",
    explanation=(
        "The scheduler places such pods as if they needed nothing, so no computation, this one included, can say "
        "whether what is left of the cluster carries them with a node out."
    ),
    fix="Requests near what they use; a LimitRange gives the namespace defaults.",
    source="Kubernetes documentation: Resource Management for Pods and Containers",
    needs=("pods",),
    effect=RISK,
)
def _without_requests(context: Context) -> Iterator[Finding]:
    groups: dict[str, list[Pod]] = {}
    for pod in context.live:
        if pod.shape.without_requests and pod.uid in context.movers:
            groups.setdefault(pod.namespace, []).append(pod)
    for namespace, pods in sorted(groups.items()):
        tops = _tops(context, pods)
        yield Finding(
            rule="pod-without-requests",
            severity="info",
            object=named(ObjectRef("Namespace", "", namespace)),
            message=f"{count(len(pods), 'pod')} of {count(len(tops), 'workload')} ask for no CPU or no memory",
            consequence="whether the other nodes can carry them cannot be computed",
            fix="requests near what they use, or a LimitRange with defaults in the namespace",
            evidence=tuple(tops[:20]),
            nodes=context.nodes_of(pods),
        )


@check(
    "namespace-terminating",
    title="Pods run in a namespace that is being deleted",
    explanation="Nothing can be created in such a namespace, evictions included (403); its pods go with it, or hang.",
    fix="See what holds the namespace: kubectl get namespace NAME -o yaml, status.conditions.",
    source="Kubernetes documentation: Namespaces; NamespaceLifecycle admission",
    needs=("pods", "namespaces"),
    effect=BLOCKS,
)
def _namespace_terminating(context: Context) -> Iterator[Finding]:
    going = {item.name for item in context.inventory.namespaces if item.terminating}
    if not going:
        return
    groups: dict[str, list[Pod]] = {}
    for pod in context.live:
        if pod.namespace in going and pod.uid in context.movers:
            groups.setdefault(pod.namespace, []).append(pod)
    for namespace, pods in sorted(groups.items()):
        yield Finding(
            rule="namespace-terminating",
            severity="error",
            object=named(ObjectRef("Namespace", "", namespace)),
            message=f"is being deleted and still runs {count(len(pods), 'pod')}",
            consequence=f"their eviction is refused: {listed(context.nodes_of(pods), 3)} cannot be drained",
            fix=f"kubectl get namespace {namespace} -o jsonpath='{{.status.conditions}}', and mend what holds it",
            nodes=context.nodes_of(pods),
        )


def _tops(context: Context, pods: list[Pod]) -> list[str]:
    return sorted({str(context.top_of(pod) or pod.ref) for pod in pods})


CHECKS = (
    _unmanaged,
    _empty_dir,
    _terminating,
    _finalizer,
    _failing,
    _pending,
    _without_requests,
    _namespace_terminating,
)
