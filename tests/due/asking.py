"""``due`` asked as the verb asks it: with what the bundled knowledge says of what runs."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.assessment.components import components
from shipkeeper.assessment.due import NodeDone, Question, Said
from shipkeeper.assessment.due import due as assess
from shipkeeper.assessment.due.upkeep import upkeep
from shipkeeper.knowledge.library import bundled
from shipkeeper.model.book import ActionOpened
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.platform import Platform
from shipkeeper.model.schedule import DueItem, Need, Task
from shipkeeper.model.time import moment


def due(
    platform: Platform,
    schedule: Sequence[Task],
    facts: Sequence[NodeDone],
    inventory: Inventory | None,
    at_ms: int,
    windows: Sequence[PlanWindow] = (),
    *,
    said: Sequence[Said] = (),
    actions: Sequence[ActionOpened] = (),
    needs: dict[str, Sequence[Need]] | None = None,
) -> tuple[DueItem, ...]:
    running = components(inventory, bundled().products, platform.components)
    return assess(
        Question(
            platform=platform,
            schedule=schedule,
            now_ms=at_ms,
            inventory=inventory,
            nodes_done=facts,
            said=said,
            windows=windows,
            upkeep=upkeep(running, bundled(), moment(at_ms, platform.zone).date()),
            needs=needs or {},
            actions=actions,
        )
    )
