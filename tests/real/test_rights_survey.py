"""A survey of the live cluster under the shipped read-only role: exact, and honest about each missing right."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shipkeeper.semantics.wire import PLATFORM_READERS
from tests.real.conftest import RUNNER
from tests.real.harness import rights
from tests.real.harness.product import DOES_NOT_FIT, OK, Product
from tests.real.plane.api import Api
from tests.real.plane.cluster import Size, build
from tests.real.plane.plane import Plane

pytestmark = pytest.mark.real

BOTH = [*rights.shipped("survey.yaml"), *rights.shipped(rights.OPTIONAL)]
"""What a survey reads, and the optional right to Helm's records."""

KUBECTL = {
    "nodes": ["nodes"],
    "pods": ["pods"],
    "workloads": ["deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs", "rc"],
    "budgets": ["pdb"],
    "claims": ["pvc"],
    "volumes": ["pv"],
    "attachments": ["volumeattachments"],
    "csiNodes": ["csinodes"],
    "storageClasses": ["sc"],
    "priorityClasses": ["pc"],
    "quotas": ["quota"],
    "services": ["services"],
    "namespaces": ["ns"],
    "leases": ["leases"],
}


@pytest.fixture(scope="module")
def product(plane: Plane, api: Api, runner: Path, tmp_path_factory: pytest.TempPathFactory) -> Product:
    build(api, Size(nodes=6, teams=2, databases=1, jobs=1))
    return Product(tmp_path_factory.mktemp("survey"), runner)


def kubectl_count(plane: Plane, kinds: list[str]) -> int:
    """How many distinct objects kubectl sees."""
    argv = [str(plane.kubectl), "--kubeconfig", str(plane.kubeconfig), "get", ",".join(kinds), "-A", "-o", "name"]
    seen = subprocess.run([*argv, "--show-kind"], capture_output=True, text=True, check=True, timeout=60).stdout
    return len(seen.splitlines())


def survey(product: Product) -> dict[str, Any]:
    answer: dict[str, Any] = product.call("survey", *product.live(), "-o", "json").json
    return answer


@pytest.mark.requirement("R-A1")
def test_the_shipped_role_is_enough_and_the_counts_are_kubectl_s(plane: Plane, api: Api, product: Product) -> None:
    rights.apply(api, BOTH, RUNNER)
    found = survey(product)
    assert found["missing"] == [], "the shipped role lets a survey read less than it needs"
    assert found["cluster"]["serverVersion"] == plane.server_version
    kubectl = {key: kubectl_count(plane, kinds) for key, kinds in KUBECTL.items()}
    mine = {key: found["counts"][key] for key in KUBECTL}
    assert mine == kubectl, "counts of distinct objects differ from kubectl's: something is lost, or counted twice"


def test_each_missing_right_is_told_with_what_it_makes_unknown(api: Api, product: Product) -> None:
    told: dict[str, list[str]] = {}
    served = api.call("GET", "/apis")["groups"]
    groups = {"", *(group["name"] for group in served)}
    for name, objects in rights.single_rights(BOTH):
        full = name.split(" ")[1]
        resource, _, group = full.partition(".")
        if group not in groups:
            # Not installed on this plane: there is nothing that could be refused.
            continue
        rights.apply(api, objects, RUNNER)
        missing = survey(product)["missing"]
        told[name] = [row["what"] for row in missing]
        wanted = "clusterIdentity" if name == "get namespaces" else full if full in PLATFORM_READERS else resource
        assert [row["what"] for row in missing] == [wanted], (
            f"without the right to {name} a survey says that it misses {told[name]}: a gap would pass for nothing there"
        )
        assert missing[0]["why"].startswith("not allowed"), missing
        assert missing[0]["unknown"], missing
    assert len(told) >= 25, f"too few rights were tried: {sorted(told)}"


def test_the_survey_holds_no_secret_and_the_role_reads_none(api: Api, product: Product) -> None:
    canary = "canary-7f3a-secret"
    api.create({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "canary", "namespace": "default"},
        "stringData": {"password": canary},
    }, exist_ok=True)  # fmt: skip
    pod = next(row for row in api.list("Pod") if row["metadata"]["namespace"].startswith("team-"))
    meta = pod["metadata"]
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"password": canary})}
    api.patch("Pod", meta["name"], {"metadata": {"annotations": applied}}, meta["namespace"])
    rights.apply(api, rights.shipped("survey.yaml"), RUNNER)
    saved = product.folder / "night.inv"
    answer = product.call("survey", *product.live(), "--save", str(saved), "-o", "json")
    kept = saved.read_bytes() if saved.is_file() else b"".join(p.read_bytes() for p in saved.rglob("*") if p.is_file())
    for what, text in (("stdout", answer.out.encode()), ("stderr", answer.err.encode()), ("the inventory", kept)):
        assert canary.encode() not in text, f"{what} repeats a secret"
    resources = [
        row
        for obj in rights.shipped("survey.yaml")
        for rule in obj.get("rules", [])
        for row in rule.get("resources", [])
    ]
    assert not {"secrets", "configmaps"} & set(resources)
    checked = product.call("check", "--from", str(saved), "-o", "json", codes=(OK, DOES_NOT_FIT)).json
    assert checked["kind"] == "Findings"
