"""The rule of topology spread, as the documentation states it for one domain at a time: what the board is held to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import PodShape, SpreadConstraint
from shipkeeper.semantics.spread import counts_node


def domain_counts(
    constraint: SpreadConstraint, shape: PodShape, nodes: Iterable[Node], matching_on: Mapping[str, int]
) -> dict[str, int]:
    """Matching pods per domain; ``matching_on`` counts, by node name, those not being deleted, of the namespace."""
    counts: dict[str, int] = {}
    key = constraint.topology_key
    for node in nodes:
        if counts_node(constraint, shape, node):
            domain = node.labels[key]
            counts[domain] = counts.get(domain, 0) + matching_on.get(node.name, 0)
    return counts


def violates(constraint: SpreadConstraint, counts: Mapping[str, int], domain: str | None, self_match: bool) -> bool:
    """Whether one more pod in ``domain`` skews further than allowed. A node without the key always does.

    ``counts`` holds every domain, empty ones too. Fewer domains than ``minDomains`` makes the least count 0.
    """
    if domain is None:
        return True
    least = min(counts.values(), default=0) if len(counts) >= constraint.min_domains else 0
    return counts.get(domain, 0) + int(self_match) - least > constraint.max_skew
