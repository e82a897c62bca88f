"""Boxes of a checklist that an inventory can answer: pods, nodes, jobs, rollouts, budgets, room.

Each returns (state, reading): done | failed | open (a person has to judge) | unknown | not-applicable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from shipkeeper.evidence.words import clean
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import Plan, PlannedNode
from shipkeeper.model.pods import Pod
from shipkeeper.model.words import count
from shipkeeper.model.workloads import Budget, Workload
from shipkeeper.planning.capacity import away_at_once
from shipkeeper.semantics.budgets import compile_budgets
from shipkeeper.semantics.rollouts import in_flight, short_of

Answer = tuple[str, str]
_SUCCEEDED, _FAILED = 2, 3
"""Of the pod table's column ``phase``."""
MOST_NAMES = 5
"""A reading names this many objects; the rest are counted."""


def unread(inventory: Inventory, *resources: str) -> Answer | None:
    """The answer when something needed could not be read; None when all was."""
    for item in inventory.cluster_missing:
        if item.what in resources:
            return "unknown", clean(f"{item.what} could not be read: {item.why}")
    return None


def everything_read(inventory: Inventory) -> Answer:
    """Whether the survey could read all it asks for."""
    if not inventory.cluster_missing:
        return "done", f"{count(len(inventory.pods), 'pod')} on {count(len(inventory.nodes), 'node')}"
    return "unknown", clean("; ".join(f"{item.what}: {item.why}" for item in inventory.cluster_missing[:MOST_NAMES]))


def pods_healthy(inventory: Inventory, before: Inventory | None = None) -> Answer:
    """Every pod that has not finished is Running and Ready; failed pods count as not.

    Compared with an inventory from before, a workload may have as many that are not as it had then: they are named.
    """
    total, sick = _sick(inventory)
    allowed: dict[str, int] = {}
    for pod in _sick(before)[1] if before is not None else ():
        allowed[_whose(pod)] = allowed.get(_whose(pod), 0) + 1
    new: list[str] = []
    old: list[str] = []
    for pod in sick:
        known = allowed.get(_whose(pod), 0) > 0
        allowed[_whose(pod)] = allowed.get(_whose(pod), 0) - 1
        (old if known else new).append(f"{pod.namespace}/{pod.name} ({_ailment(pod)})")
    as_before = f"; {len(old)} not, as before: {names(old)}" if old else ""
    if new:
        return "failed", f"{len(new)} of {count(total, 'pod')} not running and ready: {names(new)}{as_before}"
    return "done", f"{total - len(old)} of {count(total, 'pod')} running and ready{as_before}"


def _sick(inventory: Inventory) -> tuple[int, list[Pod]]:
    """(pods that count, those of them that are not running and ready)."""
    column = inventory.pods.columns
    counted = column["phase"] != _SUCCEEDED
    rows = np.flatnonzero(counted & ((column["ready"] == 0) | (column["phase"] == _FAILED)))
    return int(np.count_nonzero(counted)), [inventory.pods.row(int(row)) for row in rows]


def _whose(pod: Pod) -> str:
    return f"{pod.namespace}/{pod.owner.uid if pod.owner is not None else pod.name}"


def nodes_ready(inventory: Inventory, plan: Plan, own: bool = True) -> Answer:
    """Every node is Ready, and none is cordoned that the plan did not find so. ``own``: this is the plan's cluster."""
    planned = plan.nodes if own else ()
    known = {node.name for node in planned if node.was_cordoned}
    wrong = [f"{node.name} is not Ready" for node in inventory.nodes if not node.ready]
    wrong += [f"{n.name} is cordoned" for n in inventory.nodes if n.unschedulable and n.name not in known]
    here = {node.name: node.uid for node in inventory.nodes}
    wrong += [f"{node.name} is gone" for node in planned if node.name not in here]
    wrong += [f"{node.name} is another machine now" for node in planned if here.get(node.name, node.uid) != node.uid]
    if wrong:
        return "failed", names(wrong)
    return "done", f"{len(inventory.nodes)} of {count(len(inventory.nodes), 'node')} Ready and not cordoned"


def jobs_settled(inventory: Inventory) -> Answer:
    """No Job failed or runs. Both are for a person to judge: a failed one may be old, a running one may be short."""
    jobs = [workload for workload in inventory.workloads if workload.job is not None and workload.kind == "Job"]
    failed = [f"{job.namespace}/{job.name}" for job in jobs if job.job and job.job.finished == "Failed"]
    running = [
        f"{job.namespace}/{job.name}" for job in jobs if job.job and not job.job.finished and not job.job.suspended
    ]
    said = []
    if failed:
        said.append(f"{len(failed)} failed: {names(failed)}")
    if running:
        said.append(f"{len(running)} running: {names(running)}")
    if said:
        return "open", "; ".join(said)
    return "done", f"{count(len(jobs), 'Job')}, none failed, none running"


def rollouts_settled(inventory: Inventory) -> Answer:
    """No Deployment, StatefulSet or DaemonSet is in the middle of a change."""
    moving = [f"{_name(w)}: {why}" for w in inventory.workloads if (why := in_flight(w))]
    if moving:
        return "failed", f"{len(moving)} under way: {names(moving)}"
    return "done", "none under way"


def budgets_allow(inventory: Inventory, plan: Plan) -> Answer:
    """Every budget over a pod of a planned node allows an eviction now."""
    index = compile_budgets(inventory.budgets)
    planned = [node.name for node in plan.nodes]
    touched: dict[tuple[str, str], Budget] = {}
    for node in planned:
        for pod in inventory.pods.on_node(node):
            if not pod.finished and not pod.mirror and not pod.daemon:
                for budget in index.matching(pod.namespace, pod.shape.labels):
                    touched[(budget.namespace, budget.name)] = budget
    spent = [
        f"{b.namespace}/{b.name} allows 0 ({b.healthy} of {b.desired} healthy)"
        for _, b in sorted(touched.items(), key=_place)
        if b.allowed < 1
    ]
    if spent:
        return "failed", f"{len(spent)} of {count(len(touched), 'budget')} would hold a drain: {names(spent)}"
    return "done", f"{count(len(touched), 'budget')} over the pods to move, each allows an eviction"


def room_with_nodes_out(inventory: Inventory, plan: Plan) -> Answer:
    """By sums, the other nodes have room while a batch of the plan is away."""
    most = max((len(batch) for batch in plan.batches), default=0)
    limit = away_at_once(inventory, {node.name for node in plan.nodes}, optimistic=False)
    reading = f"by sums {limit.nodes} of the planned nodes may be away at once; the plan takes {most}"
    if limit.nodes >= most:
        return "done", reading
    return "failed", f"{reading}; short of {limit.resource}"


def budgets_whole(inventory: Inventory) -> Answer:
    """Every budget has its controller's newest word, as many healthy pods as it wants, and no eviction pending."""
    wrong = []
    for budget in inventory.budgets:
        name = f"{budget.namespace}/{budget.name}"
        if budget.observed_generation < budget.generation:
            wrong.append(f"{name}: its status is not current")
        elif budget.healthy < budget.desired:
            wrong.append(f"{name}: {budget.healthy} of {budget.desired} healthy")
        elif budget.disrupted:
            wrong.append(f"{name}: {count(len(budget.disrupted), 'evicted pod')} not yet gone")
    if wrong:
        return "failed", f"{len(wrong)} of {count(len(inventory.budgets), 'budget')}: {names(wrong)}"
    return "done", f"{len(inventory.budgets)} of {count(len(inventory.budgets), 'budget')} whole"


def workloads_well(inventory: Inventory, baseline: Inventory | None) -> Answer:
    """Every workload has at least as many Ready pods as before; without a reading from before, as many as it wants."""
    before = {(w.kind, w.namespace, w.name): w for w in (baseline.workloads if baseline else ())}
    worse, total = [], 0
    for workload in inventory.workloads:
        lacking = short_of(workload)
        if not workload.desired or workload.owner is not None:
            continue
        total += 1
        known = before.pop((workload.kind, workload.namespace, workload.name), None)
        had = min(known.ready, workload.desired) if known is not None else workload.desired
        if lacking and workload.ready < had:
            worse.append(f"{_name(workload)} has {workload.ready} of {had} Ready")
    gone = [f"{_name(w)} is gone" for w in before.values() if w.desired and w.owner is None and short_of_kind(w)]
    if worse:
        return "failed", f"{len(worse)} of {count(total, 'workload')} worse: {names(worse)}"
    if gone:
        return "open", f"no workload is worse; {names(gone)}"
    against = "as before or better" if baseline else "with every pod they want (there is no reading from before)"
    return "done", f"{count(total, 'workload')} {against}"


def short_of_kind(workload: Workload) -> bool:
    """Whether the kind keeps a number of pods, so that its going away means something."""
    return workload.kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController")


def nodes_as_before(inventory: Inventory, plan: Plan, baseline: Inventory | None, own: bool = True) -> Answer:
    """Every node that was there is there and Ready; one that was not Ready before does not count."""
    sick_before = {node.name for node in (baseline.nodes if baseline else ()) if not node.ready}
    here = {node.name: node for node in inventory.nodes}
    expected = {node.name for node in (baseline.nodes if baseline else ())}
    expected |= {node.name for node in plan.nodes} if own else set()
    wrong = [f"{name} is gone" for name in sorted(expected - set(here))]
    wrong += [f"{n.name} is not Ready" for n in inventory.nodes if not n.ready and n.name not in sick_before]
    if wrong:
        return "failed", names(wrong)
    return "done", f"{count(len(inventory.nodes), 'node')} as before or better"


def nodes_rebooted(inventory: Inventory, plan: Plan) -> Answer:
    """Every planned node runs on a new boot id."""
    if plan.purpose != "reboot":
        return "not-applicable", "this plan reboots nothing"
    here = {node.name: node.info.boot_id for node in inventory.nodes}
    same = [node.name for node in plan.nodes if node.boot_id and here.get(node.name) == node.boot_id]
    silent = [node.name for node in plan.nodes if not node.boot_id or not here.get(node.name)]
    if same:
        return "failed", f"not rebooted: {names(same)}"
    if silent:
        return "unknown", f"no boot id to compare: {names(silent)}"
    return "done", f"{len(plan.nodes)} of {count(len(plan.nodes), 'planned node')} have a new boot id"


def kernels_same(inventory: Inventory, plan: Plan) -> Answer:
    """The planned nodes run one kernel; a person judges whether it is the expected one where it did not change."""
    if plan.purpose != "reboot":
        return "not-applicable", "this plan reboots nothing"
    here = {node.name: node for node in inventory.nodes}
    kernels = sorted({here[n.name].info.kernel or "not told" for n in plan.nodes if n.name in here})
    before = sorted({node.kernel or "not told" for node in plan.nodes})
    changed = [
        f"{n.name}: kubelet {n.kubelet} → {here[n.name].info.kubelet}" for n in plan.nodes if _other_kubelet(n, here)
    ]
    reading = f"{', '.join(before)} → {', '.join(kernels)}"
    if changed:
        return "open", f"{reading}; {names(changed)}"
    if kernels == before:
        return "open", f"{', '.join(kernels)} as before: was another one expected?"
    return ("done", reading) if len(kernels) == 1 else ("open", f"{reading}: more than one kernel runs")


def cordons_lifted(inventory: Inventory, plan: Plan) -> Answer:
    """No planned node is cordoned, but for those that somebody else had cordoned before."""
    kept = {node.name for node in plan.nodes if node.was_cordoned}
    planned = {node.name for node in plan.nodes}
    left = [node.name for node in inventory.nodes if node.unschedulable and node.name in planned - kept]
    if left:
        return "failed", f"still cordoned: {names(left)}"
    return "done", "no planned node is cordoned" + (f", but for {names(sorted(kept))} as before" if kept else "")


def names(found: Sequence[str]) -> str:
    """The first few, and how many more."""
    shown = ", ".join(clean(one) for one in found[:MOST_NAMES])
    return shown + (f" and {len(found) - MOST_NAMES} more" if len(found) > MOST_NAMES else "")


def _other_kubelet(planned: PlannedNode, here: Mapping[str, Node]) -> bool:
    now = here[planned.name].info.kubelet if planned.name in here else ""
    return bool(planned.kubelet and now and planned.kubelet != now)


def _ailment(pod: Pod) -> str:
    if pod.waiting:
        return pod.waiting
    return "not ready" if pod.phase == "Running" else pod.phase


def _name(workload: Workload) -> str:
    return f"{workload.kind} {workload.namespace}/{workload.name}"


def _place(item: tuple[tuple[str, str], Budget]) -> tuple[str, str]:
    return item[0]
