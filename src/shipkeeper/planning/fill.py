"""Which work goes into which window: by deadline, with what it needs before it, never more than fits with reserve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from msgspec import Struct

from shipkeeper.model.time import HOUR, format_duration

FAR = 1 << 62
"""A deadline for what has none."""


class Item(Struct, frozen=True, kw_only=True):
    """A piece of work. Times are epoch milliseconds, lengths milliseconds (the 95th percentile)."""

    id: str
    environment: str
    length_ms: int
    content: str
    change: str
    rank: int = 0
    needed_by_ms: int | None = None
    not_before_ms: int | None = None
    needs: tuple[tuple[str, int], ...] = ()
    """(id, gap): that work is done before; with a gap, so long before this one's window opens."""


class Box(Struct, frozen=True, kw_only=True):
    """One window. ``content`` empty: agreed for everything. ``frozen_but``: classes that a freeze lets through; None:
    there is no freeze.
    """

    name: str
    environment: str
    opens_ms: int
    closes_ms: int
    reserve_ms: int = 0
    content: tuple[str, ...] = ()
    frozen_but: tuple[str, ...] | None = None
    frozen_by: str = ""

    @property
    def usable_ms(self) -> int:
        """How much may be planned into it."""
        return max(0, self.closes_ms - self.opens_ms - self.reserve_ms)


class Filled(Struct, frozen=True):
    """``placed``: for each box its work, in order. ``unplaced``: id → why. ``late``: done after its date, or not."""

    placed: tuple[tuple[str, ...], ...]
    unplaced: dict[str, str]
    late: tuple[str, ...]

    def box_of(self, id: str) -> int | None:
        """Index of the box that holds that work, or None."""
        return next((index for index, ids in enumerate(self.placed) if id in ids), None)


def fill(items: Sequence[Item], boxes: Sequence[Box]) -> Filled:
    """Put work into windows. Boxes in order of their opening; the same input gives the same answer.

    What only this window can hold in time goes first, with what it needs; then what is late already, the oldest first;
    then the rest by its date, and what has none by rank. Work that does not fit into what is left of a window waits for
    the next, and shorter work may use the room.
    """
    by_id = {item.id: item for item in items}
    deadline = _deadlines(items, by_id)
    where: dict[str, int] = {}
    placed: list[tuple[str, ...]] = []
    for index, box in enumerate(boxes):
        room = box.usable_ms
        chosen: list[str] = []
        urgency = partial(_urgency, index, boxes)
        while True:
            ready = [
                item
                for item in items
                if item.id not in where and item.length_ms <= room and not _hindrance(item, index, boxes, where, by_id)
            ]
            if not ready:
                break
            best = min(ready, key=lambda item: (urgency(deadline[item.id]), deadline[item.id], item.rank, item.id))
            where[best.id] = index
            room -= best.length_ms
            chosen.append(best.id)
        placed.append(_in_order(chosen, by_id))
    unplaced = {item.id: _why(item, boxes, where, by_id) for item in items if item.id not in where}
    late = tuple(
        item.id
        for item in items
        if item.needed_by_ms is not None
        and (item.id not in where or boxes[where[item.id]].closes_ms > item.needed_by_ms)
    )
    return Filled(tuple(placed), unplaced, late)


def _urgency(index: int, boxes: Sequence[Box], deadline: int) -> int:
    """0: this window is the last that is in time; 1: it is late already; 2: it can wait."""
    box = boxes[index]
    if deadline < box.closes_ms:
        return 1
    later = next((one for one in boxes[index + 1 :] if one.environment == box.environment), None)
    return 0 if later is not None and deadline < later.closes_ms else 2


def _deadlines(items: Sequence[Item], by_id: Mapping[str, Item]) -> dict[str, int]:
    """Each work's own date, or an earlier one of what waits for it. Circles keep their own dates."""
    found = {item.id: item.needed_by_ms if item.needed_by_ms is not None else FAR for item in items}
    for _ in items:
        changed = False
        for item in items:
            for need, gap in item.needs:
                if need in found and found[item.id] - gap < found[need]:
                    found[need] = found[item.id] - gap if found[item.id] < FAR else found[need]
                    changed = found[item.id] < FAR or changed
        if not changed:
            break
    return found


def _hindrance(
    item: Item, index: int, boxes: Sequence[Box], where: Mapping[str, int], by_id: Mapping[str, Item]
) -> str:
    """Why a work may not go into a box, whatever room it has; empty when it may."""
    box = boxes[index]
    if item.environment != box.environment:
        return "it is of another environment"
    if box.content and item.content not in box.content:
        return f"the window is not agreed for {item.content}"
    if box.frozen_but is not None and item.change not in box.frozen_but:
        return f"frozen: {box.frozen_by}"
    if item.not_before_ms is not None and box.opens_ms < item.not_before_ms:
        return "its notice would come too late"
    for need, gap in item.needs:
        if need not in by_id:
            continue
        at = where.get(need)
        if at is None:
            return f"it needs {need} first"
        before = boxes[at]
        if at != index and before.closes_ms + gap > box.opens_ms:
            return f"{need} is done too short a time before"
        if at == index and gap:
            return f"{need} has to prove itself before"
    return ""


def _in_order(chosen: Sequence[str], by_id: Mapping[str, Item]) -> tuple[str, ...]:
    """Within a window by rank, and never before what it needs."""
    left = sorted(chosen, key=lambda id: (by_id[id].rank, chosen.index(id)))
    ordered: list[str] = []
    while left:
        free = next(id for id in left if not any(need in left for need, _ in by_id[id].needs))
        ordered.append(free)
        left.remove(free)
    return tuple(ordered)


def _why(item: Item, boxes: Sequence[Box], where: Mapping[str, int], by_id: Mapping[str, Item]) -> str:
    """Why no box holds it: what hinders in all of them, else that it is too long for what is left."""
    mine = [index for index, box in enumerate(boxes) if box.environment == item.environment]
    if not mine:
        return "no window is agreed for its environment"
    reasons = [_hindrance(item, index, boxes, where, by_id) for index in mine]
    open_to_it = [index for index, reason in zip(mine, reasons, strict=True) if not reason]
    if not open_to_it:
        return "; ".join(dict.fromkeys(reasons))
    longest = max(boxes[index].usable_ms for index in open_to_it)
    if item.length_ms > longest:
        return (
            f"it takes {_words(item.length_ms)} and the longest window leaves {_words(longest)} without its reserve: "
            "split it, or agree on a longer window"
        )
    return "the windows are full with what is needed earlier"


def _words(length_ms: int) -> str:
    return format_duration(length_ms) if length_ms < HOUR else format_duration(length_ms - length_ms % 60_000)
