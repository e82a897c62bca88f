"""Proving that a rebooted node serves, and, once it is given back, that everything is as well as it was."""

from __future__ import annotations

from msgspec.structs import replace

from shipkeeper.execution.felt import Felt
from shipkeeper.execution.gates.after import budgets_restored, pods_scheduled, workloads_well
from shipkeeper.execution.gates.machine import node_serves, quorum
from shipkeeper.execution.health import Reading
from shipkeeper.execution.work import NodeWork
from shipkeeper.ports.gates import GateReading


async def serves(work: NodeWork) -> None:
    """Wait until the node is back in every respect. Raises Stopped, SkipNode."""
    run = work.run
    work.phase = "rebooting"
    if work.view("serves").intent is None:
        work.intend("serves")
    reboot = work.view("reboot")
    old = reboot.intent.boot_id if reboot.intent is not None else work.before.boot_id
    before = work.before
    wake_ms = 0

    async def read() -> GateReading:
        nonlocal wake_ms
        work.announce_overrun("serves")
        nap = wake_ms - run.runtime.monotonic_ms()
        if wake_ms and nap > 0:
            await run.runtime.sleep(nap)
        reading, left = await node_serves(run, work.name, before, old, reboot.ended_ms)
        wake_ms = run.runtime.monotonic_ms() + left if left else 0
        return reading

    driver = run.world.reboot
    deadline = driver.deadline_ms if driver is not None else 0
    reading = await work.gate("serves", read, patience_ms=max(deadline, run.estimates.patience_ms(work.name, "serves")))
    work.phase = "serves"
    work.end("serves", "done", proof=reading.reading)


async def settle(work: NodeWork, felt: Felt) -> None:
    """After the uncordon: the node takes pods, workloads are well, budgets restored, quorum whole. Raises Stopped."""
    run = work.run
    work.phase = "settling"
    if work.view("settle").intent is None:
        work.intend("settle")
    before, kept = work.before, work.kept

    async def scheduled() -> GateReading:
        return pods_scheduled(before, await work.node("settle"), kept)

    await work.gate("settle", scheduled)
    left: list[Reading] = list(before.workloads)

    async def well() -> GateReading:
        """Ask again only those that were worse; when none is left, all of them once more."""
        reading, bad = await workloads_well(run, left)
        if reading.is_open and len(left) < len(before.workloads):
            left[:] = before.workloads
            reading, bad = await workloads_well(run, left)
        left[:] = bad or left
        return reading

    await work.gate("settle", well)
    await work.gate("settle", lambda: budgets_restored(run, before))
    if work.planned.control_plane:
        asking = replace(work.asking("settle"), vouchable=True)
        await run.gates.pass_through(lambda: quorum(run, "quorum-after", ()), asking)
    run.record.write(*felt.events(work.evictions), work.outcome("settle"))
