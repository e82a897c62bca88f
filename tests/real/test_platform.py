"""The platform on a real plane: real CRDs, releases by the real helm, read under the shipped rights."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shipkeeper.app.inventory_file import load as load_saved
from shipkeeper.model.inventory import Inventory
from tests.platform_samples.base import SECRET
from tests.platform_samples.helm import record, release
from tests.real.conftest import RUNNER, not_here
from tests.real.harness import platform_objects, rights
from tests.real.harness.helm import CANARY, Helm, chart, helm
from tests.real.harness.product import Product
from tests.real.plane import waits
from tests.real.plane.api import Api
from tests.real.plane.cluster import Size, build
from tests.real.plane.plane import Plane, Unavailable

pytestmark = pytest.mark.real
NAMESPACE = "helm-real"
ALWAYS = frozenset({"secrets", "configmaps", "/metrics", "customresourcedefinitions.apiextensions.k8s.io"})
BOTH = ("survey.yaml", rights.OPTIONAL)


@pytest.fixture(scope="module")
def loaded(api: Api) -> list[dict[str, Any]]:
    """The CRDs and the samples, as the server has them."""
    try:
        files = platform_objects.crd_files()
    except Unavailable as gone:
        not_here(f"no platform parts: {gone}")
    return platform_objects.load(api, files, datetime.now(UTC))


@pytest.fixture(scope="module")
def real_helm(plane: Plane, api: Api, loaded: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Helm]:
    """helm, with releases in every state that it can leave them in."""
    build(api, Size.small())
    folder = tmp_path_factory.mktemp("helm")
    found = helm(plane.kubeconfig, folder)
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, exist_ok=True)
    one, two = chart(folder, "web", "1.0.0", "7.1"), chart(folder, "web", "1.1.0", "7.2", kubeVersion=">=1.25.0-0")
    where = ("-n", NAMESPACE)
    found.call("install", "well", str(one), *where)
    found.call("upgrade", "well", str(two), *where, "--set", f"password={CANARY},image=registry.example/app:2")
    found.call("install", "broken", str(one), *where)
    found.call("upgrade", "broken", str(two), *where, "--set", "broken=true", fails=True)
    found.call("install", "in-configmap", str(one), *where, driver="configmap")
    _interrupted(api, found, one)
    try:
        yield found
    finally:
        for kind in ("Secret", "ConfigMap", "Deployment"):
            api.delete_all(kind, NAMESPACE)


def _interrupted(api: Api, found: Helm, home: Path) -> None:
    """A helm that is killed while it waits leaves its release pending."""
    words = ("install", "stuck", str(home), "-n", NAMESPACE, "--wait", "--set", "nodeSelector.no=where")
    child = found.begin(*words)
    try:
        waits.until(lambda: None if api.find("Deployment", "stuck", NAMESPACE) else "not yet", 60, "helm applied it")
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(30)


@pytest.fixture(scope="module")
def product(runner: Path, tmp_path_factory: pytest.TempPathFactory) -> Product:
    return Product(tmp_path_factory.mktemp("platform"), runner)


def survey(product: Product, name: str = "x.inv") -> tuple[dict[str, Any], Inventory]:
    """(what is printed as JSON, what is saved)."""
    saved = product.folder / name
    printed: dict[str, Any] = product.call("survey", *product.live(), "--save", str(saved), "-o", "json").json
    return printed, load_saved(saved)


@pytest.fixture
def both_rights(api: Api) -> None:
    rights.apply(api, [obj for file in BOTH for obj in rights.shipped(file)], RUNNER)


@pytest.mark.requirement("R-A2")
@pytest.mark.usefixtures("both_rights")
def test_everything_on_the_platform_is_read_under_the_shipped_rights(
    loaded: list[dict[str, Any]], real_helm: Helm, product: Product
) -> None:
    printed, found = survey(product)
    assert printed["missing"] == [], "the shipped roles let a survey read less than it needs"
    kinds = {
        "flux": ("HelmRelease", "Kustomization", "GitRepository", "HelmRepository"),
        "policies": ("ClusterPolicy", "Policy"),
        "policy_exceptions": ("PolicyException",),
        "backup_schedules": ("Schedule", "ScheduledBackup"),
        "backups": ("Backup",),
        "backup_locations": ("BackupStorageLocation",),
        "identity_servers": ("Keycloak",),
        "realm_imports": ("KeycloakRealmImport",),
        "certificates": ("Certificate",),
        "vulnerability_reports": ("VulnerabilityReport",),
    }
    for field, names in kinds.items():
        there = sum(item["kind"] in names for item in loaded)
        assert len(getattr(found, field)) == there > 0, f"{field}: not what was put there"
    assert len(found.database_clusters) == 2
    assert len(found.crds) == len(
        {crd["metadata"]["name"] for crd in platform_objects.crds_in(platform_objects.crd_files())}
    )
    by_group = {crd.group for crd in found.crds}
    assert {"kyverno.io", "velero.io", "helm.toolkit.fluxcd.io", "gateway.networking.k8s.io"} <= by_group
    helm_release = next(crd for crd in found.crds if crd.name == "helmreleases.helm.toolkit.fluxcd.io")
    assert (helm_release.storage_version, helm_release.managed_by) == ("v2", "manual")
    assert {version.name for version in helm_release.versions} == {"v2", "v2beta1", "v2beta2"}
    assert next(crd for crd in found.crds if crd.name.startswith("gateways.gateway")).bundle_version == "v1.3.0"
    [keycloak] = found.identity_servers
    assert (keycloak.ready, keycloak.current) == ("True", True)


@pytest.mark.requirement("R-A2")
@pytest.mark.usefixtures("both_rights")
def test_releases_are_what_the_real_helm_says(real_helm: Helm, product: Product) -> None:
    _, found = survey(product)
    mine = {item.name: item for item in found.releases if item.namespace == NAMESPACE}
    assert {name: (item.status, item.revision, item.storage) for name, item in mine.items()} == {
        "well": ("deployed", 2, "secret"),
        "broken": ("failed", 2, "secret"),
        "in-configmap": ("deployed", 1, "configmap"),
        "stuck": ("pending-install", 1, "secret"),
    }
    well, broken = mine["well"], mine["broken"]
    assert (well.chart, well.chart_version, well.app_version, well.kube_version) == (
        "web",
        "1.1.0",
        "7.2",
        ">=1.25.0-0",
    )
    assert broken.deployed_revision == 1, "what runs is the revision before the one that failed"
    assert {(item.kind, item.name) for item in well.objects} == {("Deployment", "well"), ("Secret", "well")}
    assert well.value_keys == (("image", "string"), ("password", "string")), "what --set gave, and only its paths"
    assert well.apply_method == "ssa"
    listed = json.loads(real_helm.call("list", "-n", NAMESPACE, "-o", "json"))
    assert {(row["name"], row["revision"], row["status"], row["chart"], row["app_version"]) for row in listed} == {
        (item.name, str(item.revision), item.status, f"{item.chart}-{item.chart_version}", item.app_version)
        for item in mine.values()
        if item.storage == "secret"
    }, "helm itself says otherwise"
    lasted = well.last_deployed_ms - well.first_deployed_ms
    assert 0 < lasted < 300_000


@pytest.mark.requirement("R-A2")
@pytest.mark.usefixtures("both_rights")
def test_no_secret_of_the_platform_is_printed_or_saved(real_helm: Helm, product: Product) -> None:
    saved = product.folder / "secret.inv"
    for output in ("json", "table"):
        answer = product.call("survey", *product.live(), "--save", str(saved), "-o", output)
        for canary in (CANARY, SECRET):
            assert canary not in answer.out + answer.err, f"{output} repeats what a release or an operator keeps secret"
    whole = repr(load_saved(saved))
    assert "well" in whole
    assert CANARY not in whole
    assert SECRET not in whole


@pytest.mark.requirement("R-A2")
def test_without_the_right_to_secrets_releases_are_what_labels_and_flux_tell(
    api: Api, real_helm: Helm, product: Product
) -> None:
    rights.apply(api, rights.shipped("survey.yaml"), RUNNER)
    printed, found = survey(product)
    assert {row["what"] for row in printed["missing"]} == {"secrets", "configmaps"}
    assert all(row["field"] == "releases" and row["unknown"] for row in printed["missing"])
    told = {item.name: item for item in found.releases}
    assert (told["well"].storage, told["well"].chart, told["well"].chart_version) == ("labels-only", "web", "1.1.0")
    assert told["well"].status == "unknown", "that it is deployed is nowhere but in its record"
    assert (told["kyverno"].storage, told["kyverno"].chart_version, told["kyverno"].owner) == (
        "flux-status", "3.2.6", "kyverno/kyverno",
    )  # fmt: skip
    assert not cluster_gaps(printed), "and nothing else is missing for it"


def cluster_gaps(printed: dict[str, Any]) -> list[str]:
    return [row["what"] for row in printed["missing"] if not row["field"]]


@pytest.mark.requirement("R-A2")
def test_each_missing_right_is_a_gap_of_its_own(api: Api, loaded: object, product: Product) -> None:
    told = 0
    everything = [obj for file in BOTH for obj in rights.shipped(file)]
    served = {f"{row['spec']['names']['plural']}.{row['spec']['group']}" for row in api.call(
        "GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]}  # fmt: skip
    for name, objects in rights.single_rights(everything):
        what = name.split(" ")[1]
        if what not in served and what not in (
            "secrets",
            "configmaps",
            "/metrics",
            "customresourcedefinitions.apiextensions.k8s.io",
        ):
            continue
        rights.apply(api, objects, RUNNER)
        missing = product.call("survey", *product.live(), "-o", "json").json["missing"]
        assert [row["what"] for row in missing] == [what], f"without the right to {name}: {missing}"
        assert missing[0]["field"]
        assert missing[0]["unknown"]
        told += 1
    assert told >= 24, "too few of the platform's rights were tried"


def test_a_release_with_a_removed_api_is_read_from_its_record(api: Api, both_rights: None, product: Product) -> None:
    manifest = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata:\n  name: old\n  namespace: default\n"
    item = record(release(name="legacy", namespace="default", manifest=manifest, hooks=[]))
    item["metadata"].pop("uid")
    api.create(item, exist_ok=True)
    try:
        _, found = survey(product)
        [legacy] = [one for one in found.releases if one.name == "legacy"]
        assert [(one.api_version, one.kind) for one in legacy.objects] == [("policy/v1beta1", "PodDisruptionBudget")]
    finally:
        api.delete("Secret", item["metadata"]["name"], "default")
