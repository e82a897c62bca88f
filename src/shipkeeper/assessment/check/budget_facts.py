"""What the rules about budgets say in the same words: arithmetic, fixes to paste, evidence."""

from __future__ import annotations

import math

from shipkeeper.assessment.check.context import Context
from shipkeeper.assessment.check.registry import count, listed
from shipkeeper.model.pods import Pod
from shipkeeper.model.time import MINUTE, format_duration
from shipkeeper.model.workloads import Budget
from shipkeeper.semantics.budgets import BudgetTarget, needs_scale
from shipkeeper.semantics.ownership import WORKLOAD_KINDS
from shipkeeper.semantics.percent import percentage, scaled

SETTLED_MS = 10 * MINUTE
"""A pod that has not become Ready for this long is not just starting."""


def best_health(context: Context, budget: Budget, aim: BudgetTarget) -> int:
    """Pods that could be healthy at best: what the owners want, and at least what is there."""
    pods = [pod for pod in context.of_budget[budget.ref] if not pod.finished and pod.deletion_ms is None]
    if needs_scale(budget):
        return max(aim.expected, 0)
    tops = {top for pod in pods if (top := context.top_of(pod)) is not None}
    wanted = 0
    for top in sorted(tops):
        workload = context.workload(top)
        own = sum(1 for pod in pods if context.top_of(pod) == top)
        wanted += own if workload is None or workload.kind in ("DaemonSet", "Job", "CronJob") else workload.desired
    return wanted + sum(1 for pod in pods if context.top_of(pod) is None)


def allowed_at_best(context: Context, budget: Budget, aim: BudgetTarget) -> int:
    """How many evictions the budget allows when every pod it covers is Ready."""
    return max(0, best_health(context, budget, aim) - aim.desired) if aim.expected > 0 else 0


def only_bare(context: Context, budget: Budget) -> bool:
    """Whether the budget needs owners and covers pods without any."""
    pods = context.of_budget.get(budget.ref, [])
    return needs_scale(budget) and bool(pods) and all(pod.owner is None for pod in pods)


def rule(budget: Budget) -> str:
    """The budget in one phrase, as its manifest has it."""
    if budget.max_unavailable is not None:
        return f"maxUnavailable: {budget.max_unavailable}"
    return f"minAvailable: {budget.min_available}" if budget.min_available is not None else "no rule"


def arithmetic(budget: Budget, aim: BudgetTarget, best: int) -> str:
    """Why it comes to nothing, with the numbers."""
    if budget.max_unavailable is None and budget.min_available is None:
        return "it has neither minAvailable nor maxUnavailable"
    if best <= 0 and needs_scale(budget):
        return f"{rule(budget)} expects 0 pods, for their owners want none"
    share = percentage(budget.max_unavailable if budget.max_unavailable is not None else budget.min_available)
    if share is not None and 0 < share < 100 and budget.min_available is not None:
        return f"{rule(budget)} of {aim.expected} rounds up to {aim.desired}"
    return f"{rule(budget)} keeps {aim.desired} of {count(best, 'replica')}"


def fix(context: Context, budget: Budget, best: int) -> str:
    """More replicas where that helps, and a budget that lets one pod go; with an operator, its own way first.

    Where the owners want no pods, no budget over what is left of them allows anything.
    """
    if best <= 0 and needs_scale(budget):
        left = [pod for pod in context.of_budget.get(budget.ref, ()) if not pod.finished]
        return (
            f"its owner is scaled to 0, so what is left should end by itself; or kubectl -n {budget.namespace} delete"
            f" pod {' '.join(pod.name for pod in left[:3])}, which asks no budget"
        )
    operator = _operator(context, budget)
    if operator:
        return f"{operator}; or {allow_one(budget)} for the window"
    share = percentage(budget.min_available)
    if budget.max_unavailable is None and budget.min_available is not None and (share is None or share < 100):
        keep = scaled(budget.min_available, best, round_up=True)
        more = keep + 1 if share is None else math.floor(100 / (100 - share)) + 1
        return f"{more} replicas, or {allow_one(budget)} for the window"
    return f"{allow_one(budget)} for the window"


def _operator(context: Context, budget: Budget) -> str:
    """What to ask of the operator that made the pods, where one did; empty otherwise."""
    owner = next((pod.owner for pod in context.of_budget.get(budget.ref, ()) if pod.owner is not None), None)
    if owner is None or owner.kind in WORKLOAD_KINDS:
        return ""
    if owner.api_version.startswith("postgresql.cnpg.io/"):
        standby = _standby(context, budget)
        if not standby:
            return f"a second instance of Cluster {owner.name} on another node, to switch over to"
        return f"switch over to a standby first: kubectl cnpg promote -n {budget.namespace} {owner.name} {standby}"
    return f"let the operator of {owner.kind} {owner.name} move the pod first, by a switchover where it has one"


def _standby(context: Context, budget: Budget) -> str:
    """A Ready pod of the same owner on another node than the budget's pods; the first by name, or empty."""
    pods = context.of_budget.get(budget.ref, [])
    tops = {context.top_of(pod) for pod in pods} - {None}
    taken = {pod.node for pod in pods}
    others = [pod for top in tops if top is not None for pod in context.of_top.get(top, []) if pod.node not in taken]
    return min((pod.name for pod in others if pod.ready), default="")


def allow_one(budget: Budget) -> str:
    """The command that makes the budget let one pod go."""
    drop = '"minAvailable":null,' if budget.min_available is not None else ""
    return (
        f"maxUnavailable: 1 (kubectl -n {budget.namespace} patch pdb {budget.name} --type merge"
        f' -p \'{{"spec":{{{drop}"maxUnavailable":1}}}}\')'
    )


def patch(budget: Budget, keep: int) -> str:
    """The command that makes the budget keep a number of pods."""
    return (
        f"kubectl -n {budget.namespace} patch pdb {budget.name} --type merge"
        f' -p \'{{"spec":{{"maxUnavailable":null,"minAvailable":{keep}}}}}\''
    )


def stops(context: Context, pods: list[Pod]) -> str:
    """The nodes that the pods keep from being drained."""
    names = context.nodes_of(pods)
    return f"node{'s' if len(names) > 1 else ''} {listed(names, 3)}"


def status_lines(budget: Budget, context: Context) -> tuple[str, ...]:
    """What the budget says of itself, and whom it covers."""
    pods = context.of_budget.get(budget.ref, [])
    lines = [
        f"{rule(budget)}; status: {budget.healthy} healthy, {budget.desired} desired,"
        f" {budget.expected} expected, {budget.allowed} allowed"
    ]
    owners = sorted({str(context.top_of(pod) or pod.ref) for pod in pods})
    if owners:
        lines.append(f"covers {count(len(pods), 'pod')} of {listed(owners, 3)}")
    return tuple(lines)


def is_stuck(pod: Pod, now_ms: int) -> bool:
    """Whether an unready pod is not just starting."""
    if pod.waiting and pod.waiting not in ("ContainerCreating", "PodInitializing"):
        return True
    since = max(pod.ready_ms, pod.created_ms)
    return since > 0 and now_ms - since > SETTLED_MS


def who(unready: list[Pod]) -> str:
    """The unready pods, as the end of a sentence."""
    if not unready:
        return ""
    return f"; not Ready: {listed([pod.name for pod in unready], 3)}"


def pod_line(pod: Pod, now_ms: int) -> str:
    """One unready pod, since when, and what its container waits for."""
    since = max(pod.ready_ms, pod.created_ms)
    lasted = f" for {format_duration(now_ms - since)}" if 0 < since <= now_ms else ""
    return f"Pod {pod.namespace}/{pod.name} not Ready{lasted}" + (f": {pod.waiting}" if pod.waiting else "")
