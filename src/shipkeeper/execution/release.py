"""Giving a node back after a run is over: the way on for one that was left cordoned, on the run's own record."""

from __future__ import annotations

from shipkeeper.execution import marks
from shipkeeper.execution.context import Run
from shipkeeper.execution.cordon import uncordon
from shipkeeper.execution.gates.after import pods_scheduled
from shipkeeper.execution.gates.machine import node_serves
from shipkeeper.execution.gates.start import cluster_is_the_plans, nodes_are_the_plans
from shipkeeper.execution.opening import lease_reading
from shipkeeper.execution.signals import Stopped, WorldMoved
from shipkeeper.execution.status import OVER, RunView
from shipkeeper.execution.work import NodeWork
from shipkeeper.execution.world import RunOptions, World
from shipkeeper.model.errors import BadInput, Refused
from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import Plan
from shipkeeper.model.run import Decided, GateRead, NodeLeft
from shipkeeper.model.time import SECOND
from shipkeeper.ports.gates import GateReading

_PATIENCE = 6
"""How often a node is looked at again that is well and only not yet for long enough."""


async def release(
    plan: Plan,
    run_id: str,
    world: World,
    name: str,
    *,
    reason: str = "",
    without_proof: str = "",
    options: RunOptions | None = None,
) -> NodeLeft:
    """Uncordon a node that carries this run's marks, once it is proven to serve; returns how it is left.

    ``without_proof``: why it is given back although it is not proven; kept on record. A node that somebody else had
    cordoned before the run stays cordoned. Raises BadInput for a node that is not the plan's, Refused when the run is
    not over, the node is not ours or does not serve, or somebody holds the Lease; then nothing was done.
    """
    run = Run.of(world, plan, run_id, options or RunOptions())
    refuse_what_is_not_over(run.record.view, name)
    fits, _ = await cluster_is_the_plans(run)
    work = NodeWork(run, run.planned[name])
    await _ours(work)
    proof = await _proof(work)
    if not proof.is_open and not without_proof:
        raise Refused(
            f"{name} is not proven to serve: {proof.reason}",
            code="node-does-not-serve",
            object=f"Node {name}",
            why="a node that takes pods and cannot run them takes workloads down",
            hint=f"mend it and try again, or: shipkeeper runs release {run_id} {name} --without-proof REASON",
        )
    by = await world.api.whoami()
    await run.lease.take(plan.digest)
    try:
        run.record.write(
            Decided(decision="release", by=by, step=work.id("uncordon"), reason=reason or without_proof),
            *(
                GateRead(
                    gate=item.gate, step=work.id("uncordon"), state=item.state, reading=item.reading, reason=item.reason
                )
                for item in (fits, lease_reading(run), proof)
            ),
        )
        await _uncordon(work)
        why = f", without proof that it serves: {without_proof}" if not proof.is_open else ""
        left = NodeLeft(node=name, state=f"released by {by}{why}", next="nothing")
        run.record.write(left)
        run.lease.head = run.record.sign()
    finally:
        await run.lease.give_back()
    return left


def refuse_what_is_not_over(known: RunView, name: str) -> None:
    """What the record alone tells. Raises BadInput for a node that is not the plan's, Refused for a run not over."""
    if name not in known.nodes:
        raise BadInput(
            f"{name} is no node of {known.run}",
            hint=f"its nodes are: {', '.join(sorted(known.nodes))}",
            object=known.run,
        )
    if known.state not in OVER:
        raise Refused(
            f"{known.run} is not over: {known.state}",
            code="run-not-over",
            object=known.run,
            why="what a run has in its hands, the run itself gives back",
            hint=f"go on with it: shipkeeper run --resume {known.run}, or end it: shipkeeper runs abort {known.run}",
        )


async def _ours(work: NodeWork) -> Node:
    """The node, with this run's marks on it. Raises Refused when it is gone, another machine, or not ours."""
    run = work.run
    node = await run.world.api.get(Node, work.name)
    if node is None:
        raise Refused(f"node {work.name} is gone from the cluster", code="not-ours", object=f"Node {work.name}")
    reading = nodes_are_the_plans(run, [node])
    mine = marks.read_marks(node).run
    # A process that died between its patch and its record has given the node back: that is still to be recorded.
    unfinished = work.view("uncordon").state == "running"
    if not reading.is_open or (mine != run.id and not unfinished):
        words = reading.reason if not reading.is_open else _whose(node, mine)
        raise Refused(
            words,
            code="not-ours",
            object=str(node.ref),
            why="a cordon that is not this run's is somebody else's decision",
            hint=f"kubectl get node {work.name} -o yaml",
        )
    return node


def _whose(node: Node, mine: str) -> str:
    if mine:
        return f"node {node.name} carries the marks of {mine}"
    how = "is cordoned, and by somebody else" if node.unschedulable else "takes pods already"
    return f"node {node.name} carries no marks of a run; it {how}"


async def _proof(work: NodeWork) -> GateReading:
    """Whether the node serves: after a reboot as in the night; one that was never asked to reboot need only be well."""
    run = work.run
    reboot = work.view("reboot") if run.reboots else None
    if reboot is None or reboot.intent is None:
        return pods_scheduled(work.before, await work.node("uncordon"), kept=True)
    reading = GateReading("node-serves", "unknown", "not read")
    for _ in range(_PATIENCE):
        reading, wait_ms = await node_serves(run, work.name, work.before, reboot.intent.boot_id, reboot.ended_ms)
        if reading.is_open or not wait_ms:
            break
        await run.runtime.sleep(wait_ms + SECOND)
    return reading


async def _uncordon(work: NodeWork) -> None:
    while True:
        try:
            await uncordon(work)
            return
        except WorldMoved:
            continue
        except Stopped as signal:  # the lease is lost, or nobody answers
            raise Refused(
                f"{work.name} was not given back: {signal.request.reason}",
                code="lease-held",
                object=f"Node {work.name}",
                hint=f"look, then try again: shipkeeper runs release {work.run.id} {work.name}",
            ) from signal
