"""Quotas refuse replacements while the pods they replace still count; what was refused is tried again."""

from __future__ import annotations

from collections.abc import Callable

from shipkeeper.model.cluster import Quota
from shipkeeper.semantics import quotas as rules
from shipkeeper.twin.world import World


class Quotas:
    """Use per quota, and who waits for it, by namespace."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._quotas: dict[str, list[tuple[Quota, dict[str, int]]]] = {}
        for quota in world.base.inventory.quotas:
            if rules.applies(quota):
                self._quotas.setdefault(quota.namespace, []).append((quota, dict(quota.used)))
        self._waiting: dict[str, list[Callable[[], None]]] = {}
        if self._quotas:
            world.pods.on_created.append(lambda row: self._charge(row, 1))
            world.pods.on_finished.append(self._frees)
            world.pods.on_gone.append(self._gone)

    def refuses(self, group: int) -> tuple[str, ...]:
        """Entries that have no room for one more pod of that class."""
        item = self._world.base.groups[group]
        found: list[str] = []
        for quota, used in self._quotas.get(item.namespace, ()):
            found.extend(rules.lacking(quota, used, item.shape))
        return tuple(found)

    def when_free(self, namespace: str, again: Callable[[], None]) -> None:
        """Try again once a pod of the namespace is gone."""
        self._waiting.setdefault(namespace, []).append(again)

    def _charge(self, row: int, sign: int) -> None:
        item = self._world.base.groups[self._world.pods.group[row]]
        for quota, used in self._quotas.get(item.namespace, ()):
            for entry in quota.hard:
                amount = rules.charge(entry, item.shape)
                if amount:
                    used[entry] = used.get(entry, 0) + sign * amount

    def _frees(self, row: int) -> None:
        self._charge(row, -1)
        namespace = self._world.base.groups[self._world.pods.group[row]].namespace
        for again in self._waiting.pop(namespace, ()):
            again()

    def _gone(self, row: int) -> None:
        if not self._world.pods.finished(row):
            self._frees(row)
