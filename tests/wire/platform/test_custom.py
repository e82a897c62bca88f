"""Each operator's objects, as their controllers write them, into the model."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from shipkeeper.model.facts import Vulnerability
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.releases import ManifestObject
from shipkeeper.model.time import DAY, HOUR, MINUTE, instant
from shipkeeper.semantics.wire import PLATFORM_READERS, reader_for
from tests.platform_samples import objects as samples
from tests.platform_samples.backups import databases, velero
from tests.platform_samples.base import NOW, SECRET, stamp
from tests.platform_samples.flux import flux
from tests.platform_samples.objects import crd, custom_resources

NOW_MS = instant(NOW)


def read(items: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """Objects of a kind by name."""
    found = {}
    for item in items:
        reader = reader_for(item["apiVersion"], item["kind"])
        assert reader is not None, f"nothing reads {item['kind']} of {item['apiVersion']}"
        if item["kind"] == kind:
            found.update({made.name: made for made in reader.one(json.dumps(item).encode())})
    return found


@pytest.mark.requirement("R-A2")
def test_flux_releases() -> None:
    found = read(flux(), "HelmRelease")
    kyverno, trivy, shop, opensearch = (found[name] for name in ("kyverno", "trivy-operator", "shop", "opensearch"))
    assert (kyverno.chart, kyverno.version, kyverno.pinned, kyverno.last_applied) == ("kyverno", "3.2.6", True, "3.2.6")
    assert (kyverno.ready, kyverno.release_status, kyverno.release_revision) == ("True", "deployed", 4)
    assert kyverno.source == ObjectRef("HelmRepository", "flux-system", "charts")
    assert kyverno.parent == "flux-system/platform"
    assert kyverno.interval_ms == 10 * MINUTE
    assert trivy.pinned is False, "0.2x is a range: an update comes without a plan"
    assert trivy.depends_on == (ObjectRef("HelmRelease", "kyverno", "kyverno"),)
    assert (shop.ready, shop.stalled, shop.stalled_reason, shop.failures) == ("False", True, "RetriesExceeded", 4)
    assert shop.last_applied == "1.4.1", "what was deployed last, not what failed"
    assert "registry.example" not in shop.message, "an address in a message may carry a password"
    assert shop.last_handled == "2026-11-19T08:00:00Z"
    assert (opensearch.suspended, opensearch.ready) == (True, "Unknown")


def test_flux_kustomizations_and_sources() -> None:
    [kustomization] = read(flux(), "Kustomization").values()
    assert (kustomization.last_applied, kustomization.path) == ("main@sha1:4f2c", "./platform")
    assert kustomization.source == ObjectRef("GitRepository", "flux-system", "platform")
    assert kustomization.objects == (
        ManifestObject("helm.toolkit.fluxcd.io/v2", "HelmRelease", "kyverno", "kyverno"),
        ManifestObject("rbac.authorization.k8s.io/v1", "ClusterRole", "", "system:reader"),
    )
    [git] = read(flux(), "GitRepository").values()
    assert (git.version, git.pinned, git.last_applied) == ("main", False, "main@sha1:4f2c")


@pytest.mark.parametrize(
    ("version", "pinned"),
    [
        ("1.2.3", True),
        ("v1.2.3", True),
        ("=1.2.3", True),
        ("1.2.3-rc.1+b", True),
        ("", False),
        ("1.2", False),
        ("^1.2.3", False),
        (">=1.0.0", False),
        ("1.2.x", False),
        ("~1.2.3", False),
        ("1.2.3 || 2.0.0", False),
    ],
)
def test_what_is_pinned_for_helm(version: str, pinned: bool) -> None:
    [item, *_] = flux()
    item["spec"]["chart"]["spec"]["version"] = version
    assert read([item], "HelmRelease")["kyverno"].pinned is pinned


@pytest.mark.parametrize(
    ("ref", "version", "pinned"),
    [
        ({"tag": "1.2.3"}, "1.2.3", True),
        ({"tag": "latest"}, "latest", False),
        ({"semver": "1.x", "tag": "1.0.0"}, "1.x", False),
        ({"digest": "sha256:ab", "tag": "latest"}, "sha256:ab", True),
        (None, "latest", False),
    ],
)
def test_what_is_pinned_for_oci(ref: Any, version: str, pinned: bool) -> None:
    item = {
        "apiVersion": "source.toolkit.fluxcd.io/v1beta2",
        "kind": "OCIRepository",
        "metadata": {"name": "x", "namespace": "f"},
        "spec": {"url": f"oci://user:{SECRET}@registry.example/x", "ref": ref},
    }
    found = read([item], "OCIRepository")["x"]
    assert (found.version, found.pinned, found.url) == (version, pinned, "oci://registry.example/x")


def test_a_release_before_flux_2_2_tells_its_chart_version_in_another_field() -> None:
    item = flux()[0] | {"apiVersion": "helm.toolkit.fluxcd.io/v2beta1"}
    item["status"] = {"lastAppliedRevision": "3.1.0", "lastReleaseRevision": 9, "conditions": []}
    found = read([item], "HelmRelease")["kyverno"]
    assert (found.last_applied, found.release_revision, found.ready) == ("3.1.0", 9, "Unknown")


@pytest.mark.requirement("R-A2")
def test_kyverno_policies_refuse_or_audit() -> None:
    found = read(samples.kyverno(), "ClusterPolicy")
    assert [rule.action for rule in found["require-team"].rules] == ["Enforce"]
    probes = found["require-probes"]
    assert [(rule.type, rule.action) for rule in probes.rules] == [("validate", "Audit"), ("mutate", "")]
    assert (probes.enforced, probes.failure_policy) == (("bank", "shop"), "Ignore")
    [exception] = read(samples.kyverno(), "PolicyException").values()
    assert exception.policies == (("require-team", ("team",)),)


def test_a_rule_s_own_action_stands_before_the_policy_s() -> None:
    item = samples.kyverno()[0]
    item["spec"]["rules"][0]["validate"]["failureAction"] = "Audit"
    assert [rule.action for rule in read([item], "ClusterPolicy")["require-team"].rules] == ["Audit"]


@pytest.mark.parametrize(
    ("actions", "action"), [(None, "Enforce"), (["Audit"], "Audit"), (["Deny", "Audit"], "Enforce"), (["Warn"], "Warn")]
)
def test_kyverno_s_cel_policies(actions: Any, action: str) -> None:
    item = {
        "apiVersion": "policies.kyverno.io/v1alpha1",
        "kind": "ValidatingPolicy",
        "metadata": {"name": "x"},
        "spec": {"validationActions": actions},
        "status": {"conditionStatus": {"ready": True}},
    }
    found = read([item], "ValidatingPolicy")["x"]
    assert (found.rules[0].action, found.ready) == (action, "True")


@pytest.mark.requirement("R-A2")
def test_keycloak() -> None:
    found = read(samples.keycloak(), "Keycloak")["keycloak"]
    assert (found.instances, found.image, found.ready, found.errors) == (2, "", "True", "False")
    assert found.current
    assert found.recreated == "Unknown", "the condition came with 26.2"
    stale = samples.keycloak()[0]
    stale["metadata"]["generation"] = 4
    assert not read([stale], "Keycloak")["keycloak"].current, "Ready of an older spec says nothing of this one"
    [imported] = read(samples.keycloak(), "KeycloakRealmImport").values()
    assert (imported.server, imported.realm, imported.done, imported.errors) == (
        "keycloak",
        "customers",
        "False",
        "True",
    )


@pytest.mark.requirement("R-A2")
def test_databases_and_their_backups() -> None:
    found = read(databases(), "Cluster")
    keycloak, shop = found["keycloak-pg"], found["shop-pg"]
    assert (keycloak.version, keycloak.healthy, keycloak.ready, keycloak.archiving) == ("14.10", True, "True", "False")
    assert (keycloak.backup_method, keycloak.last_backup_ms) == ("barmanObjectStore", NOW_MS - 3 * DAY)
    assert (shop.version, shop.healthy, shop.backup_method, shop.ready) == ("16.4", False, "", "Unknown")
    backups = read(databases(), "Backup")
    assert (backups["keycloak-pg-1"].completed, backups["keycloak-pg-1"].completed_ms) == (True, NOW_MS - 3 * DAY)
    assert (backups["keycloak-pg-2"].completed, backups["keycloak-pg-2"].schedule) == (False, "nightly")
    [schedule] = read(databases(), "ScheduledBackup").values()
    assert (schedule.schedule, schedule.next_ms) == ("0 0 3 * * *", NOW_MS + 15 * HOUR)


def test_a_cluster_backed_up_by_the_plugin_and_its_store() -> None:
    cluster = databases()[1]
    cluster["spec"]["plugins"] = [{"name": "barman-cloud.cloudnative-pg.io", "parameters": {"barmanObjectName": "s"}}]
    assert read([cluster], "Cluster")["shop-pg"].backup_method == "plugin"
    store = {
        "apiVersion": "barmancloud.cnpg.io/v1",
        "kind": "ObjectStore",
        "metadata": {"name": "s", "namespace": "shop"},
        "spec": {"configuration": {"destinationPath": f"s3://k:{SECRET}@backups/x"}},
        "status": {"serverRecoveryWindow": {"shop-pg": {"lastSuccessfulBackupTime": stamp(NOW)}}},
    }
    found = read([store], "ObjectStore")["s"]
    assert (found.bucket, found.windows[0].server, found.windows[0].last_success_ms) == (
        "s3://backups/x",
        "shop-pg",
        NOW_MS,
    )


@pytest.mark.requirement("R-A2")
def test_velero() -> None:
    backups = read(velero(), "Backup")
    assert {name: item.completed for name, item in backups.items()} == {
        "daily-1": True,
        "daily-2": False,
        "daily-3": False,
    }, "partly failed is not a backup to go back to"
    assert backups["daily-1"].expires_ms == instant(NOW + timedelta(days=28))
    assert backups["daily-1"].included_namespaces == (), "* is all of them"
    schedules = read(velero(), "Schedule")
    assert (schedules["daily"].suspended, schedules["weekly"].suspended) == (False, True)
    assert (schedules["daily"].ttl_ms, schedules["daily"].included_namespaces) == (30 * DAY, ("bank", "shop"))
    [location] = read(velero(), "BackupStorageLocation").values()
    assert (location.phase, location.bucket, location.default) == ("Unavailable", "velero/prod", True)


def test_certificates() -> None:
    found = read(samples.certificates(), "Certificate")
    assert found["shop"].not_after_ms == NOW_MS + 9 * DAY
    assert (found["shop"].failed_attempts, found["shop"].issuer) == (4, "ClusterIssuer letsencrypt")


@pytest.mark.requirement("R-B8")
def test_vulnerabilities_worth_acting_on_are_kept_and_the_rest_is_counted() -> None:
    [found] = read(samples.trivy(), "VulnerabilityReport").values()
    assert (found.namespace, found.kind, found.workload, found.container) == ("shop", "ReplicaSet", "web-5d8f", "main")
    assert (found.repository, found.tag, found.scanner_version) == ("shop/web", "2.0", "0.55.0")
    assert (found.critical, found.high, found.medium, found.low) == (1, 1, 1, 1)
    assert found.findings == (
        Vulnerability(
            "CVE-2026-0001", "CRITICAL", "openssl", "3.0.2-0ubuntu1.10", "3.0.2-0ubuntu1.15", 9.8, 1_794_398_400_000
        ),
        Vulnerability("CVE-2026-0002", "HIGH", "zlib1g", "1.2.11", "", 7.5, 1_794_398_400_000),
        Vulnerability("CVE-2026-0004", "MEDIUM", "curl", "7.81.0", "7.81.1", 5.9, 1_794_398_400_000),
    ), "what has a fix, and what is grave without one"
    assert found.dropped == 1
    assert found.updated_ms == NOW_MS - 20 * HOUR


def test_tracee() -> None:
    [found] = read(samples.tracee(), "Policy").values()
    assert [(rule.name, rule.action) for rule in found.rules] == [
        ("anti_debugging", "log"),
        ("fileless_execution", "log"),
    ]


HELM = {"annotations": {"meta.helm.sh/release-name": "kyverno", "meta.helm.sh/release-namespace": "kyverno"}}
KUSTOMIZED = {
    "labels": {"kustomize.toolkit.fluxcd.io/name": "crds", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
}


@pytest.mark.requirement("R-A2")
@pytest.mark.parametrize(
    ("meta", "managed_by", "owner"),
    [
        (HELM, "helm", "kyverno/kyverno"),
        (KUSTOMIZED, "flux", "flux-system/crds"),
        ({"managedFields": [{"manager": "helm-controller"}]}, "helm-crds", ""),
        ({"managedFields": [{"manager": "kubectl-client-side-apply"}]}, "manual", ""),
        ({"managedFields": [{"manager": "kube-apiserver", "subresource": "status"}]}, "unknown", ""),
        ({}, "unknown", ""),
    ],
)
def test_who_brought_a_crd(meta: dict[str, Any], managed_by: str, owner: str) -> None:
    item = crd(
        "keycloaks", "k8s.keycloak.org", "Keycloak", "v2beta1", "v2alpha1", stored=("v2alpha1", "v2beta1"), **meta
    )
    [found] = read([item], "CustomResourceDefinition").values()
    assert (found.managed_by, found.owner) == (managed_by, owner)
    assert (found.storage_version, found.stored_versions) == ("v2beta1", ("v2alpha1", "v2beta1"))
    assert [(version.name, version.deprecated) for version in found.versions] == [
        ("v2beta1", False),
        ("v2alpha1", True),
    ]
    assert (found.conversion, found.webhook) == ("Webhook", "operators/keycloak-webhook")
    assert found.versions[0].schema_digest != found.versions[1].schema_digest


def test_a_crd_of_the_gateway_api_tells_its_bundle() -> None:
    item = crd(
        "gateways",
        "gateway.networking.k8s.io",
        "Gateway",
        "v1",
        annotations={"gateway.networking.k8s.io/bundle-version": "v1.3.0"},
    )
    assert read([item], "CustomResourceDefinition")["gateways.gateway.networking.k8s.io"].bundle_version == "v1.3.0"


@pytest.mark.requirement("R-A2")
def test_no_credential_of_any_operator_is_kept() -> None:
    for item in [*custom_resources(), crd("a", "b.example", "A", "v1")]:
        reader = reader_for(item["apiVersion"], item["kind"])
        assert reader is not None
        for made in reader.one(json.dumps(item).encode()):
            assert SECRET not in repr(made), f"{item['kind']} {item['metadata']['name']} keeps what is secret"


@pytest.mark.parametrize("name", sorted(PLATFORM_READERS))
def test_an_object_with_nothing_but_a_name_is_read(name: str) -> None:
    reader = PLATFORM_READERS[name]
    bare: dict[str, Any] = {"metadata": {"name": "x", "namespace": "y"}}
    if name.startswith("customresourcedefinitions"):
        bare["spec"] = {"group": "g", "names": {"kind": "K", "plural": "p"}}
    [found] = reader.one(json.dumps(bare).encode())
    assert found.name == "x", "what its controller has not written yet is unknown, not an error"
    bare |= {"spec": bare.get("spec"), "status": {}}
    reader.one(json.dumps(bare).encode())


def test_one_object_in_an_unknown_form_does_not_hide_the_others() -> None:
    good, bad = velero()[0], velero()[1]
    bad["status"] = {"errors": "many"}
    page = json.dumps({"metadata": {"resourceVersion": "7"}, "items": [bad, good]}).encode()
    refused: list[tuple[str, str]] = []
    found = PLATFORM_READERS["backups.velero.io"].one_by_one(page, lambda name, why: refused.append((name, why)))
    assert [item.name for item in found.items] == ["daily-1"]
    assert found.resource_version == "7"
    [(name, why)] = refused
    assert name == "velero/daily-2"
    assert "$.status.errors" in why
