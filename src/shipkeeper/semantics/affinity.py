"""Node selectors, node affinity, and required affinity between pods.

Source: Kubernetes documentation, "Assigning Pods to Nodes"; ``pkg/scheduler/framework/plugins/interpodaffinity``.
Preferred terms only score, so they are not here.
"""

from __future__ import annotations

from collections.abc import Mapping

from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import NodeTerm, PodShape, PodTerm
from shipkeeper.semantics.selectors import matches, requirement_holds

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"


def term_holds(term: NodeTerm, labels: Mapping[str, str], node_name: str) -> bool:
    """Whether a node satisfies one term: all its expressions and fields. An empty term matches no node."""
    if not term.expressions and not term.fields:
        return False
    fields = {"metadata.name": node_name}
    return all(requirement_holds(item, labels) for item in term.expressions) and all(
        requirement_holds(item, fields) for item in term.fields
    )


def any_term_holds(terms: tuple[NodeTerm, ...], labels: Mapping[str, str], node_name: str) -> bool:
    """Whether one of the terms holds; no terms at all means no demand."""
    return not terms or any(term_holds(term, labels, node_name) for term in terms)


def selects_node(shape: PodShape, node: Node) -> bool:
    """Whether nodeSelector and required node affinity both accept the node."""
    return has_labels(shape.node_selector, node.labels) and any_term_holds(shape.node_terms, node.labels, node.name)


def has_labels(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether every wanted pair is among the labels."""
    return all(labels.get(key) == value for key, value in wanted.items())


def covers_namespace(
    term: PodTerm, own_namespace: str, other_namespace: str, namespace_labels: Mapping[str, Mapping[str, str]]
) -> bool:
    """Whether a term looks at pods of ``other_namespace``. Without namespaces or a selector: its own only."""
    if other_namespace in term.namespaces:
        return True
    if term.namespace_selector is not None:
        return matches(term.namespace_selector, namespace_labels.get(other_namespace, {}))
    return not term.namespaces and own_namespace == other_namespace


def term_matches(
    term: PodTerm,
    own_namespace: str,
    other_namespace: str,
    other_labels: Mapping[str, str],
    namespace_labels: Mapping[str, Mapping[str, str]],
) -> bool:
    """Whether a term of a pod in ``own_namespace`` is about that other pod."""
    return covers_namespace(term, own_namespace, other_namespace, namespace_labels) and matches(
        term.selector, other_labels
    )
