"""What every Kubernetes object has, as partial structs: fields that nothing asks for are skipped, never decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from shipkeeper.model.errors import BadInput
from shipkeeper.model.labels import Requirement, Selector
from shipkeeper.model.refs import OwnerRef
from shipkeeper.semantics.quantities import amount

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Time = Annotated[datetime, msgspec.Meta(tz=True)]
Number = str | int | float
"""A quantity: the API server writes strings; hand-written files also have bare numbers."""

Portion = int | Annotated[str, msgspec.Meta(pattern=r"^[0-9]+%$")]
"""A count, or a percentage such as ``25%``: the API server takes no other text."""

KEPT_ANNOTATIONS: tuple[str, ...] = (
    "maintenance.shipkeeper.dev/",
    "cluster-autoscaler.kubernetes.io/",
    "cluster.x-k8s.io/",
    "deployment.kubernetes.io/revision",
    "descheduler.alpha.kubernetes.io/",
    "flatcar-linux-update.v1.flatcar-linux.net/",
    "karpenter.sh/",
    "kured.dev/",
    "machine.openshift.io/",
    "machineconfiguration.openshift.io/",
    "meta.helm.sh/",
    "plan.upgrade.cattle.io/",
    "system-upgrade.cattle.io/",
    "weave.works/kured-",
)
"""Prefixes of the annotations that change what maintenance does. All others stay undecoded."""

DROPPED_ANNOTATIONS: tuple[str, ...] = ("kubectl.kubernetes.io/last-applied-configuration",)
"""Never decoded, whatever a prefix says: it repeats the whole object, secrets included."""


class Wire(msgspec.Struct, rename="camel", gc=False, omit_defaults=True):
    """Base of the partial structs. ``gc=False``: they hold no cycles, and the collector need not visit them."""


class Present(Wire):
    """An object of which only its presence matters."""


class WireOwner(Wire):
    """metadata.ownerReferences[]."""

    kind: str
    name: str
    uid: str | None = None
    api_version: str | None = None
    controller: bool | None = None


class WireMeta(Wire):
    """metadata."""

    name: str
    namespace: str | None = None
    uid: str | None = None
    labels: dict[str, str | None] | None = None
    annotations: dict[str, msgspec.Raw] | None = None
    owner_references: list[WireOwner] | None = None
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    generation: int | None = None
    resource_version: str | None = None


class WireRequirement(Wire):
    """One expression of a label or node selector."""

    key: str
    operator: str
    values: list[str] | None = None


class WireSelector(Wire):
    """A metav1.LabelSelector."""

    match_labels: dict[str, str | None] | None = None
    match_expressions: list[WireRequirement] | None = None


class WireListMeta(Wire):
    """metadata of a list."""

    resource_version: str | None = None
    token: str | None = msgspec.field(name="continue", default=None)


def ms(when: datetime | None) -> int:
    """Epoch milliseconds; 0 for no time."""
    return 0 if when is None else (when - _EPOCH) // _MILLISECOND


def ms_or_none(when: datetime | None) -> int | None:
    """Epoch milliseconds, or None for no time."""
    return None if when is None else (when - _EPOCH) // _MILLISECOND


def labels_of(raw: Mapping[str, str | None] | None) -> dict[str, str]:
    """Labels in key order; a null value is the empty string, as the API server reads it."""
    if not raw:
        return {}
    return {key: raw[key] or "" for key in sorted(raw)}


def annotations_of(raw: Mapping[str, msgspec.Raw] | None) -> dict[str, str]:
    """The annotations worth keeping, in key order. The values of all others stay undecoded."""
    if not raw:
        return {}
    kept = sorted(key for key in raw if key.startswith(KEPT_ANNOTATIONS) and key not in DROPPED_ANNOTATIONS)
    return {key: msgspec.json.decode(raw[key], type=str | None) or "" for key in kept}


def owner_of(raw: Sequence[WireOwner] | None) -> OwnerRef | None:
    """The owner marked ``controller: true``, or None."""
    for owner in raw or ():
        if owner.controller:
            return OwnerRef(owner.kind, owner.name, owner.uid or "", owner.api_version or "")
    return None


def requirements_of(raw: Sequence[WireRequirement] | None) -> tuple[Requirement, ...]:
    """Selector expressions, in their own order."""
    return tuple(Requirement(item.key, item.operator, tuple(item.values or ())) for item in raw or ())


def selector_of(raw: WireSelector | None) -> Selector | None:
    """A label selector; None stays None, which selects nothing."""
    if raw is None:
        return None
    return Selector(tuple(labels_of(raw.match_labels).items()), requirements_of(raw.match_expressions))


def amounts_of(raw: Mapping[str, Number] | None) -> dict[str, int]:
    """Quantities in model units, by resource name in order. Raises BadInput for one that cannot be read."""
    if not raw:
        return {}
    return {name: amount_of(name, raw[name]) for name in sorted(raw)}


def amount_of(resource: str, value: Number) -> int:
    """One quantity in model units. Raises BadInput naming the resource."""
    try:
        return amount(resource, value if isinstance(value, str) else str(value))
    except BadInput as error:
        raise BadInput(f"{resource}: {error.message}", hint=error.hint) from error
