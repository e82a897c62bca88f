"""The boxes a person would tick before and after a maintenance: computed where a cluster can tell, ticked where not.

The boxes themselves are in ``checklist_before`` and ``checklist_after``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shipkeeper.evidence import boxes
from shipkeeper.evidence.boxes import Answer
from shipkeeper.evidence.checklist_after import AFTER
from shipkeeper.evidence.checklist_before import BEFORE
from shipkeeper.evidence.checklist_box import OURS, Box, Seen
from shipkeeper.model.run import ChecklistItem
from shipkeeper.model.time import iso

__all__ = ["CATALOGUE", "STATES", "Seen", "by_cluster", "counts", "in_order", "known", "read"]

STATES = ("done", "open", "failed", "unknown", "not-applicable")
CATALOGUE: Mapping[str, tuple[Box, ...]] = {"before": BEFORE, "after": AFTER}
"""``before`` and ``after``: the boxes in the order in which they are asked."""


def read(when: str, seen: Seen) -> tuple[ChecklistItem, ...]:
    """Every box of the list before or after for one cluster, as it is now. Boxes for people come back open."""
    return tuple(_item(box, seen) for box in CATALOGUE[when] if seen.own or box.about == "cluster")


def known(when: str, own: bool = True) -> tuple[str, ...]:
    """Ids of the boxes, in order; ``own``: of the cluster that the plan is of."""
    return tuple(box.id for box in CATALOGUE[when] if own or box.about == "cluster")


def in_order(when: str, items: Iterable[ChecklistItem]) -> tuple[ChecklistItem, ...]:
    """The items cluster by cluster, the plan's own first, in the catalogue's order; ones it does not know come last."""
    given = tuple(items)
    place = {id: index for index, id in enumerate(known(when))}
    about_plan = {box.id for box in CATALOGUE[when] if box.about == "plan"}
    own = {item.cluster for item in given if item.id in about_plan}
    return tuple(
        sorted(
            given,
            key=lambda item: (item.cluster not in own, item.cluster, place.get(item.id, len(place)), item.id),
        )
    )


def by_cluster(items: Iterable[ChecklistItem]) -> dict[str, list[ChecklistItem]]:
    """The items of each cluster, in the order in which clusters come."""
    found: dict[str, list[ChecklistItem]] = {}
    for item in items:
        found.setdefault(item.cluster, []).append(item)
    return found


def counts(items: Iterable[ChecklistItem]) -> dict[str, int]:
    """How many boxes are in each state."""
    found = dict.fromkeys(STATES, 0)
    for item in items:
        found[item.state] += 1
    return found


def _item(box: Box, seen: Seen) -> ChecklistItem:
    how = box.how.format(plan=seen.plan.digest, role=seen.role, kubectl=seen.kubectl)
    blank = ChecklistItem(id=box.id, text=box.text, cluster=seen.cluster, how=how)
    if box.answer is None:
        return blank
    from_cluster = bool(box.needs) or box.reads
    if seen.inventory is None and from_cluster:
        answer: Answer | None = ("open", "no cluster was read: give --context NAME or --from FILE")
    elif seen.inventory is not None and (missing := boxes.unread(seen.inventory, *box.needs)):
        answer = missing
    else:
        answer = box.answer(seen)
    if answer is None:
        return blank
    state, reading = answer
    at = "" if state == "open" else iso(seen.inventory.taken_ms if seen.inventory and from_cluster else seen.now_ms)
    return ChecklistItem(
        id=box.id,
        text=box.text,
        cluster=seen.cluster,
        state=state,
        reading=reading,
        by="" if state == "open" else OURS,
        at=at,
        how=how,
    )
