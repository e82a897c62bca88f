"""Names of things: references to Kubernetes objects and their owners."""

from __future__ import annotations

from msgspec import Struct


class ObjectRef(Struct, frozen=True, order=True):
    """One object by kind, namespace and name. ``namespace`` is empty for cluster-scoped kinds."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """Render as ``Kind namespace/name`` (or ``Kind name``)."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class OwnerRef(Struct, frozen=True):
    """The controller that an object's ``metadata.ownerReferences`` names (``controller: true``)."""

    kind: str
    name: str
    uid: str
    api_version: str = ""
