"""Velero's backups, schedules and locations (velero.io/v1). Source: vmware-tanzu/velero ``pkg/apis/velero/v1``."""

from __future__ import annotations

from shipkeeper.model.operands import Backup, BackupLocation, BackupSchedule
from shipkeeper.semantics.wire.platform.parts import duration_ms, short, time_ms
from shipkeeper.semantics.wire.raw import Wire
from shipkeeper.semantics.wire.reader import Reader

_SCHEDULE_LABEL = "velero.io/schedule-name"


class WireVeleroMeta(Wire):
    """metadata."""

    name: str
    namespace: str | None = None
    labels: dict[str, str | None] | None = None


class WireBackupSpec(Wire):
    """spec of a backup, and of a schedule's template."""

    included_namespaces: list[str] | None = None
    excluded_namespaces: list[str] | None = None
    storage_location: str | None = None
    ttl: str | None = None


class WireBackupStatus(Wire):
    """status of a backup."""

    phase: str | None = None
    start_timestamp: str | None = None
    completion_timestamp: str | None = None
    expiration: str | None = None
    errors: int | None = None
    warnings: int | None = None
    failure_reason: str | None = None
    validation_errors: list[str] | None = None


class WireBackup(Wire):
    """A Backup."""

    metadata: WireVeleroMeta
    spec: WireBackupSpec | None = None
    status: WireBackupStatus | None = None


class WireScheduleSpec(Wire):
    """spec of a schedule."""

    schedule: str | None = None
    paused: bool | None = None
    template: WireBackupSpec | None = None


class WireScheduleStatus(Wire):
    """status of a schedule."""

    phase: str | None = None
    last_backup: str | None = None
    validation_errors: list[str] | None = None


class WireSchedule(Wire):
    """A Schedule."""

    metadata: WireVeleroMeta
    spec: WireScheduleSpec | None = None
    status: WireScheduleStatus | None = None


class WireObjectStorage(Wire):
    """spec.objectStorage of a location; its certificate is not decoded."""

    bucket: str | None = None
    prefix: str | None = None


class WireLocationSpec(Wire):
    """spec of a location; its credential and config are not decoded."""

    provider: str | None = None
    access_mode: str | None = None
    default: bool | None = None
    object_storage: WireObjectStorage | None = None


class WireLocationStatus(Wire):
    """status of a location."""

    phase: str | None = None
    last_validation_time: str | None = None
    last_synced_time: str | None = None


class WireLocation(Wire):
    """A BackupStorageLocation."""

    metadata: WireVeleroMeta
    spec: WireLocationSpec | None = None
    status: WireLocationStatus | None = None


def _namespaces(names: list[str] | None) -> tuple[str, ...]:
    """Sorted; all of them (``*``) is the empty tuple."""
    return () if "*" in (names or ()) else tuple(sorted(names or ()))


def _backup(wire: WireBackup) -> tuple[Backup]:
    meta, spec, status = wire.metadata, wire.spec or WireBackupSpec(), wire.status or WireBackupStatus()
    return (
        Backup(
            tool="velero",
            namespace=meta.namespace or "default",
            name=meta.name,
            phase=status.phase or "",
            completed=status.phase == "Completed",
            started_ms=time_ms(status.start_timestamp),
            completed_ms=time_ms(status.completion_timestamp),
            expires_ms=time_ms(status.expiration),
            schedule=(meta.labels or {}).get(_SCHEDULE_LABEL) or "",
            location=spec.storage_location or "",
            included_namespaces=_namespaces(spec.included_namespaces),
            excluded_namespaces=_namespaces(spec.excluded_namespaces),
            errors=status.errors or 0,
            warnings=status.warnings or 0,
            failure=short(status.failure_reason or "; ".join(status.validation_errors or ())),
        ),
    )


def _schedule(wire: WireSchedule) -> tuple[BackupSchedule]:
    meta, spec, status = wire.metadata, wire.spec or WireScheduleSpec(), wire.status or WireScheduleStatus()
    template = spec.template or WireBackupSpec()
    return (
        BackupSchedule(
            tool="velero",
            namespace=meta.namespace or "default",
            name=meta.name,
            schedule=spec.schedule or "",
            suspended=bool(spec.paused),
            phase=status.phase or "",
            last_ms=time_ms(status.last_backup),
            ttl_ms=duration_ms(template.ttl),
            location=template.storage_location or "",
            included_namespaces=_namespaces(template.included_namespaces),
            excluded_namespaces=_namespaces(template.excluded_namespaces),
            failure=short("; ".join(status.validation_errors or ())),
        ),
    )


def _location(wire: WireLocation) -> tuple[BackupLocation]:
    meta, spec, status = wire.metadata, wire.spec or WireLocationSpec(), wire.status or WireLocationStatus()
    storage = spec.object_storage or WireObjectStorage()
    return (
        BackupLocation(
            tool="velero",
            namespace=meta.namespace or "default",
            name=meta.name,
            phase=status.phase or "",
            provider=spec.provider or "",
            bucket="/".join(part for part in (storage.bucket, storage.prefix) if part),
            access=spec.access_mode or "",
            default=bool(spec.default),
            validated_ms=time_ms(status.last_validation_time),
            synced_ms=time_ms(status.last_synced_time),
        ),
    )


_API = "/apis/velero.io/v1"
BACKUPS: Reader[Backup] = Reader("backups", "Backup", _API, Backup, WireBackup, _backup)
SCHEDULES: Reader[BackupSchedule] = Reader("schedules", "Schedule", _API, BackupSchedule, WireSchedule, _schedule)
LOCATIONS: Reader[BackupLocation] = Reader(
    "backupstoragelocations", "BackupStorageLocation", _API, BackupLocation, WireLocation, _location
)
