"""Replicas, spread, anti-affinity, capacity, quota and volumes: what happens while a node is out."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from shipkeeper.model.cluster import Autoscaler, Quota, Service
from shipkeeper.model.inventory import Missing
from shipkeeper.model.nodes import Taint
from shipkeeper.model.pods import HostPort
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.storage import VolumeAttachment
from tests.builders import (
    GIB,
    NOW,
    ZONE,
    apart,
    budget,
    claim,
    daemonset,
    deployment,
    inventory,
    node,
    nodes,
    pod,
    shape,
    spread,
    statefulset,
    volume,
)
from tests.check.asking import ask, only, whole

WEB = Service("default", "web", {"app": "web"})


@pytest.mark.requirement("R-D2")
def test_single_replica_with_users_is_a_warning_with_an_estimate() -> None:
    item = only(inventory(*nodes(3), deployment(), services=(WEB,)), "single-replica")
    assert item.severity == "warning"
    assert "Service web has no other back end" in item.message
    assert item.consequence == "no Ready pod for about 10 s while it moves"
    assert "scale deployment web --replicas=2" in item.fix


def test_single_replica_of_a_statefulset_waits_for_the_old_pod() -> None:
    item = only(inventory(*nodes(3), statefulset("web"), services=(WEB,)), "single-replica")
    assert item.consequence == "no Ready pod for about 10 s plus up to 30 s to end while it moves"


def test_single_replica_without_a_measured_start_says_so() -> None:
    app = deployment(pod_fields={"restarts": 3})
    item = only(inventory(*nodes(3), app, services=(WEB,)), "single-replica")
    assert "not measured" in item.consequence


def test_single_replica_nobody_calls_is_a_note() -> None:
    metrics = Service("default", "web-metrics", {"app": "web"})
    assert only(inventory(*nodes(3), deployment(), services=(metrics,)), "single-replica").severity == "info"


def test_single_replica_is_not_played_down_when_services_could_not_be_read() -> None:
    gap = Missing("services", "forbidden", "")
    item = only(inventory(*nodes(3), deployment(), missing=(gap,)), "single-replica")
    assert item.severity == "warning"
    assert "not known" in item.message


def test_single_replica_behind_a_closed_budget_is_told_once() -> None:
    world = inventory(*nodes(3), deployment(), budget(min_available=1, expected=1, desired=1, healthy=1))
    assert ask(world, "single-replica") == []
    assert len(ask(world, "budget-blocks-always")) == 1


@pytest.mark.requirement("R-D2")
@pytest.mark.parametrize("allowed", [None, 1])
def test_all_replicas_on_one_node(allowed: int | None) -> None:
    parts = [*nodes(3), deployment(on=["n1", "n1"])]
    if allowed is not None:
        parts.append(budget(min_available=1, allowed=allowed, expected=2, desired=1, healthy=2))
    item = only(inventory(*parts), "replicas-on-one-node")
    assert item.nodes == ("n1",)
    if allowed is None:
        assert item.severity == "warning"
        assert "no Ready pod for about 10 s while they move together" in item.consequence
    else:
        assert item.severity == "info"
        assert "1 at a time" in item.consequence


def test_replicas_on_two_nodes_are_not_on_one() -> None:
    assert ask(inventory(*nodes(3), deployment(on=["n1", "n2"])), "replicas-on-one-node") == []


def test_all_replicas_in_one_zone() -> None:
    world = inventory(node("n1", "z1"), node("n2", "z1"), node("n3", "z2"), deployment(on=["n1", "n2"]))
    assert only(world, "replicas-in-one-zone").message == "all 2 Ready replicas are in zone z1"
    one_zone = inventory(node("n1", "z1"), node("n2", "z1"), deployment(on=["n1", "n2"]))
    assert ask(one_zone, "replicas-in-one-zone") == []


def test_without_budget_offers_the_command() -> None:
    item = only(inventory(*nodes(3), deployment(on=["n1", "n2"])), "workload-without-budget")
    assert item.fix == "kubectl -n default create pdb web --selector=app=web --max-unavailable=1"


@pytest.mark.parametrize(("policy", "stays"), [("Ignore", True), ("Honor", False)])
def test_ghost_domain_keeps_replacements_pending(policy: str, stays: bool) -> None:
    template = shape({"app": "web"}, spread=(spread(node_taints_policy=policy),))
    world = inventory(*nodes(3), deployment(on=["n1", "n2", "n3"], template=template))
    found = ask(world, "spread-cannot-be-met")
    assert bool(found) is stays
    if stays:
        assert found[0].nodes == ("n1", "n2", "n3")
        assert "2 of 3 pods Ready" in found[0].consequence
        assert "nodeTaintsPolicy: Honor" in found[0].fix


def test_anti_affinity_on_as_many_nodes_as_replicas() -> None:
    template = shape({"app": "web"}, pod_anti_affinity=(apart(),))
    full = inventory(*nodes(3), deployment(on=["n1", "n2", "n3"], template=template))
    assert "2 of 3 pods Ready" in only(full, "anti-affinity-cannot-be-met").consequence
    spare = inventory(*nodes(4), deployment(on=["n1", "n2", "n3"], template=template))
    assert ask(spare, "anti-affinity-cannot-be-met") == []


def test_host_port_on_every_node() -> None:
    template = shape({"app": "web"}, host_ports=(HostPort(443),))
    world = inventory(*nodes(2), deployment(on=["n1", "n2"], template=template))
    assert "host port" in only(world, "anti-affinity-cannot-be-met").message


@pytest.mark.requirement("R-D2")
def test_capacity_with_a_node_out() -> None:
    big = shape({"app": "web"}, cpu=3_000)
    world = inventory(*nodes(3, cpu=4_000), deployment(on=["n1", "n2", "n3"], template=big))
    found = ask(world, "capacity-node-out")
    assert [item.object.name for item in found] == ["n1", "n2", "n3"]
    assert found[0].severity == "error"
    assert "1 pod of 1 workload fit on no other node (3 CPU" in found[0].message
    assert "too little cpu" in found[0].evidence[0]
    roomy = inventory(*nodes(4, cpu=4_000), deployment(on=["n1", "n2", "n3"], template=big))
    assert ask(roomy, "capacity-node-out") == []


def test_capacity_counts_scheduling_classes_apart() -> None:
    gpu = shape({"app": "web"}, requests={"example.com/gpu": 1}, node_selector={"pool": "gpu"})
    accelerated = {"allocatable": {"cpu": 4_000, "memory": 16 * GIB, "pods": 110, "example.com/gpu": 1}}
    world = inventory(
        node("g1", labels={"pool": "gpu"}, **accelerated),
        node("g2", labels={"pool": "gpu"}, **accelerated),
        *nodes(3),
        deployment(on=["g1", "g2"], template=gpu),
    )
    assert [item.object.name for item in ask(world, "capacity-node-out")] == ["g1", "g2"], "free CPU hid a missing GPU"


def test_the_only_node_with_a_device_is_no_want_of_room() -> None:
    gpu = shape({"app": "web"}, requests={"example.com/gpu": 1})
    only_one = node("g1", allocatable={"cpu": 4_000, "memory": 16 * GIB, "pods": 110, "example.com/gpu": 1})
    world = inventory(only_one, *nodes(3), deployment(on=["g1"], template=gpu))
    assert ask(world, "capacity-node-out") == [], "no node could be added tonight that a run would wait for"
    item = only(world, "no-other-node")
    assert "may run on no other node than g1: the others have too little example.com/gpu" in item.message


def test_daemon_pods_need_no_room_elsewhere() -> None:
    agent = daemonset(on=["n1", "n2"], template=shape(cpu=3_000))
    assert ask(inventory(*nodes(2), agent), "capacity-node-out") == []


def test_no_other_node() -> None:
    picky = shape({"app": "web"}, node_selector={"disk": "fast"})
    world = inventory(node("n1", labels={"disk": "fast"}), node("n2"), deployment(template=picky), services=(WEB,))
    item = only(world, "no-other-node")
    assert "may run on no other node than n1" in item.message
    assert "no Ready pod while n1 is out" in item.consequence
    assert ask(world, "single-replica") == [], "a gap of seconds would have been promised"
    tainted = inventory(node("n1"), node("n2", taints=[Taint("gpu", "NoSchedule")]), deployment())
    assert "gpu:NoSchedule" in only(tainted, "no-other-node").evidence[0]


def test_the_only_node_is_one_finding() -> None:
    world = inventory(node("n1"), deployment(), deployment("api"), services=(WEB,))
    item = only(world, "no-other-node")
    assert item.object.kind == "Node"
    assert "2 pods have nowhere to go" in item.consequence


def test_quota_without_room_for_a_handover() -> None:
    tight = Quota("default", "team", hard={"pods": 1, "requests.cpu": 150}, used={"pods": 1, "requests.cpu": 100})
    item = only(inventory(*nodes(3), deployment(), quotas=(tight,)), "quota-blocks-replacement")
    assert "(pods, requests.cpu)" in item.message
    assert "pods: 1 of 1 used" in item.evidence
    loose = Quota("default", "team", hard={"pods": 2}, used={"pods": 1})
    assert ask(inventory(*nodes(3), deployment(), quotas=(loose,)), "quota-blocks-replacement") == []
    assert ask(inventory(*nodes(3), statefulset(), quotas=(tight,)), "quota-blocks-replacement") == []


def test_a_quota_over_its_limit_lets_no_pod_come_back_and_one_without_figures_says_nothing() -> None:
    over = Quota("default", "team", hard={"pods": 1}, used={"pods": 2})
    for app in (deployment(), statefulset()):
        item = only(inventory(*nodes(3), app, quotas=(over,)), "quota-blocks-replacement")
        assert item.severity == "error"
        assert item.nodes == ("n1",)
        assert "pods: 2 of 1 used" in item.evidence
    untold = Quota("default", "team", hard={"pods": 1})
    item = only(inventory(*nodes(3), deployment(), quotas=(untold,)), "quota-blocks-replacement")
    assert item.severity == "unknown", "the API server refuses every pod until the use is told"
    others = replace(over, scopes=("PriorityClass In high",))
    assert ask(inventory(*nodes(3), deployment(), quotas=(others,)), "quota-blocks-replacement") == []


def test_local_volume_is_down_as_long_as_its_node() -> None:
    world = inventory(
        *nodes(3), statefulset(claims=True), claim("data-db-0", volume="pv"), volume("pv", on="n1", source="local")
    )
    item = only(world, "volume-local")
    assert "no Ready pod from the drain until the node is back" in item.consequence
    assert ask(world, "capacity-node-out") + ask(world, "no-other-node") == []
    assert whole(world).nodes.downtime == 1


def test_local_volumes_of_several_replicas_leave_the_others() -> None:
    world = inventory(
        *nodes(3),
        statefulset(on=["n1", "n2"], claims=True),
        claim("data-db-0", volume="pv0"),
        claim("data-db-1", volume="pv1"),
        volume("pv0", on="n1", source="local"),
        volume("pv1", on="n2", source="local"),
    )
    assert "a replica less" in only(world, "volume-local").consequence


def test_zonal_volume_with_and_without_a_second_node_in_its_zone() -> None:
    parts = (statefulset(claims=True), claim("data-db-0", volume="pv"), volume("pv", zone="z1"))
    alone = only(inventory(node("n1", "z1"), node("n2", "z2"), *parts), "volume-zonal")
    assert alone.severity == "warning"
    assert "no Ready pod while n1 is out" in alone.consequence
    paired = only(inventory(node("n1", "z1"), node("n2", "z1"), *parts), "volume-zonal")
    assert paired.severity == "info"


def test_rolling_deployment_with_a_single_attach_volume() -> None:
    mounting = deployment(pod_fields={"claims": ("data",)})
    world = inventory(*nodes(3), mounting, claim("data", volume="pv"), volume("pv"))
    assert "ReadWriteOnce" in only(world, "volume-handover").message
    recreated = deployment(pod_fields={"claims": ("data",)}, strategy="Recreate")
    assert ask(inventory(*nodes(3), recreated, claim("data", volume="pv"), volume("pv")), "volume-handover") == []


def test_unbound_claim() -> None:
    waiting = pod("p", on="", phase="Pending", ready=False, claims=("data",))
    item = only(inventory(*nodes(3), waiting, claim("data")), "claim-unbound")
    assert item.message.startswith("is Pending")
    assert ask(inventory(*nodes(3), pod(claims=("data",)), claim("data", volume="pv")), "claim-unbound") == []


def test_volume_that_does_not_detach() -> None:
    slow = VolumeAttachment("a", "n1", "pv", "csi", True, NOW - 600_000)
    fresh = VolumeAttachment("b", "n1", "pv2", "csi", True, NOW - 1_000)
    item = only(inventory(*nodes(3), pod(), attachments=(slow, fresh)), "volume-detaching")
    assert item.object.name == "a"


def test_autoscaler_minimum_of_one() -> None:
    scaler = Autoscaler("default", "web", ObjectRef("Deployment", "default", "web"), 1, 5, 2)
    world = replace(inventory(*nodes(3), deployment(on=["n1", "n2"])), autoscalers=(scaler,))
    assert "one replica (now 2)" in only(world, "autoscaler-minimum-one").message


def test_a_node_that_is_not_ready_takes_nobody() -> None:
    big = shape({"app": "web"}, cpu=3_000)
    world = inventory(node("n1"), node("n2", ready=False), deployment(on=["n1"], template=big))
    assert ask(world, "no-other-node"), "the room of a dead node was counted on"


def test_zones_do_not_count_for_pods_that_chose_theirs() -> None:
    chosen = shape({"app": "web"}, node_selector={ZONE: "z1"})
    world = inventory(
        node("n1", "z1"), node("n2", "z1"), node("n3", "z2"), deployment(on=["n1", "n2"], template=chosen)
    )
    assert ask(world, "replicas-in-one-zone") == []
