"""The verb, as a person and as a program meet it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from shipkeeper.app.inventory_file import load, save
from shipkeeper.cli.main import main
from shipkeeper.model.inventory import Inventory
from tests.builders import deployment, inventory, nodes, pod
from tests.dumps.cluster import dump_json, one_list, small_cluster
from tests.platform_samples.helm import chart, record, release
from tests.platform_samples.objects import crd, custom_resources
from tests.wire.objects import listing


@pytest.fixture
def dump(tmp_path: Path) -> str:
    path = tmp_path / "dump.json"
    path.write_bytes(one_list(small_cluster()))
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["survey", *arguments], env={"COLUMNS": "140"})


def document(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "-o", "json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.requirement("R-A2")
def test_json_has_the_keys_that_other_programs_read(dump: str) -> None:
    found = document("--from", dump)
    assert (found["apiVersion"], found["kind"]) == ("shipkeeper/v1alpha1", "Inventory")
    assert found["source"].startswith(dump)
    assert found["takenAt"] == "2026-01-02T04:00:00.500Z"
    assert (found["counts"]["nodes"], found["counts"]["pods"], found["counts"]["budgets"]) == (3, 4, 1)
    assert found["drainers"] == ["MachineConfigPool", "kured"]
    assert {"what", "why", "unknown", "field"} == set(found["missing"][0])
    assert found == yaml.safe_load(run("--from", dump, "-o", "yaml").stdout)


def test_the_table_says_what_is_there_and_what_is_unknown(dump: str) -> None:
    text = run("--from", dump).stdout
    for words in ("3  nodes", "4  pods", "1  disruption budgets", "v1.34.4", "MachineConfigPool", "volumeattachments"):
        assert words in text, f"{words!r} is not in the table"
    assert "0  " not in text, "what is not there needs no line"


def test_nodes_in_trouble_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.inv"
    save(inventory(*nodes(1, ready=False), *nodes(2, cordoned=True)[1:]), path)
    text = run("--from", str(path)).stdout
    assert "Not Ready: n1" in text
    assert "Cordoned: n2" in text


def test_markdown(dump: str) -> None:
    text = run("--from", dump, "-o", "markdown").stdout
    assert text.startswith("# Inventory")
    assert "| nodes | 3 |" in text
    assert "| volumeattachments |" in text


def test_saved_and_used_again(dump: str, tmp_path: Path) -> None:
    saved = str(tmp_path / "night.inv")
    result = run("--from", dump, "--save", saved, "-o", "json")
    assert json.loads(result.stdout)["counts"] == document("--from", saved)["counts"]
    assert saved in result.stderr, "where it was saved goes to stderr: stdout is data"
    assert isinstance(load(saved), Inventory)


def test_what_changed_since(tmp_path: Path) -> None:
    before, after = str(tmp_path / "a.inv"), str(tmp_path / "b.inv")
    save(inventory(*nodes(2), deployment(on=("n1",))), before)
    save(inventory(*nodes(1), deployment(on=("n1",)), pod("[bold]new")), after)
    found = document("--from", after, "--diff", before)["diff"]
    assert found["sameCluster"] is True
    assert [(kind["kind"], kind["added"], kind["removed"]) for kind in found["kinds"]] == [
        ("Node", [], ["n2"]),
        ("Pod", ["default/[bold]new"], []),
    ]
    text = run("--from", after, "--diff", before).stdout
    assert "Node: 0 new, 1 gone, 0 changed" in text
    assert "+ default/[bold]new" in text
    assert "none" in run("--from", after, "--diff", after).stdout


def test_unknown_kinds_are_said(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    strange = {"kind": "Strange", "apiVersion": "x/v1", "metadata": {"name": "s"}}
    path.write_bytes(dump_json(listing([*small_cluster(), strange])))
    assert document("--from", str(path))["skipped"] == {"Strange": 1}
    assert "Seen and not read: Strange 1" in run("--from", str(path)).stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "say what to look at"),
        (("--from", "x", "--context", "y"), "give one of the two"),
        (("--from", "/no/such/file"), "/no/such/file"),
    ],
)
def test_wrong_calls_are_usage_errors(arguments: tuple[str, ...], told: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert not result.stdout


def test_a_broken_dump_is_an_error_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b'{"kind": "PodList", "items": [{"metadata": {"name": "p"}, "spec": []}]}')
    result = run("--from", str(path), "-o", "json")
    assert result.exit_code == 2
    assert f"{path}: " in result.stderr or '"file"' in result.stderr
    assert "items[0].spec" in result.stderr


@pytest.fixture
def platform_dump(tmp_path: Path) -> str:
    path = tmp_path / "platform.json"
    failed = record(release(name="bank", namespace="bank", revision=2, status="failed"))
    old = record(release(name="bank", namespace="bank", revision=1))
    objects = [*small_cluster(), *custom_resources(), record(release()), failed, old]
    stored = crd("keycloaks", "k8s.keycloak.org", "Keycloak", "v2beta1", "v2alpha1", stored=("v2alpha1", "v2beta1"))
    path.write_bytes(one_list([*objects, stored]))
    return str(path)


@pytest.mark.requirement("R-A2")
def test_the_table_names_what_is_not_as_it_should_be(platform_dump: str) -> None:
    text = " ".join(run("--from", platform_dump).stdout.split())
    for words in (
        "bank/bank shop 1.4.2 2.0.1 failed (revision 2; 1 was deployed) not Flux",
        "shop/shop shop 1.4.2 2.0.1 deployed Flux shop/shop",
        "HelmRelease shop/shop stalled RetriesExceeded",
        "HelmRelease logging/opensearch suspended",
        "trivy-operator 0.2x",
        "PostgreSQL shop/shop-pg 16.4 Failing over",
        "keycloaks.k8s.keycloak.org v2alpha1, v2beta1",
        "velero velero/daily-2 PartiallyFailed",
        "shop/web-5d8f shop/web:2.0 1 1",
        "unknown on 3: nothing tells",
        "/metrics the dump does not hold the API server's metrics which deprecated APIs are in use",
    ):
        assert words in text, f"{words!r} is not in the table"


@pytest.mark.requirement("R-A2")
def test_json_has_the_platform_with_times_and_without_bulk(platform_dump: str) -> None:
    found = document("--from", platform_dump)["platform"]
    assert {item["name"]: item["status"] for item in found["releases"]} == {"bank": "failed", "shop": "deployed"}
    [shop] = [item for item in found["releases"] if item["name"] == "shop"]
    assert (shop["valueKeys"], shop["objects"], shop["firstDeployedAt"]) == (11, 2, "2026-01-05T08:00:00.123Z")
    done = next(item for item in found["backups"] if item["name"] == "keycloak-pg-1")
    assert (done["completed"], done["completedAt"], done["expiresAt"]) == (True, "2026-11-17T12:00:00Z", None)
    assert found["flux"][0]["intervalSeconds"] > 0
    keys = {key for items in found.values() for item in items for key in item}
    assert not [key for key in keys if "_" in key or key.endswith("Ms")]


def test_markdown_has_the_platform(platform_dump: str) -> None:
    text = run("--from", platform_dump, "-o", "markdown").stdout
    assert "| shop/shop | shop 1.4.2 | 2.0.1 | deployed | Flux shop/shop |" in text


@pytest.mark.requirement("R-E4")
def test_facts_of_hosts_are_laid_over_and_kept(platform_dump: str, tmp_path: Path) -> None:
    facts = tmp_path / "facts.jsonl"
    lines = [
        {"node": "n1", "pendingUpdates": 14, "pendingSecurityUpdates": 3, "rebootRequired": True,
         "rebootRequiredSince": "2025-12-20T04:00:00Z", "automaticSecurityUpdates": False},
        {"node": "n2", "pendingUpdates": 0, "pendingSecurityUpdates": 0, "rebootRequired": False},
        {"node": "bastion", "rebootRequired": True},
    ]  # fmt: skip
    facts.write_text("\n".join(json.dumps(line) for line in lines))
    saved = str(tmp_path / "x.inv")
    result = run("--from", platform_dump, "--facts", str(facts), "--save", saved)
    assert "no node of this cluster were left out: bastion" in " ".join(result.stderr.split())
    wanted = (
        "1 of 2 need a reboot, the longest for 13d; 14 updates pending on 2, 3 of them security updates; "
        "security updates are not automatic on 1; unknown on 1: nothing tells (--facts does)"
    )
    assert wanted in " ".join(result.stdout.split())
    assert wanted in " ".join(run("--from", saved).stdout.split()), "what was gathered is saved with the inventory"


def test_facts_that_cannot_be_used_stop_before_anything_is_saved(platform_dump: str, tmp_path: Path) -> None:
    (tmp_path / "facts").write_text('{"node": "n1", "pendingUpdate": 3}')
    saved = tmp_path / "x.inv"
    words = ["survey", "--from", platform_dump, "--facts", str(tmp_path / "facts"), "--save", str(saved)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "pendingUpdate" in result.stderr
    assert not saved.exists()


@pytest.mark.requirement("R-A2")
def test_a_diff_covers_the_platform_and_says_what_it_cannot_tell(platform_dump: str, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    upgraded = record(release(revision=2, chart=chart("shop", "1.5.0")))
    crds = crd("keycloaks", "k8s.keycloak.org", "Keycloak", "v2beta1")
    other.write_bytes(one_list([*small_cluster(), record(release()), upgraded, crds]))
    found = document("--from", str(other), "--diff", platform_dump)["diff"]
    kinds = {item["kind"]: item for item in found["kinds"]}
    [changed] = [item for item in kinds["Release"]["changed"] if item["name"] == "shop/shop"]
    assert {"revision", "chart_version", "deployed_revision"} <= set(changed["fields"])
    [stored] = kinds["CustomResourceDefinition"]["changed"]
    assert set(stored["fields"]) == {"stored_versions", "versions"}
    assert "identityServers" in found["unknown"], "its CRD is there and none was collected"
    assert "Keycloak" not in kinds, "what one of the two could not read has not gone away"
