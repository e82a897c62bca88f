"""Draining a node: evict what may leave, respect every budget, wait for what goes, and never delete past a refusal.

The loop: look at the node (a quorum read), ask for the evictions that are due, take what the watches tell, record
outcomes as one group, sleep until something happens. One watch follows the node's pods; one per namespace follows
budgets, and only where one was spent.
"""

from __future__ import annotations

from typing import Any

from shipkeeper.execution.blocked import Blocks
from shipkeeper.execution.budget_view import BudgetView
from shipkeeper.execution.gates.admitted import apis_answer, quota_for_pods, webhooks_answer
from shipkeeper.execution.gates.blocks import forbidden, reading_of
from shipkeeper.execution.gates.room import room_for_pods
from shipkeeper.execution.moving import RETRY_MS, Moving, take_answer
from shipkeeper.execution.signals import Stopped, window_over
from shipkeeper.execution.stops import decide
from shipkeeper.execution.work import NodeWork
from shipkeeper.model.pods import Pod
from shipkeeper.model.run import PodOutcome
from shipkeeper.model.time import SECOND
from shipkeeper.model.workloads import Budget
from shipkeeper.ports.cluster import Change, Eviction
from shipkeeper.ports.gates import GateReading
from shipkeeper.ports.runtime import DeadlineExceeded, Scope
from shipkeeper.semantics.drain import STUCK_AFTER_MS, DrainSet, grace_ms, sort_pods

AT_ONCE = 50
"""Evictions asked for in one call: few enough that the lease outlives them."""


async def drain(work: NodeWork) -> None:
    """Empty the node. Raises Stopped, SkipNode, Quarantined, StartOver, WorldMoved."""
    work.phase = "evicting" if work.view("drain").intent is not None else "cordoned"
    drain = Drain(work)
    await drain.run()
    work.phase = "drained"
    ours = sum(1 for item in drain.moving.values() if item.ours)
    work.end("drain", evicted=str(ours), pods=str(len(drain.moving)))


class Drain:
    """One attempt at emptying one node."""

    def __init__(self, work: NodeWork) -> None:
        self.work, self.run_ = work, work.run
        self.runtime = work.run.runtime
        self.step = work.id("drain")
        self.mail = self.runtime.channel()
        self.moving: dict[str, Moving] = {}
        """By pod UID, in order of namespace and name."""
        self.left: dict[str, Moving] = {}
        """Those that have not ended."""
        self.outcomes: list[PodOutcome] = []
        self.budgets = BudgetView()
        self._present: set[str] = set()
        self._check_ms = 0
        self.last_ms = work.run.estimates.last_moment_ms(work.name, "reboot" if work.run.reboots else "uncordon")

    # --- from beginning to end -------------------------------------------------------------

    async def run(self) -> None:
        """Gates, intent, evictions, until a quorum read shows the node empty."""
        first = await self._gates()
        await self._intend(first)
        control, blocks = self.run_.control, Blocks(self)
        async with self.runtime.scope() as scope:
            scope.start("pods of " + self.work.name, lambda: self._follow(Pod, node=self.work.name))
            control.listen(self.mail)
            try:
                while True:
                    while self.left:
                        await self._turn(scope, blocks)
                    rest = sort_pods(await self._pods(), self.run_.plan.drain_policy, self.runtime.now_ms())
                    if not rest.leaving and not rest.blocked:
                        break
                    await self._intend(await self._gates(), more=True)
            except Stopped:
                self.leave_rest()
                raise
            finally:
                self.flush()
                control.unlisten(self.mail)
                scope.cancel()

    async def _pods(self) -> tuple[Pod, ...]:
        return await self.run_.api.list(Pod, node=self.work.name)

    async def _gates(self) -> DrainSet:
        """Nothing may block, and replacements must have somewhere to go; returns the node's pods, sorted."""
        found: list[DrainSet] = []

        async def nothing_blocks() -> GateReading:
            pods = sort_pods(await self._pods(), self.run_.plan.drain_policy, self.runtime.now_ms())
            found[:] = [pods]
            return reading_of(forbidden(pods))

        def moving() -> list[Pod]:
            return [item.pod for item in found[0].evict]

        async def room() -> GateReading:
            reading, pinned = room_for_pods(await self.run_.api.room(), moving(), [self.work.name])
            if pinned and self.work.view("drain").intent is None:
                names = ", ".join(f"{pod.namespace}/{pod.name}" for pod in pinned)
                self.work.note(
                    "planned-downtime", f"can run on {self.work.name} only, and wait for it: {names}", "drain"
                )
            return reading

        await self.work.gate("drain", nothing_blocks, until_ms=self.last_ms)
        if found[0].evict:
            run, away = self.run_, self.work.away
            for read in (
                room,
                lambda: quota_for_pods(run, moving()),
                lambda: webhooks_answer(run, moving(), away()),
                lambda: apis_answer(run, away()),
            ):
                await self.work.gate("drain", read, until_ms=self.last_ms)
        return found[0]

    async def _intend(self, pods: DrainSet, more: bool = False) -> None:
        """Announce the pods, by UID; ``more``: beyond those of this attempt."""
        new = [pod for pod in pods.leaving if pod.uid not in self.moving]
        if more and not new:
            return
        tops = await self.run_.health.tops(new)
        now = self.runtime.monotonic_ms()
        for pod in new:
            top = tops[pod.uid][0] if pod.uid in tops else None
            state = "leaving" if pod.terminating else "waiting"
            item = self.moving[pod.uid] = self.left[pod.uid] = Moving(pod, top, "waiting", now, now)
            if state == "leaving":
                self._leaves(item, pod.deletion_ms)
        stays = ", ".join(f"{item.pod.namespace}/{item.pod.name}" for item in pods.skip)
        self.work.intend(
            "drain",
            pods=tuple((pod.uid, f"{pod.namespace}/{pod.name}") for pod in new),
            detail={"goes-down-with-the-node": stays} if stays and not more else {},
            more=more,
        )

    # --- one turn --------------------------------------------------------------------------

    async def _turn(self, scope: Scope, blocks: Blocks) -> None:
        self._obey()
        now = self.runtime.monotonic_ms()
        due = self._due(now)
        if due or now >= self._check_ms:
            await self.work.own_node("drain")
            self._check_ms = now + RETRY_MS
        for start in range(0, len(due), AT_ONCE):
            await self._evict(due[start : start + AT_ONCE], scope)
        self.flush()
        await blocks.look()
        if self.left:
            await self._wait()

    def _obey(self) -> None:
        """Stop where the stop table says so; at the window's last moment in any case."""
        control, work = self.run_.control, self.work
        if self.last_ms is not None and self.runtime.now_ms() >= self.last_ms:
            raise Stopped(window_over(f"{work.name} could no longer be done inside the window; it is given up"))
        if control.stop is not None and decide(work.phase, control.stop.column) != "finish-evicting":
            raise Stopped(control.stop)

    def _due(self, now: int) -> list[Moving]:
        """Pods to ask for now: of each budget only as many as it allows, as far as is known."""
        due: list[Moving] = []
        taken: dict[tuple[str, str], int] = {}
        for item in self.left.values():
            if item.state != "waiting" or item.next_ms > now:
                continue
            if item.budget:
                key = (item.pod.namespace, item.budget)
                if taken.get(key, 0) >= max(1, self.budgets.allowed(*key)):
                    item.next_ms = now + RETRY_MS
                    continue
                taken[key] = taken.get(key, 0) + 1
            due.append(item)
        return due

    async def _evict(self, items: list[Moving], scope: Scope) -> None:
        run, policy = self.run_, self.run_.plan.drain_policy
        await run.guard.effect(self.step, until_ms=self.last_ms)
        asked = []
        for item in items:
            own = item.pod.shape.grace_ms
            given = grace_ms(own, policy)
            asked.append(Eviction(item.pod.namespace, item.pod.name, item.pod.uid, None if given == own else given))
        self.work.phase = "evicting"
        answers = await run.api.evict_many(asked)
        now = self.runtime.monotonic_ms()
        for item, answer in zip(items, answers, strict=True):
            came = take_answer(item, answer, now)
            if answer.outcome == "conflict" and await self._still_there(item):
                item.state = "waiting"  # it changed under the API server's hands, and was not replaced
                item.refused("busy", answer.message, now, SECOND)
                continue
            if came == "leaving":
                self._leaves(item, None, answer.eviction.grace_ms)
                self._progress(item, now)
            elif came == "ended":
                self.ended(item)
            else:
                await self._refused(item, scope)

    async def _still_there(self, item: Moving) -> bool:
        pod = await self.run_.api.get(Pod, item.pod.name, item.pod.namespace)
        return pod is not None and pod.uid == item.pod.uid

    async def _refused(self, item: Moving, scope: Scope) -> None:
        namespace = item.pod.namespace
        if item.rule == "namespace-terminating":
            pod = await self.run_.api.get(Pod, item.pod.name, namespace)
            if pod is None or pod.uid != item.pod.uid:
                self.ended(item)
            elif pod.terminating:
                self._leaves(item, pod.deletion_ms)
        elif item.rule == "budget-spent":
            if not self.budgets.follows(namespace):
                self.budgets.learn(namespace, await self.run_.api.list(Budget, namespace=namespace))
                scope.start("budgets of " + namespace, lambda: self._follow(Budget, namespace=namespace))
            item.budget = item.budget or self.budgets.name_for(item.pod)
            never = self.budgets.hopeless(item.pod)
            if never is not None:
                item.rule, item.words, item.at_once = never.rule, never.reason, True

    def _progress(self, item: Moving, now: int) -> None:
        """A budget let one go: those behind it have not been blocked, and the next may go when more is allowed."""
        if not item.budget:
            return
        left = self.budgets.spend(item.pod.namespace, item.budget)
        for other in self.left.values():
            if other.state == "waiting" and (other.pod.namespace, other.budget) == (item.pod.namespace, item.budget):
                other.blocked_ms = now
                if left > 0:
                    other.next_ms = now

    # --- pods that go ----------------------------------------------------------------------

    def _leaves(self, item: Moving, deletion_ms: int | None, grace: int | None = None) -> None:
        item.state, item.blocked_ms = "leaving", None
        if deletion_ms is None:
            deletion_ms = self.runtime.now_ms() + (item.pod.shape.grace_ms if grace is None else grace)
        item.overdue_ms = deletion_ms + STUCK_AFTER_MS

    def ended(self, item: Moving) -> None:
        """The pod is gone from the node."""
        item.state = "ended"
        self.left.pop(item.pod.uid, None)
        if item.ours and item.top is not None:
            self.work.evictions[item.top] = self.work.evictions.get(item.top, 0) + 1
        result = "evicted" if item.ours else "gone"
        self.outcomes.append(item.outcome(self.step, result, self.runtime.monotonic_ms()))

    def flush(self) -> None:
        """Write the outcomes so far as one group."""
        outcomes, self.outcomes = self.outcomes, []
        self.run_.record.write(*outcomes)

    def leave_rest(self) -> None:
        """Record what becomes of pods that had not ended when the drain was given up."""
        now = self.runtime.monotonic_ms()
        for item in self.left.values():
            if item.state == "leaving" and item.ours:
                self.outcomes.append(item.outcome(self.step, "evicted", now, "still terminating when the run stopped"))
            elif item.state == "waiting" and not item.told:
                self.outcomes.append(item.outcome(self.step, "left", now, "not evicted: the run stopped"))

    # --- what the watches tell -------------------------------------------------------------

    async def _follow(self, kind: type[Any], **where: str) -> None:
        """Pass on what a watch tells. A stop that it meets is the run's: the next turn obeys it."""
        watch = self.run_.api.watch(kind, **where)
        try:
            while True:
                self.mail.send((kind, await watch.receive()))
        except Stopped:
            return
        finally:
            watch.close()

    async def _wait(self) -> None:
        """Sleep until something is due, or until news that the next turn has to look at."""
        due = self._next_due()
        while True:
            left_ms = max(1, due - self.runtime.monotonic_ms())
            try:
                matters = self._hear(await self.runtime.deadline(left_ms, self.mail.receive))
            except DeadlineExceeded:
                return
            while len(self.mail):
                matters |= self._hear(await self.mail.receive())
            # News that changes nothing, however much of it, must not put off what is due.
            if matters or self.runtime.monotonic_ms() >= due:
                return

    def _next_due(self) -> int:
        """When something is to be done without any news, on the monotonic clock."""
        ahead_ms = self.runtime.now_ms() - self.runtime.monotonic_ms()
        due = self._check_ms if self.last_ms is None else min(self._check_ms, self.last_ms - ahead_ms)
        for item in self.left.values():
            if item.state == "waiting":
                at = item.next_ms
            elif not item.told:
                at = item.overdue_ms + 1 - ahead_ms
            else:
                continue
            if at < due:
                due = at
        return due

    def _hear(self, news: tuple[type[Any], Change[Any]] | Any) -> bool:
        """Take what was told; whether it changes anything. The run's own news: the next turn looks at it."""
        if not isinstance(news, tuple):
            return True
        kind, change = news
        if kind is Budget:
            return self._budget_changed(change)
        if change.type == "synced":
            gone = [item for uid, item in self.left.items() if uid not in self._present]
            for item in gone:
                self.ended(item)
            self._present.clear()
            return bool(gone)
        return change.object is not None and self._pod_changed(change.type, change.object)

    def _pod_changed(self, type: str, pod: Pod) -> bool:
        if type == "present":
            self._present.add(pod.uid)
        item = self.left.get(pod.uid)
        if item is None:
            return False
        if type == "deleted":
            self.ended(item)
            return True
        if not pod.terminating:
            return False
        known = item.state == "leaving"
        self._leaves(item, pod.deletion_ms)
        return not known

    def _budget_changed(self, change: Change[Budget]) -> bool:
        budget = change.object
        if budget is None:
            return False
        if change.type == "deleted":
            self.budgets.forget(budget)
        else:
            self.budgets.put(budget)
        now, wakes = self.runtime.monotonic_ms(), False
        for item in self.left.values():
            mine = item.state == "waiting" and (item.pod.namespace, item.budget) == (budget.namespace, budget.name)
            if mine and (change.type == "deleted" or budget.allowed > 0):
                item.next_ms, wakes = now, True
        return wakes
