"""What a box of a checklist is, and what it looks at when it is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from shipkeeper.evidence.boxes import Answer
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Plan
from shipkeeper.model.time import DAY

OURS = "shipkeeper"
"""``by`` of a box that was computed."""


class Seen(Struct, frozen=True):
    """What a checklist looks at: one cluster. ``baseline`` is the inventory read before the run; ``role``: sc, wc or
    single.

    ``own``: the plan is of this cluster; of the others of its environment only their state is asked. ``told``: box →
    answer that people's records give. ``until_ms``: until when certificates must last, the window after this one;
    0: a month. ``updates_read``: repositories with proposed updates were looked at.
    """

    inventory: Inventory | None
    plan: Plan
    cluster: str
    now_ms: int
    forecast: Forecast | None = None
    baseline: Inventory | None = None
    role: str = "single"
    own: bool = True
    kubectl: str = "kubectl"
    rpo: str = ""
    until_ms: int = 0
    updates_read: bool = False
    told: Mapping[str, Answer] = {}


Look = Callable[[Seen], Answer | None]


class Box(Struct, frozen=True):
    """One box. ``answer`` None: only a person can tick it. ``needs``: resources that it cannot be answered without.

    ``reads``: it looks at an inventory, and tells itself what could not be read. ``how`` is the manual command:
    {kubectl}, {role} and {plan} are filled in. ``about`` is ``plan`` for what is asked once, of the cluster that the
    plan is of, and ``cluster`` for what is asked of every cluster.
    """

    id: str
    text: str
    how: str
    answer: Look | None = None
    needs: tuple[str, ...] = ()
    about: str = "cluster"
    reads: bool = False


def of(look: Callable[[Inventory], Answer]) -> Look:
    """An answer that the inventory alone gives."""
    return lambda seen: look(seen.inventory) if seen.inventory is not None else None


def planned(look: Callable[[Inventory, Plan], Answer]) -> Look:
    """An answer about what the plan has in mind for the inventory."""
    return lambda seen: look(seen.inventory, seen.plan) if seen.inventory is not None else None


def compared(look: Callable[[Inventory, Inventory | None], Answer]) -> Look:
    """An answer against the inventory from before."""
    return lambda seen: look(seen.inventory, seen.baseline) if seen.inventory is not None else None


def told(box: str, otherwise: Look | None = None) -> Look:
    """An answer that people's records give; where they give none, ``otherwise`` does, or a person."""

    def answer(seen: Seen) -> Answer | None:
        found = seen.told.get(box)
        if found is None and otherwise is not None:
            return otherwise(seen)
        return found

    return answer


def last_until(seen: Seen) -> int:
    """Until when what expires must last."""
    return seen.until_ms or seen.now_ms + 30 * DAY
