"""The answer of a check: findings, and what they mean for the nodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shipkeeper.assessment.check.evidence import RULE as EVIDENCE
from shipkeeper.model.findings import Finding
from shipkeeper.model.nodes import Node
from shipkeeper.model.record import API_VERSION, Record


class NodeSummary(Record, frozen=True, kw_only=True):
    """How many of the nodes drain clean, and what is in the way of the others. Each node counts once, by the worst."""

    total: int
    clean: int
    blocked: int
    unknown: int
    downtime: int
    """Can be drained, and somebody notices."""


class Findings(Record, frozen=True, kw_only=True):
    """Findings, worst first, and the nodes they are about."""

    api_version: str = API_VERSION
    kind: str = "Findings"
    items: tuple[Finding, ...]
    nodes: NodeSummary

    def count(self, severity: str) -> int:
        """Findings of that severity."""
        return sum(1 for item in self.items if item.severity == severity)


def summarise(
    nodes: Sequence[Node], found: Iterable[Finding], stops: set[str], felt: set[str], down: Iterable[str]
) -> NodeSummary:
    """Sort nodes by the worst that a finding says of them. ``stops`` and ``felt``: ids of rules by effect.

    ``down``: nodes whose drain leaves a workload without a Ready pod until they are back.

    Missing evidence that leaves open whether a drain is blocked makes every node unknown.
    """
    blocked: set[str] = set()
    unknown: set[str] = set()
    everything = {node.name for node in nodes}
    downtime = everything.intersection(down)
    for finding in found:
        concerned = everything.intersection(finding.nodes)
        if finding.severity == "error":
            blocked |= concerned
        elif finding.severity == "unknown":
            unknown |= everything if finding.rule == EVIDENCE.id and stops.intersection(finding.evidence) else concerned
        elif finding.severity == "warning" and finding.rule in felt:
            downtime |= concerned
    unknown -= blocked
    downtime -= blocked | unknown
    clean = len(everything) - len(blocked) - len(unknown) - len(downtime)
    return NodeSummary(
        total=len(everything), clean=clean, blocked=len(blocked), unknown=len(unknown), downtime=len(downtime)
    )
