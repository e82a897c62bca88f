"""Gates on a node itself: whose it is, and who else works on it."""

from __future__ import annotations

from shipkeeper.execution import marks
from shipkeeper.execution.context import Run
from shipkeeper.model.nodes import Node
from shipkeeper.ports.gates import GateReading
from shipkeeper.semantics.drainers import KURED, acting_on, workload_marks


async def find_lock_holders(run: Run) -> None:
    """Remember which workloads of other maintenance software hold a lock while they work (kured)."""
    found = workload_marks(await run.api.all_workloads())
    run.drainers = tuple(sorted({mark.object for mark in found if mark.drainer == KURED}))


async def no_other_drainer(run: Run, node: Node | None) -> GateReading:
    """Marks of other maintenance software at work: on the node, or as a lock held in the cluster."""
    found = list(acting_on(node)) if node is not None else []
    if run.drainers:
        locks = await run.api.workloads(run.drainers)
        found += [mark for mark in workload_marks(item for item in locks if item is not None) if mark.acting]
    if not found:
        return GateReading("no-other-drainer", "open", "none is at work")
    first = found[0]
    return GateReading(
        "no-other-drainer",
        "closed",
        "; ".join(mark.evidence for mark in found),
        reason=f"{first.drainer} is at work: {first.evidence}",
        object=str(first.object),
        retry=False,
    )


def still_ours(run: Run, node: Node, kept: bool) -> GateReading:
    """Whether a node in our hands is still as we left it: the plan's machine, cordoned, with this run's marks."""
    planned = run.planned[node.name]
    said = marks.read_marks(node)
    if planned.uid and node.uid != planned.uid:
        reason = f"node {node.name} has UID {node.uid}, the plan's had {planned.uid}: it is another machine"
    elif said.run != run.id:
        reason = f"node {node.name} no longer carries this run's marks" + (f", but {said.run}'s" if said.run else "")
    elif not node.unschedulable:
        who = "the one who had cordoned it" if kept else "somebody"
        reason = f"{who} uncordoned node {node.name} while it was being drained"
    else:
        return GateReading("node-is-ours", "open", f"cordoned by {said.run}")
    return GateReading("node-is-ours", "closed", reason, reason=reason, object=str(node.ref))
