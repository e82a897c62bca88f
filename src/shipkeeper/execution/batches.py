"""Batches one after another: what is asked before each, the nodes' turns, and the safe point after."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from msgspec.structs import replace

from shipkeeper.execution import baseline
from shipkeeper.execution.before import observe
from shipkeeper.execution.context import Run
from shipkeeper.execution.gates.blocks import nothing_changed
from shipkeeper.execution.gates.catalogue import GATES
from shipkeeper.execution.gates.keeper import Asking, Hold
from shipkeeper.execution.gates.machine import quorum
from shipkeeper.execution.gates.nodes import find_lock_holders
from shipkeeper.execution.gates.standing import pass_standing
from shipkeeper.execution.gates.start import can_finish, clock_agrees
from shipkeeper.execution.node import maintain
from shipkeeper.execution.signals import Stopped, StopRequest, window_over
from shipkeeper.execution.work import NodeWork
from shipkeeper.model.errors import ShipkeeperError
from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import Pod
from shipkeeper.model.time import SECOND
from shipkeeper.ports.gates import GateReading

_QUORUM_POLL_MS = 5 * SECOND


async def run_batches(run: Run) -> None:
    """Carry out what is left of the plan. Raises Stopped once every node is left as the stop table says."""
    view = run.record.view
    if not run.learned:
        await insist(run, Asking("", "intent"), "at the start", lambda: _learn(run))
    for names in run.plan.batches:
        works = [NodeWork(run, run.planned[name]) for name in names if not view.finished(name)]
        begun = [work for work in works if view.begun(work.name)]
        if run.control.stop is not None:
            works = begun  # a stop that came before: what is half way is still left as it should be
        new = [work for work in works if work not in begun]
        if new:
            run.control.check()
            first = Asking(new[0].id("cordon"), "intent", until_ms=_last_moment(run, new))
            before = ", ".join(work.name for work in new)
            await insist(run, first, f"before {before}", partial(_ask, run, new, first))
        if works:
            await _take_turns(run, works)
            await safe_point(run)
    run.control.check()


async def _learn(run: Run) -> None:
    await baseline.learn(run)
    await find_lock_holders(run)
    run.learned = True


async def safe_point(run: Run) -> None:
    """Nothing is half done here: sign the head, and write it on the Lease where it is ours. Raises Stopped."""
    head = run.record.sign()
    if head:
        run.lease.head = head
        if run.lease.taken:
            await run.api.patiently(run.lease.renew)


async def _take_turns(run: Run, works: list[NodeWork]) -> None:
    if len(works) == 1:
        await maintain(works[0])
        return
    stops: list[StopRequest] = []

    async def one(work: NodeWork) -> None:
        try:
            await maintain(work)
        except Stopped as signal:
            stops.append(signal.request)

    async with run.runtime.scope() as scope:
        for work in works:
            scope.start(work.name, partial(one, work))
    if stops:
        raise Stopped(run.control.stop or stops[0])


# --- before a batch ------------------------------------------------------------------------


async def insist(run: Run, asking: Asking, when: str, ask: Callable[[], Awaitable[None]]) -> None:
    """Ask; what the cluster refuses for reasons of its own holds, and is asked again on a person's word.

    Raises Stopped.
    """
    while True:
        try:
            await ask()
            return
        except ShipkeeperError as error:
            if error.code.startswith("journal-"):
                raise
            hold = Hold(
                reason=f"{when}: {error.message}",
                object=error.object,
                why=error.why or "what the answer means is not known, and unknown means stop",
                will_do="nothing; it is asked again on resume" + (f". You can: {error.hint}" if error.hint else ""),
                commands=run.gates.commands(),
                words=("resume",),
            )
            await run.gates.hold(hold, asking)


async def _ask(run: Run, new: list[NodeWork], asking: Asking) -> None:
    """Ask everything that is asked before nodes are taken. Raises Stopped, and what the cluster raises."""
    fits = can_finish(run, [work.name for work in new], "cordon")
    run.gates.say(fits, asking.step)
    if not fits.is_open:
        raise Stopped(window_over(f"not begun: {', '.join(work.name for work in new)}: {fits.reason}"))
    await pass_standing(run, asking)
    await run.gates.pass_through(lambda: clock_agrees(run), asking)
    away = [work.name for work in new]
    for work in new:
        if work.planned.control_plane:
            slow = replace(asking, step=work.id("cordon"), poll_ms=_QUORUM_POLL_MS, vouchable=True)
            await run.gates.pass_through(lambda: quorum(run, "quorum-before", away), slow)
    if run.plan.drain_policy.confirm == "each":
        for work in new:
            await _confirm(run, work)
    await _steady(run, new, asking)
    if len(new) > 1:
        # Read for all before any is touched: what one node's turn does must not lower the next one's bar.
        for work in new:
            node = await run.api.get(Node, work.name)
            if node is not None:
                work.fresh = await observe(run, node)


async def _steady(run: Run, new: list[NodeWork], asking: Asking) -> None:
    """Nothing changed that a person should look at first: budgets, rollouts, findings. Raises Stopped."""
    pods: list[Pod] = []
    for work in new:
        pods += await run.api.list(Pod, node=work.name)
    leaving = [pod for pod in pods if not pod.daemon and not pod.mirror]

    async def steady() -> GateReading:
        reading = await nothing_changed(run, leaving)
        return reading if not reading.is_open else await _no_new_errors(run, new, reading)

    reading = await run.gates.pass_through(steady, replace(asking, approvable=True))
    if not reading.is_open:
        await baseline.take(run, "a person approved what had changed")


def _last_moment(run: Run, new: list[NodeWork]) -> int | None:
    moments = [run.estimates.last_moment_ms(work.name, "cordon") for work in new]
    known = [moment for moment in moments if moment is not None]
    return min(known) if known else None


async def _no_new_errors(run: Run, new: list[NodeWork], reading: GateReading) -> GateReading:
    found = await baseline.new_errors(run, [work.name for work in new])
    if not found:
        return reading
    return GateReading(
        "nothing-blocks",
        "closed",
        f"{len(found)} new error findings",
        reason="; ".join(found[:3]),
        fix="shipkeeper check",
    )


async def _confirm(run: Run, work: NodeWork) -> None:
    """Wait for a person's approval of this node; one that was given before counts."""
    step = work.id("cordon")
    for message in run.record.view.approvals:
        if message.concerns(step):
            run.gates.say(GateReading("confirmed", "open", f"approved by {message.by}"), step)
            return
    gate = GATES["confirmed"]
    closed = GateReading("confirmed", "closed", "nobody has", reason=f"{work.name} waits for a person's approval")
    run.gates.say(closed, step)
    hold = Hold(
        reason=closed.reason,
        object=f"Node {work.name}",
        why=gate.why,
        will_do=gate.waits,
        commands=(f"shipkeeper runs approve {run.id} --step {work.name}", f"shipkeeper runs abort {run.id}"),
        state="paused",
        words=("approve",),
        gate="confirmed",
    )
    await run.gates.hold(hold, Asking(step, "intent", until_ms=_last_moment(run, [work])))
    run.gates.say(GateReading("confirmed", "open", "approved"), step)
