"""Rules about what the API server itself calls: webhooks that fail closed, and aggregated APIs."""

from __future__ import annotations

from collections.abc import Iterator

from shipkeeper.assessment.check.context import Context
from shipkeeper.assessment.check.registry import BLOCKS, check, count, listed, named
from shipkeeper.model.cluster import Webhook
from shipkeeper.model.findings import Finding
from shipkeeper.model.refs import ObjectRef
from shipkeeper.semantics.webhooks import MILD_GROUPS, asked_about, asks_about_making, intercepts

_WEBHOOKS = ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")


def _touched_hooks(context: Context) -> str:
    if not context.inventory.webhooks and not any(context.missing(name) for name in _WEBHOOKS):
        return ""
    return (
        f"whether webhooks let {count(len(context.movers), 'pod')} be evicted and made again" if context.movers else ""
    )


@check(
    "webhook-leaves-with-node",
    title="A webhook that fails closed has all its back ends on one node",
    explanation=(
        "With failurePolicy Fail the API server refuses what the webhook cannot be asked about. When all its pods "
        "leave with one node, no pod can be made, and so no replacement either; where the webhook is also asked about "
        "its own pods, it can never come back by itself. A run holds before it takes the last back end away."
    ),
    fix="Two replicas on different nodes; its own namespace excluded by namespaceSelector.",
    source="Kubernetes documentation: Dynamic Admission Control; Admission Webhook Good Practices",
    needs=(*_WEBHOOKS, "services", "pods"),
    effect=BLOCKS,
    touches=_touched_hooks,
)
def _webhook(context: Context) -> Iterator[Finding]:
    seen: dict[tuple[str, str, tuple[str, str]], list[Webhook]] = {}
    for webhook in context.inventory.webhooks:
        if webhook.fail_closed and webhook.service is not None and intercepts(webhook):
            seen.setdefault((webhook.kind, webhook.configuration, webhook.service), []).append(webhook)
    for (kind, configuration, service), hooks in sorted(seen.items()):
        ends = context.back_ends(*service)
        if ends is None and context.has_service(*service):
            continue
        ends = ends or []
        asked = sorted({what for webhook in hooks for what in intercepts(webhook)})
        nodes = sorted({pod.node for pod in ends})
        where = ObjectRef(kind, "", configuration)
        if not ends:
            yield Finding(
                rule="webhook-leaves-with-node",
                severity="error",
                object=named(where),
                message=f"fails closed and has no Ready back end now (Service {service[0]}/{service[1]})",
                consequence=f"{listed(asked)} refused already, replacements of evicted pods among them",
                fix=f"mend Service {service[0]}/{service[1]}, or delete the configuration if its software is gone",
            )
        elif len(nodes) == 1 and nodes[0] in context.selected and context.moving(ends):
            labels, leaving = context.namespace_labels, context.moving(context.on[nodes[0]])
            trapped = [hook for hook in hooks if asks_about_making(hook, ends[0], labels)]
            holds = trapped or [hook for hook in hooks if asked_about(hook, leaving, labels)]
            yield Finding(
                rule="webhook-leaves-with-node",
                severity="error" if holds else "warning",
                object=named(where),
                message=f"fails closed, and all its back ends ({count(len(ends), 'pod')}) are on {nodes[0]}",
                consequence=(
                    f"while they move, {listed(asked)} are refused: replacements wait"
                    + ("; its own replacement too, so it cannot come back by itself" if trapped else "")
                    + ("; a run holds before the node's first eviction" if holds else "")
                ),
                fix=f"a second replica of {context.top_of(ends[0]) or ends[0].ref} on another node before the window",
                evidence=(f"Service {service[0]}/{service[1]}: {listed([pod.name for pod in ends], 3)}",),
                nodes=(nodes[0],),
            )


@check(
    "apiservice-leaves-with-node",
    title="An aggregated API has all its back ends on one node",
    explanation=(
        "While its pods move, the API answers 503. Autoscalers lose their metrics, and namespaces cannot be deleted "
        "because discovery is incomplete. A run holds before it takes the last back end away, and asks a person; for "
        "APIs of metrics it goes on."
    ),
    fix="Two replicas on different nodes.",
    source="Kubernetes documentation: Kubernetes API Aggregation Layer",
    needs=("apiservices", "services", "pods"),
    effect=BLOCKS,
    touches=lambda context: "which aggregated APIs go away with a node" if context.movers else "",
)
def _api_service(context: Context) -> Iterator[Finding]:
    for item in context.inventory.api_services:
        if item.service is None:
            continue
        where = ObjectRef("APIService", "", item.name)
        if item.available is False:
            yield Finding(
                rule="apiservice-leaves-with-node",
                severity="warning",
                object=named(where),
                message=f"is not available now (Service {item.service[0]}/{item.service[1]})",
                consequence="what reads it fails before the maintenance already; namespaces cannot be deleted",
                fix=f"kubectl get apiservice {item.name} -o yaml, status.conditions",
            )
            continue
        ends = context.back_ends(*item.service)
        if not ends or len({pod.node for pod in ends}) != 1:
            continue
        node = ends[0].node
        if node in context.selected and context.moving(ends):
            yield Finding(
                rule="apiservice-leaves-with-node",
                severity="error" if item.group not in MILD_GROUPS else "info",
                object=named(where),
                message=f"all its back ends ({count(len(ends), 'pod')}) are on {node}",
                consequence="the API is away while they move"
                + (
                    ": autoscalers and kubectl top see no metrics"
                    if item.group in MILD_GROUPS
                    else "; a run holds before the node's first eviction"
                ),
                fix=f"a second replica of {context.top_of(ends[0]) or ends[0].ref} on another node",
                evidence=(f"Service {item.service[0]}/{item.service[1]}: {listed([pod.name for pod in ends], 3)}",),
                nodes=(node,),
            )


CHECKS = (_webhook, _api_service)
