"""Rules about PodDisruptionBudgets: all the ways in which one makes a drain stand still."""

from __future__ import annotations

from collections.abc import Iterator

from shipkeeper.assessment.check import budget_facts as facts
from shipkeeper.assessment.check.context import Context
from shipkeeper.assessment.check.registry import BLOCKS, RISK, check, count, listed, named
from shipkeeper.model.findings import Finding
from shipkeeper.model.pods import Pod
from shipkeeper.model.workloads import Budget
from shipkeeper.semantics.budgets import never_allows
from shipkeeper.semantics.percent import scaled
from shipkeeper.semantics.selectors import write_selector

_SOURCE = "Kubernetes documentation: Specifying a Disruption Budget for your Application; Disruptions"
_NEEDS = ("pods", "poddisruptionbudgets", "replicasets", "deployments", "statefulsets")


def _covered(context: Context) -> str:
    pods = len(context.movers)
    return f"whether {count(pods, 'pod')} may be evicted" if pods else ""


@check(
    "budget-blocks-always",
    title="A budget allows no eviction even when everything is well",
    explanation=(
        "The budget wants at least as many healthy pods as there can be: maxUnavailable 0, minAvailable at or above "
        "the number of replicas, or a percentage that rounds up to it. The eviction API answers 429 until somebody "
        "changes the budget or the replicas; the drain cannot end."
    ),
    fix="More replicas than the budget keeps, or a budget that lets one pod go (maxUnavailable: 1).",
    source=_SOURCE,
    needs=_NEEDS,
    effect=BLOCKS,
    touches=_covered,
)
def _blocks_always(context: Context) -> Iterator[Finding]:
    for budget, moving in context.guards:
        aim = context.target(budget)
        bare = facts.only_bare(context, budget)
        if (
            aim.reason == "SyncFailed"
            or budget.reason == "SyncFailed"
            or bare
            or facts.allowed_at_best(context, budget, aim)
        ):
            continue
        best = facts.best_health(context, budget, aim)
        yield Finding(
            rule="budget-blocks-always",
            severity="error",
            object=named(budget.ref),
            message=f"allows 0 of {best}: {facts.arithmetic(budget, aim, best)}",
            consequence=f"{facts.stops(context, moving)} cannot be drained, and the plan stops there",
            fix=facts.fix(context, budget, best),
            evidence=facts.status_lines(budget, context),
            nodes=context.nodes_of(moving),
        )


@check(
    "budget-sync-failed",
    title="A budget cannot tell how many pods its owner wants",
    explanation=(
        "With maxUnavailable or a percentage the disruption controller asks the pods' owner for its size through the "
        "scale subresource. DaemonSets, Jobs and many custom resources have none, and a deleted owner cannot answer; "
        "the controller then fails safe and allows nothing, for as long as that lasts."
    ),
    fix="Use minAvailable with a number, which needs no owner.",
    source=_SOURCE + "; pkg/controller/disruption/disruption.go",
    needs=_NEEDS,
    effect=BLOCKS,
    touches=_covered,
)
def _sync_failed(context: Context) -> Iterator[Finding]:
    for budget, moving in context.guards:
        aim = context.target(budget)
        if budget.reason != "SyncFailed" and aim.reason != "SyncFailed":
            continue
        healthy = sum(1 for pod in context.of_budget[budget.ref] if pod.ready)
        keep = max(0, healthy - 1)
        yield Finding(
            rule="budget-sync-failed",
            severity="error",
            object=named(budget.ref),
            message=f"allows nothing: {budget.message or aim.message or 'its controller reports SyncFailed'}",
            consequence=f"{facts.stops(context, moving)} cannot be drained, however healthy the pods are",
            fix=f"minAvailable: {keep} instead of {facts.rule(budget)}: {facts.patch(budget, keep)}",
            evidence=facts.status_lines(budget, context),
            nodes=context.nodes_of(moving),
        )


@check(
    "budget-unmanaged-pods",
    title="A budget with maxUnavailable or a percentage covers pods without a controller",
    explanation=(
        "Pods without a controller add nothing to what the budget expects. Where it covers only such pods it expects "
        "0 and allows 0, although it does not report an error."
    ),
    fix="Use minAvailable with a number, or run the pods under a controller.",
    source=_SOURCE + " (Arbitrary workloads and arbitrary selectors)",
    needs=("pods", "poddisruptionbudgets"),
    effect=BLOCKS,
    touches=_covered,
)
def _unmanaged_pods(context: Context) -> Iterator[Finding]:
    for budget, moving in context.guards:
        if not facts.only_bare(context, budget):
            continue
        pods = context.of_budget[budget.ref]
        keep = max(0, len(pods) - 1)
        yield Finding(
            rule="budget-unmanaged-pods",
            severity="error",
            object=named(budget.ref),
            message=f"covers {count(len(pods), 'bare pod')} only, so {facts.rule(budget)} expects 0 and allows 0",
            consequence=f"{facts.stops(context, moving)} cannot be drained",
            fix=f"minAvailable: {keep} instead: {facts.patch(budget, keep)}",
            evidence=facts.status_lines(budget, context),
            nodes=context.nodes_of(moving),
        )


@check(
    "budget-unhealthy-pods",
    title="Unhealthy pods use up a budget",
    explanation=(
        "The budget would let pods go if all were Ready, but too few are, so it allows none now. The unhealthy pods "
        "themselves cannot be evicted either, unless the budget's unhealthyPodEvictionPolicy is AlwaysAllow: by "
        "default an unready pod goes only while the rest are healthy enough and at least one is wanted. A single "
        "replica that crash-loops behind maxUnavailable: 1 is therefore stuck for ever."
    ),
    fix="Mend the pods, or set unhealthyPodEvictionPolicy: AlwaysAllow.",
    source=_SOURCE + " (Unhealthy Pod Eviction Policy)",
    needs=_NEEDS,
    effect=BLOCKS,
    touches=_covered,
)
def _unhealthy_pods(context: Context) -> Iterator[Finding]:
    for budget, moving in context.guards:
        aim = context.target(budget)
        if (
            budget.reason == "SyncFailed"
            or aim.reason == "SyncFailed"
            or not facts.allowed_at_best(context, budget, aim)
        ):
            continue
        pods = [pod for pod in context.of_budget[budget.ref] if not pod.finished]
        unready = [pod for pod in pods if not pod.ready]
        if budget.allowed > 0 or _status_lags(budget):
            continue
        stuck = [pod for pod in unready if facts.is_stuck(pod, context.now_ms)]
        always = budget.unhealthy_policy == "AlwaysAllow"
        blocked = [pod for pod in moving if pod.ready or not always]
        if not blocked:
            continue
        policy = f"kubectl -n {budget.namespace} patch pdb {budget.name} --type merge -p "
        yield Finding(
            rule="budget-unhealthy-pods",
            severity="error" if stuck or not unready else "warning",
            object=named(budget.ref),
            message=f"allows 0 now: {budget.healthy} healthy, {budget.desired} needed{facts.who(unready)}",
            consequence=f"{facts.stops(context, blocked)} cannot be drained until they are Ready"
            + ("" if always else "; the unhealthy pods cannot be evicted either"),
            fix="mend the pods" + ("" if always else f", or {policy}'{_ALWAYS_ALLOW}'"),
            evidence=(
                *facts.status_lines(budget, context),
                *(facts.pod_line(pod, context.now_ms) for pod in unready[:5]),
            ),
            nodes=context.nodes_of(blocked),
        )


_ALWAYS_ALLOW = '{"spec":{"unhealthyPodEvictionPolicy":"AlwaysAllow"}}'


@check(
    "budget-two-on-pod",
    title="More than one budget covers a pod",
    explanation=(
        "The eviction API refuses a pod that two budgets select with an internal error (500), not with the 429 of a "
        "spent budget; kubectl drain gives the whole node up at once."
    ),
    fix="Make the selectors disjoint, or delete one of the budgets.",
    source=_SOURCE + "; pkg/registry/core/pod/storage/eviction.go",
    needs=("pods", "poddisruptionbudgets"),
    effect=BLOCKS,
    touches=_covered,
)
def _two_on_pod(context: Context) -> Iterator[Finding]:
    groups: dict[tuple[str, ...], list[Pod]] = {}
    for pod in context.live:
        if pod.uid in context.movers and pod.phase == "Running":
            budgets = context.budgets_of(pod)
            if len(budgets) > 1:
                groups.setdefault((pod.namespace, *(budget.name for budget in budgets)), []).append(pod)
    for (namespace, *names), pods in sorted(groups.items()):
        owners = sorted({str(context.top_of(pod) or pod.ref) for pod in pods})
        yield Finding(
            rule="budget-two-on-pod",
            severity="error",
            object=named(context.budgets_of(pods[0])[0].ref),
            message=f"and {listed(names[1:])} both cover {count(len(pods), 'pod')} of {listed(owners, 2)}",
            consequence=f"evicting them fails with an internal error: {facts.stops(context, pods)} cannot be drained",
            fix=f"delete one of them, such as kubectl -n {namespace} delete pdb {names[-1]}",
            evidence=tuple(
                f"{budget.name}: {write_selector(budget.selector) or 'every pod of the namespace'}"
                for budget in context.budgets_of(pods[0])
            ),
            nodes=context.nodes_of(pods),
        )


@check(
    "budget-status-stale",
    title="A budget's status is older than its spec",
    explanation=(
        "The disruption controller has not yet taken in the budget's newest spec. Until it has, the eviction API "
        "answers 429 and asks to come back. When that lasts, the controller is not running."
    ),
    fix="Look again in a minute; if it stays, look at kube-controller-manager.",
    source="pkg/registry/core/pod/storage/eviction.go",
    needs=("poddisruptionbudgets",),
    effect=BLOCKS,
    touches=_covered,
)
def _status_stale(context: Context) -> Iterator[Finding]:
    for budget, moving in context.guards:
        if _status_lags(budget):
            yield Finding(
                rule="budget-status-stale",
                severity="unknown",
                object=named(budget.ref),
                message=(
                    f"generation {budget.generation} of its spec is not observed yet"
                    f" (status is of generation {budget.observed_generation}): what it allows is not known"
                    if budget.generation
                    else "it has no status: what it allows is not known"
                ),
                consequence=f"evictions on {facts.stops(context, moving)} are refused until the controller catches up",
                fix="check again in a minute; if it stays, see whether kube-controller-manager runs",
                nodes=context.nodes_of(moving),
            )


def _status_lags(budget: Budget) -> bool:
    """Whether the status is of an older spec, or was never written."""
    return budget.observed_generation < budget.generation or not (budget.observed_generation or budget.reason)


@check(
    "budget-selects-nothing",
    title="A budget covers no pod",
    explanation=(
        "No pod carries the labels that the budget selects: it protects nothing. Usually a label was renamed; "
        "sometimes the workload is scaled to zero."
    ),
    fix="Correct the selector, or delete the budget.",
    source=_SOURCE,
    needs=("pods", "poddisruptionbudgets"),
    effect=RISK,
)
def _selects_nothing(context: Context) -> Iterator[Finding]:
    for budget in context.inventory.budgets:
        if context.of_budget.get(budget.ref):
            continue
        never = never_allows(budget)
        selector = "no selector" if budget.selector is None else write_selector(budget.selector) or "an empty selector"
        yield Finding(
            rule="budget-selects-nothing",
            severity="info",
            object=named(budget.ref),
            message=f"covers no pod ({selector})" + (f"; once it does, it allows nothing: {never}" if never else ""),
            consequence="whatever it was meant for is drained without protection",
            fix=f"correct its selector, or kubectl -n {budget.namespace} delete pdb {budget.name}",
        )


@check(
    "budget-above-autoscaler-minimum",
    title="A budget keeps as many pods as its autoscaler's minimum",
    explanation=(
        "When the HorizontalPodAutoscaler scales in to its minimum, the budget wants all of them and allows no "
        "eviction: the drain works by day and stands still at night."
    ),
    fix="Raise the autoscaler's minReplicas above the budget's minAvailable, or use maxUnavailable: 1.",
    source=_SOURCE + "; Horizontal Pod Autoscaling",
    needs=("poddisruptionbudgets", "horizontalpodautoscalers"),
    effect=RISK,
)
def _above_autoscaler_minimum(context: Context) -> Iterator[Finding]:
    for scaler in context.inventory.autoscalers:
        pods = context.of_top.get(scaler.target, [])
        workload = context.workload(scaler.target)
        if not pods or (workload is not None and workload.desired <= scaler.minimum):
            continue
        for budget in context.budgets_of(pods[0]):
            if budget.min_available is None:
                continue
            keep = scaled(budget.min_available, scaler.minimum, round_up=True)
            if keep >= scaler.minimum:
                yield Finding(
                    rule="budget-above-autoscaler-minimum",
                    severity="warning",
                    object=named(budget.ref),
                    message=f"keeps {keep} pods, and {scaler.name} may scale {scaler.target} down to {scaler.minimum}",
                    consequence="on a quiet night no pod of it may be evicted: its nodes cannot be drained then",
                    fix=f"minReplicas: {keep + 1} for the autoscaler, or maxUnavailable: 1 for the budget",
                    evidence=(f"now {scaler.current or len(pods)} pods, minimum {scaler.minimum}",),
                    nodes=context.nodes_of(context.moving(pods)),
                )


CHECKS = (
    _blocks_always,
    _sync_failed,
    _unmanaged_pods,
    _unhealthy_pods,
    _two_on_pod,
    _status_stale,
    _selects_nothing,
    _above_autoscaler_minimum,
)
