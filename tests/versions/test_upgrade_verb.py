"""``shipkeeper upgrade`` as people type it: the path, its notes, who read them, and the second person."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shipkeeper.app.inventory_file import save
from shipkeeper.app.platform_file import read_platform
from shipkeeper.app.upgrade import Wish, look_ahead
from shipkeeper.cli.main import main
from shipkeeper.knowledge.library import bundled
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.facts import ControlPlaneComponent
from shipkeeper.model.inventory import Missing
from shipkeeper.model.nodes import NodeInfo
from shipkeeper.model.releases import ManifestObject, Release
from tests.builders import inventory, node
from tests.versions.repos import Project

Call = Callable[..., Result]

LOG = """# Changelog

## v1.2.0

> **Platform Administrator Notice(s)**
> - Move the config first.

### Changed

- Something.

## v1.1.0

### Changed

- Something else.
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHIPKEEPER_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("shipkeeper.app.speaker.local_identity", lambda: "first@jump")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    def made(line: str) -> Result:
        words = shlex.split(line)
        monkeypatch.setattr(sys, "argv", ["shipkeeper", *words])
        return CliRunner().invoke(main, words, prog_name="shipkeeper")

    return made


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "tool")
    made.release("v1.0.0", "2026-01-01")
    made.release("v1.1.0", "2026-02-01", {"CHANGELOG.md": "# Changelog\n\n" + LOG[LOG.index("## v1.1.0") :]})
    made.release("v1.2.0", "2026-03-01", {"CHANGELOG.md": LOG})
    Path("shipkeeper.yaml").write_text(
        "apiVersion: shipkeeper/v1alpha1\nkind: Platform\nname: demo\n"
        "people:\n  - {name: on-call one}\n  - {name: on-call two}\n"
        "components:\n  - {name: tool, pathPolicy: minor-by-minor, version: v1.0.0, target: newest}\n"
        "sources: {checkouts: {tool: tool}}\n"
    )
    return made


@pytest.mark.requirement("R-B5")
def test_the_seeds_example_from_the_command_line(call: Call) -> None:
    done = call("upgrade path kubespray --from-version 2.13.3 --to 2.15.0 -o json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [hop["toVersion"] for hop in found["hops"]] == ["v2.13.4", "v2.14.0", "v2.14.1", "v2.14.2", "v2.15.0"]
    assert found["kind"] == "UpgradePath"
    assert found["policy"] == "kubespray-patchwise"
    assert {item["by"] for item in found["others"]} == {"kubespray-minorwise-latest", "kubespray-upstream"}
    table = call("upgrade path kubespray --from-version 2.13.3 --to 2.15.0")
    assert "contradicts itself" in " ".join(table.stdout.split())
    markdown = call("upgrade path kubespray --from-version 2.13.3 --to 2.15.0 -o markdown").stdout
    assert "| 1 | v2.13.4 |" in markdown
    late = call("upgrade path kubespray --from-version 2.13.3 --to 2.15.0 --skip-late -o yaml").stdout
    assert "- fromVersion: v2.13.3\n  toVersion: v2.14.0" in late


def test_stops_of_ones_own_are_judged(call: Call) -> None:
    fine = call("upgrade path kubespray --from-version 2.22.0 --to 2.24.0 --policy kubespray-upstream --via 2.23.2")
    assert fine.exit_code == 0, fine.output
    wrong = call(
        "upgrade path kubespray --from-version 2.22.0 --to 2.24.0 --policy kubespray-upstream --via 2.22.1 -o json"
    )
    assert wrong.exit_code == 5, "a way that the rule forbids is no success"
    assert [item["rule"] for item in json.loads(wrong.stdout)["broken"]] == ["minor-skipped"]


@pytest.mark.parametrize(
    ("line", "code", "exit_code"),
    [
        ("upgrade path kubespray --from-version 2.15.0 --to 2.13.3", "path-downgrade", 5),
        ("upgrade path kubespray --from-version 2.15.0 --to 9.9.9", "path-unknown-version", 5),
        ("upgrade path kubespray --from-version latest --to 2.15.0", "not-a-version", 2),
        ("upgrade path kubespray --from-version 2.13.3 --to 2.15.0 --policy yolo", "unknown-path-policy", 2),
        ("upgrade path abacus --from-version 1.0.0 --to 2.0.0", "unknown-component", 2),
        ("upgrade path kubespray --from-version 2.13.3 --to 2.15.0 --checkout /nonexistent", "not-a-repository", 2),
        ("upgrade path kubespray --to 2.15.0", "usage", 2),
        ("upgrade path kubespray --from-version 2.13.3", "usage", 2),
        ("upgrade notes kubespray --from-version 2.13.3 --to 2.15.0", "no-notes-source", 2),
    ],
)
def test_no_way_and_wrong_calls_are_told_in_words(call: Call, line: str, code: str, exit_code: int) -> None:
    done = call(f"{line} -o json")
    assert done.exit_code == exit_code, done.output
    lines = done.stderr[done.stderr.index("{") :]
    found = json.loads(lines)
    assert found["code"] == code
    assert found["hint"]
    assert done.stdout == "", "nothing half-done"


def test_releases_from_a_file(call: Call, tmp_path: Path) -> None:
    Path("tags.txt").write_text("v1.0.0 2024-01-01\nnoise\ntags/v1.1.0 2024-02-01 # first\nv1.2.0\n")
    done = call(
        "upgrade path tool --from-version 1.0.0 --to newest --policy minor-by-minor --releases tags.txt -o json"
    )
    assert done.exit_code == 0, done.output
    assert [hop["toVersion"] for hop in json.loads(done.stdout)["hops"]] == ["v1.1.0", "v1.2.0"]
    Path("tags.json").write_text('{"releases": {"v1.0.0": "2024-01-01", "v1.2.0": ""}}')
    done = call("upgrade path tool --from-version 1.0.0 --to 1.2 --policy minor-by-minor --releases tags.json -o json")
    assert [hop["toVersion"] for hop in json.loads(done.stdout)["hops"]] == ["v1.2.0"]
    for name, text, where in (
        ("bad-day.txt", "v1.0.0 2024-01-01\nv1.1.0 yesterday\n", 2),
        ("empty.txt", "nothing here\n", 1),
        ("bad.json", '{"releases": [1]}', 0),
    ):
        Path(name).write_text(text)
        done = call(
            f"upgrade path tool --from-version 1.0.0 --to 1.1.0 --policy minor-by-minor --releases {name} -o json"
        )
        assert done.exit_code == 2, done.output
        error = json.loads(done.stderr[done.stderr.index("{") :])
        assert error["location"]["file"] == name
        assert error["location"].get("line", 0) == where


def test_a_kubernetes_path_reads_its_beginning_and_its_kubelets_from_the_inventory(call: Call) -> None:
    parts = (ControlPlaneComponent(component="kube-apiserver", node="n1", version="v1.33.4", image="x"),)
    made = inventory(node("n1"), node("n2", info=NodeInfo(kubelet="v1.30.14")), control_plane=parts)
    save(made, "prod.inv")
    done = call("upgrade path kubernetes --from prod.inv --to 1.36 -o json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["fromVersion"] == "v1.34.4", "what the API server says of itself"
    assert [hop["toVersion"].split(".")[1] for hop in found["kubernetes"]] == ["35", "36"]
    first = found["kubernetes"][0]
    assert [item["node"] for item in first["first"] if item["component"] == "kubelet"] == ["n2"]
    assert "kubelet" in call("upgrade path kubernetes --from prod.inv --to 1.36").stdout


@pytest.mark.requirement("R-B7")
def test_an_api_whose_use_nobody_could_look_at_is_of_unknown_use(call: Call) -> None:
    release = Release(
        namespace="a",
        name="web",
        revision=1,
        objects=(ManifestObject("policy/v1beta1", "PodDisruptionBudget", "a", "b"),),
    )
    old = ClusterIdentity(uid="u", server_version="v1.24.9", name="old")
    for missing, states in (
        ((), {"PodDisruptionBudget": "yes", "PodSecurityPolicy": "no"}),
        (("deprecated_requests",), {"PodDisruptionBudget": "yes", "PodSecurityPolicy": "unknown"}),
        (("releases", "flux"), {"PodDisruptionBudget": "unknown", "PodSecurityPolicy": "unknown"}),
    ):
        unread = tuple(Missing(name, "forbidden", "what is in use", field=name) for name in missing)
        releases = () if "releases" in missing else (release,)
        save(inventory(node(), identity=old, releases=releases, missing=unread), "old.inv")
        done = call("upgrade path kubernetes --from old.inv --to 1.25 -o json")
        [hop] = json.loads(done.stdout)["kubernetes"]
        used = {api["kind"]: api["used"] for api in hop["removed"] if api["api"] == "policy/v1beta1"}
        assert used["PodDisruptionBudget"] == states["PodDisruptionBudget"], missing
        assert used["PodSecurityPolicy"] == states["PodSecurityPolicy"], missing
    table = " ".join(call("upgrade path kubernetes --from old.inv --to 1.25").stdout.split())
    assert "whose use is not known" in table


def test_what_is_known_to_go_wrong_is_said_at_its_hop(call: Call) -> None:
    done = call("upgrade path kyverno --from-version 1.12.5 --to 1.13 -o json")
    assert done.exit_code == 0, done.output
    known = {item["quirk"]["id"]: item["hop"] for item in json.loads(done.stdout)["known"]}
    assert "kyverno-1.13-v2alpha1" in known
    assert all(hop.startswith("1.13") for hop in known.values())
    assert "policy exceptions are off" in " ".join(
        call("upgrade path kyverno --from-version 1.12.5 --to 1.13").stdout.split()
    )


@pytest.mark.requirement("R-C6")
def test_notes_are_read_acknowledged_and_a_problem_waits_for_a_second_person(
    call: Call, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = json.loads(call("upgrade notes tool -o json").stdout)
    assert [hop["toVersion"] for hop in shown["hops"]] == ["v1.1.0", "v1.2.0"]
    assert [item["state"] for item in shown["standing"]] == ["not-read", "not-read"]
    assert "Move the config first" in call("upgrade notes tool --hop v1.2.0").stdout
    assert "Move the config first" in call("upgrade notes tool -o markdown").stdout
    assert call("upgrade ready tool").exit_code == 4, "nobody has read anything"

    wrong = call("upgrade acknowledge tool --hop v1.2.0 --by 'on-call one' --digest sha256:0 -o json")
    assert json.loads(wrong.stderr[wrong.stderr.index("{") :])["code"] == "notes-changed"
    for hop in shown["hops"]:
        done = call(f"upgrade acknowledge tool --hop {hop['toVersion']} --by 'on-call one' --digest {hop['digest']}")
        assert done.exit_code == 0, done.output
    assert call("upgrade ready tool").exit_code == 0

    told = json.loads(call("upgrade problem tool --hop v1.2.0 --by 'on-call one' --text 'config moves' -o json").stdout)
    held = call("upgrade ready tool -o json")
    assert held.exit_code == 4
    assert [item["state"] for item in json.loads(held.stdout)["items"]] == ["ready", "consultation-open"]

    same = call(f"upgrade decide {told['id']} --by 'on-call one' --proceed --text fine -o json")
    assert (same.exit_code, json.loads(same.stderr)["code"]) == (4, "second-person")
    login = call(f"upgrade decide {told['id']} --by 'on-call two' --proceed --text fine -o json")
    assert login.exit_code == 4, "another name typed at the same login is not another person"
    assert call("upgrade ready tool").exit_code == 4, "a refused decision decides nothing"

    monkeypatch.setattr("shipkeeper.app.speaker.local_identity", lambda: "second@laptop")
    stopped = call(f"upgrade decide {told['id']} --by 'on-call two' --stop --text 'not before the freeze'")
    assert stopped.exit_code == 0, stopped.output
    assert "not before the freeze" in call("upgrade ready tool").stdout
    done = call(f"upgrade decide {told['id'][:12]} --by 'on-call two' --proceed --text 'config is moved' -o yaml")
    assert done.exit_code == 0, done.output
    assert call("upgrade ready tool").exit_code == 0

    project.write({"CHANGELOG.md": LOG + "\nOne more line.\n"})
    project.git("commit", "-q", "-a", "-m", "again")
    project.git("tag", "-f", "v1.2.0")
    changed = json.loads(call("upgrade ready tool -o json").stdout)
    assert [item["state"] for item in changed["items"]] == ["ready", "changed"], "a moved tag is read again"


def test_nobody_speaks_in_anothers_name_when_the_api_server_says_who_it_is(
    call: Call, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path("shipkeeper.yaml").read_text().replace("{name: on-call two}", "{name: on-call two, identity: two@corp}")
    Path("shipkeeper.yaml").write_text(text)
    monkeypatch.setattr("shipkeeper.cli.upgrade_options.who_am_i", lambda context, kubeconfig: "two@corp")
    wrong = call("upgrade problem tool --hop v1.2.0 --by 'on-call one' --text x --context prod -o json")
    assert (wrong.exit_code, json.loads(wrong.stderr[wrong.stderr.index("{") :])["code"]) == (4, "somebody-else")
    done = call("upgrade problem tool --hop v1.2.0 --by 'on-call two' --text x --context prod -o json")
    assert json.loads(done.stdout)["identity"] == "two@corp"


def test_decisions_need_words_and_somebody_the_platform_knows(call: Call, project: Project) -> None:
    told = json.loads(call("upgrade problem tool --hop v1.2.0 --by 'on-call one' --text x -o json").stdout)
    stranger = call(f"upgrade decide {told['id']} --by somebody --proceed --text fine")
    assert stranger.exit_code == 2
    assert "knows nobody called" in stranger.stderr
    assert "add --proceed or --stop" in call(f"upgrade decide {told['id']} --by 'on-call two' --text fine").stderr
    assert "no problem 'problem-x'" in call("upgrade decide problem-x --by 'on-call two' --stop --text no").stderr
    assert call("upgrade problem tool --hop v1.2.0 --by 'on-call one' --text ' '").exit_code == 2
    assert "is no stop on this path" in call("upgrade acknowledge tool --hop v9.9.9 --by 'on-call one'").stderr


def test_notes_from_a_file_and_nothing_to_have_read(call: Call, project: Project) -> None:
    Path("log.md").write_text(LOG)
    done = json.loads(call("upgrade notes tool --notes log.md --hop v1.2.0 -o json").stdout)
    assert done["hops"][0]["notes"][-1]["state"] == "read"
    assert done["hops"][0]["migration"] == "unknown"
    Path("tags.txt").write_text("v1.0.0 2024-01-01\nv9.0.0 2024-01-01\n")
    line = "--from-version v1.0.0 --to v9.0.0 --releases tags.txt --hop v9.0.0 --by 'on-call one'"
    none = call(f"upgrade acknowledge tool {line} -o json")
    assert (none.exit_code, json.loads(none.stderr[none.stderr.index("{") :])["code"]) == (4, "no-notes")


def test_the_platform_file_names_policy_ends_and_checkout(project: Project) -> None:
    platform, _ = read_platform(Path("shipkeeper.yaml"))
    found = look_ahead(Wish(component="tool"), platform, None, knowledge=bundled())
    assert (found.path.policy, found.path.stops) == ("minor-by-minor", ("v1.1.0", "v1.2.0"))
    assert found.repository is not None
    assert "tags of" in found.path.releases
