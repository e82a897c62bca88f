"""The whole job on a real control plane: rehearse first, run it under the shipped rights, compare.

30 nodes in 3 zones, more than 400 pods. Every figure that is compared was injected on both sides: the pods' times and
the reboot are declared in the platform file and set on the plane (`tests/real/plane`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.real.conftest import RUNNER
from tests.real.harness import calibrate, night, platformfile, record, rights
from tests.real.harness.compare import Comparison, compare
from tests.real.harness.platformfile import Settings
from tests.real.harness.product import REFUSED, Product
from tests.real.plane import reboot, waits
from tests.real.plane.api import Api
from tests.real.plane.cluster import Built, Size, breaking_nodes, build
from tests.real.plane.manifests import Times, Workload
from tests.real.plane.observer import Observer
from tests.real.plane.plane import Plane

pytestmark = pytest.mark.real

SETTINGS = Settings(down="5s", stable_ready="1s")


@pytest.fixture(scope="module")
def built(api: Api) -> Built:
    found = build(api, Size(jobs=0))
    assert len(found.nodes) >= 30
    assert found.pods >= 400
    return found


@pytest.fixture(scope="module")
def product(api: Api, built: Built, runner: Path, tmp_path_factory: pytest.TempPathFactory) -> Product:
    folder = tmp_path_factory.mktemp("night")
    rights.apply(api, rights.all_shipped(), RUNNER)
    return Product(folder, runner, folder / "shipkeeper.yaml")


@pytest.fixture(autouse=True)
def declared(plane: Plane, api: Api, built: Built, product: Product) -> dict[str, str]:
    """Each night begins in a cluster that is well, with what the plane takes on this machine at this hour declared."""
    measured = calibrate.machinery(api)
    waits.workloads_ready(api, 120)
    waits.budgets_settled(api)
    reboot_s = night.reboot_s(plane, product.folder, SETTINGS)
    settings = Settings(SETTINGS.down, reboot_s, SETTINGS.stable_ready, mechanics=measured)
    platformfile.write(product.folder, plane, built, settings)
    return measured


def a_night(product: Product, api: Api, name: str, nodes: list[str], *flags: str) -> tuple[Comparison, Observer]:
    """Survey, plan, rehearse, run, compare: the run's verdicts are the rehearsal's, and nobody was harmed."""
    counts = {node: reboot.count(api, node) for node in nodes}
    night.survey(product)
    planned = night.plan(product, name, nodes, *flags)
    forecast = night.rehearse(product, planned)
    assert forecast["verdict"] == "fits", forecast["blocked"]
    with Observer(api) as seen:
        run_id, answer = night.run(product, planned)
    rows = night.rows(product, run_id)
    assert record.broken(rows) is None
    assert night.status(product, run_id)["state"] == "done", answer

    predicted = {row["name"] for row in forecast["nodes"] if row["done"]}
    done = {
        step.split("/")[0] for step, state in record.states(rows).items() if step.endswith("/settle") if state == "done"
    }
    assert predicted == done == set(nodes), "a node that is done on one side is not on the other"
    held = [row.event for row in rows if row.kind == "state-changed" and row.event["state"] == "held"]
    assert not held, f"the rehearsal held nowhere, the run did: {held}"
    assert night.unclean(api) == []
    assert {node: reboot.count(api, node) - counts[node] for node in nodes} == dict.fromkeys(nodes, 1)
    assert not seen.gaps, "the observer was blind for a while: no proof"
    assert not seen.violations(), f"a budget's workload fell below its desired count by our doing:\n{seen.explain()}"
    spared = {(row["kind"], row["namespace"], row["name"]) for row in forecast["workloads"] if _spared(row)}
    away = {key: ms for key, ms in seen.downtime_ms().items() if ms and key in spared}
    assert not away, f"rehearsed to keep a Ready pod throughout, and had none for some milliseconds: {away}"
    proven(product, api, run_id)
    return compare(name, forecast, rows), seen


def _spared(row: dict[str, Any]) -> bool:
    """Whether a workload never was without a Ready pod, in nearly all the nights rehearsed."""
    return bool(row["downtimeSeconds"]["p95"] == 0)


def proven(product: Product, api: Api, run_id: str) -> None:
    """The written record holds against the key and against the head that the cluster keeps."""
    product.call("evidence", "write", run_id, "--out", run_id)
    product.call("evidence", "key", "--out", "pub.pem")
    lease = api.get("Lease", "shipkeeper", "kube-system")
    head = lease["metadata"]["annotations"]["maintenance.shipkeeper.dev/head"].split(" ")[-1]
    product.call("evidence", "verify", run_id, "--key", "pub.pem", "--expect-head", head)


def told(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with capsys.disabled():
        print(f"\n{text}", flush=True)


@pytest.mark.requirement("R-COR18")
@pytest.mark.requirement("R-D2")
def test_a_serial_night_takes_as_long_as_rehearsed_and_less_than_kubectl(
    plane: Plane, api: Api, product: Product, built: Built, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = list(built.nodes[:10])
    found, seen = a_night(product, api, "serial", nodes)
    waits.workloads_ready(api, 60)
    loop = night.baseline(plane, nodes, SETTINGS)
    found = Comparison(found.name, found.forecast, found.actual, found.seconds, loop["makespanSeconds"])
    where = found.write(product.folder)
    used = sum(1 for margin in seen.lowest_margins().values() if margin == 0)
    told(capsys, f"{found.table()}\nbudgets used to their limit and never beyond: {used}; kept as {where}")
    assert abs(found.off) <= found.allowed, f"rehearsed P50 and reality differ\n{found.table()}"
    assert used, "no budget was ever at its limit: this night proves nothing about budgets"
    assert found.seconds <= loop["makespanSeconds"] * 1.1, "a plain kubectl drain loop is quicker"


@pytest.mark.requirement("R-D2")
def test_a_night_of_three_at_a_time_zone_by_zone(
    api: Api, product: Product, built: Built, declared: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    found, _ = a_night(product, api, "zones", list(built.nodes[10:22]), "--order", "zones", "--max-parallel", "3")
    found.write(product.folder)
    told(capsys, f"{found.table()}\nthe plane takes: {declared}")
    assert abs(found.off) <= found.allowed, f"rehearsed P50 and reality differ\n{found.table()}"


def test_the_observer_sees_a_reboot_without_a_drain(plane: Plane, api: Api, built: Built) -> None:
    """The negative control: without it, a quiet observer would prove nothing."""
    nodes = breaking_nodes(api)
    assert nodes, "no budget can be broken on this cluster"
    with Observer(api) as seen:
        for node in nodes:
            before = waits.boot_id(api, node)
            reboot.reboot(api, reboot.Request(node, 2000))
            if node == nodes[-1]:
                waits.rebooted(api, node, before)
        waits.workloads_ready(api, 60)
    assert seen.violations(), f"rebooting {nodes} without a drain broke no budget that the observer saw"


BLOCKERS = {
    "allows-nothing": ({"maxUnavailable": 0}, None),
    "two-budgets": ({"maxUnavailable": 1}, {"maxUnavailable": 1}),
}


@pytest.fixture(params=sorted(BLOCKERS))
def blocker(request: pytest.FixtureRequest, api: Api, built: Built) -> Iterator[tuple[str, str]]:
    """A workload that blocks its node; its budget's name and the node."""
    name = str(request.param)
    first, second = BLOCKERS[name]
    made = Workload("Deployment", "team-1", name, 2, Times(500, 500), first, apart="kubernetes.io/hostname")
    manifests = [made.manifest(), made.budget_manifest()]
    if second is not None:
        other = made.budget_manifest()
        assert other is not None
        other["metadata"]["name"] = f"{name}-too"
        manifests.append({**other, "spec": {**other["spec"], **second}})
    for obj in manifests:
        assert obj is not None
        api.create(obj)
    waits.workloads_ready(api, 60)
    waits.budgets_settled(api, ignore=(name, f"{name}-too"))
    pods = [pod for pod in api.list("Pod", "team-1") if pod["metadata"]["labels"].get("app") == name]
    yield name, sorted(pod["spec"]["nodeName"] for pod in pods)[0]
    for obj in manifests:
        assert obj is not None
        api.delete(obj["kind"], obj["metadata"]["name"], "team-1")

    def left() -> str | None:
        found = [pod["metadata"]["name"] for pod in api.list("Pod", "team-1")]
        return f"{name} is there" if any(name in pod for pod in found) else None

    waits.until(left, 60, "the blocker gone")


def mend(api: Api, name: str) -> None:
    """What an owner would do once told."""
    if name == "two-budgets":
        api.delete("PodDisruptionBudget", f"{name}-too", "team-1")
        # Of two budgets over a pod the controller keeps one up to date; the other's status stays as it was until
        # something about it changes.
        api.patch("PodDisruptionBudget", name, {"metadata": {"annotations": {"example.net/owner": "team-1"}}}, "team-1")
    else:
        api.patch("PodDisruptionBudget", name, {"spec": {"maxUnavailable": 1}}, "team-1")
    waits.budgets_settled(api)


@pytest.mark.requirement("R-E1")
def test_what_blocks_in_the_rehearsal_holds_the_run_for_the_same_reason_and_mended_it_ends(
    api: Api, product: Product, built: Built, blocker: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    name, node = blocker
    counts = reboot.count(api, node)
    night.survey(product)
    planned = night.plan(product, name, [node])
    (predicted,) = night.blocked(product, planned)
    with Observer(api) as seen:
        run_id, _ = night.run(product, planned, codes=(REFUSED,))
        rows = night.rows(product, run_id)
        closed = [row.event for row in rows if row.kind == "gate-read" and row.event["state"] != "open"]
        outcomes = [row.event for row in rows if row.kind == "pod-outcome" and row.event["result"] == "blocked"]
        rules = {row["gate"] for row in closed} | {row["reason"].split(":")[0] for row in outcomes}
        told(capsys, f"{name}: rehearsal {predicted['rule']} ({predicted['reason']}); run held by {sorted(rules)}")
        assert predicted["node"] == node
        assert predicted["rule"] in rules, "the rehearsal named another rule than the one that held the run"
        assert name in predicted["reason"] + predicted["pod"]
        assert night.status(product, run_id)["state"] == "held"
        assert reboot.count(api, node) == counts, "a held node was rebooted"
        mend(api, name)
        night.resume(product, run_id)
    assert night.status(product, run_id)["state"] == "done"
    assert reboot.count(api, node) == counts + 1
    assert night.unclean(api) == []
    assert record.broken(night.rows(product, run_id)) is None
    assert not seen.violations(), seen.explain()
