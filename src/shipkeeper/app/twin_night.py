"""A run on an embedded twin: the real executor and a real journal, against a cluster that is not there."""

from __future__ import annotations

import time
from collections.abc import Callable

from msgspec.structs import replace

from shipkeeper.app.state import State
from shipkeeper.execution.run import carry_out
from shipkeeper.execution.world import RunOptions, RunResult, World
from shipkeeper.journal.keys import load_or_make
from shipkeeper.journal.sqlite import SqliteInbox, SqliteJournal
from shipkeeper.model.facts import HostFacts
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import Plan
from shipkeeper.model.pods import Pod
from shipkeeper.model.storage import VolumeAttachment
from shipkeeper.model.table import PodTable
from shipkeeper.model.time import SECOND
from shipkeeper.model.workloads import Budget, Workload
from shipkeeper.ports.gates import StandingGate
from shipkeeper.ports.journal import Entry
from shipkeeper.semantics.hosts import with_gathered
from shipkeeper.twin import Twin
from shipkeeper.twin.kernel import Kernel

_LONGEST_NAP_S = 0.2
_BEFORE_MS = 30 * SECOND
"""The process starts this long before the window opens, so that waiting for it is seen, and not sat through."""


def run_on_twin(
    plan: Plan,
    inventory: Inventory,
    run_id: str,
    state: State,
    *,
    forecast: Forecast | None,
    seed: int,
    speed: float,
    on_entry: Callable[[Entry], None],
    on_time: Callable[[int], None],
    standing: tuple[StandingGate, ...] = (),
) -> tuple[RunResult, Inventory]:
    """Carry a plan out on a twin of the inventory, journalled in ``state`` like any run; and what runs afterwards.

    ``speed`` is virtual seconds per second of yours; 0 is as fast as it goes. ``on_time`` is told the virtual time
    whenever it moves. Raises what ``carry_out`` raises.
    """
    kernel = Kernel(plan.window.opens_ms - _BEFORE_MS if plan.window is not None else inventory.taken_ms)
    twin = Twin(inventory, plan.timings, seed, kernel, user="demo")

    def pace(from_ms: int, to_ms: int) -> None:
        if speed > 0:
            time.sleep(min(_LONGEST_NAP_S, (to_ms - from_ms) / SECOND / speed))
        on_time(to_ms)

    kernel.on_advance = pace
    journal, inbox = SqliteJournal(state.journal_path), SqliteInbox(state.journal_path)
    try:
        world = World(
            api=twin.api,
            runtime=kernel,
            reboot=twin.reboot if plan.purpose == "reboot" else None,
            journal=journal,
            inbox=inbox,
            entropy=twin.entropy,
            signer=load_or_make(state.key_path),
            on_entry=on_entry,
            host="twin",
            process="demo",
            standing=standing,
        )
        result = kernel.run(carry_out(plan, run_id, world, RunOptions(forecast=forecast)))
        return result, kernel.run(_survey(twin, kernel, inventory))
    finally:
        journal.close()
        inbox.close()


async def _survey(twin: Twin, kernel: Kernel, before: Inventory) -> Inventory:
    """What runs on the twin now. What a run cannot change is as it was."""
    nodes = await twin.api.list(Node)
    gathered = [HostFacts((facts.node,), facts) for facts in before.node_facts]
    return replace(
        before,
        source=f"twin of {before.source}",
        taken_ms=kernel.now_ms(),
        nodes=nodes,
        node_facts=with_gathered(nodes, (), gathered)[0],
        pods=PodTable.of(await twin.api.list(Pod)).sorted(),
        workloads=_again(before, await twin.api.all_workloads()),
        budgets=await twin.api.list(Budget),
        attachments=await twin.api.list(VolumeAttachment),
    )


def _again(before: Inventory, now: tuple[Workload, ...]) -> tuple[Workload, ...]:
    known = {item.ref: item for item in now}
    return tuple(known.get(item.ref, item) for item in before.workloads)
