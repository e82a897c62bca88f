"""``shipkeeper plan`` as a person and a program use it."""

from __future__ import annotations

import json

import pytest
import yaml
from click.testing import CliRunner

from shipkeeper.app.inventory_file import save
from shipkeeper.cli.main import main
from tests.builders import budget, deployment, inventory, node, nodes

PLATFORM = """
zone: Europe/Stockholm
environments:
  - name: production
    clusters:
      - name: test
        drain: {rebootWith: ssh, maxParallel: 2, reserve: 20m, deleteEmptyDirData: [logs]}
    windows:
      - {name: monthly, rrule: FREQ=MONTHLY;BYDAY=1TU, start: 22:00, duration: 7h, zone: Europe/Stockholm}
rebootDrivers:
  ssh: {argv: [ssh, "{address}", sudo, reboot]}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    inv = inventory(
        *nodes(3),
        node("cp1", control_plane=True),
        deployment("web", on=("n1", "n2")),
        budget(app="web", max_unavailable=1),
    )
    save(inv, tmp_path / "prod.inv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str):
    return CliRunner().invoke(main, ["plan", *args], prog_name="shipkeeper")


def plan_json(*args: str) -> dict:
    result = run("nodes", "--from", "prod.inv", "-o", "json", *args)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_json_has_the_promised_keys_and_nothing_else_on_stdout(folder):
    plan = plan_json("--at", "2026-11-21T00:00:00Z")
    assert plan["kind"] == "Plan"
    assert plan["apiVersion"] == "shipkeeper/v1alpha1"
    assert {"digest", "cluster", "order", "batches", "window", "reserveSeconds", "drainPolicy", "steps"} <= plan.keys()
    assert {"id", "action", "target", "needs", "estimateSeconds"} <= plan["steps"][0].keys()
    assert {"p50", "p95", "source"} == plan["steps"][0]["estimateSeconds"].keys()
    assert plan["batches"] == [["n1"], ["n2"], ["n3"]]


def test_the_platform_file_gives_defaults_and_flags_win(folder):
    (folder / "shipkeeper.yaml").write_text(PLATFORM)
    plan = plan_json("--window", "monthly", "--at", "2026-11-21T00:00:00Z")
    assert plan["window"]["opensAt"] == "2026-12-01T22:00:00+01:00"
    assert (plan["maxParallel"], plan["reserveSeconds"], plan["reboot"]["driver"]) == (2, 1200, "ssh")
    assert plan["drainPolicy"]["deleteEmptyDirData"] == ["logs"]
    flags = plan_json(
        "--window", "2026-12-01", "--max-parallel", "1", "--reserve", "45m", "--reboot-with", "manual",
        "--delete-emptydir-data=a,b", "--delete-emptydir-data=c", "--at", "2026-11-21T00:00:00Z",
    )  # fmt: skip
    assert (flags["maxParallel"], flags["reserveSeconds"], flags["reboot"]["driver"]) == (1, 2700, "manual")
    assert flags["drainPolicy"]["deleteEmptyDirData"] == ["a", "b", "c"]


def test_a_flag_alone_means_all_and_leaves_the_node_s_name_alone(folder):
    plan = plan_json("--delete-emptydir-data", "n2", "--allow-unmanaged", "n3")
    assert plan["drainPolicy"]["deleteEmptyDirData"] == ["*"]
    assert plan["drainPolicy"]["allowUnmanaged"] == ["*"]
    assert plan["batches"] == [["n2"], ["n3"]], "a node's name was taken for a namespace"


def test_the_table_tells_times_limits_and_the_next_command(folder):
    result = run(
        "nodes", "--from", "prod.inv", "--window", "2026-12-02T22:00/05:00 Europe/Stockholm",
        "--at", "2026-11-21T00:00:00Z", "--save", "night.plan",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    for told in ("Wed 22:00", "at least", "reserve 30m", "sha256:", "one at a time"):
        assert told in result.stdout
    assert "next: shipkeeper rehearse night.plan --from prod.inv" in result.stderr
    assert "no shipkeeper.yaml found" in result.stderr, "assumptions are not told"
    explained = run("explain", "night.plan", "n1/drain")
    assert "kubectl drain n1 --ignore-daemonsets" in explained.stdout
    assert "cordon" in explained.stdout
    wrong = run("explain", "night.plan", "n1/drian")
    assert wrong.exit_code == 2
    assert "did you mean n1/drain" in wrong.stderr


def test_two_plans_are_compared(folder):
    for name, flag in (("a.plan", "--on-blocked=hold"), ("b.plan", "--on-blocked=wait")):
        assert run("nodes", "--from", "prod.inv", flag, "--save", name).exit_code == 0
    result = run("diff", "a.plan", "b.plan", "-o", "yaml")
    found = yaml.safe_load(result.stdout)
    assert found["changes"] == [{"what": "drainPolicy.onBlocked", "before": "hold", "after": "wait"}]
    assert "do not differ" in run("diff", "a.plan", "a.plan").stdout


def test_an_edited_plan_is_refused(folder):
    run("nodes", "--from", "prod.inv", "--save", "a.plan")
    path = folder / "a.plan"
    path.write_text(path.read_text().replace('"onBlocked": "hold"', '"onBlocked": "wait"'))
    result = run("explain", "a.plan", "n1/drain")
    assert result.exit_code == 2
    assert "edited after it was made" in result.stderr


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["nope"], 2, "no node called 'nope'"),
        (["--window", "2026-11-01T22:00/05:00", "--at", "2026-11-21T00:00:00Z"], 2, "is past"),
        (["--window", "yearly"], 2, "no window called"),
        (["--window", "2026-12-02"], 2, "no window of the platform file opens"),
        (["cp1"], 4, "--allow-control-plane"),
        (["cp1", "--allow-control-plane"], 4, "--accept-api-outage"),
        (["--reserve", "long"], 2, "not a duration"),
        (["-l", "a in b"], 2, "selector"),
        (["--cluster", "prod"], 2, "no cluster called"),
    ],
)
def test_what_is_refused_and_how(folder, args, code, told):
    result = run("nodes", "--from", "prod.inv", *args)
    assert result.exit_code == code
    assert told in result.stderr
    assert result.stdout == "", "a refusal wrote data"


def test_markdown_is_a_table(folder):
    result = run("nodes", "--from", "prod.inv", "-o", "markdown")
    assert "| # | about |" in result.stdout
    assert "## Notes" in result.stdout


def test_a_permission_that_names_nothing_is_told(folder):
    plan = plan_json(
        "--allow-unmanaged=default/wbe", "--delete-emptydir-data=defualt", "--delete-emptydir-data=default"
    )
    strays = [note for note in plan["notes"] if "lets nothing go" in note]
    assert strays == [
        "--delete-emptydir-data=defualt lets nothing go: the inventory has no pod of that namespace",
        "--allow-unmanaged=default/wbe lets nothing go: the inventory has no pod of that name",
    ]
