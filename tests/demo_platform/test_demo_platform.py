"""The demo's platform: the same file every time, with faults to find and a night that can be carried out."""

from __future__ import annotations

import base64
import gzip
import json

import pytest

from shipkeeper.app.demo_platform import SELECTOR, WINDOW, dump_path, platform_path
from shipkeeper.app.demo_platform.generate import document
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.propose import Wishes, propose
from shipkeeper.app.rehearse import rehearse_plan
from shipkeeper.app.survey import load_inventory
from shipkeeper.assessment.check import check
from shipkeeper.model.platform import Platform
from shipkeeper.semantics.budgets import compile_budgets, counting_once
from shipkeeper.semantics.ownership import by_uid
from shipkeeper.semantics.placement import static_reasons
from shipkeeper.semantics.room import room_of
from shipkeeper.semantics.volumes import Storage
from tests.semantics.budget_rule import status


@pytest.fixture(scope="module")
def inv():
    return load_inventory(str(dump_path()))


@pytest.fixture(scope="module")
def night(inv):
    platform, _ = load_platform(platform_path(), platform_path().parent)
    return propose(inv, Wishes(selector=SELECTOR, window=WINDOW), platform, inv.taken_ms)


def test_the_dump_is_what_its_generator_writes():
    packaged = unpacked(gzip.decompress(dump_path().read_bytes()))
    assert packaged == unpacked(document()), "write it again: python -m shipkeeper.app.demo_platform.generate"
    assert dump_path().stat().st_size < 400_000, "it is in every wheel"


def unpacked(dump: bytes) -> list[dict]:
    """Its documents, with what Helm packs unpacked: how well gzip packs is not the same everywhere."""
    found = [json.loads(line) for line in dump.splitlines()]
    for item in found[0]["items"]:
        if item["kind"] == "Secret":
            packed = base64.b64decode(base64.b64decode(item["data"]["release"]))
            item["data"] = json.loads(gzip.decompress(packed))
    return found


def test_it_is_a_platform_of_about_thirty_nodes_and_four_hundred_pods(inv):
    counts = inv.counts()
    assert counts["nodes"] == 30
    assert 380 <= counts["pods"] <= 430
    assert {node.zone for node in inv.nodes} == {"z1", "z2", "z3"}
    assert inv.cluster_missing == (), "the demo would begin with things it cannot know"
    assert {w.kind for w in inv.workloads} >= {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"}


def test_what_the_dump_says_hangs_together(inv):
    workloads, storage = by_uid(inv.workloads), Storage(inv.claims, inv.volumes, inv.storage_classes)
    nodes = {node.name: node for node in inv.nodes}
    for pod in inv.pods:
        if pod.owner is not None and pod.owner.kind not in ("Node", "Cluster"):
            assert pod.owner.uid in workloads, f"{pod.ref} is owned by nothing"
        if not pod.mirror:
            assert static_reasons(pod, nodes[pod.node], storage) == (), f"{pod.ref} could not be where it is"
    room = room_of(inv.nodes, inv.pods)
    assert (room.free >= 0).all(), "a node holds more than it has"


def test_budgets_say_what_their_controller_would_have_written(inv):
    index, workloads = compile_budgets(inv.budgets), by_uid(inv.workloads)
    pods = [pod for pod in inv.pods if not pod.finished]
    for budget in inv.budgets:
        mine = [pod for pod in pods if budget in index.matching(pod.namespace, pod.shape.labels)]
        now = status(budget, mine, counting_once(workloads), inv.taken_ms)
        assert (now.expected, now.desired, now.healthy, now.allowed) == (
            budget.expected, budget.desired, budget.healthy, budget.allowed
        ), f"{budget.ref}"  # fmt: skip


def test_the_faults_that_were_put_in_are_found(inv):
    found = {finding.rule for finding in check(inv, now_ms=inv.taken_ms).items}
    assert found >= {
        "budget-blocks-always", "budget-two-on-pod", "budget-unhealthy-pods", "job-fails-on-eviction", "pod-empty-dir",
        "pod-unmanaged", "pod-without-requests", "replicas-on-one-node", "single-replica", "spread-cannot-be-met",
        "webhook-leaves-with-node", "long-grace-period", "volume-zonal", "control-plane-node",
    }  # fmt: skip


def test_the_night_has_nothing_that_blocks_it(inv, night):
    names = [name for batch in night.batches for name in batch]
    assert len(names) == 12
    findings = check(inv, nodes=names, now_ms=inv.taken_ms).items
    assert [f.rule for f in findings if f.severity in ("error", "unknown")] == []
    assert not any("cannot be drained" in note for note in night.notes)


def test_the_night_uses_what_the_platform_file_says(night):
    assert night.reboot.driver == "ssh"
    assert night.order == "zones"
    assert night.window.opens_at == "2026-12-01T22:00:00+01:00"
    assert sum("share PodDisruptionBudget" in step.why for step in night.steps) >= 3, "no drain waits for a budget"
    assert len([key for key in night.timings.readiness if key != "*"]) > 80, "readiness is not measured"


def test_the_night_ends_well_in_rehearsal(inv, night):
    forecast = rehearse_plan(night, inv, 4, compare=False, workers=1)
    assert forecast.verdict == "fits"
    assert forecast.blocked == ()
    down = {f"{felt.namespace}/{felt.name}" for felt in forecast.workloads if felt.downtime_seconds.p95 > 0}
    assert down == {"team-shop/wishlist", "team-shop/mail-sender", "team-media/thumbnails"}, (
        "the story of the night has changed: these are the workloads that one node holds all of"
    )
    assert 1 <= forecast.duration_seconds.p50 / forecast.lower_bound_seconds.value < 1.25


def test_the_whole_platform_at_once_would_not_go_through(inv):
    everything = propose(inv, Wishes(order="serial"), Platform(), inv.taken_ms)
    forecast = rehearse_plan(everything, inv, 1, compare=False, workers=1)
    assert forecast.verdict == "blocked", "the faults that were put in do not stop a night over them"
