"""CloudNativePG: clusters, backups, scheduled backups, and the object stores of its backup plugin.

Source: cloudnative-pg ``api/v1``, plugin-barman-cloud ``api/v1``. Commands' output and errors in a backup's status
may hold addresses and key ids: they have no field here.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import field

from shipkeeper.model.operands import Backup, BackupLocation, BackupSchedule, DatabaseCluster, RecoveryWindow
from shipkeeper.semantics.wire.platform.parts import (
    WireCrCondition,
    WireName,
    image_version,
    short,
    status_of,
    time_ms,
    without_user,
)
from shipkeeper.semantics.wire.raw import Present, Wire
from shipkeeper.semantics.wire.reader import Reader

HEALTHY = "Cluster in healthy state"
PLUGIN = "barman-cloud.cloudnative-pg.io"
_SCHEDULE_LABEL = "cnpg.io/scheduled-backup"
_HIBERNATION = "cnpg.io/hibernation"


class WireCnpgMeta(Wire):
    """metadata."""

    name: str
    namespace: str | None = None
    labels: dict[str, str | None] | None = None
    annotations: dict[str, msgspec.Raw] | None = None
    generation: int | None = None


class WirePlugin(Wire):
    """spec.plugins[] of a cluster; its parameters are not decoded."""

    name: str
    enabled: bool | None = None


class WireClusterBackup(Wire):
    """spec.backup of a cluster: only which methods there are."""

    barman_object_store: Present | None = None
    volume_snapshot: Present | None = None


class WireClusterSpec(Wire):
    """spec of a cluster."""

    instances: int | None = None
    image_name: str | None = None
    backup: WireClusterBackup | None = None
    plugins: list[WirePlugin] | None = None


class WireClusterStatus(Wire):
    """status of a cluster."""

    phase: str | None = None
    image: str | None = None
    instances: int | None = None
    ready_instances: int | None = None
    current_primary: str | None = None
    conditions: list[WireCrCondition] | None = None
    first_recoverability_point: str | None = None
    last_successful_backup: str | None = None
    last_failed_backup: str | None = None


class WireCluster(Wire):
    """A Cluster."""

    metadata: WireCnpgMeta
    spec: WireClusterSpec | None = None
    status: WireClusterStatus | None = None


class WireCnpgBackupSpec(Wire):
    """spec of a backup or of a scheduled one."""

    cluster: WireName | None = None
    method: str | None = None
    schedule: str | None = None
    suspend: bool | None = None


class WireCnpgBackupStatus(Wire):
    """status of a backup."""

    phase: str | None = None
    method: str | None = None
    started_at: str | None = None
    stopped_at: str | None = None
    error: str | None = None


class WireCnpgBackup(Wire):
    """A Backup."""

    metadata: WireCnpgMeta
    spec: WireCnpgBackupSpec | None = None
    status: WireCnpgBackupStatus | None = None


class WireScheduledStatus(Wire):
    """status of a scheduled backup."""

    last_schedule_time: str | None = None
    next_schedule_time: str | None = None
    error: str | None = None


class WireScheduled(Wire):
    """A ScheduledBackup."""

    metadata: WireCnpgMeta
    spec: WireCnpgBackupSpec | None = None
    status: WireScheduledStatus | None = None


class WireStoreConfiguration(Wire):
    """spec.configuration of an object store; credentials are not decoded."""

    destination_path: str | None = None


class WireStoreSpec(Wire):
    """spec of an object store."""

    configuration: WireStoreConfiguration | None = None


class WireWindow(Wire):
    """status.serverRecoveryWindow[] of an object store."""

    first_recoverability_point: str | None = None
    last_successful_backup_time: str | None = None
    last_failed_backup_time: str | None = None


class WireStoreStatus(Wire):
    """status of an object store."""

    server_recovery_window: dict[str, WireWindow] | None = None


class WireStore(Wire):
    """An ObjectStore."""

    metadata: WireCnpgMeta
    spec: WireStoreSpec | None = None
    status: WireStoreStatus | None = field(default=None)


def _cluster(wire: WireCluster) -> tuple[DatabaseCluster]:
    meta, spec, status = wire.metadata, wire.spec or WireClusterSpec(), wire.status or WireClusterStatus()
    image = status.image or spec.image_name or ""
    return (
        DatabaseCluster(
            namespace=meta.namespace or "default",
            name=meta.name,
            image=image,
            version=image_version(image),
            instances=spec.instances or 0,
            ready_instances=status.ready_instances or 0,
            phase=status.phase or "",
            healthy=status.phase == HEALTHY,
            ready=status_of(status.conditions, "Ready"),
            archiving=status_of(status.conditions, "ContinuousArchiving"),
            last_backup=status_of(status.conditions, "LastBackupSucceeded"),
            backup_method=_method(spec),
            first_recoverable_ms=time_ms(status.first_recoverability_point),
            last_backup_ms=time_ms(status.last_successful_backup),
            last_failed_backup_ms=time_ms(status.last_failed_backup),
            primary=status.current_primary or "",
            generation=meta.generation or 0,
            hibernated=bytes((meta.annotations or {}).get(_HIBERNATION, msgspec.Raw())) == b'"on"',
        ),
    )


def _method(spec: WireClusterSpec) -> str:
    """How this cluster is backed up; the plugin comes before what it replaces."""
    if any(item.name == PLUGIN and item.enabled is not False for item in spec.plugins or ()):
        return "plugin"
    backup = spec.backup or WireClusterBackup()
    if backup.barman_object_store is not None:
        return "barmanObjectStore"
    return "volumeSnapshot" if backup.volume_snapshot is not None else ""


def _backup(wire: WireCnpgBackup) -> tuple[Backup]:
    meta, spec, status = wire.metadata, wire.spec or WireCnpgBackupSpec(), wire.status or WireCnpgBackupStatus()
    return (
        Backup(
            tool="cnpg",
            namespace=meta.namespace or "default",
            name=meta.name,
            phase=status.phase or "",
            completed=status.phase == "completed",
            started_ms=time_ms(status.started_at),
            completed_ms=time_ms(status.stopped_at),
            schedule=(meta.labels or {}).get(_SCHEDULE_LABEL) or "",
            method=status.method or spec.method or "barmanObjectStore",
            cluster=(spec.cluster.name or "") if spec.cluster else "",
            failure=short(status.error),
        ),
    )


def _scheduled(wire: WireScheduled) -> tuple[BackupSchedule]:
    meta, spec, status = wire.metadata, wire.spec or WireCnpgBackupSpec(), wire.status or WireScheduledStatus()
    return (
        BackupSchedule(
            tool="cnpg",
            namespace=meta.namespace or "default",
            name=meta.name,
            schedule=spec.schedule or "",
            suspended=bool(spec.suspend),
            last_ms=time_ms(status.last_schedule_time),
            next_ms=time_ms(status.next_schedule_time),
            cluster=(spec.cluster.name or "") if spec.cluster else "",
            method=spec.method or "barmanObjectStore",
            failure=short(status.error),
        ),
    )


def _store(wire: WireStore) -> Sequence[BackupLocation]:
    meta = wire.metadata
    configuration = (wire.spec or WireStoreSpec()).configuration or WireStoreConfiguration()
    windows = (wire.status.server_recovery_window or {}) if wire.status else {}
    return (
        BackupLocation(
            tool="cnpg",
            namespace=meta.namespace or "default",
            name=meta.name,
            bucket=without_user(configuration.destination_path),
            windows=tuple(
                RecoveryWindow(
                    server,
                    time_ms(windows[server].first_recoverability_point),
                    time_ms(windows[server].last_successful_backup_time),
                    time_ms(windows[server].last_failed_backup_time),
                )
                for server in sorted(windows)
            ),
        ),
    )


_API = "/apis/postgresql.cnpg.io/v1"
CLUSTERS: Reader[DatabaseCluster] = Reader("clusters", "Cluster", _API, DatabaseCluster, WireCluster, _cluster)
CNPG_BACKUPS: Reader[Backup] = Reader("backups", "Backup", _API, Backup, WireCnpgBackup, _backup)
SCHEDULED: Reader[BackupSchedule] = Reader(
    "scheduledbackups", "ScheduledBackup", _API, BackupSchedule, WireScheduled, _scheduled
)
STORES: Reader[BackupLocation] = Reader(
    "objectstores", "ObjectStore", "/apis/barmancloud.cnpg.io/v1", BackupLocation, WireStore, _store
)
