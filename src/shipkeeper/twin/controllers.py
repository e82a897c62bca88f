"""Workload controllers: who puts a pod in place of one that leaves, when, and under which name.

| owner | replacement is made | name |
|---|---|---|
| ReplicaSet (Deployment), ReplicationController | at the deletionTimestamp | new |
| StatefulSet | when the old object is gone; OrderedReady also waits for the predecessors | same |
| DaemonSet | when the old object is gone, on the same node, cordoned or not | new |
| Job | see ``jobs`` | new |
| somebody else's kind | when the old object is gone (assumed) | same |
| none | never | – |

Source: Kubernetes documentation, "Pod Lifecycle", "StatefulSets", "DaemonSet"; observed on API servers 1.34 and 1.36.
A controller puts back what leaves from the survey on; it does not mend what was missing then, or carry a rollout on.
"""

from __future__ import annotations

from collections.abc import Callable

from shipkeeper.semantics.ownership import SCALABLE
from shipkeeper.twin.base import Owner
from shipkeeper.twin.quotas import Quotas
from shipkeeper.twin.world import World

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""The alphabet of generated names in Kubernetes."""

REPLICAS = frozenset({"ReplicaSet", "ReplicationController"})


class Creator:
    """Makes pods the way the controller manager does: after a lag, and no faster than its client may write."""

    def __init__(self, world: World, quotas: Quotas) -> None:
        self._world, self._quotas = world, quotas
        self._lag = world.lag("controller-lag", world.settings.controller_ms)
        self._names, self._uids = world.entropy.stream("name"), world.entropy.stream("uid")
        self._draws = 0
        self._free_at_ms = 0
        """When the client's token bucket would be full again (see ``_slot``)."""

    def later(self, act: Callable[..., None], *args: object) -> None:
        """Let a controller act on what it has just seen."""
        self._draws += 1
        self._world.kernel.call_after(self._lag.ms(self._draws), act, *args)

    def create(self, row: int, name: str = "", node: int = -1, made: Callable[[int], None] | None = None) -> None:
        """Make a pod like the one at ``row``; an empty name makes one from the owner's."""
        self._world.kernel.call_at(self._slot(), self._create, row, name, node, made)

    def _create(self, row: int, name: str, node: int, made: Callable[[int], None] | None) -> None:
        world = self._world
        pods = world.pods
        group = world.base.groups[pods.group[row]]
        if world.is_terminating(group.namespace):
            world.note(f"namespace {group.namespace} is being deleted: nothing new is created in it")
            return
        short = self._quotas.refuses(group.index)
        if short:
            owner = world.base.tops[group.top].ref
            world.note(f"a quota of namespace {group.namespace} ({', '.join(short)}) holds up pods of {owner}")
            self._quotas.when_free(group.namespace, lambda: self.later(self.create, row, name, node, made))
            return
        number = len(pods.names)
        if not name:
            name = f"{world.base.owners[group.owner].name}-{self._suffix(number)}"
        text = f"{self._uids.at(number):016x}{self._uids.at(number, 1):016x}"
        uid = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
        new = pods.create(group.index, name, uid, bool(pods.broken[row]))
        if node >= 0:
            pods.bind(new, node)
        if made is not None:
            made(new)

    def _suffix(self, number: int) -> str:
        bits = self._names.at(number)
        letters = []
        for _ in range(5):
            bits, letter = divmod(bits, len(_LETTERS))
            letters.append(_LETTERS[letter])
        return "".join(letters)

    def _slot(self) -> int:
        """When the client's token bucket lets the next write go (generic cell rate, integers only)."""
        settings, now = self._world.settings, self._world.now
        step = 1_000 // max(1, settings.creates_per_second)
        due = max(self._free_at_ms, now)
        self._free_at_ms = due + step
        return max(now, due - step * (settings.create_burst - 1))


class Replicas:
    """ReplicaSets and ReplicationControllers."""

    def __init__(self, world: World, creator: Creator) -> None:
        self._world, self._creator = world, creator
        world.pods.on_deleting.append(self._leaves)
        world.pods.on_finished.append(self._leaves_unless_deleting)
        world.pods.on_gone.append(self._gone)

    def _leaves(self, row: int) -> None:
        owner = owner_of(self._world, row)
        if owner is not None and owner.kind in REPLICAS and not self._world.pods.finished(row):
            self._creator.later(self._creator.create, row)

    def _leaves_unless_deleting(self, row: int) -> None:
        if self._world.pods.deletion_ms[row] < 0:
            owner = owner_of(self._world, row)
            if owner is not None and owner.kind in REPLICAS:
                self._creator.later(self._creator.create, row)

    def _gone(self, row: int) -> None:
        # Removed without ever having been deleted or finished: the object was lost.
        if self._world.pods.deletion_ms[row] < 0 and not self._world.pods.finished(row):
            owner = owner_of(self._world, row)
            if owner is not None and owner.kind in REPLICAS:
                self._creator.later(self._creator.create, row)


class SameName:
    """StatefulSets, and kinds that the twin does not know: the successor has the name of the one that is gone."""

    def __init__(self, world: World, creator: Creator) -> None:
        self._world, self._creator = world, creator
        self._slots: dict[int, dict[int, int]] = {}
        """Owner → ordinal → row of its last pod."""
        self._missing: dict[int, dict[int, None]] = {}
        """Owner → ordinals without an object, in the order they went."""
        pods = world.pods
        pods.on_gone.append(self._gone)
        pods.on_ready.append(self._ready)
        for row in range(len(pods.names)):
            owner = owner_of(world, row)
            if owner is not None and owner.kind == "StatefulSet":
                self._slots.setdefault(owner.index, {})[ordinal(pods.names[row])] = row

    def _gone(self, row: int) -> None:
        owner = owner_of(self._world, row)
        if owner is None:
            return
        if owner.kind == "StatefulSet":
            self._missing.setdefault(owner.index, {})[ordinal(self._world.pods.names[row])] = None
            self._creator.later(self._reconcile, owner)
        elif owner.kind not in SCALABLE | {"DaemonSet", "Job", "Node"}:
            self._creator.later(self._creator.create, row, self._world.pods.names[row])

    def _ready(self, row: int) -> None:
        owner = owner_of(self._world, row)
        if owner is not None and self._missing.get(owner.index) and self._world.pods.ready[row]:
            self._creator.later(self._reconcile, owner)

    def _reconcile(self, owner: Owner) -> None:
        missing = self._missing.get(owner.index)
        if not missing:
            return
        slots, pods = self._slots[owner.index], self._world.pods
        ordered = owner.workload is None or owner.workload.pod_management != "Parallel"
        for number in sorted(slots):
            row = slots[number]
            if number in missing:
                del missing[number]
                slots[number] = -1 - row  # on its way
                self._creator.create(row, pods.names[row], -1, self._put(owner.index, number))
                if ordered:
                    return
            elif ordered and (row < 0 or not pods.alive[row] or pods.deletion_ms[row] >= 0 or not pods.ready[row]):
                return

    def _put(self, owner: int, number: int) -> Callable[[int], None]:
        def made(row: int) -> None:
            self._slots[owner][number] = row

        return made


class Daemons:
    """DaemonSets: a pod that is gone comes back on its node, cordoned or not."""

    def __init__(self, world: World, creator: Creator) -> None:
        self._world, self._creator = world, creator
        world.pods.on_gone.append(self._gone)
        world.pods.on_finished.append(self._finished)

    def _gone(self, row: int) -> None:
        owner = owner_of(self._world, row)
        node = self._world.pods.node[row]
        if owner is not None and owner.kind == "DaemonSet" and node >= 0:
            self._creator.later(self._creator.create, row, "", node)

    def _finished(self, row: int) -> None:
        """A failed daemon pod is deleted by its controller, and so comes back."""
        owner = owner_of(self._world, row)
        if owner is not None and owner.kind == "DaemonSet":
            self._world.kernel.call_after(0, self._world.pods.start_deleting, row, 0)


def owner_of(world: World, row: int) -> Owner | None:
    """The pod's direct controller, or None; mirror pods have none here."""
    owner = world.base.groups[world.pods.group[row]].owner
    return world.base.owners[owner] if owner >= 0 and not world.pods.mirror[row] else None


def ordinal(name: str) -> int:
    """The number at the end of a StatefulSet pod's name; 0 where there is none."""
    tail = name.rsplit("-", 1)[-1]
    return int(tail) if tail.isdigit() else 0
