"""Gates after a node: it takes pods, its workloads are as well as they were, and budgets have their due back."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.execution.before import Before
from shipkeeper.execution.context import Run
from shipkeeper.execution.health import Reading, worse
from shipkeeper.model.nodes import Node
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.workloads import Budget
from shipkeeper.ports.gates import GateReading
from shipkeeper.semantics.taints import HARD, UNSCHEDULABLE, write_taint


def new_taints(before: Before, node: Node) -> list[str]:
    """Taints that keep pods off and were not there before; the cordon's own left out."""
    return sorted(
        text
        for taint in node.taints
        if taint.effect in HARD and taint.key != UNSCHEDULABLE and (text := write_taint(taint)) not in before.taints
    )


def pods_scheduled(before: Before, node: Node, kept: bool) -> GateReading:
    """Whether the scheduler may place pods on the node again."""
    problems = new_taints(before, node)
    if node.unschedulable and not kept:
        problems.append("it is cordoned")
    if not node.ready:
        problems.append("it is not Ready")
    if not problems:
        words = "Ready; left cordoned, as it was before" if kept else "Ready, takes pods"
        return GateReading("pods-scheduled", "open", words)
    return GateReading(
        "pods-scheduled",
        "closed",
        "; ".join(problems),
        reason=f"node {node.name} takes no pods: {'; '.join(problems)}",
        object=str(node.ref),
        retry=True,
    )


async def workloads_well(run: Run, before: Sequence[Reading]) -> tuple[GateReading, tuple[Reading, ...]]:
    """Each workload against its own reading; also returns those that are worse, to be asked again."""
    now = await run.health.read([(item.ref, item.uid) for item in before])
    bad = [(item, why) for item in before if (why := worse(item, now.get(item.ref)))]
    if not bad:
        return GateReading("workloads-well", "open", f"{len(before)} as healthy as before"), ()
    failed = any(why.endswith(" failed") for _, why in bad)
    words = "; ".join(why for _, why in bad[:3]) + (f"; and {len(bad) - 3} more" if len(bad) > 3 else "")
    return GateReading(
        "workloads-well",
        "closed",
        f"{len(bad)} of {len(before)} not yet as healthy as before",
        reason=words,
        object=str(bad[0][0].ref),
        retry=not failed,
    ), tuple(item for item, _ in bad)


async def budgets_restored(run: Run, before: Before) -> GateReading:
    """Each budget over the moved pods: current, nothing disrupted, as many healthy as before."""
    bad: list[tuple[ObjectRef, str]] = []
    there = await run.api.budgets({item.namespace for item in before.budgets})
    wanted = {(item.namespace, item.name) for item in before.budgets}
    now = {key: item for item in there if (key := (item.namespace, item.name)) in wanted}
    for item in before.budgets:
        budget = now.get((item.namespace, item.name))
        if budget is not None and (why := _not_restored(budget, item.healthy)):
            bad.append((budget.ref, f"budget {item.namespace}/{item.name} {why}"))
    if not bad:
        return GateReading("budgets-restored", "open", f"{len(before.budgets)} restored")
    return GateReading(
        "budgets-restored",
        "closed",
        f"{len(bad)} of {len(before.budgets)} not restored",
        reason="; ".join(why for _, why in bad[:3]),
        object=str(bad[0][0]),
        retry=True,
    )


def _not_restored(budget: Budget, healthy: int) -> str:
    if budget.observed_generation < budget.generation:
        return "has not been looked at since it changed"
    if budget.disrupted:
        return f"still counts {budget.disrupted[0][0]} as disrupted"
    wanted = min(healthy, budget.expected) if budget.expected else healthy
    if budget.healthy < wanted and budget.healthy < healthy:
        return f"counts {budget.healthy} healthy pods, {wanted} before"
    return ""
