"""A drain that is blocked, or a pod that is stuck: what the plan's ``on-blocked`` policy makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipkeeper.execution.gates.blocks import hopeless
from shipkeeper.execution.gates.catalogue import GATES
from shipkeeper.execution.gates.keeper import Hold
from shipkeeper.execution.moving import Moving
from shipkeeper.execution.signals import Quarantined
from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import Pod
from shipkeeper.model.storage import VolumeAttachment
from shipkeeper.model.time import format_duration, iso
from shipkeeper.model.workloads import Budget
from shipkeeper.ports.gates import GateReading
from shipkeeper.semantics.budgets import compile_budgets

if TYPE_CHECKING:
    from shipkeeper.execution.drain import Drain


class Blocks:
    """Looks for pods that do not go, after every turn of a drain."""

    def __init__(self, drain: Drain) -> None:
        self._drain = drain
        self._after_ms = drain.run_.estimates.blocked_after_ms(drain.work.name)

    async def look(self) -> None:
        """Hold, quarantine or escalate when pods are blocked; hold when pods are stuck. Raises Stopped, Quarantined."""
        stuck = self._stuck()
        if stuck:
            await self._hold_stuck(stuck)
        blocked = self._blocked()
        if blocked:
            await self._apply_policy(blocked)

    # --- stuck -----------------------------------------------------------------------------

    def _stuck(self) -> list[Moving]:
        now = self._drain.runtime.now_ms()
        return [item for item in self._drain.left.values() if item.state == "leaving" and now > item.overdue_ms]

    async def _hold_stuck(self, stuck: list[Moving]) -> None:
        """Never force-deleted, and no finalizer is taken away: what holds it is told, and a person decides."""
        drain = self._drain
        reasons = [await self._why_stuck(item) for item in stuck]
        gone = [item for item, why in zip(stuck, reasons, strict=True) if not why]
        for item in gone:
            drain.ended(item)
        left = [(item, why) for item, why in zip(stuck, reasons, strict=True) if why]
        if not left:
            return
        for item, why in left:
            if not item.told:
                item.told = True
                drain.outcomes.append(item.outcome(drain.step, "stuck", drain.runtime.monotonic_ms(), f"stuck: {why}"))
        drain.flush()
        first, why = left[0]
        hold = Hold(
            reason=f"pod {first.name} should have ended by {iso(first.overdue_ms - 60_000)}: {why}"
            + (f"; and {len(left) - 1} more" if len(left) > 1 else ""),
            object=str(first.pod.ref),
            why="a pod that is not proven to have ended may still write to its volumes; it is never force-deleted",
            will_do="waits; it goes on when the pod is gone",
            commands=(
                f"kubectl describe pod -n {first.pod.namespace} {first.pod.name}",
                *drain.run_.gates.commands(),
            ),
            words=("resume",),
        )

        async def gone_now() -> GateReading:
            still = [item.name for item, _ in left if await self._why_stuck(item)]
            state = "closed" if still else "open"
            return GateReading("nothing-blocks", state, f"{len(still)} stuck", reason=", ".join(still))  # type: ignore[arg-type]

        await drain.run_.gates.hold(hold, drain.work.asking("drain", until_ms=drain.last_ms), gone_now)

    async def _why_stuck(self, item: Moving) -> str:
        """What keeps the pod; empty when it is gone."""
        api = self._drain.run_.api
        pod = await api.get(Pod, item.pod.name, item.pod.namespace)
        if pod is None or pod.uid != item.pod.uid:
            return ""
        parts = [f"finalizers {', '.join(pod.finalizers)}" if pod.finalizers else "no finalizers"]
        node = await api.get(Node, self._drain.work.name)
        ready = node.condition("Ready") if node is not None else None
        parts.append(f"node Ready is {ready.status if ready is not None else 'unknown'}")
        if pod.claims:
            attached = await api.list(VolumeAttachment, node=self._drain.work.name)
            names = ", ".join(item.name for item in attached) or "none"
            parts.append(f"VolumeAttachments of the node: {names}")
        return "; ".join(parts)

    # --- blocked ---------------------------------------------------------------------------

    def _blocked(self) -> list[Moving]:
        if self._drain.run_.plan.drain_policy.on_blocked == "wait":
            return []  # tried until the last moment at which the node could still be done in the window
        now = self._drain.runtime.monotonic_ms()
        return [
            item
            for item in self._drain.left.values()
            if item.state == "waiting"
            and item.blocked_ms is not None
            and (item.at_once or now - item.blocked_ms >= self._after_ms)
        ]

    async def _apply_policy(self, blocked: list[Moving]) -> None:
        drain = self._drain
        now = drain.runtime.monotonic_ms()
        for item in blocked:
            if not item.told:
                item.told = True
                drain.outcomes.append(item.outcome(drain.step, "blocked", now, f"{item.rule}: {item.words}"))
        drain.flush()
        first = blocked[0]
        waited = now - (first.blocked_ms if first.blocked_ms is not None else now)
        after = "" if first.at_once else f" for {format_duration(waited)}"
        more = f"; and {len(blocked) - 1} more pods" if len(blocked) > 1 else ""
        reason = f"{drain.work.name}: pod {first.name} cannot be evicted{after}: {first.words}{more}"
        policy = drain.run_.plan.drain_policy.on_blocked
        if policy == "quarantine":
            drain.leave_rest()
            raise Quarantined(reason)
        known = all(item.rule.startswith(("budget-", "two-")) for item in blocked)

        async def may_go() -> GateReading:
            return await self._may_go(blocked)

        await drain.run_.gates.hold(
            self._hold(first, reason, paused=policy == "escalate"),
            drain.work.asking("drain", until_ms=drain.last_ms),
            may_go if known else None,
        )
        now = drain.runtime.monotonic_ms()
        for item in blocked:
            item.forgive(now)

    def _hold(self, first: Moving, reason: str, paused: bool) -> Hold:
        drain = self._drain
        see = (
            f"kubectl get pdb -n {first.pod.namespace} {first.budget}".rstrip()
            if first.rule.startswith(("budget-", "two-"))
            else f"kubectl describe pod -n {first.pod.namespace} {first.pod.name}"
        )
        will = (
            "waits for approve, then tries again" if paused else "looks again every few seconds, and goes on by itself"
        )
        return Hold(
            reason=reason,
            object=str(first.pod.ref),
            why=GATES["nothing-blocks"].why,
            will_do=f"{will}; nothing is ever deleted past a budget",
            commands=(see, *drain.run_.gates.commands(approve=True)),
            state="paused" if paused else "held",
            gate="nothing-blocks",
        )

    async def _may_go(self, blocked: list[Moving]) -> GateReading:
        """Whether every blocked pod is gone, or its budget allows it by now."""
        api = self._drain.run_.api
        still = []
        for item in blocked:
            pod = await api.get(Pod, item.pod.name, item.pod.namespace)
            if pod is None or pod.uid != item.pod.uid or pod.terminating:
                continue
            index = compile_budgets(await api.list(Budget, namespace=pod.namespace))
            matching = index.matching(pod.namespace, pod.shape.labels)
            if hopeless(pod, index) is not None or (matching and all(budget.allowed <= 0 for budget in matching)):
                still.append(item)
        words = f"{len(blocked) - len(still)} of {len(blocked)} may go now"
        if still:
            return GateReading("nothing-blocks", "closed", words, reason=still[0].words, object=str(still[0].pod.ref))
        return GateReading("nothing-blocks", "open", words)
