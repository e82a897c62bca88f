"""Databases and backups: CloudNativePG and Velero."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.platform_samples.base import NOW, SECRET, Object, ago, condition, made, stamp


def databases(now: datetime = NOW) -> list[Object]:
    """CloudNativePG: one cluster with a backup that failed last, one without any backup; and what was backed up."""
    api = "postgresql.cnpg.io/v1"
    store = {
        "destinationPath": "s3://backups/keycloak",
        "endpointURL": f"https://key:{SECRET}@s3.example",
        "s3Credentials": {
            "accessKeyId": {"name": SECRET, "key": "id"},
            "secretAccessKey": {"name": SECRET, "key": "secret"},
        },
    }
    conditions = [
        condition("Ready", "True", "ClusterIsReady", "Cluster is Ready", now),
        condition("ContinuousArchiving", "False", "ContinuousArchivingFailing", "exit status 4", now),
        condition("LastBackupSucceeded", "False", "LastBackupFailed", "exit status 4", now),
    ]
    return [
        made(
            api,
            "Cluster",
            "keycloak-pg",
            "keycloak",
            spec={
                "instances": 3,
                "imageName": "ghcr.io/cloudnative-pg/postgresql:14.10",
                "storage": {"size": "10Gi"},
                "backup": {"barmanObjectStore": store, "retentionPolicy": "30d"},
            },
            status={
                "phase": "Cluster in healthy state",
                "instances": 3,
                "readyInstances": 3,
                "image": "ghcr.io/cloudnative-pg/postgresql:14.10",
                "currentPrimary": "keycloak-pg-1",
                "firstRecoverabilityPoint": ago(now, days=30),
                "lastSuccessfulBackup": ago(now, days=3),
                "lastFailedBackup": ago(now, hours=9),
                "conditions": conditions,
            },
        ),
        made(
            api,
            "Cluster",
            "shop-pg",
            "shop",
            spec={
                "instances": 1,
                "imageName": "ghcr.io/cloudnative-pg/postgresql:16.4@sha256:" + "3" * 64,
                "storage": {"size": "5Gi"},
            },
            status={"phase": "Failing over", "instances": 1, "readyInstances": 0},
        ),
        made(
            api,
            "Backup",
            "keycloak-pg-1",
            "keycloak",
            metadata={"labels": {"cnpg.io/scheduled-backup": "nightly"}},
            spec={"cluster": {"name": "keycloak-pg"}, "method": "barmanObjectStore"},
            status={
                "phase": "completed",
                "method": "barmanObjectStore",
                "startedAt": ago(now, days=3, minutes=7),
                "stoppedAt": ago(now, days=3),
                "commandOutput": SECRET,
            },
        ),
        made(
            api,
            "Backup",
            "keycloak-pg-2",
            "keycloak",
            metadata={"labels": {"cnpg.io/scheduled-backup": "nightly"}},
            spec={"cluster": {"name": "keycloak-pg"}},
            status={
                "phase": "failed",
                "startedAt": ago(now, hours=9),
                "error": f"cannot reach https://k:{SECRET}@s3.example",
                "commandError": SECRET,
            },
        ),
        made(
            api,
            "ScheduledBackup",
            "nightly",
            "keycloak",
            spec={"schedule": "0 0 3 * * *", "cluster": {"name": "keycloak-pg"}, "suspend": False},
            status={"lastScheduleTime": ago(now, hours=9), "nextScheduleTime": stamp(now + timedelta(hours=15))},
        ),
    ]


def velero(now: datetime = NOW) -> list[Object]:
    """Velero: a good backup, a partly failed one, one that runs, two schedules, a location out of reach."""
    api = "velero.io/v1"

    def backup(name: str, phase: str, started: str, **more: Any) -> Object:
        return made(
            api,
            "Backup",
            name,
            "velero",
            metadata={"labels": {"velero.io/schedule-name": "daily"}},
            spec={
                "includedNamespaces": ["*"],
                "excludedNamespaces": ["kube-system"],
                "storageLocation": "default",
                "ttl": "720h0m0s",
            },
            status={"phase": phase, "startTimestamp": started, **more},
        )

    return [
        backup(
            "daily-1",
            "Completed",
            ago(now, days=2),
            completionTimestamp=ago(now, days=1, hours=23),
            expiration=stamp(now + timedelta(days=28)),
            warnings=2,
        ),
        backup(
            "daily-2",
            "PartiallyFailed",
            ago(now, days=1),
            completionTimestamp=ago(now, hours=23),
            errors=3,
            expiration=stamp(now + timedelta(days=29)),
        ),
        backup("daily-3", "InProgress", ago(now, minutes=20)),
        made(
            api,
            "Schedule",
            "daily",
            "velero",
            spec={
                "schedule": "0 2 * * *",
                "template": {"includedNamespaces": ["shop", "bank"], "ttl": "720h0m0s", "storageLocation": "default"},
            },
            status={"phase": "Enabled", "lastBackup": ago(now, days=1)},
        ),
        made(
            api,
            "Schedule",
            "weekly",
            "velero",
            spec={"schedule": "0 3 * * 0", "paused": True, "template": {}},
            status={"phase": "Enabled"},
        ),
        made(
            api,
            "BackupStorageLocation",
            "default",
            "velero",
            spec={
                "provider": "aws",
                "default": True,
                "accessMode": "ReadWrite",
                "objectStorage": {"bucket": "velero", "prefix": "prod"},
                "credential": {"name": SECRET, "key": "cloud"},
                "config": {"s3Url": f"https://k:{SECRET}@s3.example"},
            },
            status={
                "phase": "Unavailable",
                "lastValidationTime": ago(now, minutes=1),
                "lastSyncedTime": ago(now, hours=3),
            },
        ),
    ]
