"""Three real dumps, from survey to rehearsal: what the product says of clusters that nobody made for it.

Two OpenShift must-gathers (6 nodes each) and a one-node k3s support bundle, from ``$SHIPKEEPER_TEST_DATA/dumps``.
They need no control plane. Counts are compared with a reader of the tests' own.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.real.harness.product import DOES_NOT_FIT, OK, REFUSED, USAGE, Product

pytestmark = [pytest.mark.real, pytest.mark.slow]

AWS, AZURE, K3S = "must-gather-aws.tar.xz", "must-gather-azure.tar.xz", "support-bundle-k3s.tar.gz"
MUST_GATHERS = (AWS, AZURE)


@pytest.fixture(scope="module")
def dumps() -> Path:
    folder = Path(os.environ.get("SHIPKEEPER_TEST_DATA", "")) / "dumps"
    if "SHIPKEEPER_TEST_DATA" not in os.environ or not folder.is_dir():
        pytest.skip("no dumps: SHIPKEEPER_TEST_DATA names no folder that has them")
    return folder


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Product:
    return Product(tmp_path_factory.mktemp("dumps"), Path("/nonexistent"))


@pytest.fixture(scope="module")
def surveyed(dumps: Path, product: Product) -> dict[str, dict[str, Any]]:
    """What ``survey`` says of each; the inventories are saved beside it as ``<dump>.inv``."""
    return {
        name: product.call("survey", "--from", str(dumps / name), "--save", f"{name}.inv", "-o", "json").json
        for name in (*MUST_GATHERS, K3S)
    }


def documents(archive: Path) -> Iterator[dict[str, Any]]:
    """Every object in an archive's YAML and JSON files, lists taken apart."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with tarfile.open(archive) as packed:
        for member in packed:
            if not member.isfile() or not member.name.endswith((".yaml", ".yml", ".json")):
                continue
            opened = packed.extractfile(member)
            assert opened is not None
            try:
                found = yaml.load(opened, loader)  # safe loader
            except yaml.YAMLError:
                continue
            stack = [found]
            while stack:
                item = stack.pop()
                if isinstance(item, list):
                    stack.extend(item)
                elif isinstance(item, dict) and isinstance(item.get("items"), list):
                    stack.extend(item["items"])
                elif isinstance(item, dict) and isinstance(item.get("metadata"), dict):
                    yield item


@pytest.mark.requirement("R-A1")
@pytest.mark.parametrize("name", MUST_GATHERS)
def test_counts_are_of_distinct_objects(dumps: Path, surveyed: dict[str, dict[str, Any]], name: str) -> None:
    uids: dict[str, list[str]] = defaultdict(list)
    for obj in documents(dumps / name):
        if obj.get("kind") in ("Node", "Pod", "PodDisruptionBudget", "Namespace") and obj["metadata"].get("uid"):
            uids[obj["kind"]].append(obj["metadata"]["uid"])
    counts = surveyed[name]["counts"]
    for kind, key in (
        ("Node", "nodes"),
        ("Pod", "pods"),
        ("PodDisruptionBudget", "budgets"),
        ("Namespace", "namespaces"),
    ):
        assert counts[key] == len(set(uids[kind])), (
            f"{key}: a must-gather holds some objects twice, and none is to be lost"
        )
    assert len(uids["Pod"]) > len(set(uids["Pod"])), "this dump holds no pod twice: it proves nothing here"


def test_the_support_bundle_tells_what_it_lacks(surveyed: dict[str, dict[str, Any]]) -> None:
    found = surveyed[K3S]
    assert (found["counts"]["nodes"], found["counts"]["pods"]) == (1, 7)
    missing = {row["what"]: row["unknown"] for row in found["missing"]}
    assert {"csinodes", "validatingwebhookconfigurations", "mutatingwebhookconfigurations"} <= set(missing)
    assert all(missing.values()), "a gap without what it makes unknown"


@pytest.mark.parametrize("name", MUST_GATHERS)
def test_another_owner_of_reboots_is_told_by_survey_check_and_plan(
    product: Product, surveyed: dict[str, dict[str, Any]], name: str
) -> None:
    assert "MachineConfigPool" in surveyed[name]["drainers"]
    findings = product.call("check", "--from", f"{name}.inv", "-o", "json", codes=(DOES_NOT_FIT,)).json["items"]
    owners = [row for row in findings if row["rule"] == "other-drainer" and "machine-config" in row["message"]]
    assert owners, "check is silent about the machine-config operator"
    assert owners[0]["severity"] == "warning"
    assert "reboot" in owners[0]["consequence"]
    plan = product.call("plan", "nodes", "--from", f"{name}.inv", "-o", "json").json
    notes = "\n".join(plan["notes"])
    assert "machine-config operator owns reboots here too" in notes, notes
    assert "Cluster API" not in notes, "the Machines of OpenShift are not those of Cluster API"


@pytest.mark.parametrize("name", MUST_GATHERS)
def test_control_plane_nodes_are_never_chosen_by_default_and_come_alone_and_last(
    product: Product, surveyed: dict[str, dict[str, Any]], name: str
) -> None:
    plan = product.call("plan", "nodes", "--from", f"{name}.inv", "--save", f"{name}.plan", "-o", "json").json
    chosen = [node for batch in plan["batches"] for node in batch]
    assert len(chosen) == 3, chosen
    masters = [row["name"] for row in plan["nodes"] if row["controlPlane"]]
    assert not masters, f"control-plane nodes chosen without being asked for: {masters}"
    left_out = next(note for note in plan["notes"] if "left out" in note)
    assert "--allow-control-plane" in left_out

    whole = product.call(
        "plan", "nodes", "--allow-control-plane", "--max-parallel", "3", "--from", f"{name}.inv", "-o", "json"
    ).json
    masters = [row["name"] for row in whole["nodes"] if row["controlPlane"]]
    assert len(masters) == 3
    last = whole["batches"][-3:]
    assert sorted(node for batch in last for node in batch) == sorted(masters), "control plane is not last"
    assert all(len(batch) == 1 for batch in last), "two control-plane nodes away at once: quorum"


@pytest.mark.parametrize("name", MUST_GATHERS)
def test_what_would_block_is_said_three_times_alike(
    product: Product, surveyed: dict[str, dict[str, Any]], name: str
) -> None:
    """check, plan and rehearse name the same pods, for the same reason."""
    checked = product.call("check", "--from", f"{name}.inv", "-o", "json", codes=(DOES_NOT_FIT,)).json["items"]
    empty_dir = {node for row in checked if row["rule"] == "pod-empty-dir" for node in row["nodes"]}
    unmanaged = {node for row in checked if row["rule"] == "pod-unmanaged" for node in row["nodes"]}
    plan = product.call("plan", "nodes", "--from", f"{name}.inv", "--save", f"{name}.plan", "-o", "json").json
    workers = {node for batch in plan["batches"] for node in batch}
    noted = {note.split(" ")[0] for note in plan["notes"] if "cannot be drained as things are" in note}
    assert noted == (empty_dir | unmanaged) & workers, "check and plan disagree about which nodes can be drained"
    forecast = product.call(
        "rehearse", f"{name}.plan", "--from", f"{name}.inv", "--seeds", "5", "-o", "json", codes=(DOES_NOT_FIT,)
    ).json
    assert forecast["verdict"] == "blocked"
    first = next(node for batch in plan["batches"] for node in batch if node in noted)
    assert [row["node"] for row in forecast["blocked"]][:1] == [first], (
        "the run holds at the first node it cannot drain"
    )


@pytest.mark.parametrize("name", MUST_GATHERS)
def test_with_the_permissions_that_check_names_the_rehearsal_comes_to_an_end(
    product: Product, surveyed: dict[str, dict[str, Any]], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    product.call(
        "plan", "nodes", "--delete-emptydir-data", "--allow-unmanaged", "--from", f"{name}.inv", "--save", "let.plan"
    )  # fmt: skip
    answer = product.call(
        "rehearse", "let.plan", "--from", f"{name}.inv", "--seeds", "20", "-o", "json", codes=(OK, DOES_NOT_FIT)
    )
    forecast = answer.json
    blocked = [(row["node"], row["pod"], row["rule"], row["reason"]) for row in forecast["blocked"]]
    with capsys.disabled():
        print(f"\n{name}: {forecast['verdict']}, P50 {forecast['durationSeconds']['p50']} s, blocked {blocked}")
    assert forecast["verdict"] == "fits", f"nothing that check calls an error is left, and yet: {blocked}"
    assert all(node["done"] for node in forecast["nodes"])
    unknown = [row for row in forecast["assumptions"] if row["source"] == "unknown"]
    assert {"persistentvolumes", "other-namespaces"} <= {row["what"].split(" ")[0] for row in unknown}


def test_the_only_node_is_refused_until_the_outage_is_acknowledged_and_then_foretold(
    product: Product, surveyed: dict[str, dict[str, Any]]
) -> None:
    none = product.call("plan", "nodes", "--from", f"{K3S}.inv", "-o", "json", codes=(USAGE, REFUSED))
    assert "--allow-control-plane" in none.err
    alone = product.call("plan", "nodes", "--allow-control-plane", "--from", f"{K3S}.inv", codes=(USAGE, REFUSED))
    assert "only control-plane node" in alone.err
    product.call(
        "plan", "nodes", "--allow-control-plane", "--accept-api-outage", "--delete-emptydir-data",
        "--from", f"{K3S}.inv", "--save", "k3s.plan",
    )  # fmt: skip
    forecast = product.call(
        "rehearse", "k3s.plan", "--from", f"{K3S}.inv", "--seeds", "5", "-o", "json", codes=(OK, DOES_NOT_FIT)
    ).json
    away = {row["name"]: row["downtimeSeconds"]["p50"] for row in forecast["workloads"]}
    assert away["coredns"] >= 180, f"its pods have no other node: they are away as long as the node is: {away}"
    findings = product.call("check", "--from", f"{K3S}.inv", "-o", "json", codes=(DOES_NOT_FIT,)).json["items"]
    assert "no-other-node" in {row["rule"] for row in findings}


@pytest.mark.parametrize("name", [*MUST_GATHERS, K3S])
def test_no_environment_value_or_applied_annotation_is_kept(
    dumps: Path, product: Product, surveyed: dict[str, dict[str, Any]], name: str
) -> None:
    values: set[str] = set()
    for obj in documents(dumps / name):
        if obj.get("kind") != "Pod":
            continue
        for container in (obj.get("spec") or {}).get("containers") or []:
            for row in container.get("env") or []:
                value = str(row.get("value") or "")
                if len(value) >= 24:
                    values.add(value)
        applied = (obj["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/last-applied-configuration")
        if applied:
            values.add(applied.strip()[:200])
    kept = (product.folder / f"{name}.inv").read_bytes()
    images = {str(value) for value in _images(dumps / name)}
    found = sorted(value for value in values - images if json.dumps(value)[1:-1].encode() in kept)
    assert not found, f"the inventory keeps what no survey may keep: {[value[:40] for value in found[:3]]}"


def _images(archive: Path) -> Iterator[str]:
    for obj in documents(archive):
        if obj.get("kind") == "Pod":
            for container in (obj.get("spec") or {}).get("containers") or []:
                yield container.get("image", "")
