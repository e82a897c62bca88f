"""A stage for the executor: a small cluster on the twin, a plan for it, a journal and an inbox, and people who act."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from shipkeeper.execution.run import carry_out
from shipkeeper.execution.status import RunView
from shipkeeper.execution.world import Interrupts, RunOptions, RunResult, World
from shipkeeper.journal.memory import MemoryJournal
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import Plan, PlanWindow, Timings
from shipkeeper.model.platform import Platform
from shipkeeper.model.run import RunEvent
from shipkeeper.model.time import HOUR, MINUTE, SECOND, iso
from shipkeeper.planning.propose import propose_nodes
from shipkeeper.planning.request import NodesRequest
from shipkeeper.ports.cluster import NodePatch
from shipkeeper.ports.gates import GateReading
from shipkeeper.ports.journal import Entry
from shipkeeper.twin import Twin, TwinSettings
from shipkeeper.twin.faults import Faults
from shipkeeper.twin.kernel import Kernel
from tests import builders as b
from tests.journal.memory_inbox import MemoryInbox

RUN = "run-0001"

Actor = Callable[["Stage"], Awaitable[Any]]

TIMINGS = Timings(
    reboot_seconds=(60, 60),
    readiness={"*": (5, 5)},
    termination={"*": (2, 2)},
    stable_ready_seconds=30,
)


def three_nodes() -> tuple[Any, ...]:
    """Three workers with a web application over all of them, behind a budget, and a daemon on each."""
    return (
        *b.nodes(3),
        b.deployment("web", on=("n1", "n2", "n3")),
        b.budget("web", app="web", max_unavailable=1, healthy=3, expected=3, desired=2, allowed=1),
        b.daemonset("agent", on=("n1", "n2", "n3")),
    )


class Stage:
    """One cluster and one plan. ``play`` carries the plan out, again and again if asked."""

    def __init__(
        self,
        *parts: Any,
        seed: int = 1,
        faults: Faults | None = None,
        settings: TwinSettings | None = None,
        timings: Timings = TIMINGS,
        plan: Callable[[Plan], Plan] | None = None,
        start_ms: int = b.NOW,
        more: dict[str, Any] | None = None,
        **request: Any,
    ) -> None:
        self.inventory: Inventory = b.inventory(*(parts or three_nodes()), **(more or {}))
        self.kernel = Kernel(start_ms)
        self.twin = Twin(self.inventory, timings, seed, self.kernel, settings or TwinSettings(), faults=faults)
        made = propose_nodes(self.inventory, NodesRequest(**request), Platform(), b.NOW)
        made = replace(made, timings=timings)
        self.plan = (plan(made) if plan is not None else made).sealed()
        self.journal = MemoryJournal()
        self.inbox = MemoryInbox()
        self.interrupts = Interrupts()
        self.entries: list[Entry] = []
        self.on_entry: list[Callable[[Entry], None]] = []
        self.processes = 0
        self.api: Any = self.twin.api
        self.reboot: Any = self.twin.reboot
        self.host = "stage"

    # --- running ---------------------------------------------------------------------------

    def world(self, **changes: Any) -> World:
        self.processes += 1
        fields: dict[str, Any] = {
            "api": self.api,
            "runtime": self.kernel,
            "reboot": self.reboot,
            "journal": self.journal,
            "entropy": self.twin.entropy,
            "inbox": self.inbox,
            "on_entry": self._take,
            "host": self.host,
            "process": f"{self.host}/{self.processes}",
            "interrupts": self.interrupts,
        }
        return World(**(fields | changes))

    def _take(self, entry: Entry) -> None:
        self.entries.append(entry)
        for listener in self.on_entry:
            listener(entry)

    def play(self, *actors: Actor, world: World | None = None, run: str = RUN, **options: Any) -> RunResult:
        """Carry the plan out while the actors act. An actor that is left when the run ends is cancelled."""
        chosen = world or self.world()

        async def main() -> RunResult:
            async with self.kernel.scope() as scope:
                for i, actor in enumerate(actors):
                    scope.start(f"actor {i}", lambda actor=actor: actor(self))
                options_ = RunOptions(**options)
                result = await self.kernel.deadline(
                    48 * HOUR, lambda: carry_out(self.plan, run, chosen, options_)
                )  # a test that waits for ever fails instead
                scope.cancel()
            return result

        return self.kernel.run(main())

    # --- looking ---------------------------------------------------------------------------

    @property
    def view(self) -> RunView:
        return RunView.of(self.journal.read(RUN))

    def events(self, kind: type[Any] | None = None) -> list[RunEvent]:
        return [e.event for e in self.journal.read(RUN) if kind is None or isinstance(e.event, kind)]

    def of(self, kind: type[Any], **fields: Any) -> list[Any]:
        """Events of a kind whose fields are as said."""
        return [e for e in self.events(kind) if all(getattr(e, name) == value for name, value in fields.items())]

    def node(self, name: str) -> Node:
        return next(node for node in self.twin.world.nodes if node.name == name)

    def boots(self, name: str) -> int:
        """How often the machine was rebooted."""
        return sum(self.twin.machines._boots[i] for i, n in enumerate(self.twin.world.nodes) if n.name == name)

    def pods_on(self, name: str) -> list[str]:
        return [pod.name for pod in self.twin.api._pods("", name)]

    # --- acting ----------------------------------------------------------------------------

    async def until(self, met: Callable[[], bool], every_ms: int = 200, at_most_ms: int = 4 * HOUR) -> None:
        """Wait until it is so."""
        until = self.kernel.now_ms() + at_most_ms
        while not met():
            assert self.kernel.now_ms() < until, "what the test waits for never happened"
            await self.kernel.sleep(every_ms)

    def seen(self, kind: type[Any], **fields: Any) -> Callable[[], bool]:
        """Whether such an event has been written."""
        return lambda: any(
            isinstance(e.event, kind) and all(getattr(e.event, n) == v for n, v in fields.items()) for e in self.entries
        )

    def say(self, word: str, step: str = "", by: str = "kim") -> None:
        self.inbox.post(RUN, self.kernel.now_ms(), word, by, step)

    async def patch(self, name: str, **fields: Any) -> None:
        """Change a node as somebody else would."""
        await self.twin.api.patch_node(name, NodePatch(uid=f"uid-{name}", **fields))


def window(opens_in_ms: int = 0, lasts_ms: int = 4 * HOUR) -> PlanWindow:
    """A window relative to ``builders.NOW``."""
    return PlanWindow(opens_at=iso(b.NOW + opens_in_ms), closes_at=iso(b.NOW + opens_in_ms + lasts_ms))


class Standing:
    """A standing gate that says what it is told to: a state, or an error."""

    def __init__(self, name: str = "not-frozen", says: str | Exception = "open") -> None:
        self.name = name
        self.says: Any = says
        self.asked: list[int] = []

    async def read(self, at_ms: int) -> GateReading:
        self.asked.append(at_ms)
        if isinstance(self.says, Exception):
            raise self.says
        return GateReading(
            self.name, self.says, f"{self.name} says {self.says}", reason="nobody agreed", fix="ask them"
        )


__all__ = ["HOUR", "MINUTE", "RUN", "SECOND", "Stage", "Standing", "three_nodes", "window"]
