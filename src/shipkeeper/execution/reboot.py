"""Rebooting a node: asked for at most once, and never again while it is in doubt whether it was asked."""

from __future__ import annotations

from shipkeeper.execution.drain import drain
from shipkeeper.execution.gates.keeper import Hold
from shipkeeper.execution.gates.machine import volumes_detached
from shipkeeper.execution.gates.start import can_finish
from shipkeeper.execution.signals import Stopped, window_over
from shipkeeper.execution.work import NodeWork
from shipkeeper.model.errors import ShipkeeperError
from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import Pod
from shipkeeper.model.time import SECOND, format_duration
from shipkeeper.ports.gates import GateReading
from shipkeeper.ports.reboot import Delivery, Reboot
from shipkeeper.ports.runtime import DeadlineExceeded
from shipkeeper.semantics.drain import sort_pods

_LOOK_AGAIN_MS = 30 * SECOND
"""A node that is watched is read by itself this often as well."""

_LEAST_WATCH_MS = 10 * SECOND
"""After a crash, or a person's word, the node is watched at least this long."""

_TRIES = 3
"""After this many requests that provably did not arrive, a person is asked."""


async def reboot(work: NodeWork) -> None:
    """Reboot the drained node and see its boot id change. Raises Stopped, SkipNode, StartOver, WorldMoved."""
    driver = work.run.world.reboot
    assert driver is not None, "plan_fits_cluster refuses a plan without its driver"
    if work.view("reboot").intent is None:
        await _prepare(work)
        delivery = await _request(work, driver)
    else:
        work.phase = "rebooting"
        delivery = await _after_crash(work, driver)
    until_ms = work.view("reboot").intent_ms + driver.deadline_ms
    while True:
        if delivery != "not-delivered":
            if await _came_back(work, max(until_ms, work.run.runtime.now_ms() + _LEAST_WATCH_MS)):
                return
            delivery = await _ask_driver(work, driver)
        if delivery == "not-delivered" and work.view("reboot").attempts < _TRIES:
            await _before_another(work)
            await _prepare(work)
            delivery = await _request(work, driver)
            until_ms = work.view("reboot").intent_ms + driver.deadline_ms
            continue
        await _ask_person(work, driver, delivery)
        delivery = "unknown"
        until_ms = work.run.runtime.now_ms() + driver.deadline_ms


async def _prepare(work: NodeWork) -> None:
    """Everything that must hold before the machine may go down. Raises Stopped, StartOver."""
    run = work.run
    work.phase = "drained"
    run.control.check()
    fits = can_finish(run, [work.name], "reboot")
    run.gates.say(fits, work.id("reboot"))
    if not fits.is_open:
        raise Stopped(window_over(f"{work.name} is drained and not rebooted: {fits.reason}"))
    last_ms = run.estimates.last_moment_ms(work.name, "reboot")
    await work.gate("reboot", lambda: volumes_detached(run, work.name), until_ms=last_ms)
    # Gates may have taken their time: what would go down with the machine is read once more.
    pods = await run.api.list(Pod, node=work.name)
    left = sort_pods(pods, run.plan.drain_policy, run.runtime.now_ms())
    if left.leaving or left.blocked:
        names = ", ".join(pod.name for pod in (*left.leaving, *(item.pod for item in left.blocked)))
        work.note("drain-again", f"pods came to {work.name} after its drain: {names}", "reboot")
        await drain(work)
        await _prepare(work)


async def _request(work: NodeWork, driver: Reboot) -> Delivery:
    """The intent, with the boot id of a quorum read, then the request. Returns what the driver knows of it."""
    run = work.run
    node = await work.own_node("reboot")
    if not node.info.boot_id:
        node = await _wait_for_boot_id(work)
    run.control.check()
    effect_ms = run.plan.reboot.timeout_seconds * SECOND
    step, last_ms = work.id("reboot"), run.estimates.last_moment_ms(work.name, "reboot")
    await run.guard.effect(step, effect_ms=effect_ms, until_ms=last_ms)
    key = f"{run.id}/{work.name}/{run.record.view.seq}"
    token = f"{run.id}-{work.name}-{run.world.entropy.bits('reboot', key):016x}"
    detail = {"driver": driver.name, "manual": driver.manual(node.name)}
    work.intend("reboot", boot_id=node.info.boot_id, token=token, detail=detail)
    work.phase = "rebooting"
    delivery: Delivery = "unknown"
    try:
        receipt = await run.runtime.deadline(effect_ms, lambda: driver.request(node, token))
        delivery, said = receipt.delivery, receipt.detail
    except DeadlineExceeded:
        said = f"the driver did not answer within {format_duration(effect_ms)}"
    except Exception as error:
        # A driver may be anybody's: whatever it raises, the request may have arrived.
        said = str(error) if isinstance(error, ShipkeeperError) else f"the driver failed: {type(error).__name__}"
    finally:
        run.lease.relax(step)
    work.note("reboot-requested", f"{delivery}: {said}" if said else delivery, "reboot", str(node.ref))
    return delivery


async def _wait_for_boot_id(work: NodeWork) -> Node:
    async def known() -> GateReading:
        boot_id = (await work.node("reboot")).info.boot_id
        reason = f"node {work.name} reports no boot id, so a reboot could never be proven"
        state = GateReading("node-serves", "unknown", "boot id unknown", reason, f"Node {work.name}")
        return GateReading("node-serves", "open", f"boot id {boot_id}") if boot_id else state

    await work.gate("reboot", known)
    return await work.own_node("reboot")


# --- seeing it come back -------------------------------------------------------------------


async def _came_back(work: NodeWork, until_ms: int) -> bool:
    """Watch until the boot id has changed; False when it has not by that instant (wall clock)."""
    run = work.run
    view = work.view("reboot")
    assert view.intent is not None, "nothing is watched for that was not announced"
    old = view.intent.boot_id
    while True:
        node = await work.node("reboot")
        now = run.runtime.now_ms()
        if _changed(node, old):
            took = now - view.intent_ms
            work.end("reboot", boot=f"{old} → {node.info.boot_id}", took=format_duration(took))
            return True
        work.announce_overrun("reboot")
        if run.control.stop is not None and run.control.stop.column == "gate":
            raise Stopped(run.control.stop)
        if now >= until_ms:
            return False
        await _watch(work, old, min(_LOOK_AGAIN_MS, until_ms - now))


def _changed(node: Node, old: str) -> bool:
    return bool(node.info.boot_id) and node.info.boot_id != old


async def _watch(work: NodeWork, old: str, duration_ms: int) -> None:
    """Wait until a watch shows another boot id, at most that long. The decision is a quorum read's."""
    watch = work.run.api.watch(Node, node=work.name)

    async def until_changed() -> None:
        while True:
            change = await watch.receive()
            if change.object is not None and change.object.name == work.name and _changed(change.object, old):
                return

    try:
        await work.run.runtime.deadline(duration_ms, until_changed)
    except DeadlineExceeded:
        return
    finally:
        watch.close()


# --- doubt ---------------------------------------------------------------------------------


async def _after_crash(work: NodeWork, driver: Reboot) -> Delivery:
    """The intent is on record, its outcome is not. Changed boot id: done. Else the driver is asked what it knows."""
    view = work.view("reboot")
    assert view.intent is not None, "called with an intent only"
    node = await work.node("reboot")
    if _changed(node, view.intent.boot_id):
        return "delivered"
    delivery = await _ask_driver(work, driver)
    words = {
        "delivered": "the driver says that it arrived",
        "not-delivered": "the driver proves that it did not arrive",
        "unknown": "the driver does not know whether it arrived",
    }[delivery]
    work.note(
        "reboot-in-doubt",
        f"a reboot of {work.name} was announced before this process began, and its boot id is unchanged: {words}",
        "reboot",
        str(node.ref),
    )
    return delivery


async def _ask_driver(work: NodeWork, driver: Reboot) -> Delivery:
    """What the driver knows of the newest request; an error is no knowledge."""
    intent = work.view("reboot").intent
    assert intent is not None, "nothing is asked about that was not announced"
    node = await work.node("reboot")
    try:
        return await work.run.runtime.deadline(
            work.run.plan.reboot.timeout_seconds * SECOND, lambda: driver.was_delivered(node, intent.token)
        )
    except Exception:  # of any kind, the driver's own included
        return "unknown"


async def _before_another(work: NodeWork) -> None:
    """Nothing reached the machine: it is drained, and whoever wants to stop may stop here."""
    work.phase = "drained"
    work.run.control.check()
    await work.run.control.nap(_LEAST_WATCH_MS)
    work.run.control.check()


async def _ask_person(work: NodeWork, driver: Reboot, delivery: Delivery) -> None:
    """Pause: whether the machine was asked, and what became of it, only a person can find out."""
    run = work.run
    view = work.view("reboot")
    since = format_duration(run.runtime.now_ms() - view.intent_ms)
    if delivery == "not-delivered":
        reason = f"{view.attempts} requests to reboot {work.name} did not reach the machine"
    else:
        sure = "delivered" if delivery == "delivered" else "asked for, whether it arrived is not known"
        reason = f"{work.name} has not come back {since} after its reboot was {sure}"

    async def back() -> GateReading:
        node = await work.node("reboot")
        intent = view.intent
        came = intent is not None and _changed(node, intent.boot_id)
        return GateReading("node-serves", "open" if came else "closed", f"boot id {node.info.boot_id}", reason)

    hold = Hold(
        reason=reason,
        object=f"Node {work.name}",
        why="a second request could hit a machine in the middle of its first reboot; it is not made",
        will_do="watches; it goes on when the node shows a new boot id",
        commands=(
            driver.manual(work.name),
            f"shipkeeper runs reboot-done {run.id}",
            *run.gates.commands(approve=True),
        ),
        state="paused",
    )
    await run.gates.hold(hold, work.asking("reboot"), back)
