"""Policies: Kyverno's own kinds, its CEL kinds, its exceptions, and Tracee's.

Source: kyverno ``api/kyverno/v1``, ``api/policies.kyverno.io``; tracee ``pkg/k8s/apis``. A rule's own action stands
before the policy's; an override for a namespace stands before both.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Raw, field

from shipkeeper.model.operands import Policy, PolicyException, PolicyRule
from shipkeeper.semantics.wire.platform.parts import WireCrCondition, status_of
from shipkeeper.semantics.wire.raw import Present, Wire
from shipkeeper.semantics.wire.reader import Reader

_SELECTED = "(by label)"
"""Stands for the namespaces that an override selects by labels."""


class WirePolicyMeta(Wire):
    """metadata."""

    name: str
    namespace: str | None = None
    generation: int | None = None


class WireOverride(Wire):
    """An override of the action in some namespaces."""

    action: str | None = None
    namespaces: list[str] | None = None
    namespace_selector: Present | None = None


class WireValidate(Wire):
    """validate of a rule."""

    failure_action: str | None = None
    failure_action_overrides: list[WireOverride] | None = None


class WireVerifyImages(Wire):
    """verifyImages[] of a rule."""

    failure_action: str | None = None


class WireRule(Wire):
    """spec.rules[] of a Kyverno policy."""

    name: str | None = None
    validate: WireValidate | None = None
    verify_images: list[WireVerifyImages] | None = None
    mutate: Present | None = None
    generate: Present | None = None


class WireWebhookConfiguration(Wire):
    """spec.webhookConfiguration."""

    failure_policy: str | None = None


class WirePolicySpec(Wire):
    """spec of a Kyverno policy of the old kinds."""

    rules: list[WireRule] | None = None
    validation_failure_action: str | None = None
    validation_failure_action_overrides: list[WireOverride] | None = None
    failure_policy: str | None = None
    background: bool | None = None
    webhook_configuration: WireWebhookConfiguration | None = None


class WirePolicyStatus(Wire):
    """status of a Kyverno policy of the old kinds. ``ready`` is what it had before conditions."""

    ready: bool | None = None
    conditions: list[WireCrCondition] | None = None


class WirePolicy(Wire):
    """A ClusterPolicy or Policy."""

    metadata: WirePolicyMeta
    api_version: str | None = None
    spec: WirePolicySpec | None = None
    status: WirePolicyStatus | None = None


class WireCelEvaluationMode(Wire):
    """enabled of admission or background."""

    enabled: bool | None = None


class WireEvaluation(Wire):
    """spec.evaluation of a CEL policy."""

    background: WireCelEvaluationMode | None = None


class WireCelSpec(Wire):
    """spec of a CEL policy."""

    validation_actions: list[str] | None = None
    failure_policy: str | None = None
    evaluation: WireEvaluation | None = None


class WireConditionStatus(Wire):
    """status.conditionStatus of a CEL policy."""

    ready: bool | None = None
    conditions: list[WireCrCondition] | None = None


class WireCelStatus(Wire):
    """status of a CEL policy."""

    condition_status: WireConditionStatus | None = None
    conditions: list[WireCrCondition] | None = None


class WireCelPolicy(Wire):
    """A policy of group policies.kyverno.io."""

    metadata: WirePolicyMeta
    api_version: str | None = None
    spec: WireCelSpec | None = None
    status: WireCelStatus | None = None


class WireExcepted(Wire):
    """spec.exceptions[] of an exception."""

    policy_name: str
    rule_names: list[str] | None = None


class WirePolicyRef(Wire):
    """spec.policyRefs[] of a CEL exception."""

    name: str
    kind: str | None = None


class WireExceptionSpec(Wire):
    """spec of an exception."""

    exceptions: list[WireExcepted] | None = None
    policy_refs: list[WirePolicyRef] | None = None


class WireException(Wire):
    """A PolicyException."""

    metadata: WirePolicyMeta
    spec: WireExceptionSpec | None = None


class WireTraceeRule(Wire):
    """spec.rules[] of a Tracee policy."""

    event: str | None = None
    actions: list[str] | None = None


class WireTraceeSpec(Wire):
    """spec of a Tracee policy."""

    rules: list[WireTraceeRule] | None = None
    default_actions: list[str] | None = None
    scope: Raw = field(default_factory=Raw)


class WireTracee(Wire):
    """A Tracee policy."""

    metadata: WirePolicyMeta
    api_version: str | None = None
    spec: WireTraceeSpec | None = None


def _action(word: str | None) -> str:
    """Older policies have the word in lower case."""
    return (word or "").capitalize()


def _kyverno(kind: str, wire: WirePolicy) -> tuple[Policy]:
    meta, spec, status = wire.metadata, wire.spec or WirePolicySpec(), wire.status or WirePolicyStatus()
    whole = _action(spec.validation_failure_action) or "Audit"
    overrides = list(spec.validation_failure_action_overrides or ())
    for rule in spec.rules or ():
        overrides += (rule.validate.failure_action_overrides or ()) if rule.validate else ()
    ready = status_of(status.conditions, "Ready")
    if ready == "Unknown" and not status.conditions and status.ready is not None:
        ready = str(status.ready)
    webhook = spec.webhook_configuration or WireWebhookConfiguration()
    return (
        Policy(
            tool="kyverno",
            kind=kind,
            namespace=(meta.namespace or "default") if kind == "Policy" else "",
            name=meta.name,
            api_version=wire.api_version or "",
            ready=ready,
            rules=tuple(_rule(rule, whole) for rule in spec.rules or ()),
            enforced=_overridden(overrides, "Enforce"),
            audited=_overridden(overrides, "Audit"),
            failure_policy=webhook.failure_policy or spec.failure_policy or "",
            background=spec.background is not False,
            generation=meta.generation or 0,
        ),
    )


def _rule(rule: WireRule, whole: str) -> PolicyRule:
    name = rule.name or ""
    if rule.validate is not None:
        return PolicyRule(name, "validate", _action(rule.validate.failure_action) or whole)
    if rule.verify_images is not None:
        actions = {_action(item.failure_action) or whole for item in rule.verify_images} or {whole}
        return PolicyRule(name, "verifyImages", "Enforce" if "Enforce" in actions else min(actions))
    return PolicyRule(name, "mutate" if rule.mutate else "generate" if rule.generate else "")


def _overridden(overrides: Sequence[WireOverride], action: str) -> tuple[str, ...]:
    names: set[str] = set()
    for item in overrides:
        if _action(item.action) == action:
            names.update(item.namespaces or ())
            names.update((_SELECTED,) if item.namespace_selector is not None else ())
    return tuple(sorted(names))


_CEL_TYPES = {
    "ValidatingPolicy": "validate",
    "ImageValidatingPolicy": "verifyImages",
    "MutatingPolicy": "mutate",
    "GeneratingPolicy": "generate",
    "DeletingPolicy": "cleanup",
}
_CEL_ACTIONS = {"Deny": "Enforce", "Audit": "Audit", "Warn": "Warn"}


def _cel(kind: str, wire: WireCelPolicy) -> tuple[Policy]:
    meta, spec, status = wire.metadata, wire.spec or WireCelSpec(), wire.status or WireCelStatus()
    type = _CEL_TYPES[kind.removeprefix("Namespaced")]
    action = ""
    if type in ("validate", "verifyImages"):
        named = {_CEL_ACTIONS.get(word, word) for word in spec.validation_actions or ("Deny",)}
        action = next((word for word in ("Enforce", "Warn", "Audit") if word in named), "")
    told = status.condition_status or WireConditionStatus()
    evaluation = (spec.evaluation or WireEvaluation()).background or WireCelEvaluationMode()
    return (
        Policy(
            tool="kyverno",
            kind=kind,
            namespace=(meta.namespace or "default") if kind.startswith("Namespaced") else "",
            name=meta.name,
            api_version=wire.api_version or "",
            ready=str(told.ready) if told.ready is not None else status_of(status.conditions, "Ready"),
            rules=(PolicyRule(meta.name, type, action),),
            failure_policy=spec.failure_policy or "",
            background=evaluation.enabled is not False,
            generation=meta.generation or 0,
        ),
    )


def _exception(wire: WireException) -> tuple[PolicyException]:
    meta, spec = wire.metadata, wire.spec or WireExceptionSpec()
    named = [(item.policy_name, tuple(item.rule_names or ())) for item in spec.exceptions or ()]
    named += [(item.name, ()) for item in spec.policy_refs or ()]
    return (PolicyException(meta.namespace or "default", meta.name, tuple(sorted(named))),)


def _tracee(wire: WireTracee) -> tuple[Policy]:
    meta, spec = wire.metadata, wire.spec or WireTraceeSpec()
    actions = spec.default_actions or ["log"]
    return (
        Policy(
            tool="tracee",
            kind="Policy",
            namespace="",
            name=meta.name,
            api_version=wire.api_version or "",
            rules=tuple(
                PolicyRule(item.event or "", "event", ",".join(item.actions or actions)) for item in spec.rules or ()
            ),
            generation=meta.generation or 0,
        ),
    )


def _kyverno_reader(resource: str, kind: str) -> Reader[Policy]:
    def convert(wire: WirePolicy) -> Sequence[Policy]:
        return _kyverno(kind, wire)

    namespaced = kind == "Policy"
    return Reader(resource, kind, "/apis/kyverno.io/v1", Policy, WirePolicy, convert, namespaced=namespaced)


def _cel_reader(resource: str, kind: str) -> Reader[Policy]:
    def convert(wire: WireCelPolicy) -> Sequence[Policy]:
        return _cel(kind, wire)

    namespaced = kind.startswith("Namespaced")
    api = "/apis/policies.kyverno.io/v1"
    return Reader(resource, kind, api, Policy, WireCelPolicy, convert, namespaced=namespaced)


_CEL_KINDS = ("ValidatingPolicy", "ImageValidatingPolicy", "MutatingPolicy", "GeneratingPolicy", "DeletingPolicy")
POLICIES: tuple[Reader[Policy], ...] = (
    _kyverno_reader("clusterpolicies", "ClusterPolicy"),
    _kyverno_reader("policies", "Policy"),
    *(
        _cel_reader(f"{prefix}{kind}".lower().removesuffix("y") + "ies", f"{prefix}{kind}")
        for kind in _CEL_KINDS
        for prefix in ("", "Namespaced")
    ),
    Reader("policies", "Policy", "/apis/tracee.aquasec.com/v1beta1", Policy, WireTracee, _tracee, namespaced=False),
)
EXCEPTIONS: tuple[Reader[PolicyException], ...] = tuple(
    Reader("policyexceptions", "PolicyException", api, PolicyException, WireException, _exception)
    for api in ("/apis/kyverno.io/v2", "/apis/policies.kyverno.io/v1")
)
