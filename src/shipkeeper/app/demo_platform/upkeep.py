"""What operators look after: backups, databases, identity, certificates, policies. Some of it as one finds it."""

from __future__ import annotations

from collections.abc import Iterator

from shipkeeper.app.demo_platform.helm import CANARY
from shipkeeper.app.demo_platform.naming import Moment, before, stamp
from shipkeeper.app.demo_platform.parts import App
from shipkeeper.app.demo_platform.podspec import Json, image_of, labels_of
from shipkeeper.app.demo_platform.workloads import meta
from shipkeeper.model.time import DAY, HOUR, MINUTE

BACK = 4
"""So many nights of backups are kept in the dump."""
ENDING = "apps-example-net"
"""The certificate whose renewal has failed for a week: the DNS credentials of its issuer were rotated."""
_CERTIFICATES = (
    ("harbor", "harbor-tls", 61, "Issuer", "internal"),
    ("ingress-nginx", ENDING, 12, "ClusterIssuer", "public"),
    ("keycloak", "keycloak-tls", 47, "ClusterIssuer", "public"),
    ("monitoring", "grafana-tls", 53, "Issuer", "internal"),
    ("team-bank", "payments-tls", 70, "ClusterIssuer", "public"),
    ("team-shop", "storefront-tls", 58, "ClusterIssuer", "public"),
)
"""(namespace, name, days until it ends at the first survey, kind of issuer, issuer)."""
_STORE = {"destinationPath": "s3://demo-backups/postgres", "endpointURL": f"https://key:{CANARY}@s3.example.net"}


def upkeep(apps: tuple[App, ...], moment: Moment) -> list[Json]:
    """Every such object."""
    found = [*_velero(moment), *_identity(apps, moment), *_policies()]
    for app in apps:
        if app.kind == "Cluster":
            found += [_database(app, moment), *_database_backups(app, moment)]
    return [*found, *(_certificate(*one, moment) for one in _CERTIFICATES)]


def _database(app: App, moment: Moment) -> Json:
    """A healthy cluster of CloudNativePG; with credentials where people put them."""
    conditions = [
        {"lastTransitionTime": moment.ago(19), "reason": "ClusterIsReady", "status": "True", "type": "Ready"},
        {"lastTransitionTime": moment.ago(19), "reason": "ContinuousArchivingSuccess", "status": "True", "type": "ContinuousArchiving"},
        {"lastTransitionTime": moment.ago(1), "reason": "LastBackupSucceeded", "status": "True", "type": "LastBackupSucceeded"},
    ]  # fmt: skip
    status = {
        "conditions": conditions,
        "currentPrimary": f"{app.name}-1",
        "firstRecoverabilityPoint": moment.ago(14),
        "image": image_of(app),
        "instances": app.replicas,
        "lastSuccessfulBackup": stamp(_night_ms(moment, 0, 2) + 14 * MINUTE),
        "phase": "Cluster in healthy state",
        "readyInstances": app.replicas,
    }
    spec = {
        "backup": {"barmanObjectStore": _STORE, "retentionPolicy": "14d"},
        "imageName": image_of(app),
        "instances": app.replicas,
        "storage": {"size": app.storage, "storageClass": "fast-zonal"},
    }
    made = _made(
        "postgresql.cnpg.io/v1", "Cluster", app.namespace, app.name, before(180, app.key),
        labels=labels_of(app), spec=spec, status=status,
    )  # fmt: skip
    made["metadata"]["generation"] = 1
    return made


def _night_ms(moment: Moment, back: int, hour: int) -> int:
    """That hour (UTC) of the last night, or of one so many nights before."""
    return moment.at_ms - moment.at_ms % DAY - back * DAY + hour * HOUR


def _made(api_version: str, kind: str, namespace: str, name: str, created: int, **more: Json) -> Json:
    labels = more.pop("labels", {})
    return {"apiVersion": api_version, "kind": kind, "metadata": meta(kind, namespace, name, created, labels), **more}


def _velero(moment: Moment) -> Iterator[Json]:
    """Nightly, and of the last two nights of the first survey only half arrived."""
    api, namespace = "velero.io/v1", "velero"
    location = {"bucket": "demo-velero", "prefix": "prod"}
    yield _made(
        api, "BackupStorageLocation", namespace, "default", before(212, "velero"),
        spec={"accessMode": "ReadWrite", "config": {"s3Url": "https://s3.example.net"}, "default": True,
              "objectStorage": location, "provider": "aws"},
        status={"lastSyncedTime": moment.ago(0.002), "lastValidationTime": moment.ago(0.001), "phase": "Available"},
    )  # fmt: skip
    template = {
        "excludedNamespaces": ["kube-system"],
        "includedNamespaces": ["*"],
        "storageLocation": "default",
        "ttl": "336h0m0s",
    }
    yield _made(
        api, "Schedule", namespace, "nightly", before(200, "nightly"),
        spec={"schedule": "0 1 * * *", "template": template},
        status={"lastBackup": stamp(_night_ms(moment, 0, 1)), "phase": "Enabled"},
    )  # fmt: skip
    for back in range(BACK):
        started = _night_ms(moment, back, 1)
        partly = back < 2 and not moment.mended
        yield _made(
            api, "Backup", namespace, f"nightly-{stamp(started)[:10].replace('-', '')}010000", started,
            labels={"velero.io/schedule-name": "nightly"},
            spec=template,
            status={
                "completionTimestamp": stamp(started + 37 * MINUTE),
                "expiration": stamp(started + 14 * DAY),
                "phase": "PartiallyFailed" if partly else "Completed",
                "startTimestamp": stamp(started),
                **({"errors": 2, "warnings": 1} if partly else {}),
            },
        )  # fmt: skip


def _database_backups(app: App, moment: Moment) -> Iterator[Json]:
    api, schedule = "postgresql.cnpg.io/v1", f"{app.name}-nightly"
    yield _made(
        api, "ScheduledBackup", app.namespace, schedule, before(200, schedule),
        spec={"cluster": {"name": app.name}, "schedule": "0 0 2 * * *", "suspend": False},
        status={"lastScheduleTime": stamp(_night_ms(moment, 0, 2)), "nextScheduleTime": stamp(_night_ms(moment, -1, 2))},
    )  # fmt: skip
    for back in range(2):
        started = _night_ms(moment, back, 2)
        yield _made(
            api, "Backup", app.namespace, f"{schedule}-{stamp(started)[:10].replace('-', '')}", started,
            labels={"cnpg.io/scheduled-backup": schedule},
            spec={"cluster": {"name": app.name}, "method": "barmanObjectStore"},
            status={
                "method": "barmanObjectStore",
                "phase": "completed",
                "startedAt": stamp(started),
                "stoppedAt": stamp(started + 14 * MINUTE),
            },
        )  # fmt: skip


def _identity(apps: tuple[App, ...], moment: Moment) -> Iterator[Json]:
    """Keycloak's own object, and a realm with a client's secret in it."""
    server = next(app for app in apps if app.key == "keycloak/keycloak")
    api = "k8s.keycloak.org/v2beta1"
    ready = {"lastTransitionTime": moment.ago(19), "observedGeneration": 3, "status": "True", "type": "Ready"}
    fine = {"lastTransitionTime": moment.ago(79), "observedGeneration": 3, "status": "False", "type": "HasErrors"}
    made = _made(
        api, "Keycloak", server.namespace, "keycloak", before(190, "keycloak"),
        spec={"db": {"passwordSecret": {"key": "password", "name": "keycloak-pg-app"}, "vendor": "postgres"},
              "image": f"{server.image}:{server.version}", "instances": server.replicas, "update": {"strategy": "Auto"}},
        status={"conditions": [ready, fine], "instances": server.replicas, "observedGeneration": 3},
    )  # fmt: skip
    made["metadata"]["generation"] = 3
    yield made
    yield _made(
        api, "KeycloakRealmImport", server.namespace, "customers", before(150, "customers"),
        spec={"keycloakCRName": "keycloak",
              "realm": {"clients": [{"clientId": "storefront", "secret": CANARY}], "realm": "customers"}},
        status={"conditions": [{"status": "True", "type": "Done"}, {"status": "False", "type": "HasErrors"}]},
    )  # fmt: skip


def _certificate(namespace: str, name: str, days: int, kind: str, issuer: str, moment: Moment) -> Json:
    ending = name == ENDING and not moment.mended
    ends = before(-days, name) // HOUR * HOUR
    if name == ENDING and moment.mended:
        ends += 81 * DAY
    begins = ends - 90 * DAY
    ready = {"lastTransitionTime": moment.ago(30), "reason": "Ready", "status": "True", "type": "Ready"}
    status: Json = {
        "conditions": [ready],
        "notAfter": stamp(ends),
        "notBefore": stamp(begins),
        "renewalTime": stamp(begins + 60 * DAY),
    }
    if ending:
        issuing = {"lastTransitionTime": moment.ago(7), "reason": "Failed", "status": "False", "type": "Issuing"}
        status |= {"conditions": [ready, issuing], "failedIssuanceAttempts": 6, "lastFailureTime": moment.ago(0.3)}
    return _made(
        "cert-manager.io/v1", "Certificate", namespace, name, before(180, name),
        spec={"dnsNames": [f"{name.removesuffix('-tls')}.example.net"], "issuerRef": {"kind": kind, "name": issuer},
              "secretName": name},
        status=status,
    )  # fmt: skip


def _policies() -> Iterator[Json]:
    """Kyverno's: two that refuse, one that only watches so far, one of the newer kind, one exception."""
    for name, action in (
        ("disallow-privileged", "Enforce"),
        ("require-requests", "Audit"),
        ("verify-images", "Enforce"),
    ):
        rule: Json = {"match": {"any": [{"resources": {"kinds": ["Pod"]}}]}, "name": name}
        if name == "verify-images":
            rule["verifyImages"] = [{"failureAction": action, "imageReferences": ["registry.example.net/*"]}]
        else:
            rule["validate"] = {"failureAction": action, "message": f"{name} says no"}
        yield _made(
            "kyverno.io/v1", "ClusterPolicy", "", name, before(140, name),
            spec={"background": True, "rules": [rule]},
            status={"conditions": [{"reason": "Succeeded", "status": "True", "type": "Ready"}]},
        )  # fmt: skip
    yield _made(
        "policies.kyverno.io/v1", "ValidatingPolicy", "", "require-owner-label", before(35, "require-owner-label"),
        spec={"validationActions": ["Audit"]},
        status={"conditionStatus": {"ready": True}},
    )  # fmt: skip
    yield _made(
        "kyverno.io/v2", "PolicyException", "team-legacy", "fax-bridge", before(120, "fax-bridge"),
        spec={"exceptions": [{"policyName": "require-requests", "ruleNames": ["require-requests"]}]},
    )  # fmt: skip
