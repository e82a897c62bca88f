"""Short ways to ask a check for the findings of one rule."""

from __future__ import annotations

from shipkeeper.assessment.check import Findings, Settings, check
from shipkeeper.model.findings import Finding
from shipkeeper.model.inventory import Inventory
from tests.builders import NOW


def ask(
    inventory: Inventory, rule: str, *, settings: Settings | None = None, nodes: tuple[str, ...] | None = None
) -> list[Finding]:
    """Findings of that rule."""
    return [item for item in whole(inventory, settings=settings, nodes=nodes).items if item.rule == rule]


def whole(inventory: Inventory, *, settings: Settings | None = None, nodes: tuple[str, ...] | None = None) -> Findings:
    """Everything a check finds."""
    return check(inventory, settings or Settings(), nodes, now_ms=NOW)


def only(inventory: Inventory, rule: str, *, settings: Settings | None = None) -> Finding:
    """The one finding of that rule."""
    found = ask(inventory, rule, settings=settings)
    assert len(found) == 1, f"{rule} was found {len(found)} times"
    return found[0]
