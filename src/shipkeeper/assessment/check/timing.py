"""Rules about time: how long pods take to end, and whether all of it fits into the window."""

from __future__ import annotations

from collections.abc import Iterator

from shipkeeper.assessment.check.context import Context
from shipkeeper.assessment.check.registry import BLOCKS, RISK, check, count, listed, named
from shipkeeper.model.findings import Finding
from shipkeeper.model.pods import Pod
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.time import MINUTE, format_duration
from shipkeeper.semantics.drain import grace_ms

_SOURCE = "Kubernetes documentation: Pod Lifecycle, Termination of Pods"
LONG_GRACE_MS = 2 * MINUTE
"""From here on a grace period is worth a line: it adds to every node that holds such a pod."""


def drain_bound_ms(context: Context, node: str) -> tuple[int, str]:
    """(longest time that ending the node's pods may take, what makes it so).

    Pods end side by side, so the longest grace period counts; those behind one budget go as many at a time as it
    allows, so theirs add up. How long their replacements take to become Ready, for which each further round waits as
    well, is not in it: no object says how long that may be.
    """
    worst, why = 0, ""
    behind: dict[ObjectRef, list[Pod]] = {}
    allowed: dict[ObjectRef, int] = {}
    drain = context.drains[node]
    for item in (*drain.evict, *drain.blocked):
        if item.pod.finished:
            continue
        grace = grace_ms(item.pod.shape.grace_ms, context.settings.policy)
        if grace > worst:
            worst, why = grace, str(context.top_of(item.pod) or item.pod.ref)
        budgets = context.budgets_of(item.pod)
        if len(budgets) == 1:
            behind.setdefault(budgets[0].ref, []).append(item.pod)
            allowed[budgets[0].ref] = max(1, budgets[0].allowed)
    for ref, pods in sorted(behind.items()):
        rounds = -(-len(pods) // allowed[ref])
        total = rounds * max(grace_ms(pod.shape.grace_ms, context.settings.policy) for pod in pods)
        if total > worst:
            worst, why = total, f"{ref}, {rounds} rounds of {count(allowed[ref], 'pod')}"
            if rounds > 1:
                why += " (and each round waits until the replacements of the one before are Ready, not counted)"
    return worst, why


@check(
    "drain-outlasts-window",
    title="Ending the pods may take longer than the window",
    explanation=(
        "Every node's drain lasts as long as its slowest pod may take to end: the whole grace period for a program "
        "that does not react to SIGTERM, and one after another behind a budget. Added up over the nodes, one at a "
        "time, with the reboots, that is more than the window. Programs that end sooner make it less. What is not "
        "counted makes it more: behind a budget, each round also waits until the replacements of the one before are "
        "Ready, and an eviction that is refused for another reason is tried again. A rehearsal plays all of it."
    ),
    fix="Shorter grace periods for the workloads named, fewer nodes in one window, or several nodes at a time.",
    source=_SOURCE,
    needs=("pods", "poddisruptionbudgets"),
    effect=BLOCKS,
)
def _outlasts(context: Context) -> Iterator[Finding]:
    bounds = sorted(
        ((*drain_bound_ms(context, node.name), node.name) for node in context.nodes),
        key=lambda item: (-item[0], item[2]),
    )
    graces = sum(bound for bound, _, _ in bounds)
    reboots = len(context.nodes) * context.settings.reboot_ms
    window = context.settings.window_ms
    if not bounds or graces + reboots <= window:
        return
    alone = reboots > window
    source = "" if context.settings.window_source == "declared" else f" ({context.settings.window_source})"
    yield Finding(
        rule="drain-outlasts-window",
        severity="warning",
        object=named(ObjectRef("Node", "", bounds[0][2])),
        message=(
            f"{count(len(bounds), 'node')} one at a time may take {format_duration(graces + reboots)}:"
            f" {format_duration(graces)} for pods to end, {format_duration(reboots)} for reboots;"
            f" the window is {format_duration(window)}{source}"
        ),
        consequence="not all nodes may be done in one window" + (", whatever the pods do" if alone else ""),
        fix="fewer nodes per window or more at a time; rehearse the plan for what is likely",
        evidence=tuple(
            f"{name}: {format_duration(bound)} for pods to end, because of {why}" for bound, why, name in bounds[:5]
        ),
    )


@check(
    "long-grace-period",
    title="Pods may take minutes to end",
    explanation=(
        "A program that does not react to SIGTERM is killed only when its terminationGracePeriodSeconds is over. Two "
        "minutes of it, times the nodes that hold such a pod, is what a night is lost on."
    ),
    fix="Let the program end on SIGTERM, then lower terminationGracePeriodSeconds.",
    source=_SOURCE,
    needs=("pods",),
    effect=RISK,
)
def _long_grace(context: Context) -> Iterator[Finding]:
    groups: dict[ObjectRef, list[Pod]] = {}
    for pod in context.live:
        if pod.uid in context.movers and grace_ms(pod.shape.grace_ms, context.settings.policy) >= LONG_GRACE_MS:
            groups.setdefault(context.top_of(pod) or pod.ref, []).append(pod)
    for top, pods in sorted(groups.items()):
        grace = max(grace_ms(pod.shape.grace_ms, context.settings.policy) for pod in pods)
        nodes = context.nodes_of(pods)
        yield Finding(
            rule="long-grace-period",
            severity="info",
            object=named(top),
            message=f"may take {format_duration(grace)} to end, on {listed(nodes, 3)}",
            consequence=f"up to {format_duration(grace * len(nodes))} of the window, if it does not end on SIGTERM",
            fix="end on SIGTERM, then lower terminationGracePeriodSeconds",
            nodes=nodes,
        )


CHECKS = (_outlasts, _long_grace)
