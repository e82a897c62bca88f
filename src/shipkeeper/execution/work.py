"""One node's turn: what its steps share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from shipkeeper.execution import before as befores
from shipkeeper.execution.before import Before
from shipkeeper.execution.context import Run
from shipkeeper.execution.gates.keeper import Asking
from shipkeeper.execution.gates.nodes import no_other_drainer, still_ours
from shipkeeper.execution.gates.start import nodes_are_the_plans
from shipkeeper.execution.signals import SkipNode, StartOver
from shipkeeper.execution.status import FINISHED, StepView
from shipkeeper.execution.stops import Phase
from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import PlannedNode
from shipkeeper.model.pods import Pod
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.run import StepIntent, StepOutcome
from shipkeeper.model.time import iso
from shipkeeper.ports.gates import GateReading


class NodeWork:
    """One node in the hands of one run. ``phase`` is its row in the stop table."""

    def __init__(self, run: Run, planned: PlannedNode) -> None:
        self.run, self.planned, self.name = run, planned, planned.name
        self.phase: Phase = self._phase()
        self.evictions: dict[ObjectRef, int] = {}
        """Pods of each workload that left, for what the workload felt."""
        self.fresh: tuple[Before, tuple[Pod, ...]] | None = None
        """Read for the whole batch, before any of it was touched."""
        self.overran = False

    def _phase(self) -> Phase:
        """Where the journal says that the node stands; after a crash, further along rather than less."""
        steps = {step.action: step for step in self.run.record.view.by_node.get(self.name, ())}

        def begun(action: str) -> bool:
            return action in steps and steps[action].intent is not None

        def done(action: str) -> bool:
            return action in steps and steps[action].state == "done"

        if done("uncordon"):
            return "settling"
        if done("serves"):
            return "serves"
        if begun("reboot"):
            return "rebooting"
        if done("drain"):
            return "drained"
        if begun("drain"):
            return "evicting"
        return "cordoned" if begun("cordon") else "intent"

    # --- the record ------------------------------------------------------------------------

    def id(self, action: str) -> str:
        """The step's id."""
        return f"{self.name}/{action}"

    def view(self, action: str) -> StepView:
        """The step as the journal knows it."""
        return self.run.record.view.step(self.id(action))

    @property
    def before(self) -> Before:
        """The reading at the node's turn's beginning, from the journal."""
        intent = self.view("cordon").intent
        return befores.decode(intent.detail) if intent is not None else Before()

    @property
    def kept(self) -> bool:
        """The node was cordoned by somebody else before, and stays so."""
        intent = self.view("cordon").intent
        return intent is not None and intent.detail.get("cordoned-before") == "true"

    def intend(
        self,
        action: str,
        *,
        pods: tuple[tuple[str, str], ...] = (),
        boot_id: str = "",
        token: str = "",
        detail: dict[str, str] | None = None,
        more: bool = False,
    ) -> None:
        """Write the intent. ``more``: it adds pods to the present attempt."""
        attempts = self.view(action).attempts
        self.run.record.write(
            StepIntent(
                step=self.id(action),
                attempt=attempts if more else attempts + 1,
                action=action,
                target=self.name,
                pods=pods,
                boot_id=boot_id,
                token=token,
                detail=detail or {},
            )
        )

    def outcome(self, action: str, state: str = "done", reason: str = "", **readings: str) -> StepOutcome:
        """The event that ends a step."""
        return StepOutcome(step=self.id(action), state=state, reason=reason, readings=readings)

    def end(self, action: str, state: str = "done", reason: str = "", **readings: str) -> None:
        """Write how a step ended."""
        self.run.record.write(self.outcome(action, state, reason, **readings))

    def note(self, topic: str, text: str, action: str, object: str = "") -> None:
        """Record something observed."""
        self.run.record.note(topic, text, step=self.id(action), object=object)

    def announce_overrun(self, action: str) -> None:
        """Say once that the window is over and this node is still on its way back."""
        window = self.run.plan.window
        if window is None or self.overran or self.run.runtime.now_ms() < window.closes_ms:
            return
        self.overran = True
        self.note(
            "overrun",
            f"the window closed at {iso(window.closes_ms, window.zone)} and {self.name} is not back yet; "
            "it is brought back before the run stops",
            action,
            object=f"Node {self.name}",
        )

    def away(self) -> tuple[str, ...]:
        """This node, and those of its batch that are not given back yet: whatever is on them leaves, or has left."""
        view = self.run.record.view
        batch = next(names for names in self.run.plan.batches if self.name in names)
        return tuple(name for name in batch if name == self.name or view.step(f"{name}/uncordon").state not in FINISHED)

    # --- gates and the node ----------------------------------------------------------------

    def asking(self, action: str, patience_ms: int | None = None, until_ms: int | None = None) -> Asking:
        """Who asks at a gate of that step. ``until_ms`` defaults to the last moment at which it could begin."""
        estimates = self.run.estimates
        patience = estimates.patience_ms(self.name, action) if patience_ms is None else patience_ms
        return Asking(self.id(action), self.phase, patience, until_ms)

    async def gate(self, action: str, read: Callable[[], Awaitable[GateReading]], **how: int | None) -> GateReading:
        """Pass a gate of that step, or hold there. Raises Stopped."""
        return await self.run.gates.pass_through(read, self.asking(action, **how))

    async def node(self, action: str) -> Node:
        """The node, by a quorum read; holds when it is another machine. Raises SkipNode when it is gone."""
        while True:
            node = await self.run.api.get(Node, self.name)
            if node is None:
                raise SkipNode(f"node {self.name} is gone from the cluster")
            reading = nodes_are_the_plans(self.run, [node])
            if reading.is_open:
                return node
            self.run.gates.say(reading, self.id(action))
            await self.run.gates.hold(self.run.gates.hold_at(reading), self.asking(action))

    async def own_node(self, action: str) -> Node:
        """The node, still as we left it; holds when it is not.

        Raises SkipNode when it is gone, StartOver when a person says to go on with a node that somebody took.
        """
        node = await self.node(action)
        reading = still_ours(self.run, node, self.kept)
        if not reading.is_open:
            gates = self.run.gates
            gates.say(reading, self.id(action))
            # Whatever the node looks like later is somebody's decision: only a person's word goes on.
            await gates.hold(gates.hold_at(reading), self.asking(action))
            raise StartOver(reading.reason)
        other = await no_other_drainer(self.run, node)
        if not other.is_open:

            async def again() -> GateReading:
                return await no_other_drainer(self.run, await self.node(action))

            await self.run.gates.pass_through(again, self.asking(action))
        return node
