"""Watches: what changed in the store reaches each watcher a little later, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import Pod
from shipkeeper.model.workloads import Budget
from shipkeeper.ports.cluster import Change
from shipkeeper.twin.budgets import Disruption
from shipkeeper.twin.quantiles import Lag
from shipkeeper.twin.world import World

T = TypeVar("T")


class TwinWatch(Generic[T]):
    """Implements ports.cluster.Watch over a channel of the kernel."""

    def __init__(self, world: World, lag: Lag, number: int, key: str, closed: Callable[[TwinWatch[Any]], None]) -> None:
        self._world, self._lag, self._number, self._key, self._closed = world, lag, number, key, closed
        self._channel = world.kernel.channel()
        self._due_ms = world.now
        self._sent = 0
        self._open = True
        self._held: list[Change[T]] = []
        """What happened while the API server was away."""
        self.known: set[int] = set()
        """Ids of the objects that were told."""

    async def receive(self) -> Change[T]:
        """Wait for the next change."""
        change: Change[T] = await self._channel.receive()
        return change

    def close(self) -> None:
        """Stop the watch."""
        if self._open:
            self._open = False
            self._closed(self)
            self._channel.close()

    def deliver(self, changes: Sequence[Change[T]]) -> None:
        """Send the changes after the watch's latency; never before what was sent earlier."""
        world = self._world
        self._sent += 1
        lag = self._lag.ms((self._number << 32) | self._sent)
        lag += world.faults.watch_delay_ms(self._key, world.now)
        due = world.now + lag
        if due > self._due_ms:
            self._due_ms = due
        world.kernel.call_at(self._due_ms, self._send, changes)

    def _send(self, changes: Sequence[Change[T]]) -> None:
        if not self._open:
            return
        if self._world.api_away or self._held:
            if not self._held:
                self._world.on_api_back.append(self._reconnect)
            self._held.extend(changes)
            return
        for change in changes:
            self._channel.send(change)

    def _reconnect(self) -> None:
        """The API server is back: the watch lists again, and tells what it missed."""
        self._world.kernel.call_after(self._lag.ms((self._number << 32) | self._sent, 1), self._catch_up)

    def _catch_up(self) -> None:
        held, self._held = self._held, []
        self._send(held)


class Watches:
    """All open watches, by what they are narrowed to."""

    def __init__(self, world: World, disruption: Disruption) -> None:
        self._world, self._disruption = world, disruption
        self._lag = world.lag("watch", world.settings.watch_ms)
        self._count = 0
        self._pods_on: dict[int, list[TwinWatch[Pod]]] = {}
        self._pods_in: dict[str, list[TwinWatch[Pod]]] = {}
        """By namespace; empty: all."""
        self._nodes: dict[int, list[TwinWatch[Node]]] = {}
        """By node; -1: all."""
        self._budgets: dict[str, list[TwinWatch[Budget]]] = {}
        """By namespace; empty: all."""
        world.pods.on_change.append(self._pod_changed)
        world.on_node.append(self._node_changed)
        disruption.on_change.append(self._budget_changed)

    def pods(self, namespace: str, node: int | None) -> TwinWatch[Pod]:
        """Watch pods of one node, of one namespace, or all. ``node`` -1: a node that does not exist."""
        pods = self._world.pods
        if node is not None:
            watch = self._open(self._pods_on, node, f"pods on {node}")
            rows = list(self._world.occupancy.on_node[node]) if node >= 0 else []
        else:
            watch = self._open(self._pods_in, namespace, f"pods in {namespace or 'all namespaces'}")
            groups = self._world.base.groups
            rows = [
                row
                for row in range(len(pods.names))
                if pods.alive[row] and (not namespace or groups[pods.group[row]].namespace == namespace)
            ]
        watch.known.update(rows)
        present = sorted((pods.materialise(row) for row in rows), key=lambda pod: (pod.namespace, pod.name))
        watch.deliver([*(Change("present", pod) for pod in present), Change("synced")])
        return watch

    def nodes(self, node: int | None) -> TwinWatch[Node]:
        """Watch one node, or all."""
        watch = self._open(self._nodes, -1 if node is None else node, f"nodes {node}")
        found = self._world.nodes if node is None else [self._world.nodes[node]]
        present = sorted(found, key=lambda item: item.name)
        watch.deliver([*(Change("present", item) for item in present), Change("synced")])
        return watch

    def budgets(self, namespace: str) -> TwinWatch[Budget]:
        """Watch budgets of one namespace, or all."""
        watch = self._open(self._budgets, namespace, f"budgets in {namespace or 'all namespaces'}")
        present = self._disruption.listed(namespace)
        watch.deliver([*(Change("present", item) for item in present), Change("synced")])
        return watch

    # --- inside ----------------------------------------------------------------------------

    def _open(self, piles: dict[Any, list[TwinWatch[Any]]], key: Any, label: str) -> TwinWatch[Any]:
        self._count += 1
        pile = piles.setdefault(key, [])

        def closed(watch: TwinWatch[Any]) -> None:
            pile.remove(watch)
            if not pile:
                piles.pop(key, None)

        watch: TwinWatch[Any] = TwinWatch(self._world, self._lag, self._count, label, closed)
        if not pile:
            piles[key] = pile
        pile.append(watch)
        return watch

    def _pod_changed(self, row: int) -> None:
        pods = self._world.pods
        by_node = self._pods_on.get(pods.node[row], ())
        namespace = self._world.base.groups[pods.group[row]].namespace
        for watch in (*by_node, *self._pods_in.get(namespace, ()), *self._pods_in.get("", ())):
            pod = pods.materialise(row)
            if not pods.alive[row]:
                watch.known.discard(row)
                watch.deliver((Change("deleted", pod),))
            elif row in watch.known:
                watch.deliver((Change("modified", pod),))
            else:
                watch.known.add(row)
                watch.deliver((Change("added", pod),))

    def _node_changed(self, row: int, before: Node, after: Node) -> None:
        for watch in (*self._nodes.get(row, ()), *self._nodes.get(-1, ())):
            watch.deliver((Change("modified", after),))

    def _budget_changed(self, index: int) -> None:
        budget = self._disruption.budgets[index]
        for watch in (*self._budgets.get(budget.namespace, ()), *self._budgets.get("", ())):
            watch.deliver((Change("modified", budget),))
