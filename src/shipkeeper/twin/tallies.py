"""How many pods of some scheduling classes stay in each domain: counted once, and kept current from then on.

The scheduler asks this for every pod that it places.
"""

from __future__ import annotations

from collections.abc import Sequence


class Tally:
    """Pods per domain. Nodes without the key are domain -1; those whose flag is 0 are not counted (None: all are)."""

    __slots__ = ("_at", "_flags", "_groups", "counts", "stale")

    def __init__(self, at: Sequence[int], groups: Sequence[int], flags: bytearray | None) -> None:
        self._at, self._groups, self._flags = at, groups, flags
        self.counts: dict[int, int] = {}
        """Domain → pods; domains without any are missing."""
        self.stale = True
        """It has to be counted anew: which nodes count has changed."""

    def count(self, staying: Sequence[dict[int, int]]) -> None:
        """Count anew. ``staying``: by class, node → pods that are not being deleted."""
        self.counts.clear()
        self.stale = False
        for group in self._groups:
            for node, count in staying[group].items():
                self.add(node, count)

    def add(self, node: int, change: int) -> None:
        """So many more pods stay on that node, or fewer."""
        if self._flags is None or self._flags[node]:
            add(self.counts, self._at[node], change)


def add(counts: dict[int, int], key: int, change: int) -> None:
    """Change one count; those that are zero are not kept."""
    value = counts.get(key, 0) + change
    if value:
        counts[key] = value
    else:
        del counts[key]
