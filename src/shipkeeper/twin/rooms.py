"""Room for one more pod of certain requests: which nodes have it, and how the scheduler scores what would be left.

Both are kept from pod to pod, and only nodes whose room changed since are looked at again. Which plugins the score
stands for, and with what weights: ``scores``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shipkeeper.twin.base import Base
from shipkeeper.twin.classes import Ids
from shipkeeper.twin.occupancy import Occupancy

Requests = tuple[tuple[int, int], ...]
"""(index of the resource, amount), as classes have them."""


class RoomFor:
    """Over all nodes: ``fits`` whether one more pod has room, ``scores`` least plus balanced allocation, 0 to 200.

    Both are current right after ``Rooms.of``; do not change them.
    """

    __slots__ = ("amounts", "asked", "fits", "scores", "seen")

    def __init__(self, amounts: Ids, asked: Ids, nodes: int) -> None:
        self.amounts, self.asked = amounts, asked
        self.fits: NDArray[np.bool_] = np.empty(nodes, dtype=np.bool_)
        self.scores: Ids = np.empty(nodes, dtype=np.int64)
        self.seen = -1
        """How much of the log of changes is in it; -1: nothing is."""


class Rooms:
    """By requests: few pods of a cluster ask for amounts that no other asks for."""

    def __init__(self, base: Base, occupancy: Occupancy) -> None:
        self._occupancy = occupancy
        cpu, memory = base.resources.index("cpu"), base.resources.index("memory")
        self._scored = slice(cpu, memory + 1, memory - cpu)
        """The two resources that are scored; their names are sorted."""
        self._whole = np.maximum(base.allocatable[self._scored], 1)
        self._known: dict[Requests, RoomFor] = {}

    def of(self, requests: Requests) -> RoomFor:
        """The room for one more pod that asks for this, as it is now."""
        room = self._known.get(requests)
        if room is None:
            room = self._known[requests] = self._begin(requests)
        told = self._occupancy.changes
        if room.seen < told:
            if room.seen < 0 or (told - room.seen) * 4 > len(room.scores):
                room.fits, room.scores = self._look(room, self._occupancy.free, self._whole)
            else:
                rows = self._occupancy.changed_since(room.seen)
                free, whole = self._occupancy.free.take(rows, axis=1), self._whole.take(rows, axis=1)
                room.fits[rows], room.scores[rows] = self._look(room, free, whole)
            room.seen = told
        return room

    def _begin(self, requests: Requests) -> RoomFor:
        lines, nodes = self._occupancy.free.shape
        # What is not asked for never lacks, not even where a node holds more than it has.
        amounts = np.full((lines, 1), np.iinfo(np.int64).min, dtype=np.int64)
        asked = np.zeros((lines, 1), dtype=np.int64)
        for line, amount in requests:
            amounts[line] = asked[line] = amount
        return RoomFor(amounts, asked[self._scored], nodes)

    def _look(self, room: RoomFor, free: Ids, whole: Ids) -> tuple[NDArray[np.bool_], Ids]:
        """(fits, scores) over these nodes, columns of ``free`` and ``whole``."""
        fits: NDArray[np.bool_] = np.logical_and.reduce(free >= room.amounts, axis=0)
        share = np.maximum(free[self._scored] - room.asked, 0)
        share *= 1_000
        share //= whole  # thousandths of the node that would stay free
        tenths = share // 10
        scores: Ids = (tenths[0] + tenths[1]) // 2
        scores += 100
        scores -= np.abs(share[0] - share[1]) // 20
        return fits, scores
