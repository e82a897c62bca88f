"""Who meets a change: application developers, or the platform team only. By the declared scope and what runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from shipkeeper.assessment.classing.crd import Definition
from shipkeeper.assessment.classing.manifests import ManifestChange
from shipkeeper.assessment.classing.stored import Used
from shipkeeper.assessment.removed_apis import kept_objects
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.platform import Platform

DEVELOPERS, PLATFORM, UNKNOWN = "developers", "platform", "unknown"
_KUBERNETES = ("kube-system", "kube-public", "kube-node-lease")
_FOR_ALL = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "ValidatingAdmissionPolicyBinding")
_NAMED_BY_OTHERS = (
    "IngressClass", "GatewayClass", "PriorityClass", "RuntimeClass", "VolumeSnapshotClass", "ClusterIssuer", "Service",
    "Ingress", "Gateway", "HTTPRoute", "CustomResourceDefinition",
)  # fmt: skip
_MOST = 3


class Reach(Struct, frozen=True):
    """Whom something reaches, and how that is known."""

    answer: str
    why: str


class Fence:
    """The platform's scope over what runs: which namespaces are whose."""

    def __init__(self, platform: Platform, inventory: Inventory | None, own: Iterable[str] = ()) -> None:
        """``own``: namespaces of the component itself, which are the platform's whatever the scope forgets."""
        self.inventory = inventory
        self._declared = bool(platform.scope)
        self._inside = {name for scope in platform.scope if scope.inside for name in scope.namespaces} | set(own)
        self._outside = {name for scope in platform.scope if not scope.inside for name in scope.namespaces}

    def namespace(self, name: str) -> Reach:
        """Whose a namespace is."""
        if name in self._outside:
            return Reach(DEVELOPERS, f"namespace {name} is outside the platform")
        if not name or name in self._inside or name in _KUBERNETES:
            return Reach(PLATFORM, f"namespace {name} is the platform's" if name else "it is cluster-wide")
        if not self._declared:
            return Reach(UNKNOWN, f"the platform file does not say whose namespace {name} is")
        return Reach(DEVELOPERS, f"namespace {name} is not among the platform's")

    def namespaces(self, names: Iterable[str]) -> Reach:
        """Whom a change in several namespaces reaches: the worst of them decides."""
        found = [self.namespace(name) for name in dict.fromkeys(names)]
        for answer in (DEVELOPERS, UNKNOWN):
            worst = [one for one in found if one.answer == answer]
            if worst:
                more = f", and {len(worst) - _MOST} more" if len(worst) > _MOST else ""
                return Reach(answer, "; ".join(one.why for one in worst[:_MOST]) + more)
        return Reach(PLATFORM, found[0].why if len(found) == 1 else "only namespaces of the platform")

    def definition(self, crd: Definition, used: Used) -> Reach:
        """Whom a change of a kind reaches: by the objects that meet it, else by who is seen to have such objects."""
        if used.objects:
            return self.namespaces(ref.namespace for ref in used.objects)
        if used.answer == "no":
            return Reach(PLATFORM, used.why)
        kept = self._keepers(crd)
        if kept:
            found = self.namespaces(kept)
            if found.answer != PLATFORM:
                return found
        if crd.scope == "Cluster":
            return Reach(PLATFORM, "its objects are cluster-wide, which counts as the platform team's")
        return Reach(UNKNOWN, f"{used.why}: whether developers have {crd.plural} is not known")

    def _keepers(self, crd: Definition) -> Sequence[str]:
        """Namespaces for which releases and Kustomizations keep such objects."""
        if self.inventory is None:
            return ()
        return tuple(
            item.object.namespace
            for item in kept_objects(self.inventory)
            if item.object.kind == crd.kind and item.object.api_version.rpartition("/")[0] == crd.group
        )

    def manifest(self, change: ManifestChange) -> Reach:
        """Whom a difference between rendered manifests reaches."""
        kind = change.object.kind
        if kind == "StorageClass":
            return self._storage_class(change.object.name)
        if kind == "Namespace":
            return self.namespace(change.object.name)
        if kind in _FOR_ALL:
            return Reach(UNKNOWN, "whose objects the webhook or policy looks at is not told by the manifests alone")
        if change.kind == "rights-removed":
            return Reach(DEVELOPERS, "the role adds to what view, edit and admin may do")
        if kind in _NAMED_BY_OTHERS and change.kind not in ("immutable-field-changed", "api-removed"):
            return Reach(UNKNOWN, f"who uses {kind} {change.object.name} is not known")
        return Reach(PLATFORM, "it is the component's own")

    def _storage_class(self, name: str) -> Reach:
        if self.inventory is None or self.inventory.is_missing("persistentvolumeclaims"):
            return Reach(UNKNOWN, "who has volumes of that class is not known: no claims were read")
        users = [claim.namespace for claim in self.inventory.claims if claim.storage_class == name]
        if not users:
            return Reach(PLATFORM, "no claim has that class")
        return self.namespaces(users)
