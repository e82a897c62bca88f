"""``shipkeeper classify`` as a person and a program use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from msgspec.structs import replace

from shipkeeper.app.inventory_file import save
from shipkeeper.cli.main import main
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.facts import ImageUse
from shipkeeper.model.releases import ManifestObject, Release
from tests.builders import inventory
from tests.classing.charts import chart_files, packed, write
from tests.classing.test_values import NEW, OLD

KYVERNO = Path(__file__).parent / "kyverno"
PLATFORM = """
name: prod
scope:
  - {component: policies, owner: platform, namespaces: [kyverno]}
  - {component: shop, inside: false, owner: shop, namespaces: [shop]}
people: [{name: lead, roles: [lead]}]
sources: {exploited: kev.json}
"""
KEV = {"dateReleased": "2026-11-20", "vulnerabilities": [{"cveID": "CVE-2026-1234", "dateAdded": "2026-11-18"}]}
AT = "2026-11-21T09:00:00Z"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHIPKEEPER_STATE", str(tmp_path / "state"))
    (tmp_path / "shipkeeper.yaml").write_text(PLATFORM)
    (tmp_path / "kev.json").write_text(json.dumps(KEV))
    return tmp_path


def run(*args: str):
    return CliRunner().invoke(main, ["classify", "--at", AT, *args], prog_name="shipkeeper")


def answer(*args: str):
    result = run(*args, "-o", "json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def crds() -> tuple[str, ...]:
    names = [str(KYVERNO / f"globalcontextentries-{version}.yaml") for version in ("1.12.5", "1.15.2")]
    return ("--component", "kyverno", "--crds-old", names[0], "--crds-new", names[1], "--from-version", "1.12.5",
            "--to-version", "1.15.2")  # fmt: skip


@pytest.mark.requirement("R-B2")
def test_json_has_the_promised_keys(folder):
    found = answer(*crds())
    assert found["kind"] == "ChangeClass" or found["apiVersion"]
    keys = {
        "component",
        "fromVersion",
        "toVersion",
        "class",
        "treatedAs",
        "critical",
        "notice",
        "reasons",
        "evidence",
        "unknown",
    }
    assert keys <= found.keys()
    assert {"source", "kind", "object", "path", "text", "weight", "reach", "used", "affected"} <= found["evidence"][
        0
    ].keys()
    assert {"answer", "reason", "vulnerabilities", "question", "dueNow", "emergency"} <= found["critical"].keys()
    assert found["reasons"][0]["decides"] is True


@pytest.mark.requirement("R-B2")
@pytest.mark.requirement("R-B6")
def test_the_same_definitions_are_minor_or_major_by_who_has_objects(folder):
    """Cluster-wide entries are the platform's; the same break in a namespaced kind reaches whoever has objects."""
    assert answer(*crds())["class"] == "minor"
    for version in ("1.12.5", "1.15.2"):
        document = yaml.safe_load((KYVERNO / f"globalcontextentries-{version}.yaml").read_text())
        document["spec"]["scope"] = "Namespaced"
        (folder / f"{version}.yaml").write_text(yaml.safe_dump(document))
    given = ("--component", "kyverno", "--crds-old", "1.12.5.yaml", "--crds-new", "1.15.2.yaml", "--from-version",
             "1.12.5", "--to-version", "1.15.2")  # fmt: skip
    assert answer(*given)["class"] == "major", "who has objects is not known: the more careful class"

    def objects(namespace: str, **resource: str) -> tuple[str, str]:
        item = {
            "apiVersion": "kyverno.io/v2alpha1",
            "kind": "GlobalContextEntry",
            "metadata": {"name": "entry", "namespace": namespace},
            "spec": {"kubernetesResource": resource},
        }
        listed = {"apiVersion": "v1", "kind": "List", "items": [item]}
        (folder / "objects.yaml").write_text(yaml.safe_dump(listed))
        return "--objects", "objects.yaml"

    whole = {"group": "apps", "version": "v1", "resource": "deployments"}
    assert answer(*given, *objects("shop", **whole))["class"] == "minor", "they have objects, and none is affected"
    assert answer(*given, *objects("shop", resource="pods"))["class"] == "major"
    found = answer(*given, *objects("kyverno", resource="pods"))
    assert found["class"] == "minor", "only the platform's own object is affected"
    assert found["evidence"][0]["affected"] == ["GlobalContextEntry kyverno/entry"]


def test_a_kind_of_which_nothing_was_given_has_none_only_where_all_was_given(folder):
    (folder / "objects.yaml").write_text("apiVersion: v1\nkind: List\nitems: []\n")
    given = (*crds(), "--objects", "objects.yaml")
    assert {one["used"] for one in answer(*given)["evidence"]} == {"unknown"}
    assert {one["used"] for one in answer(*given, "--objects-complete")["evidence"]} == {"no"}


@pytest.mark.requirement("R-B6")
def test_a_chart_with_the_users_values_from_file_and_from_helm(folder):
    write(folder / "old", chart_files(OLD, appVersion="1.0.0"))
    (folder / "new.tgz").write_bytes(
        packed(chart_files(NEW, appVersion="1.1.0", version="1.1.0", kubeVersion=">=1.34"))
    )
    (folder / "mine.yaml").write_text("cleanup: {enabled: false}\nadminPassword: hunter2\n")
    given = ("--component", "shop", "--chart-old", "old", "--chart-new", "new.tgz", "--kubernetes", "v1.33.4")
    result = run(*given, "--values", "mine.yaml", "-o", "json")
    assert "hunter2" not in result.stdout + result.stderr, "a value of the user's was shown"
    found = json.loads(result.stdout)
    assert (found["fromVersion"], found["toVersion"]) == ("1.0.0", "1.1.0")
    paths = {one["path"]: one["used"] for one in found["evidence"]}
    assert paths["cleanup"] == "yes"
    assert "kubeVersion" in paths
    (folder / "mine.yaml").write_text("cleanup: {enabled: false}\ncleanup: {enabled: true}\n")
    refused = run(*given, "--values", "mine.yaml")
    assert "mine.yaml:2:1: 'cleanup' is given twice" in refused.stderr, "the last of the two was taken silently"
    assert "first given at 1:1" in refused.stderr
    release = Release(
        namespace="shop", name="shop", revision=1, chart="shop", value_keys=(("cleanup.enabled", "boolean"),)
    )
    save(replace(inventory(), releases=(release,)), folder / "prod.inv")
    paths = {one["path"]: one["used"] for one in answer(*given, "--from", "prod.inv")["evidence"]}
    assert paths["cleanup"] == "yes", "what Helm recorded is as good as a file"
    assert paths["adminPassword"] == "yes"


@pytest.mark.requirement("R-B3")
def test_exposure_is_asked_answered_and_remembered(folder):
    given = ("--component", "kyverno", "--from-version", "1.12.5", "--to-version", "1.12.6", "--mends", "CVE-2026-1234")
    found = answer(*given)
    assert (found["class"], found["notice"]) == ("security-patch", "emergency")
    assert (found["critical"]["answer"], found["critical"]["dueNow"]) == ("ask", True)
    assert "CVE-2026-1234" in found["critical"]["question"]
    refused = run(*given, "--not-exposed", "CVE-2026-1234=", "--by", "lead")
    assert refused.exit_code == 2
    assert "gives no reason" in refused.stderr
    assert run(*given, "--not-exposed", "CVE-2026-1234=off", "--by", "nobody").exit_code == 2, "nobody of that name"
    broken = run(*given, "--not-exposed", "CVE-2026-1234=off", "--by", "lead", "--changelog", "nowhere")
    assert broken.exit_code == 2
    assert answer(*given)["critical"]["answer"] == "ask", "a call that failed is not on record"
    found = answer(*given, "--not-exposed", "CVE-2026-1234=the part is switched off", "--by", "lead")
    assert found["critical"]["answer"] == "no"
    again = answer(*given)
    assert "says lead: the part is switched off" in again["critical"]["reason"]
    assert again["notice"] == "minor"
    assert answer(*given, "--exposed", "CVE-2026-1234=it is not", "--by", "lead")["critical"]["answer"] == "yes"


@pytest.mark.requirement("R-B7")
def test_a_kubernetes_minor_has_its_own_notice_and_names_apis_in_use(folder):
    kept = ManifestObject("policy/v1beta1", "PodDisruptionBudget", "shop", "budget")
    release = Release(namespace="shop", name="shop", revision=1, objects=(kept,))
    identity = ClusterIdentity(uid="u", server_version="v1.24.9")
    save(replace(inventory(identity=identity), releases=(release,)), folder / "prod.inv")
    found = answer("--component", "kubernetes", "--to-version", "v1.25.3", "--from", "prod.inv")
    assert (found["fromVersion"], found["notice"], found["class"]) == ("v1.24.9", "kubernetes-minor", "major")
    (use,) = [one for one in found["evidence"] if one["source"] == "removed-apis"]
    assert (use["object"], use["reach"]) == ("PodDisruptionBudget shop/budget", "developers")


def test_manifests_and_a_change_log(folder):
    budget = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {}\n"
    (folder / "new.yaml").write_text(budget)
    (folder / "CHANGELOG.md").write_text("## 1.1.0\n- BREAKING: everything\n")
    given = ("--component", "x", "--from-version", "1.0.0", "--to-version", "1.1.0")
    found = answer(*given, "--manifests-new", "new.yaml", "--kubernetes", "1.33", "--changelog", "CHANGELOG.md")
    assert {one["kind"] for one in found["evidence"]} == {"api-removed", "breaking"}
    assert found["class"] == "major"


def test_two_change_logs_complete_each_other(folder):
    (folder / "old.md").write_text("## 1.1.0\n- A flag\n")
    (folder / "new.md").write_text("## 1.2.0\n- Another flag\n")
    given = ("--component", "x", "--from-version", "1.0.0", "--to-version", "1.2.0", "--changelog", "old.md")
    assert answer(*given)["class"] == "unknown", "what 1.2.0 changes is not known"
    assert answer(*given, "--changelog", "new.md")["class"] == "minor"


def test_a_person_reads_it(folder):
    result = run(*crds())
    assert result.exit_code == 0
    assert "kyverno 1.12.5 → 1.15.2: MINOR, developers will not notice" in result.stdout
    for heading in ("Why", "Evidence", "Not known"):
        assert heading in result.stdout
    assert "no change log was given" in result.stdout
    markdown = run(*crds(), "-o", "markdown").stdout
    assert markdown.startswith("# kyverno 1.12.5 → 1.15.2: minor")
    assert "| Weight | Reaches | Used | Input | What |" in markdown


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "what changes is not said"),
        (("--component", "x"), "is not known"),
        (("--component", "x", "--from-version", "1", "--to-version", "2", "--crds-old", "a"), "without --crds-new"),
        (("--component", "x", "--from-version", "1", "--to-version", "2", "--chart-new", "nowhere"), "cannot be read"),
        (("--component", "x", "--from-version", "1", "--to-version", "2", "--changelog", "nowhere"), "cannot be read"),
        (("--updates", "."), "not a git repository"),
    ],
)
def test_wrong_calls_say_what_to_do(folder, args, words):
    result = run(*args)
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_component_is_found_by_what_runs(folder):
    image = ImageUse(image="ghcr.io/kyverno/kyverno:v1.12.5", namespaces=("kyverno",), pods=3)
    save(replace(inventory(), images=(image,)), folder / "prod.inv")
    found = answer("--component", "kyverno", "--to-version", "v1.12.6", "--from", "prod.inv")
    assert found["fromVersion"] == "v1.12.5"
