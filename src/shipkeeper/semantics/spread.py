"""Topology spread: which nodes count as domains, and when a placement skews too far.

Source: ``pkg/scheduler/framework/plugins/podtopologyspread/{common,filtering}.go``. A cordoned node keeps counting as
a domain under the default ``nodeTaintsPolicy: Ignore``, with no matching pods once it is drained.
"""

from __future__ import annotations

from collections.abc import Mapping

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
