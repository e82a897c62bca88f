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
