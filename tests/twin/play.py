"""Small plays on a twin: a drain as simple as kubectl's, and worlds with one figure for everything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import DrainPolicy, Timings
from shipkeeper.model.pods import Pod
from shipkeeper.model.workloads import Budget
from shipkeeper.ports.cluster import Eviction, EvictionAnswer, NodePatch
from shipkeeper.semantics.drain import sort_pods
from shipkeeper.twin import Twin, TwinSettings
from shipkeeper.twin.kernel import Kernel

T = TypeVar("T")
SECOND = 1_000
POLICY = DrainPolicy(delete_empty_dir_data=("*",), allow_unmanaged=("*",))


def figures(readiness: float = 10, termination: float | None = 2, reboot: float = 120, **more: Any) -> Timings:
    """Timings where P50 and P95 are the same: nothing left to chance that a test wants to count on."""
    return Timings(
        reboot_seconds=(reboot, reboot),
        readiness={"*": (readiness, readiness)},
        termination={} if termination is None else {"*": (termination, termination)},
        **more,
    )


def make(inventory: Inventory, timings: Timings | None = None, seed: int = 1, **more: Any) -> Twin:
    """A twin at the moment of the survey."""
    settings = TwinSettings(**more.pop("settings", {}))
    kernel = Kernel(inventory.taken_ms)
    return Twin(inventory, timings or figures(), seed, kernel, settings, keep_trace=True, **more)


def play(twin: Twin, work: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine on the twin's kernel."""

    async def main() -> T:
        return await work()

    return twin.kernel.run(main())


def wait(twin: Twin, seconds: float) -> None:
    """Let the world run on."""
    twin.kernel.advance(twin.kernel.now_ms() + round(seconds * SECOND))


async def cordon(twin: Twin, name: str, on: bool = True) -> Node:
    node = await twin.api.get(Node, name)
    assert node is not None
    return await twin.api.patch_node(name, NodePatch(uid=node.uid, unschedulable=on))


async def evict(twin: Twin, *pods: Pod, grace_ms: int | None = None) -> tuple[EvictionAnswer, ...]:
    return await twin.api.evict_many([Eviction(p.namespace, p.name, p.uid, grace_ms) for p in pods])


async def drain(twin: Twin, name: str, timeout_s: int = 900, policy: DrainPolicy = POLICY) -> bool:
    """Cordon, evict what a drain evicts, again every five seconds, until the node is empty. False: it took too long."""
    await cordon(twin, name)
    end = twin.kernel.now_ms() + timeout_s * SECOND
    while twin.kernel.now_ms() < end:
        found = sort_pods(await twin.api.list(Pod, node=name), policy, twin.kernel.now_ms())
        if not found.evict and not found.terminating:
            return True
        await evict(twin, *(item.pod for item in found.evict))
        await twin.kernel.sleep(1 * SECOND if not found.evict else 5 * SECOND)
    return False


async def reboot(twin: Twin, name: str) -> None:
    """Ask for a reboot and wait until the node is Ready with another boot id."""
    node = await twin.api.get(Node, name)
    assert node is not None
    await twin.reboot.request(node, f"token-{name}-{twin.kernel.now_ms()}")
    while True:
        await twin.kernel.sleep(SECOND)
        now = await twin.api.get(Node, name)
        assert now is not None
        if now.ready and now.info.boot_id != node.info.boot_id:
            return


async def maintain(twin: Twin, names: Sequence[str]) -> bool:
    """One node after the other: drain, reboot, uncordon, and a little time to settle."""
    for name in names:
        if not await drain(twin, name):
            return False
        await reboot(twin, name)
        await cordon(twin, name, False)
        await twin.kernel.sleep(60 * SECOND)
    return True


def pods_of(twin: Twin, app: str, namespace: str = "default") -> list[Pod]:
    """Pods with label app=…, as they are now, by name."""
    rows = (row for row in range(len(twin.world.pods.names)) if twin.world.pods.alive[row])
    found = [twin.world.pods.materialise(row) for row in rows]
    chosen = [p for p in found if p.namespace == namespace and p.shape.labels.get("app") == app]
    return sorted(chosen, key=lambda p: p.name)


def budget_of(twin: Twin, name: str = "budget") -> Budget:
    """The budget as it is now."""
    return next(b for b in twin.disruption.budgets if b.name == name)


def trace(twin: Twin) -> list[tuple[int, str, str]]:
    """(millisecond, event, key) of everything so far."""
    twin.digest()
    assert twin.world.trace.lines is not None
    found = []
    for line in twin.world.trace.lines:
        at, event, key = line.split(" ", 2)
        found.append((int(at), event, key))
    return found


def first(twin: Twin, event: str, start: str = "") -> int:
    """When an event about a key that starts so first happened."""
    return next(at for at, what, key in trace(twin) if what == event and key.startswith(start))
