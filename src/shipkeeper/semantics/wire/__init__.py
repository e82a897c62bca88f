"""The Kubernetes API's JSON, read straight into the model.

Only the fields that change a maintenance are decoded. Environment, ConfigMap and Secret data, and the
last-applied annotation have no field here: they are skipped as bytes and never become values.
"""

from __future__ import annotations

from typing import Any

from shipkeeper.semantics.wire.admission import API_SERVICES, MUTATING, VALIDATING
from shipkeeper.semantics.wire.budgets import BUDGETS
from shipkeeper.semantics.wire.cluster import EVENTS, LEASES, LIMIT_RANGES, NAMESPACES, PRIORITY_CLASSES, QUOTAS
from shipkeeper.semantics.wire.jobs import CRON_JOBS, JOBS
from shipkeeper.semantics.wire.nodes import CSI_NODES, NODES
from shipkeeper.semantics.wire.platform.kinds import PLATFORM
from shipkeeper.semantics.wire.pods import PODS, pod_into, pods_into
from shipkeeper.semantics.wire.raw import KEPT_ANNOTATIONS
from shipkeeper.semantics.wire.reader import Page, Reader
from shipkeeper.semantics.wire.services import AUTOSCALERS, ENDPOINT_SLICES, SERVICES
from shipkeeper.semantics.wire.storage import ATTACHMENTS, CLAIMS, STORAGE_CLASSES, VOLUMES
from shipkeeper.semantics.wire.workloads import (
    DAEMON_SETS,
    DEPLOYMENTS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
)

__all__ = [
    "KEPT_ANNOTATIONS",
    "PLATFORM",
    "PLATFORM_READERS",
    "READERS",
    "Page",
    "Reader",
    "pod_into",
    "pods_into",
    "reader_for",
]

_ALL: tuple[Reader[Any], ...] = (
    NODES,
    PODS,
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    DAEMON_SETS,
    JOBS,
    CRON_JOBS,
    REPLICATION_CONTROLLERS,
    BUDGETS,
    CLAIMS,
    VOLUMES,
    ATTACHMENTS,
    CSI_NODES,
    STORAGE_CLASSES,
    PRIORITY_CLASSES,
    QUOTAS,
    LIMIT_RANGES,
    VALIDATING,
    MUTATING,
    API_SERVICES,
    SERVICES,
    ENDPOINT_SLICES,
    AUTOSCALERS,
    LEASES,
    NAMESPACES,
    EVENTS,
)

READERS: dict[str, Reader[Any]] = {reader.resource: reader for reader in _ALL}
"""Every resource that a survey reads, by plural name."""

_PLATFORM = tuple(reader for readers in PLATFORM.values() for reader in readers)
PLATFORM_READERS: dict[str, Reader[Any]] = {reader.full_name: reader for reader in _PLATFORM}
"""Every kind of the platform on Kubernetes that a survey reads where it is installed, by plural name and group."""

_BY_KIND = {(reader.group, reader.kind): reader for reader in (*_ALL, *_PLATFORM)}


def name_of(reader: Reader[Any]) -> str:
    """How a reader is called here: by the plural name, for the platform's kinds with their group."""
    return reader.full_name if reader.full_name in PLATFORM_READERS else reader.resource


def reader_by_name(name: str) -> Reader[Any]:
    """The reader of that name, as in ``READERS`` or ``PLATFORM_READERS``."""
    return READERS[name] if name in READERS else PLATFORM_READERS[name]


def reader_for(api_version: str, kind: str) -> Reader[Any] | None:
    """The reader of a kind, whatever the version of its group; None for a kind that nothing here reads."""
    group = api_version.rpartition("/")[0]
    return _BY_KIND.get((group, kind))
