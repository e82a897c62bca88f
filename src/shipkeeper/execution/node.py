"""One node from cordon to settled; and, when something ends that early, how the node is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from shipkeeper.execution import marks
from shipkeeper.execution.cordon import cordon, stand_down, start_over, uncordon
from shipkeeper.execution.drain import drain
from shipkeeper.execution.felt import Felt
from shipkeeper.execution.gates.keeper import Hold
from shipkeeper.execution.reboot import reboot
from shipkeeper.execution.serves import serves, settle
from shipkeeper.execution.signals import Quarantined, SkipNode, StartOver, Stopped, StopRequest, WorldMoved
from shipkeeper.execution.status import FINISHED
from shipkeeper.execution.stops import decide
from shipkeeper.execution.work import NodeWork
from shipkeeper.model.errors import Conflict, ShipkeeperError
from shipkeeper.model.run import RunEvent
from shipkeeper.ports.cluster import NodePatch

REBOOTING = ("cordon", "drain", "reboot", "serves", "uncordon", "settle")
DRAINING = ("cordon", "drain", "uncordon", "settle")


async def maintain(work: NodeWork) -> None:
    """Take the node through what is left of its steps. Returns when it is done, skipped or quarantined.

    Raises Stopped once the node is left as the stop table says.
    """
    due: Callable[[], Awaitable[None]] = partial(_steps_felt, work)
    ends = True
    while True:
        try:
            await _or_hold(work, due)
            if ends:
                return
            due, ends = partial(_steps_felt, work), True
        except WorldMoved:
            continue
        except StartOver as signal:
            due, ends = partial(start_over, work, signal.reason), False
        except SkipNode as signal:
            _skip(work, signal.reason)
            return
        except Quarantined as signal:
            due, ends = partial(_quarantine, work, signal.reason), True
        except Stopped as signal:
            await _leave(work, signal.request)
            raise


async def _steps_felt(work: NodeWork) -> None:
    """The steps, and beside them what workloads feel."""
    run = work.run
    felt = Felt(run, work.id("settle"))
    async with run.runtime.scope() as scope:
        if run.options.felt_every_ms > 0:
            scope.start("felt " + work.name, lambda: felt.sample(lambda: work.before.workloads))
        try:
            await _steps(work, felt)
        finally:
            scope.cancel()


async def _or_hold(work: NodeWork, due: Callable[[], Awaitable[None]]) -> None:
    """Do it; what the cluster refuses for reasons of its own holds, and is tried again on a person's word."""
    run = work.run
    try:
        await due()
    except ShipkeeperError as error:
        if error.code.startswith("journal-"):
            raise
        hold = Hold(
            reason=f"{work.name}: {error.message}",
            object=error.object or f"Node {work.name}",
            why=error.why or "what the answer means is not known, and unknown means stop",
            will_do="nothing; the step is tried again on resume" + (f". You can: {error.hint}" if error.hint else ""),
            commands=run.gates.commands(),
            words=("resume",),
        )
        await run.gates.hold(hold, work.asking(_present_action(work)))
        raise WorldMoved from error


def _present_action(work: NodeWork) -> str:
    left = [action for action in _actions(work) if work.view(action).state not in FINISHED]
    return left[0] if left else "settle"


def _actions(work: NodeWork) -> tuple[str, ...]:
    return REBOOTING if work.run.reboots else DRAINING


async def _steps(work: NodeWork, felt: Felt) -> None:
    control = work.run.control
    for action in _actions(work):
        if work.view(action).state in FINISHED:
            continue
        if action == "cordon":
            await cordon(work)
        elif action == "drain":
            await drain(work)
        elif action == "reboot":
            await reboot(work)
        elif action == "serves":
            await serves(work)
        elif action == "uncordon":
            work.phase = "serves" if work.run.reboots else "drained"
            if control.stop is not None and decide(work.phase, control.stop.column) == "hold":
                raise Stopped(control.stop)
            await uncordon(work)
        else:
            control.check()
            await settle(work, felt)


# --- how it is left ------------------------------------------------------------------------


async def _leave(work: NodeWork, request: StopRequest) -> None:
    """What the stop table says of the node's phase. Whatever cannot be undone any more is left, and told."""
    action = decide(work.phase, request.column)
    why = f"{request.state}: {request.reason}"
    while action in ("uncordon", "finish-evicting"):
        try:
            # A drain that could not be finished is given back like one that must not.
            if work.phase == "serves":
                await uncordon(work)
            else:
                await stand_down(work, why)
            return
        except WorldMoved:
            continue  # the machine slept: the node is read again, and given back all the same
        except (Stopped, SkipNode, ShipkeeperError) as error:
            if isinstance(error, ShipkeeperError) and error.code.startswith("journal-"):
                raise
            work.note("not-undone", f"{work.name} could not be given back: {error}", "uncordon", f"Node {work.name}")
            return


def _skip(work: NodeWork, reason: str) -> None:
    outcomes = [
        work.outcome(action, "skipped", reason) for action in _actions(work) if work.view(action).state not in FINISHED
    ]
    work.run.record.write(*outcomes)


async def _quarantine(work: NodeWork, reason: str) -> None:
    """The node stays cordoned and says whose it is and why; the run goes on without it."""
    run = work.run
    try:
        while True:
            node = await work.node("drain")
            patch = NodePatch(
                uid=node.uid, resource_version=node.resource_version, annotations={marks.QUARANTINE: reason[:512]}
            )
            await run.guard.effect(work.id("drain"))
            try:
                await run.api.patch_node(work.name, patch)
            except Conflict:
                continue
            break
    except SkipNode as signal:
        _skip(work, signal.reason)
        return
    events: list[RunEvent] = [work.outcome("drain", "failed", f"quarantined: {reason}")]
    events += [
        work.outcome(action, "skipped", "the node is quarantined")
        for action in _actions(work)
        if action not in ("cordon", "drain")
    ]
    run.record.write(*events)
