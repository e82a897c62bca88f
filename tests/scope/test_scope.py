"""What is inside the fence and outside, who is called, and what nobody claims."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from shipkeeper.app.platform_file import parse_platform, read_platform
from shipkeeper.app.survey import load_inventory
from shipkeeper.assessment.scope import look_at_scope
from shipkeeper.cli.main import main

DEMO = Path(__file__).resolve().parents[2] / "src/shipkeeper/app/demo_platform"
INVENTORY = load_inventory(str(DEMO / "platform.json.gz"))
PLATFORM, _ = read_platform(DEMO / "shipkeeper.yaml")


@pytest.mark.requirement("R-A1")
def test_what_runs_and_nobody_claims_is_named() -> None:
    found = look_at_scope(PLATFORM, INVENTORY)
    assert [one.namespace for one in found.unclaimed] == ["tools"]
    assert found.unclaimed[0].pods == 1


@pytest.mark.requirement("R-A1")
def test_each_part_tells_whom_to_escalate_to() -> None:
    rows = {row.component: row for row in look_at_scope(PLATFORM, INVENTORY).rows}
    assert rows["identity"].escalate_to == "security officer"
    assert rows["monitoring and logging"].escalate_to == "platform lead", "inside, the lead is who remains"
    assert rows["monitoring and logging"].contact == "mailto:platform-lead@example.net"
    assert rows["shop"].inside is False
    assert rows["machines, network, object storage"].runs == 0


def test_what_is_declared_and_not_there_is_told() -> None:
    platform = parse_platform(b"scope: [{component: a, owner: x, namespaces: [kube-system, gone]}]", "p")
    (row,) = look_at_scope(platform, INVENTORY).rows
    assert row.absent == ("gone",)


def test_two_claims_on_one_namespace_are_a_doubt() -> None:
    platform = parse_platform(
        b"scope: [{component: a, owner: x, namespaces: [n]}, {component: b, owner: y, namespaces: [n]}]", "p"
    )
    assert any("claimed by a and by b" in doubt for doubt in look_at_scope(platform, INVENTORY).doubts)


def test_without_a_cluster_what_nobody_claims_is_not_known() -> None:
    found = look_at_scope(PLATFORM, None)
    assert found.unclaimed == ()
    assert any("is not known" in doubt for doubt in found.doubts), "no cluster was read, and all is said to be claimed"


def test_the_verb_fails_on_request_when_something_is_nobodys() -> None:
    words = ["scope", "--from", str(DEMO / "platform.json.gz"), "--platform", str(DEMO / "shipkeeper.yaml")]
    told = CliRunner().invoke(main, [*words, "--exit-code"])
    assert told.exit_code == 3, told.output
    for part in ("Inside", "Outside", "Nobody claims", "platform lead", "tools"):
        assert part in told.stdout
    envelope = json.loads(CliRunner().invoke(main, [*words, "-o", "json"]).stdout)
    assert envelope["kind"] == "Scope"
    assert {"rows", "unclaimed", "doubts"} <= set(envelope)
