"""The disruption controller: budget status follows the pods, with a lag; evictions are paid for at once.

The arithmetic is ``semantics.budgets``; here are only the counts it is fed with.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from shipkeeper.model.refs import OwnerRef
from shipkeeper.model.workloads import Budget
from shipkeeper.semantics import budgets as rules
from shipkeeper.semantics import ownership
from shipkeeper.twin.world import World


class Disruption:
    """Counts per budget, kept current by pod transitions; one pending sync per budget."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.budgets: list[Budget] = list(world.base.inventory.budgets)
        count = len(self.budgets)
        order = sorted(range(count), key=lambda i: (self.budgets[i].namespace, self.budgets[i].name))
        self._in: dict[str, list[int]] = {"": order}
        """Namespace → its budgets by name; empty: all."""
        for index in order:
            self._in.setdefault(self.budgets[index].namespace, []).append(index)
        self._pods = [0] * count
        self._healthy = [0] * count
        """Ready and not being deleted."""
        self._owners: list[dict[int, int]] = [{} for _ in range(count)]
        """Owner → matched pods."""
        self._dirty = bytearray(count)
        self._aims: list[rules.BudgetTarget | None] = [None] * count
        """What each budget wants of the pods that there are; None: they came or went, so it is to be worked out."""
        self._targets: dict[tuple[int, int, tuple[int, ...]], rules.BudgetTarget] = {}
        self._rechecks: set[int] = set()
        """Budgets that are looked at again when the oldest eviction that nothing came of is given back."""
        self._lag = world.lag("disruption-lag", world.settings.disruption_ms)
        self._versions = 0
        self.on_change: list[Callable[[int], None]] = []
        self._load()
        pods = world.pods
        pods.on_created.append(self._created)
        pods.on_ready.append(self._ready)
        pods.on_finished.append(self._finished)
        pods.on_deleting.append(self._deleting)
        pods.on_gone.append(self._gone)

    def matching(self, row: int) -> list[Budget]:
        """Budgets of the pod, as they are now."""
        groups, pods = self._world.base.groups, self._world.pods
        return [self.budgets[i] for i in groups[pods.group[row]].budgets]

    def listed(self, namespace: str) -> tuple[Budget, ...]:
        """Budgets of one namespace, or all (empty), as they are now, by namespace and name."""
        return tuple(map(self.budgets.__getitem__, self._in.get(namespace, ())))

    def spend(self, row: int) -> None:
        """The API server let that pod go: one fewer allowed, in the same write."""
        world = self._world
        group = world.base.groups[world.pods.group[row]]
        index = group.budgets[0]
        self._write(index, rules.spend(self.budgets[index], world.pods.names[row], world.now))
        self._touch(index)  # the controller watches budgets too

    def count(self, index: int) -> tuple[int, int]:
        """(matched pods, pods Ready and not being deleted) of a budget."""
        return self._pods[index], self._healthy[index]

    # --- counting --------------------------------------------------------------------------

    def _load(self) -> None:
        pods, groups = self._world.pods, self._world.base.groups
        for row, group in enumerate(pods.group):
            item = groups[group]
            for index in item.budgets:
                self._pods[index] += 1
                if pods.ready[row] and pods.deletion_ms[row] < 0:
                    self._healthy[index] += 1
                if item.owner >= 0:
                    owners = self._owners[index]
                    owners[item.owner] = owners.get(item.owner, 0) + 1
        for index, budget in enumerate(self.budgets):
            if budget.disrupted:
                self.budgets[index] = replace(budget, disrupted=())
            # The controller has caught up long before the window opens.
            self._sync(index)

    def _created(self, row: int) -> None:
        item = self._world.base.groups[self._world.pods.group[row]]
        for index in item.budgets:
            self._pods[index] += 1
            self._aims[index] = None
            if item.owner >= 0:
                owners = self._owners[index]
                owners[item.owner] = owners.get(item.owner, 0) + 1
            self._touch(index)

    def _ready(self, row: int) -> None:
        pods = self._world.pods
        for index in self._world.base.groups[pods.group[row]].budgets:
            if pods.deletion_ms[row] < 0:
                self._healthy[index] += 1 if pods.ready[row] else -1
            self._touch(index)

    def _finished(self, row: int) -> None:
        for index in self._world.base.groups[self._world.pods.group[row]].budgets:
            self._touch(index)

    def _deleting(self, row: int) -> None:
        pods = self._world.pods
        for index in self._world.base.groups[pods.group[row]].budgets:
            if pods.ready[row]:
                self._healthy[index] -= 1
            self._touch(index)

    def _gone(self, row: int) -> None:
        pods = self._world.pods
        item = self._world.base.groups[pods.group[row]]
        for index in item.budgets:
            self._pods[index] -= 1
            self._aims[index] = None
            if pods.ready[row] and pods.deletion_ms[row] < 0:
                self._healthy[index] -= 1
            if item.owner >= 0:
                owners = self._owners[index]
                owners[item.owner] -= 1
                if not owners[item.owner]:
                    del owners[item.owner]
            self._touch(index)

    # --- the controller --------------------------------------------------------------------

    def _touch(self, index: int) -> None:
        if not self._dirty[index]:
            self._dirty[index] = 1
            world = self._world
            world.kernel.call_after(self._lag.ms(index, self._versions), self._run, index)

    def _run(self, index: int) -> None:
        self._dirty[index] = 0
        self._sync(index)

    def _sync(self, index: int) -> None:
        budget = self.budgets[index]
        healthy = self._healthy[index]
        waiting: tuple[tuple[str, int], ...] = ()
        if budget.disrupted:
            waiting, missing = self._disrupted(index, budget)
            healthy -= missing
        aim = self._aims[index]
        if aim is None:
            aim = self._aims[index] = self._target(index, budget)
        may = rules.allowed(healthy, aim)
        reason = aim.reason or ("SufficientPods" if may > 0 else "InsufficientPods")
        status = rules.BudgetStatus(aim.expected, aim.desired, healthy, may, reason, aim.message)
        after = rules.with_status(budget, status)
        if waiting != budget.disrupted:
            after = replace(after, disrupted=waiting)
        if after != budget:
            self._write(index, after)

    def _disrupted(self, index: int, budget: Budget) -> tuple[tuple[tuple[str, int], ...], int]:
        """Evictions that no deletion was seen of yet, and how many of their pods are healthy otherwise."""
        world = self._world
        pods, now = world.pods, world.now
        waiting: list[tuple[str, int]] = []
        missing = 0
        for name, at_ms in budget.disrupted:
            row = pods.find(budget.namespace, name)
            if row < 0 or pods.deletion_ms[row] >= 0:
                continue
            if at_ms + rules.DELETION_TIMEOUT_MS > now:
                waiting.append((name, at_ms))
                missing += pods.ready[row]
            else:
                world.note(f"{budget.ref} got an eviction back that nothing came of in two minutes")
        if waiting and index not in self._rechecks:
            self._rechecks.add(index)
            oldest = min(at_ms for _, at_ms in waiting)
            world.kernel.call_at(oldest + rules.DELETION_TIMEOUT_MS, self._recheck, index)
        return tuple(waiting), missing

    def _recheck(self, index: int) -> None:
        self._rechecks.discard(index)
        self._touch(index)

    def _target(self, index: int, budget: Budget) -> rules.BudgetTarget:
        owners = self._owners[index]
        key = (index, self._pods[index], tuple(sorted(owners)))
        known = self._targets.get(key)
        if known is None:
            base = self._world.base
            refs: list[OwnerRef] = [base.owners[owner].ref for owner in key[2]]
            known = rules.target_of_owners(budget, self._pods[index], refs, rules.counting_once(base.workloads))
            if known.reason == "SyncFailed" and self._surveyed_scale(budget, refs):
                known = rules.BudgetTarget(budget.expected, budget.desired)
            self._targets[key] = known
        return known

    def _surveyed_scale(self, budget: Budget, refs: list[OwnerRef]) -> bool:
        """Whether somebody else's kind of owner hides its size from us, while the real controller could read it."""
        if budget.reason == "SyncFailed" or budget.expected <= 0:
            return False
        workloads = self._world.base.workloads
        scales = [ownership.scale(ref, workloads) for ref in refs]
        return any(scale.why == "unknown" for scale in scales) and all(scale.why in ("", "unknown") for scale in scales)

    def _write(self, index: int, budget: Budget) -> None:
        self._versions += 1
        self.budgets[index] = replace(budget, resource_version=f"b{self._versions}")
        self._world.trace.note("budget", f"{budget.namespace}/{budget.name} {budget.allowed}/{budget.healthy}")
        for listener in self.on_change:
            listener(index)
