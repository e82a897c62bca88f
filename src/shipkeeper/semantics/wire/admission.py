"""Webhooks and aggregated APIs: what can stop an eviction or a new pod from outside."""

from __future__ import annotations

from shipkeeper.model.cluster import ApiService, Webhook
from shipkeeper.model.errors import BadInput
from shipkeeper.semantics.wire.nodes import WireCondition
from shipkeeper.semantics.wire.raw import Wire, WireMeta, WireSelector, selector_of
from shipkeeper.semantics.wire.reader import Reader

_MOST_TRIPLES = 10_000
_BETA = "admissionregistration.k8s.io/v1beta1"


class WireServiceRef(Wire):
    """A reference to a Service."""

    namespace: str | None = None
    name: str | None = None


class WireClientConfig(Wire):
    """clientConfig of a webhook; the CA bundle is skipped."""

    service: WireServiceRef | None = None


class WireRule(Wire):
    """rules[] of a webhook."""

    operations: list[str] | None = None
    api_groups: list[str] | None = None
    resources: list[str] | None = None


class WireHook(Wire):
    """webhooks[]."""

    name: str
    client_config: WireClientConfig | None = None
    failure_policy: str | None = None
    rules: list[WireRule] | None = None
    namespace_selector: WireSelector | None = None
    object_selector: WireSelector | None = None
    timeout_seconds: int | None = None


class WireWebhooks(Wire):
    """A ValidatingWebhookConfiguration or a MutatingWebhookConfiguration."""

    metadata: WireMeta
    api_version: str | None = None
    webhooks: list[WireHook] | None = None


class WireApiServiceSpec(Wire):
    """spec of an APIService."""

    service: WireServiceRef | None = None
    group: str | None = None


class WireApiServiceStatus(Wire):
    """status of an APIService."""

    conditions: list[WireCondition] | None = None


class WireApiService(Wire):
    """An APIService."""

    metadata: WireMeta
    spec: WireApiServiceSpec | None = None
    status: WireApiServiceStatus | None = None


def _service(raw: WireServiceRef | None) -> tuple[str, str] | None:
    return (raw.namespace or "default", raw.name or "") if raw else None


def _webhooks(kind: str, wire: WireWebhooks) -> list[Webhook]:
    # The default of failurePolicy and of timeoutSeconds changed between v1beta1 and v1.
    beta = wire.api_version == _BETA
    return [
        Webhook(
            configuration=wire.metadata.name,
            name=hook.name,
            kind=kind,
            fail_closed=(hook.failure_policy or ("Ignore" if beta else "Fail")) == "Fail",
            service=_service(hook.client_config.service if hook.client_config else None),
            rules=_triples(hook),
            namespace_selector=selector_of(hook.namespace_selector),
            timeout_ms=1_000 * (hook.timeout_seconds or (30 if beta else 10)),
            object_selector=selector_of(hook.object_selector),
        )
        for hook in wire.webhooks or ()
    ]


def _triples(hook: WireHook) -> tuple[tuple[str, str, str], ...]:
    triples: list[tuple[str, str, str]] = []
    for rule in hook.rules or ():
        operations, groups, resources = rule.operations or (), rule.api_groups or (), rule.resources or ()
        if len(triples) + len(operations) * len(groups) * len(resources) > _MOST_TRIPLES:
            raise BadInput(f"webhook {hook.name} has more than {_MOST_TRIPLES} combinations of rules")
        triples.extend((operation, group, item) for operation in operations for group in groups for item in resources)
    return tuple(triples)


def _validating(wire: WireWebhooks) -> list[Webhook]:
    return _webhooks("ValidatingWebhookConfiguration", wire)


def _mutating(wire: WireWebhooks) -> list[Webhook]:
    return _webhooks("MutatingWebhookConfiguration", wire)


def _api_service(wire: WireApiService) -> tuple[ApiService, ...]:
    spec = wire.spec or WireApiServiceSpec()
    if spec.service is None:
        return ()
    conditions = wire.status.conditions or () if wire.status else ()
    available = next((c.status == "True" for c in conditions if c.type == "Available"), None)
    return (ApiService(wire.metadata.name, _service(spec.service), available, spec.group or ""),)


_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
VALIDATING: Reader[Webhook] = Reader(
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    _ADMISSION,
    Webhook,
    WireWebhooks,
    _validating,
    namespaced=False,
)
MUTATING: Reader[Webhook] = Reader(
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    _ADMISSION,
    Webhook,
    WireWebhooks,
    _mutating,
    namespaced=False,
)
API_SERVICES: Reader[ApiService] = Reader(
    "apiservices",
    "APIService",
    "/apis/apiregistration.k8s.io/v1",
    ApiService,
    WireApiService,
    _api_service,
    namespaced=False,
)
