"""Cordon and uncordon: one patch sets the mark and says whose it is; one patch takes both away."""

from __future__ import annotations

from shipkeeper.execution import marks
from shipkeeper.execution.before import observe
from shipkeeper.execution.gates.nodes import no_other_drainer
from shipkeeper.execution.gates.start import nodes_are_the_plans
from shipkeeper.execution.signals import SkipNode
from shipkeeper.execution.status import UNDO
from shipkeeper.execution.work import NodeWork
from shipkeeper.model.errors import Conflict
from shipkeeper.model.nodes import Node
from shipkeeper.model.run import StepIntent, StepOutcome
from shipkeeper.model.time import iso
from shipkeeper.ports.cluster import NodePatch
from shipkeeper.ports.gates import GateReading


async def cordon(work: NodeWork) -> None:
    """Make the node unschedulable and ours.

    A node that somebody else cordoned is skipped, or with the plan's ``include_cordoned`` maintained and left
    cordoned. Raises SkipNode, Stopped.
    """
    run = work.run
    while True:
        node = await work.node("cordon")
        await _may_begin(work, node)
        said = marks.read_marks(node)
        # Marks of ours from before a crash say whether the cordon was there before them.
        ours = said.run == run.id
        kept = said.kept if ours else node.unschedulable
        if kept and not ours and not run.plan.drain_policy.include_cordoned:
            raise SkipNode(_whose(node))
        if not (ours and work.view("cordon").intent is not None):
            await _intend(work, node, kept)
        await run.guard.effect(work.id("cordon"), until_ms=run.estimates.last_moment_ms(work.name, "cordon"))
        done = await _put_marks(work, node, kept)
        if done is None:
            continue
        work.phase = "cordoned"
        work.end("cordon", reason="left cordoned afterwards, as it was before" if kept else "")
        return


async def _may_begin(work: NodeWork, node: Node) -> None:
    run = work.run

    async def alone() -> GateReading:
        return await no_other_drainer(run, await work.node("cordon"))

    run.gates.say(nodes_are_the_plans(run, [node]), work.id("cordon"))
    await work.gate("cordon", alone)
    planned = work.planned
    if planned.boot_id and node.info.boot_id and node.info.boot_id != planned.boot_id and not _rebooted_by_us(work):
        work.note(
            "rebooted-before",
            f"{work.name} has rebooted since the survey (boot id {planned.boot_id} → {node.info.boot_id}); "
            "it is maintained all the same",
            "cordon",
            object=str(node.ref),
        )


def _rebooted_by_us(work: NodeWork) -> bool:
    return work.run.reboots and work.view("reboot").attempts > 0


def _whose(node: Node) -> str:
    said = marks.read_marks(node)
    if said.run:
        return f"node {node.name} is cordoned by {said.run}; it is left alone"
    return f"node {node.name} was cordoned by somebody else; it is left alone (--include-cordoned would maintain it)"


async def _intend(work: NodeWork, node: Node, kept: bool) -> None:
    reading, pods = work.fresh or await observe(work.run, node)
    work.fresh = None
    broken = [item for item in reading.workloads if item.broken]
    detail = reading.encode() | ({"cordoned-before": "true"} if kept else {})
    work.intend("cordon", boot_id=node.info.boot_id, detail=detail)
    if broken:
        names = ", ".join(f"{item.ref} {item.ready}/{item.wanted}" for item in broken)
        work.note("broken-before", f"not as it should be before {work.name} is touched: {names}", "cordon")
    bare = [f"{pod.namespace}/{pod.name}" for pod in pods if pod.owner is None and not pod.mirror and not pod.finished]
    if bare:
        work.note("unmanaged", f"without a controller, will not come back by themselves: {', '.join(bare)}", "cordon")


async def _put_marks(work: NodeWork, node: Node, kept: bool) -> Node | None:
    """The patch; None when the node changed meanwhile and has to be looked at again."""
    run = work.run
    patch = NodePatch(
        uid=node.uid,
        resource_version=node.resource_version,
        unschedulable=True,
        annotations=marks.write_marks(run.id, work.id("cordon"), iso(run.runtime.now_ms()), kept),
    )
    try:
        return await run.api.patch_node(work.name, patch)
    except Conflict:
        return None


# --- giving back ---------------------------------------------------------------------------


async def uncordon(work: NodeWork) -> None:
    """Give the node back, as far as it is ours. Raises Stopped, SkipNode."""
    while True:
        node = await work.node("uncordon")
        mine = marks.read_marks(node).run == work.run.id
        if not mine:
            work.intend("uncordon")
            state = "cordoned by somebody else meanwhile, and left so" if node.unschedulable else "uncordoned already"
            work.note("not-ours", f"{work.name} no longer carries our marks; {state}", "uncordon", str(node.ref))
            break
        if work.view("uncordon").intent is None:
            work.intend("uncordon")
        await work.run.guard.effect(work.id("uncordon"), restores=True)
        if await _take_marks(work, node):
            break
    work.phase = "settling"
    work.end("uncordon", reason="left cordoned, as it was before" if work.kept else "")


async def _take_marks(work: NodeWork, node: Node) -> bool:
    """The patch that gives a node back; False when it changed meanwhile and has to be looked at again."""
    patch = NodePatch(
        uid=node.uid,
        resource_version=node.resource_version,
        unschedulable=None if work.kept or not node.unschedulable else False,
        annotations=marks.no_marks(),
    )
    try:
        await work.run.api.patch_node(work.name, patch)
    except Conflict:
        return False
    return True


async def stand_down(work: NodeWork, why: str) -> None:
    """Take our cordon back before the node was done; its steps begin again when the run goes on.

    Raises Stopped when the cluster cannot be reached or the lease is lost.
    """
    await _give_up(work, why, uncordons=not work.kept)


async def start_over(work: NodeWork, why: str) -> None:
    """Somebody changed the cordon: take our marks away, leave theirs, and begin again. Raises Stopped, SkipNode."""
    await _give_up(work, why, uncordons=False)


async def _give_up(work: NodeWork, why: str, uncordons: bool) -> None:
    run = work.run
    step = work.id("uncordon")
    attempt = work.view("uncordon").attempts + 1
    written = False
    while True:
        node = await run.api.get(Node, work.name)
        mine = node is not None and marks.read_marks(node).run == run.id
        if mine:
            await run.guard.effect(step, restores=True)
        if not written:
            run.record.write(
                StepIntent(step=step, attempt=attempt, action="uncordon", target=work.name, detail={UNDO: why})
            )
            written = True
        if node is None or not mine:
            break
        patch = NodePatch(
            uid=node.uid,
            resource_version=node.resource_version,
            unschedulable=False if uncordons and node.unschedulable else None,
            annotations=marks.no_marks(),
        )
        try:
            await run.api.patch_node(work.name, patch)
        except Conflict:
            continue
        break
    run.record.write(StepOutcome(step=step, state="done", reason=why, readings={UNDO: why}))
    work.phase = "intent"
