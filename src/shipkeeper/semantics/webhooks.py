"""Admission webhooks and aggregated APIs: which of a drain's work goes past them, and who answers for them.

Source: Kubernetes documentation, "Dynamic Admission Control" (matching requests: rules, namespaceSelector,
objectSelector) and "Kubernetes API Aggregation Layer".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shipkeeper.model.cluster import Service, Webhook
from shipkeeper.model.pods import Pod
from shipkeeper.semantics.selectors import matches

_NEEDED = (
    ("CREATE", "", "pods"),
    ("CREATE", "", "pods/eviction"),
    ("UPDATE", "", "nodes"),
    ("DELETE", "", "pods"),
    ("UPDATE", "coordination.k8s.io", "leases"),
)
"""What a drain and the replacements need: making and evicting pods, cordoning nodes, the leases of kubelets."""

CREATE_PODS = "CREATE pods"

_NODE_LEASES = "kube-node-lease"

MILD_GROUPS = frozenset({"metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"})
"""Aggregated APIs whose absence costs autoscalers and ``kubectl top`` a reading, and nobody a pod."""

Labels = Mapping[str, Mapping[str, str]]
"""Labels of namespaces by name, with the name label that each carries."""


def intercepts(webhook: Webhook) -> tuple[str, ...]:
    """What of a drain's work the webhook's rules are about, such as ``CREATE pods``."""
    found = []
    for operation, group, resource in _NEEDED:
        if any(_covers(rule, operation, group, resource) for rule in webhook.rules):
            found.append(f"{operation} {resource}")
    return tuple(found)


def _covers(rule: tuple[str, str, str], operation: str, group: str, resource: str) -> bool:
    asked, wanted_group, wanted = rule
    if asked not in ("*", operation) or wanted_group not in ("*", group):
        return False
    # As the API server compares: ``pods/*`` is about pods themselves too, for a star also stands for no subresource.
    kind, _, part = wanted.partition("/")
    own_kind, _, own_part = resource.partition("/")
    return kind in ("*", own_kind) and part in ("*", own_part)


def asked_about(webhook: Webhook, pods: Iterable[Pod], namespaces: Labels) -> tuple[str, ...]:
    """What of the work of moving these pods the webhook is asked about. What cannot be told counts as asked."""
    found = []
    for what in intercepts(webhook):
        if what.endswith(" nodes"):
            asked = True  # a namespaceSelector does not concern objects without a namespace
        elif what.endswith(" leases"):
            asked = _in_namespace(webhook, _NODE_LEASES, namespaces)
        else:
            asked = any(_about_pod(webhook, pod, what, namespaces) for pod in pods)
        if asked:
            found.append(what)
    return tuple(found)


def asks_about_making(webhook: Webhook, pod: Pod, namespaces: Labels) -> bool:
    """Whether the webhook is asked when a pod like this one is made in its namespace."""
    return CREATE_PODS in asked_about(webhook, (pod,), namespaces)


def _about_pod(webhook: Webhook, pod: Pod, what: str, namespaces: Labels) -> bool:
    if not _in_namespace(webhook, pod.namespace, namespaces):
        return False
    if webhook.object_selector is None:
        return True
    # An Eviction is an object of its own, and ours carries no labels.
    labels = {} if what.endswith("/eviction") else pod.shape.labels
    return matches(webhook.object_selector, labels)


def _in_namespace(webhook: Webhook, namespace: str, namespaces: Labels) -> bool:
    if webhook.namespace_selector is None or namespace not in namespaces:
        return True
    return matches(webhook.namespace_selector, namespaces[namespace])


def answers_for(service: Service, pod: Pod) -> bool:
    """Whether the pod is a back end that takes calls to the Service now; never for one without a selector."""
    return (
        bool(service.selector)
        and pod.namespace == service.namespace
        and pod.ready
        and not pod.finished
        and not pod.terminating
        and selects(service, pod)
    )


def selects(service: Service, pod: Pod) -> bool:
    """Whether the Service's selector fits the pod."""
    return all(pod.shape.labels.get(key) == value for key, value in (service.selector or {}).items())
