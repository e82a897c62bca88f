"""What would block or hurt a drain, with the consequence and the fix. One module per family of rules."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.assessment.check import (
    budgets,
    capacity,
    changes,
    evidence,
    machines,
    ordinals,
    pods,
    replicas,
    storage,
    timing,
    webhooks,
)
from shipkeeper.assessment.check.context import Context, Settings
from shipkeeper.assessment.check.registry import BLOCKS, DOWNTIME, Check
from shipkeeper.assessment.check.result import Findings, summarise
from shipkeeper.model.findings import SEVERITIES, Finding, Rule
from shipkeeper.model.inventory import Inventory

__all__ = ["CHECKS", "RULES", "Context", "Findings", "Settings", "check", "check_in", "doubts"]

CHECKS: tuple[Check, ...] = (
    *budgets.CHECKS,
    *replicas.CHECKS,
    *capacity.CHECKS,
    *storage.CHECKS,
    *pods.CHECKS,
    *ordinals.CHECKS,
    *timing.CHECKS,
    *changes.CHECKS,
    *webhooks.CHECKS,
    *machines.CHECKS,
)
"""Every rule, family by family."""

DEFAULTS = Settings()

RULES: dict[str, Rule] = {item.rule.id: item.rule for item in CHECKS} | {evidence.RULE.id: evidence.RULE}
"""Every rule's words, by id."""


def check(
    inventory: Inventory, settings: Settings = DEFAULTS, nodes: Sequence[str] | None = None, *, now_ms: int
) -> Findings:
    """Find what would block or hurt draining these nodes (None: all), worst first.

    Evidence that could not be read makes ``unknown`` findings that name the questions left open; never a pass.
    """
    return check_in(Context(inventory, settings, nodes, now_ms))


def check_in(context: Context) -> Findings:
    """``check``, where the indexes over the inventory are at hand already."""
    found = [finding for item in CHECKS for finding in item.look(context)]
    found.extend(evidence.look(context, CHECKS))
    found.sort(key=_order)
    stops = {item.rule.id for item in CHECKS if item.effect == BLOCKS}
    felt = {item.rule.id for item in CHECKS if item.effect == DOWNTIME}
    down = {item.node for item in context.homeless if not context.ready_without(item.top, item.node)}
    return Findings(items=tuple(found), nodes=summarise(context.nodes, found, stops, felt, down))


def doubts(inventory: Inventory, settings: Settings, nodes: Sequence[str], *, now_ms: int) -> tuple[str, ...]:
    """Questions that stay open for want of evidence, among those that decide whether a drain ends and who notices."""
    if not inventory.cluster_missing:
        return ()
    context = Context(inventory, settings, nodes, now_ms)
    found = evidence.look(context, [item for item in CHECKS if item.effect in (BLOCKS, DOWNTIME)])
    return tuple(f"{item.object.name} could not be read: {item.consequence}" for item in found)


def _order(finding: Finding) -> tuple[int, str, str, str, str, str]:
    what = finding.object
    return (SEVERITIES.index(finding.severity), finding.rule, what.namespace, what.kind, what.name, finding.message)
