"""What runs in a live cluster, asked of its API a few things at once."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from shipkeeper.app.survey_asking import Asking, where_served
from shipkeeper.app.survey_platform import LivePlatform, PlatformReading, place
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.facts import ImageUse
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.table import PodTable
from shipkeeper.semantics.platform_links import linked
from shipkeeper.semantics.wire.drainer_kinds import DRAINER_KINDS, runs_kured
from shipkeeper.semantics.wire.unknowns import UNKNOWN_WITHOUT

_DRAWERS: dict[str, tuple[str, ...]] = {
    "nodes": ("nodes",),
    "workloads": (
        "deployments",
        "replicasets",
        "statefulsets",
        "daemonsets",
        "jobs",
        "cronjobs",
        "replicationcontrollers",
    ),
    "budgets": ("poddisruptionbudgets",),
    "claims": ("persistentvolumeclaims",),
    "volumes": ("persistentvolumes",),
    "attachments": ("volumeattachments",),
    "csi_nodes": ("csinodes",),
    "storage_classes": ("storageclasses",),
    "priority_classes": ("priorityclasses",),
    "quotas": ("resourcequotas",),
    "limit_ranges": ("limitranges",),
    "webhooks": ("validatingwebhookconfigurations", "mutatingwebhookconfigurations"),
    "api_services": ("apiservices",),
    "services": ("services",),
    "endpoint_slices": ("endpointslices",),
    "autoscalers": ("horizontalpodautoscalers",),
    "leases": ("leases",),
    "namespaces": ("namespaces",),
    "events": ("events",),
}
"""Field of Inventory → the resources in it."""


class LiveSource(Protocol):
    """What a survey asks of a live cluster (``integrations.kubernetes.source.KubeSource``)."""

    @property
    def context(self) -> str:
        """How the cluster is called."""

    @property
    def platform(self) -> LivePlatform:
        """What runs on top of Kubernetes."""

    async def identity(self) -> ClusterIdentity:
        """Which cluster this is."""

    async def list_resource(self, resource: str) -> tuple[Any, ...]:
        """Every object of a resource. Raises Forbidden; Failed (code not-served) when the server has none such."""

    async def pods(self) -> tuple[PodTable, tuple[ImageUse, ...]]:
        """Every pod, and the images that they run."""

    async def probe(self, group: str, kind: str) -> int:
        """How many objects of a kind there are. Raises as ``list_resource``."""


async def survey_live(source: LiveSource, taken_ms: int, *, platform: bool = True) -> Inventory:
    """Read a live cluster. What may not be read becomes ``missing``; a cluster that cannot be reached is an error.

    Without ``platform`` only Kubernetes' own objects are read, and all of the platform's is missing.
    """
    reading, above = _Reading(source), PlatformReading(source.platform)
    nothing: tuple[PodTable, tuple[ImageUse, ...]] = (PodTable.of(()), ())
    identity, (pods, images), listed, drainers = await asyncio.gather(
        reading.ask("clusterIdentity", source.identity, ClusterIdentity(), "whether a plan is for this cluster"),
        reading.ask("pods", source.pods, nothing, UNKNOWN_WITHOUT["pods"]),
        asyncio.gather(*(reading.list(resource) for names in _DRAWERS.values() for resource in names)),
        reading.drainers(),
    )
    fields = await above.read() if platform else above.skip()
    found = dict(listed)
    drawers: dict[str, Any] = {
        field: tuple(sorted((item for name in names for item in found[name]), key=place))
        for field, names in _DRAWERS.items()
    }
    if any(runs_kured(item.kind, item.name) for item in drawers["workloads"]):
        drainers.add("kured")
    inventory = Inventory(
        source=source.context,
        taken_ms=taken_ms,
        identity=identity,
        pods=pods.sorted(),
        images=images,
        drainers=tuple(sorted(drainers)),
        missing=tuple(sorted((*reading.missing, *above.missing), key=lambda item: (item.what, item.why))),
        **drawers,
        **fields,
    )
    return linked(inventory)


class _Reading(Asking):
    """Kubernetes' own objects."""

    def __init__(self, source: LiveSource) -> None:
        super().__init__()
        self._source = source

    async def list(self, resource: str) -> tuple[str, tuple[Any, ...]]:
        """(resource, its objects)."""
        unknown = UNKNOWN_WITHOUT[resource]
        return resource, await self.ask(resource, lambda: self._source.list_resource(resource), (), unknown)

    async def drainers(self) -> set[str]:
        """Kinds of other maintenance software that have objects here."""
        counts = await asyncio.gather(*(self._probe(group, name) for group, name in DRAINER_KINDS))
        return {kind for kind, count in zip(DRAINER_KINDS.values(), counts, strict=True) if count}

    async def _probe(self, group: str, resource: str) -> int:
        async def count() -> int:
            return await where_served(self._source.probe(group, resource), 0)

        return await self.ask(f"{resource}.{group}", count, 0, "whether other software maintains nodes here")
