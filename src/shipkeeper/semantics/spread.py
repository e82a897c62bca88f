"""Topology spread: which nodes count as domains, and when a placement skews too far.

Source: ``pkg/scheduler/framework/plugins/podtopologyspread/{common,filtering}.go``. A cordoned node keeps counting as
a domain under the default ``nodeTaintsPolicy: Ignore``, with no matching pods once it is drained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shipkeeper.model.labels import Selector
from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import PodShape, SpreadConstraint
from shipkeeper.semantics.affinity import selects_node
from shipkeeper.semantics.selectors import matches, narrowed
from shipkeeper.semantics.taints import effective_taints, untolerated


def hard_constraints(shape: PodShape) -> tuple[SpreadConstraint, ...]:
    """The constraints that can keep a pod Pending (``DoNotSchedule``)."""
    return tuple(constraint for constraint in shape.spread if constraint.hard)


def effective_selector(constraint: SpreadConstraint, labels: Mapping[str, str]) -> Selector | None:
    """The constraint's selector with ``matchLabelKeys`` filled in from the pod's own labels."""
    return narrowed(constraint.selector, labels, constraint.match_label_keys)


def counts_self(constraint: SpreadConstraint, labels: Mapping[str, str]) -> bool:
    """Whether the pod itself is one of the pods that the constraint spreads."""
    return matches(effective_selector(constraint, labels), labels)


def counts_node(constraint: SpreadConstraint, shape: PodShape, node: Node) -> bool:
    """Whether a node is part of the constraint's domains for pods of this shape.

    It must carry the topology key of every hard constraint of the pod; node affinity counts by default, taints don't.
    """
    if any(other.topology_key not in node.labels for other in hard_constraints(shape)):
        return False
    if constraint.topology_key not in node.labels:
        return False
    if constraint.node_affinity_policy == "Honor" and not selects_node(shape, node):
        return False
    return constraint.node_taints_policy != "Honor" or untolerated(effective_taints(node), shape.tolerations) is None


def domains(constraint: SpreadConstraint, shape: PodShape, nodes: Iterable[Node]) -> tuple[str, ...]:
    """The constraint's domains over these nodes, sorted."""
    key = constraint.topology_key
    return tuple(sorted({node.labels[key] for node in nodes if counts_node(constraint, shape, node)}))


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
