"""Updates that wait as branches of a real repository."""

from __future__ import annotations

import json
import subprocess

import pytest
from click.testing import CliRunner

from shipkeeper.app.given_files import GivenFiles
from shipkeeper.app.inventory_file import save
from shipkeeper.app.survey import load_inventory
from shipkeeper.app.updates import find_updates
from shipkeeper.cli.main import main
from shipkeeper.integrations.renovate.pins import pins_of
from tests.builders import inventory
from tests.classing.repos import DAY_S, START_S, WORKLOAD, Git, platform_repository


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return platform_repository(tmp_path_factory.mktemp("repos"))


@pytest.mark.requirement("R-B6")
def test_open_branches_become_updates(repository):
    updates, unread = find_updates([str(repository)])
    told = {(one.branch, one.dependency): (one.current, one.proposed) for one in updates}
    assert told == {
        ("renovate/kyverno-3.x", "kyverno"): ("3.2.6", "3.5.2"),
        ("renovate/kyverno-3.x", "ghcr.io/kyverno/kyverno"): ("v1.12.5", "v1.15.2"),
        ("renovate/shop", "registry.example.org:5000/shop"): ("1.0.0", "1.0.1"),
        ("renovate/terraform", "terraform"): ("", ""),
        ("renovate/broken", "broken"): ("", ""),
    }, "what is merged waits no more, and what cannot be read still waits"
    kyverno = updates[[one.dependency for one in updates].index("kyverno")]
    assert kyverno.title == "chore(deps): update kyverno to 3.5.2"
    assert kyverno.committed_ms == (START_S + 2 * DAY_S) * 1_000
    assert kyverno.files == ("kyverno/release.yaml",)
    assert [line.partition(" ")[0].rstrip(":") for line in unread] == [
        "renovate/broken", "renovate/broken", "renovate/terraform",
    ]  # fmt: skip


def test_a_clone_sees_the_branches_of_its_remote(repository, tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(repository), str(clone)], check=True, capture_output=True)
    updates, _ = find_updates([str(clone)])
    assert {one.branch for one in updates} == {
        "origin/renovate/kyverno-3.x", "origin/renovate/shop", "origin/renovate/terraform", "origin/renovate/broken",
    }  # fmt: skip


def test_reading_a_repository_starts_none_of_its_programs(repository, tmp_path):
    clone, proof = tmp_path / "clone", tmp_path / "started"
    subprocess.run(["git", "clone", "-q", str(repository), str(clone)], check=True, capture_output=True)
    (clone / ".gitattributes").write_text("*.yaml diff=evil filter=evil\n")
    for key in ("core.fsmonitor", "diff.external", "diff.evil.textconv", "diff.evil.command", "core.pager"):
        subprocess.run(["git", "-C", str(clone), "config", key, f"touch {proof}; cat"], check=True)
    assert find_updates([str(clone)])[0]
    assert not proof.exists(), "a checkout that somebody prepared would run programs here"


@pytest.mark.requirement("R-B6")
def test_the_list_says_the_class_of_each(repository, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    at = "2026-10-01T00:00:00Z"
    args = ["classify", "--updates", str(repository), "--at", at, "--state", str(tmp_path / "state")]
    result = CliRunner().invoke(main, [*args, "-o", "json"])
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["kind"] == "OpenUpdates"
    kinds = {item["dependency"]: item["change"]["class"] for item in found["items"]}
    assert kinds["kyverno"] == "minor"
    assert kinds["registry.example.org:5000/shop"] == "minor"
    assert kinds["terraform"] == "unknown", "no version was read, and that is no pass"
    assert all(item["days"] >= 0 and item["branch"] for item in found["items"])
    table = CliRunner().invoke(main, args)
    assert "renovate/kyverno-3.x" in table.stdout
    assert "unknown: renovate/terraform changes no version" in table.stderr


def test_repositories_of_the_platform_file_are_relative_to_it(repository, monkeypatch, tmp_path):
    (tmp_path / "platform").mkdir()
    link = tmp_path / "platform" / "repo.git"
    link.symlink_to(repository)
    (tmp_path / "platform" / "shipkeeper.yaml").write_text("sources: {updates: [repo.git]}\n")
    monkeypatch.chdir(tmp_path)
    args = ["classify", "--platform", "platform/shipkeeper.yaml", "--state", str(tmp_path / "state"), "-o", "json"]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0, result.stderr
    assert len(json.loads(result.stdout)["items"]) == 5


def test_a_survey_keeps_them(repository, tmp_path):
    source, saved = tmp_path / "a.inv", tmp_path / "b.inv"
    save(inventory(), source)
    result = CliRunner().invoke(
        main, ["survey", "--from", str(source), "--updates", str(repository), "--save", str(saved)]
    )
    assert result.exit_code == 0, result.stderr
    assert "kyverno" in {one.dependency for one in load_inventory(str(saved)).updates}


@pytest.mark.parametrize(
    ("text", "pins"),
    [
        ("kind: OCIRepository\nspec: {url: 'oci://x/charts/podinfo', ref: {tag: 6.5.0}}", {"podinfo": "6.5.0"}),
        ("kind: GitRepository\nspec: {url: 'https://x/y/apps.git', ref: {tag: v1.2.3}}", {"apps": "v1.2.3"}),
        ("kind: Kustomization\nimages: [{name: a/b, newTag: '1'}]", {"a/b": "1"}),
        ("name: x\nversion: 1\ndependencies: [{name: grafana, version: 1.2.3}]", {"grafana": "1.2.3"}),
        ("releases: [{name: cm, chart: jetstack/cert-manager, version: v1.14.0}]", {"cert-manager": "v1.14.0"}),
        ("kind: Application\nspec: {source: {chart: argo, targetRevision: 7.1.0}}", {"argo": "7.1.0"}),
        ("image: {registry: quay.io, repository: a/b, tag: v1}", {"quay.io/a/b": "v1"}),
        ("a: [{image: 'x/y:1'}, {image: 'x/y:2'}]", {"x/y": "1, 2"}),
        ("image: 'x/y@sha256:" + "a" * 64 + "'", {"x/y": "sha256:" + "a" * 64}),
        ("image: 'not an image: at all'", {}),
        ("- just\n- a list", {}),
        ("images: true\nreleases: 3\ndependencies: {redis: off}", {}),
        ("kind: Application\nspec: {sources: 7, source: {chart: argo, targetRevision: 7.1.0}}", {"argo": "7.1.0"}),
    ],
)
def test_what_pins_a_version(text, pins):
    assert pins_of(GivenFiles().documents(text.encode(), "x.yaml")) == pins


def test_a_branch_of_another_history_is_said_to_be_unknown(tmp_path):
    git = Git(tmp_path / "work")
    git.commit("Begin", {"a.yaml": WORKLOAD % "1.0.0"})
    git("checkout", "-q", "--orphan", "renovate/elsewhere")
    git.commit("chore(deps): update a", {"a.yaml": WORKLOAD % "1.0.1"})
    git("checkout", "-q", "main")
    updates, unread = find_updates([str(git.folder)])
    assert [(one.dependency, one.proposed) for one in updates] == [("elsewhere", "")]
    assert "no commit in common with refs/heads/main" in unread[0]
