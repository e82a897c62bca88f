"""Quotas refuse replacements while the pods they replace still count; what was refused is tried again."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from shipkeeper.model.cluster import Quota
from shipkeeper.semantics import quotas as rules
from shipkeeper.twin.world import World


class Quotas:
    """Quotas with their use as it is now, and who waits for room, by namespace."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._quotas: dict[str, list[Quota]] = {}
        for quota in world.base.inventory.quotas:
            self._quotas.setdefault(quota.namespace, []).append(quota)
        self._waiting: dict[str, list[Callable[[], None]]] = {}
        if self._quotas:
            world.pods.on_created.append(lambda row: self._charge(row, 1))
            world.pods.on_finished.append(self._frees)
            world.pods.on_gone.append(self._gone)

    def refuses(self, group: int) -> tuple[str, ...]:
        """Entries that have no room for one more pod of that class."""
        item = self._world.base.groups[group]
        found: list[str] = []
        for quota in self._quotas.get(item.namespace, ()):
            if rules.covers(quota, item.shape):
                found.extend(rules.lacking(quota, quota.used, item.shape))
        return tuple(found)

    def listed(self, namespace: str) -> tuple[Quota, ...]:
        """Quotas of a namespace, or all, sorted by namespace and name."""
        names = [namespace] if namespace else sorted(self._quotas)
        return tuple(quota for name in names for quota in self._quotas.get(name, ()))

    def when_free(self, namespace: str, again: Callable[[], None]) -> None:
        """Try again once a pod of the namespace is gone."""
        self._waiting.setdefault(namespace, []).append(again)

    def _charge(self, row: int, sign: int) -> None:
        item = self._world.base.groups[self._world.pods.group[row]]
        quotas = self._quotas.get(item.namespace, [])
        for i, quota in enumerate(quotas):
            if rules.covers(quota, item.shape):
                # A use that was not told stays unknown.
                used = {entry: n + sign * rules.charge(entry, item.shape) for entry, n in quota.used.items()}
                quotas[i] = replace(quota, used=used)

    def _frees(self, row: int) -> None:
        self._charge(row, -1)
        namespace = self._world.base.groups[self._world.pods.group[row]].namespace
        for again in self._waiting.pop(namespace, ()):
            again()

    def _gone(self, row: int) -> None:
        if not self._world.pods.finished(row):
            self._frees(row)
