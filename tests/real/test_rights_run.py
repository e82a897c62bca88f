"""A run under the shipped roles, and without each of their rights: refused by name, nothing left behind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.real.conftest import RUNNER
from tests.real.harness import crash, night, rights
from tests.real.harness.crash import Crashes
from tests.real.harness.product import FAILED, OK, REFUSED
from tests.real.plane.api import Api, Object
from tests.real.plane.plane import Plane

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def crashes(plane: Plane, api: Api, runner: Path, tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    found, _ = crash.small(plane, api, runner, tmp_path_factory.mktemp("rights"), RUNNER)
    return found


@pytest.fixture(autouse=True)
def given_back(api: Api, crashes: Crashes) -> None:
    """Each test begins with all the shipped rights."""
    rights.apply(api, rights.all_shipped(), RUNNER)


def without(right: str) -> list[Object]:
    """All that is shipped, but for one right of the runner's."""
    survey = rights.shipped("survey.yaml")
    lists = {name for name, _ in rights.single_rights(survey)}
    fewer = dict(rights.single_rights(rights.shipped("runner.yaml")))[right]
    # What both roles grant has to go from both.
    rest = dict(rights.single_rights(survey))[right] if right in lists else survey
    return [*rest, *fewer]


def may(plane: Plane, crashes: Crashes, *words: str) -> bool:
    argv = [str(plane.kubectl), "--kubeconfig", str(crashes.product.kubeconfig), "auth", "can-i", *words]
    return subprocess.run(argv, capture_output=True, check=False, timeout=30).returncode == 0


def test_the_shipped_roles_let_no_one_delete_pods_or_read_secrets(plane: Plane, crashes: Crashes) -> None:
    assert may(plane, crashes, "create", "pods", "--subresource=eviction", "-n", "team-1")
    for words in (
        ("delete", "pods", "-n", "team-1"),
        ("get", "secrets", "-n", "team-1"),
        ("list", "configmaps", "-A"),
        ("update", "nodes"),
        ("delete", "nodes"),
        ("update", "leases", "-n", "kube-node-lease"),
        ("create", "pods", "--subresource=exec", "-n", "team-1"),
    ):
        assert not may(plane, crashes, *words), f"the runner may {' '.join(words)}"


def test_the_doctor_finds_nothing_missing_under_the_shipped_roles(crashes: Crashes) -> None:
    answer = crashes.product.call(
        "doctor",
        *crashes.product.live(),
        *crashes.product.with_platform(),
        "--plan",
        crashes.planned.file,
        "-o",
        "json",
    )
    assert answer.json["kind"] == "Diagnosis"


NAMES = [name for name, _ in rights.single_rights(rights.shipped("runner.yaml"))]


def test_the_doctor_names_each_right_that_is_missing(api: Api, crashes: Crashes) -> None:
    assert len(NAMES) >= 20
    words = ("doctor", *crashes.product.live(), *crashes.product.with_platform(), "--plan", crashes.planned.file)
    silent = []
    for name in NAMES:
        rights.apply(api, without(name), RUNNER)
        answer = crashes.product.call(*words, "-o", "json", codes=(FAILED,))
        verb, resource = name.split(" ")
        bare = resource.split(".")[0]
        failed = [row for row in answer.json["checks"] if row["state"] == "failed"]
        if not any(verb in str(row) and bare in str(row) for row in failed):
            silent.append((name, failed))
    assert not silent, f"the doctor does not tell that these are missing: {silent}"


@pytest.mark.parametrize(
    "right",
    [
        "patch nodes",
        "create pods/eviction",
        "create leases.coordination.k8s.io",
        "list poddisruptionbudgets.policy",
        "list volumeattachments.storage.k8s.io",
    ],
)
def test_a_run_without_a_right_stops_naming_it_and_goes_on_once_it_is_there(
    api: Api, crashes: Crashes, right: str
) -> None:
    if right == "create leases.coordination.k8s.io":
        api.delete("Lease", "shipkeeper", "kube-system")
    before = crashes.counts()
    rights.apply(api, without(right), RUNNER)
    answer = crashes.product.call(
        "run", crashes.planned.file, *crashes.product.live(), codes=(FAILED, REFUSED), timeout_s=120
    )
    verb, resource = right.split(" ")
    assert resource.split(".")[0].split("/")[-1] in answer.err, (
        f"the refusal does not say what may not be done\n{answer}"
    )
    assert verb in answer.err or "forbidden" in answer.err.lower(), answer
    assert crashes.counts() == before, "a run without its rights rebooted a node"
    rights.apply(api, rights.all_shipped(), RUNNER)
    crashes.product.call("run", crashes.planned.file, *crashes.product.live(), codes=(OK,), timeout_s=180)
    assert night.unclean(api) == []
    assert {node: count - before[node] for node, count in crashes.counts().items()} == dict.fromkeys(crashes.nodes, 1)


def test_the_rights_written_for_one_plan_are_enough_for_it(api: Api, crashes: Crashes) -> None:
    words = ("doctor", "--plan", crashes.planned.file, "--show-rights", f"user:{RUNNER}")
    own = [obj for obj in yaml.safe_load_all(crashes.product.call(*words).out) if obj]
    named = [rule for obj in own for rule in obj.get("rules", []) if "patch" in rule["verbs"]]
    assert [sorted(rule["resourceNames"]) for rule in named] == [sorted(crashes.nodes)], "it may patch other nodes too"
    rights.apply(api, [*rights.shipped("survey.yaml"), *own], RUNNER)
    before = crashes.counts()
    run, _ = night.run(crashes.product, crashes.planned)
    crashes.prove(run, before)
