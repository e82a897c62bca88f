"""Custom resources of an outdated platform, with the status their controllers would have written.

Every version is one that was released. ``now`` is the moment everything is seen from: ages hold whatever the day is.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.platform_samples.backups import databases, velero
from tests.platform_samples.base import NOW, SECRET, Object, ago, condition, made, stamp
from tests.platform_samples.flux import flux


def kyverno(now: datetime = NOW) -> list[Object]:
    """Kyverno 1.12: one policy that refuses, one that audits but refuses in two namespaces, and an exception."""
    # The kinds of 1.12 still require the older field beside the condition.
    ready = {"ready": True, "conditions": [condition("Ready", "True", "Succeeded", "Ready", now)]}
    match = {"any": [{"resources": {"kinds": ["Pod"]}}]}
    rule = {"match": match, "validate": {"message": "no", "pattern": {"metadata": {"labels": {"team": "?*"}}}}}
    return [
        made(
            "kyverno.io/v1",
            "ClusterPolicy",
            "require-team",
            spec={"validationFailureAction": "Enforce", "rules": [{"name": "team", **rule}]},
            status=ready,
        ),
        made(
            "kyverno.io/v1",
            "ClusterPolicy",
            "require-probes",
            spec={
                "validationFailureAction": "audit",
                "background": True,
                "failurePolicy": "Ignore",
                "validationFailureActionOverrides": [{"action": "enforce", "namespaces": ["shop", "bank"]}],
                "rules": [
                    {"name": "probes", **rule},
                    {"name": "label", "match": match, "mutate": {"patchStrategicMerge": {"metadata": {}}}},
                ],
            },
            status=ready,
        ),
        made(
            "kyverno.io/v2",
            "PolicyException",
            "legacy",
            "shop",
            spec={"exceptions": [{"policyName": "require-team", "ruleNames": ["team"]}], "match": match},
        ),
    ]


def keycloak(now: datetime = NOW) -> list[Object]:
    """Keycloak 26.1 under its operator: no image of its own, ready, with a warning; and a realm import that failed."""
    api = "k8s.keycloak.org/v2alpha1"

    def status(type: str, value: str, message: str = "", **more: Any) -> Object:
        return {"type": type, "status": value, "message": message, "lastTransitionTime": ago(now, days=30), **more}

    return [
        made(
            api,
            "Keycloak",
            "keycloak",
            "keycloak",
            metadata={"generation": 3},
            spec={
                "instances": 2,
                "hostname": {"hostname": "id.example"},
                "db": {"vendor": "postgres", "host": "keycloak-pg-rw", "passwordSecret": {"name": SECRET, "key": "p"}},
                "additionalOptions": [{"name": "log-level", "value": SECRET}],
            },
            status={
                "instances": 2,
                "observedGeneration": 3,
                "conditions": [
                    status("Ready", "True", "", observedGeneration=3),
                    status(
                        "HasErrors",
                        "False",
                        "warning: You need to specify these fields as secrets",
                        observedGeneration=3,
                    ),
                    status("RollingUpdate", "False", "", observedGeneration=3),
                ],
            },
        ),
        made(
            api,
            "KeycloakRealmImport",
            "customers",
            "keycloak",
            spec={
                "keycloakCRName": "keycloak",
                "realm": {"realm": "customers", "clients": [{"clientId": "shop", "secret": SECRET}]},
            },
            status={"conditions": [status("Done", "false"), status("HasErrors", "true", "import job failed")]},
        ),
    ]


def certificates(now: datetime = NOW) -> list[Object]:
    """cert-manager: one certificate that ends in nine days and is not renewed, one that is well."""
    api = "cert-manager.io/v1"

    def certificate(name: str, days: float, ready: str, reason: str, **status: Any) -> Object:
        return made(
            api,
            "Certificate",
            name,
            "shop",
            spec={
                "secretName": f"{name}-tls",
                "issuerRef": {"name": "letsencrypt", "kind": "ClusterIssuer"},
                "dnsNames": ["shop.example"],
            },
            status={
                "conditions": [condition("Ready", ready, reason, reason, now)],
                "notBefore": ago(now, days=90 - days),
                "notAfter": stamp(now + timedelta(days=days)),
                "renewalTime": stamp(now + timedelta(days=days - 30)),
                **status,
            },
        )

    return [
        certificate("shop", 9, "True", "Ready", failedIssuanceAttempts=4),
        certificate("api", 80, "True", "Ready"),
    ]


def trivy(now: datetime = NOW) -> list[Object]:
    """Trivy operator: one image with a critical hole that has a fix, and what has none."""
    found = [
        ("CVE-2026-0001", "CRITICAL", "openssl", "3.0.2-0ubuntu1.10", "3.0.2-0ubuntu1.15", 9.8),
        ("CVE-2026-0002", "HIGH", "zlib1g", "1.2.11", "", 7.5),
        ("CVE-2026-0003", "LOW", "bash", "5.1-6", "", 3.3),
        ("CVE-2026-0004", "MEDIUM", "curl", "7.81.0", "7.81.1", 5.9),
    ]
    report = {
        "updateTimestamp": ago(now, hours=20),
        "scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "0.55.0"},
        "registry": {"server": "registry.example"},
        "artifact": {"repository": "shop/web", "tag": "2.0", "digest": "sha256:" + "4" * 64},
        "os": {"family": "ubuntu", "name": "22.04"},
        "summary": {
            "criticalCount": 1,
            "highCount": 1,
            "mediumCount": 1,
            "lowCount": 1,
            "unknownCount": 0,
            "noneCount": 0,
        },
        "vulnerabilities": [
            {
                "vulnerabilityID": id,
                "severity": severity,
                "resource": package,
                "installedVersion": installed,
                "fixedVersion": fixed,
                "score": score,
                "title": SECRET,
                "primaryLink": f"https://{SECRET}.example",
                "links": [],
                "target": "",
                "publishedDate": ago(now, days=9),
                "lastModifiedDate": ago(now, days=9),
            }
            for id, severity, package, installed, fixed, score in found
        ],
    }
    labels = {
        "trivy-operator.resource.kind": "ReplicaSet",
        "trivy-operator.resource.name": "web-5d8f",
        "trivy-operator.resource.namespace": "shop",
        "trivy-operator.container.name": "main",
    }
    return [
        made(
            "aquasecurity.github.io/v1alpha1",
            "VulnerabilityReport",
            "replicaset-web-5d8f-main",
            "shop",
            metadata={"labels": labels},
            report=report,
        )
    ]


def tracee() -> list[Object]:
    """Tracee: one policy."""
    return [
        made(
            "tracee.aquasec.com/v1beta1",
            "Policy",
            "default",
            spec={"scope": ["global"], "rules": [{"event": "anti_debugging"}, {"event": "fileless_execution"}]},
        )
    ]


def custom_resources(now: datetime = NOW) -> list[Object]:
    """All of them."""
    return [
        *flux(now),
        *kyverno(now),
        *keycloak(now),
        *databases(now),
        *velero(now),
        *certificates(now),
        *trivy(now),
        *tracee(),
    ]


def crd(plural: str, group: str, kind: str, *versions: str, stored: tuple[str, ...] = (), **meta: Any) -> Object:
    """A CRD as a server lists it, small: for dumps; the real plane gets the real ones."""
    return made(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        f"{plural}.{group}",
        metadata=meta,
        spec={
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [
                {
                    "name": name,
                    "served": True,
                    "storage": name == versions[0],
                    "deprecated": name != versions[0],
                    "schema": {"openAPIV3Schema": {"type": "object", "description": name}},
                }
                for name in versions
            ],
            "conversion": {
                "strategy": "Webhook",
                "webhook": {
                    "clientConfig": {
                        "service": {"name": f"{kind.lower()}-webhook", "namespace": "operators"},
                        "caBundle": SECRET,
                    }
                },
            },
        },
        status={
            "storedVersions": list(stored or versions[:1]),
            "conditions": [{"type": "Established", "status": "True", "lastTransitionTime": ago(NOW, days=400)}],
        },
    )
