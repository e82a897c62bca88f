"""Gates at the start of a run and of each batch: this plan's cluster, this hour, and time enough."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.execution.context import Run
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.errors import Refused
from shipkeeper.model.nodes import Node
from shipkeeper.model.time import SECOND, format_duration, iso
from shipkeeper.ports.gates import GateReading


def _minor(version: str) -> str:
    return ".".join(version.removeprefix("v").split(".")[:2])


async def plan_fits_cluster(run: Run) -> tuple[GateReading, ClusterIdentity]:
    """Compare what the plan is bound to with what is there. Raises Refused on any mismatch, BadInput on an edited
    plan.
    """
    reading, now = await cluster_is_the_plans(run)
    said = run.plan.cluster.server_version
    if said and now.server_version and _minor(now.server_version) != _minor(said):
        raise _other_cluster(now, [f"its version is {now.server_version}, the plan was made at {said}"])
    if run.reboots and run.world.reboot is None:
        raise _refusal(f"the plan reboots with driver {run.plan.reboot.driver}, which is not there", "driver")
    return reading, now


async def cluster_is_the_plans(run: Run) -> tuple[GateReading, ClusterIdentity]:
    """The same cluster, whatever its version is by now. Raises Refused and BadInput as ``plan_fits_cluster``."""
    plan = run.plan
    plan.verify()
    now = await run.world.api.identity()
    wrong = []
    if not plan.cluster.uid or now.uid != plan.cluster.uid:
        wrong.append(f"kube-system's UID is {now.uid}, the plan says {plan.cluster.uid or 'nothing'}")
    if plan.cluster.ca_digest and now.ca_digest != plan.cluster.ca_digest:
        wrong.append("its CA is another one" if now.ca_digest else "its CA is not known here, and the plan names one")
    if wrong:
        raise _other_cluster(now, wrong)
    reading = f"cluster {now.uid}, {now.server_version or 'version unknown'}"
    return GateReading("plan-fits-cluster", "open", reading), now


def _other_cluster(now: ClusterIdentity, wrong: Sequence[str]) -> Refused:
    return _refusal(f"cluster {now.name or 'at this context'} is not the plan's: {'; '.join(wrong)}", "cluster")


def _refusal(message: str, what: str) -> Refused:
    return Refused(
        message,
        code="plan-does-not-fit",
        object=what,
        why="a context that points elsewhere today is how the wrong cluster gets drained",
        hint="use the context the plan was made for, or make a new plan there",
    )


async def clock_agrees(run: Run) -> GateReading:
    """This machine's clock against the API server's ``Date``, which tells whole seconds."""
    before = run.runtime.now_ms()
    theirs = await run.api.server_time_ms()
    after = run.runtime.now_ms()
    # The server's second began somewhere inside [theirs, theirs + 1 s), and our request inside [before, after].
    apart = max(0, before - (theirs + SECOND - 1), theirs - after)
    reading = f"{apart / SECOND:.1f} s apart"
    if apart <= run.options.skew_ms:
        return GateReading("clock-agrees", "open", reading)
    return GateReading(
        "clock-agrees",
        "closed",
        reading,
        reason=f"this machine's clock says {iso(after)}, the API server's {iso(theirs)}",
    )


async def window_open(run: Run) -> GateReading:
    """The wall clock against the plan's window. Raises Refused after its end."""
    window = run.plan.window
    if window is None:
        return GateReading("window-open", "open", "the plan has no window")
    now = run.runtime.now_ms()
    span = f"{iso(window.opens_ms, window.zone)} to {iso(window.closes_ms, window.zone)} ({window.zone})"
    if now >= window.closes_ms:
        raise Refused(
            f"the plan's window is over: {span}",
            code="window-over",
            why="people were told when it happens",
            hint="make a plan for another window: shipkeeper plan nodes … --window",
        )
    if now < window.opens_ms:
        wait = format_duration(window.opens_ms - now)
        return GateReading("window-open", "closed", span, reason=f"opens in {wait}", retry=True)
    return GateReading("window-open", "open", f"{span}; closes in {format_duration(window.closes_ms - now)}")


def can_finish(run: Run, nodes: Sequence[str], action: str) -> GateReading:
    """Whether all these nodes, at once, would by P95 be done in time when they begin that step now."""
    window = run.plan.window
    if window is None:
        return GateReading("can-finish", "open", "the plan has no window")
    now = run.runtime.now_ms()
    need = max(run.estimates.rest_ms(node, action) for node in nodes)
    end = window.closes_ms - run.plan.reserve_seconds * SECOND
    reserve = format_duration(run.plan.reserve_seconds * SECOND)
    reading = (
        f"needs {format_duration(need)} (P95), {format_duration(end - now)} left before {iso(end, window.zone)}, "
        f"which is the window's end minus a reserve of {reserve}"
    )
    if now + need <= end:
        return GateReading("can-finish", "open", reading)
    return GateReading("can-finish", "closed", reading, reason=reading, object=", ".join(nodes))


def nodes_are_the_plans(run: Run, nodes: Sequence[Node]) -> GateReading:
    """The nodes' UIDs against the plan's. A node that is gone is not a mismatch: its steps are skipped."""
    for node in nodes:
        planned = run.planned[node.name]
        if planned.uid and node.uid != planned.uid:
            return GateReading(
                "node-is-ours",
                "closed",
                f"UID {node.uid}",
                reason=f"node {node.name} has UID {node.uid}, the plan's had {planned.uid}: it is another machine",
                object=str(node.ref),
                fix="make a new plan: what was known of this node is of one that is gone",
            )
    return GateReading("node-is-ours", "open", f"{len(nodes)} with the plan's UID")
