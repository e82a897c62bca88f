"""Owners, control plane, other drainers, rollouts, percentages, version skew (T19)."""

from __future__ import annotations

import pytest

from shipkeeper.model.errors import BadInput
from shipkeeper.model.nodes import Taint
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.workloads import IntOrPercent, Workload
from shipkeeper.semantics import skew
from shipkeeper.semantics.control_plane import etcd_members, is_control_plane, is_etcd, quorum, spare_members
from shipkeeper.semantics.drainers import acting_on, drainer_of_kind, node_marks, workload_marks
from shipkeeper.semantics.ownership import by_uid, scale, top_of, top_workload
from shipkeeper.semantics.percent import scaled
from shipkeeper.semantics.rollouts import in_flight, short_of
from tests.builders import daemonset, deployment, job, mirror, node, owner, pod, shape, statefulset, workload


def test_the_top_owner_is_at_the_end_of_the_walk() -> None:
    app = deployment()
    known = by_uid(app.workloads)
    mine = app.pods[0].owner
    assert mine is not None
    assert top_of(mine, "default", known) == ObjectRef("Deployment", "default", "web")
    assert top_workload(mine, known) == app.top
    assert top_of(mine, "default", {}) == ObjectRef("ReplicaSet", "default", "web-5d8f"), "an unknown owner is one"


def test_the_top_owner_of_a_scheduled_job_and_of_an_operators_pod() -> None:
    nightly = job("nightly-1", on=["n1"], owner=owner("CronJob", "nightly"))
    mine = nightly.pods[0].owner
    assert mine is not None
    assert top_of(mine, "default", by_uid(nightly.workloads)) == ObjectRef("CronJob", "default", "nightly")
    assert top_of(owner("Cluster", "pg"), "default", {}) == ObjectRef("Cluster", "default", "pg")


def test_circular_owners_end() -> None:
    a = workload("ReplicaSet", "a", owner=owner("ReplicaSet", "b"))
    b = workload("ReplicaSet", "b", owner=owner("ReplicaSet", "a"))
    assert top_of(owner("ReplicaSet", "a"), "default", by_uid([a, b])).kind == "ReplicaSet"


@pytest.mark.parametrize(
    ("reference", "replicas", "why"),
    [
        (owner("ReplicaSet", "web-5d8f"), 3, ""),
        (owner("DaemonSet", "agent"), None, "no-scale"),
        (owner("Job", "x"), None, "no-scale"),
        (owner("Node", "n1"), None, "no-scale"),
        (owner("StatefulSet", "gone"), None, "gone"),
        (owner("Kafka", "k"), None, "unknown"),
    ],
)
def test_scale_of_owners(reference: object, replicas: int | None, why: str) -> None:
    known = by_uid(deployment(on=["n1"] * 3).workloads)
    answer = scale(reference, known)  # type: ignore[arg-type]
    assert (answer.replicas, answer.why) == (replicas, why)


def test_scale_of_a_replica_set_follows_its_owner() -> None:
    app = deployment(on=["n1"] * 3)
    rolled = by_uid([app.workloads[1]])
    assert scale(owner("ReplicaSet", "web-5d8f"), rolled).replicas == 3, (
        "without its Deployment the controller asks the ReplicaSet's own scale subresource, which answers"
    )
    foreign = workload("ReplicaSet", "canary", replicas=2, owner=owner("Rollout", "canary"))
    assert scale(owner("ReplicaSet", "canary"), by_uid([foreign])).replicas == 2


@pytest.mark.parametrize(
    ("machine", "pods", "found"),
    [
        (node(control_plane=True), (), True),
        (node(labels={"node-role.kubernetes.io/master": ""}), (), True),
        (node(taints=[Taint("node-role.kubernetes.io/control-plane", "NoSchedule")]), (), True),
        (node(), (mirror("kube-apiserver", "n1"),), True),
        (node(), (mirror("etcd", "n1", "openshift-etcd", app="etcd"),), True),
        (node(), (mirror("kube-proxy", "n1"),), False),
        (node(), (pod("etcd-n1", "kube-system", template=shape({"component": "etcd"})),), False),
        (node(), (mirror("etcd", "n1", "tenant"),), False),
    ],
)
def test_control_plane_nodes(machine: object, pods: tuple[object, ...], found: bool) -> None:
    assert is_control_plane(machine, pods) is found  # type: ignore[arg-type]


def test_openshift_guards_are_no_members() -> None:
    guard = pod("etcd-guard-n1", "openshift-etcd", template=shape({"app": "guard"}))
    member = mirror("etcd", "n1", "openshift-etcd", app="etcd")
    assert not is_etcd(guard)
    assert etcd_members([guard, member]) == (member,)


@pytest.mark.parametrize(("members", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)])
def test_quorum(members: int, needed: int) -> None:
    assert quorum(members) == needed
    assert spare_members(members, members) == members - needed


def test_drainers_at_work_and_at_rest() -> None:
    resting = node(
        annotations={
            "machineconfiguration.openshift.io/currentConfig": "a",
            "machineconfiguration.openshift.io/desiredConfig": "a",
            "machineconfiguration.openshift.io/state": "Done",
        }
    )
    assert [mark.acting for mark in node_marks(resting)] == [False]
    assert acting_on(resting) == ()
    updating = node(
        annotations={
            "machineconfiguration.openshift.io/currentConfig": "a",
            "machineconfiguration.openshift.io/desiredConfig": "b",
        }
    )
    assert [mark.drainer for mark in acting_on(updating)] == ["machine-config operator"]
    assert acting_on(node(annotations={"weave.works/kured-reboot-in-progress": "now"}))[0].drainer == "kured"
    scaled_in = node(taints=[Taint("ToBeDeletedByClusterAutoscaler", "NoSchedule", "1")])
    assert acting_on(scaled_in)[0].drainer == "cluster-autoscaler"
    assert acting_on(node(taints=[Taint("karpenter.sh/disrupted", "NoSchedule")]))[0].drainer == "Karpenter"
    assert node_marks(node(annotations={"cluster.x-k8s.io/machine": "m1"}))[0].drainer == "Cluster API"
    assert node_marks(node()) == ()


def test_drainers_that_run_here() -> None:
    idle = daemonset("kured", on=["n1"])
    held = daemonset("kured", on=["n1"], annotations={"weave.works/kured-node-lock": '{"nodeID":"n1"}'})
    scaler = deployment("cluster-autoscaler", "kube-system")
    assert [mark.acting for mark in workload_marks(idle.workloads)] == [False]
    assert [mark.acting for mark in workload_marks(held.workloads)] == [True]
    assert [mark.drainer for mark in workload_marks(scaler.workloads)] == ["cluster-autoscaler"]
    assert workload_marks(deployment("web").workloads) == ()
    assert drainer_of_kind("MachineConfigPool") == "machine-config operator"
    assert drainer_of_kind("MachineDeployment") == "Cluster API"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"generation": 2}, "not yet seen"),
        ({"updated": 1}, "1 of 2 pods"),
        ({"current": 3}, "1 pods of the old template"),
        ({"generation": 1, "updated": 0, "strategy": "OnDelete"}, ""),
    ],
)
def test_rollouts_in_flight(change: dict[str, object], words: str) -> None:
    rolling: Workload = deployment(on=["n1", "n2"], **change).top
    answer = in_flight(rolling)
    assert (words in answer) if words else answer == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rolled_out": True, "updated": 1, "current": 1}, ""),
        ({"rolled_out": True, "updated": 0, "current": 0}, ""),
        ({"rolled_out": False, "updated": 1, "current": 2}, "1 of 3 pods run the new template"),
        ({"rolled_out": False, "updated": 3, "current": 3, "ready": 2}, "2 of 3 pods of the new template are Ready"),
        ({"rolled_out": False, "updated": 1, "current": 3, "partition": 2}, ""),
        ({"rolled_out": False, "updated": 0, "current": 3, "partition": 2}, "0 of 1 pods"),
        ({"rolled_out": None, "updated": 1, "current": 1}, "1 of 3 pods"),
        ({"rolled_out": True, "generation": 2}, "not yet seen"),
    ],
    ids=[
        "two pods have no object",
        "none has",
        "rolling",
        "rolled, not Ready",
        "held at its partition",
        "on its way to its partition",
        "nobody says",
        "a newer change",
    ],
)
def test_a_pod_without_an_object_is_no_rollout(change: dict[str, object], words: str) -> None:
    workload: Workload = statefulset(on=["n1", "n2", "n3"], **change).top
    answer = in_flight(workload)
    assert (words in answer) if words else answer == ""


def test_a_deployment_that_misses_pods_is_no_rollout_either() -> None:
    missing = {"rolled_out": True, "updated": 1, "current": 1, "ready": 1}
    assert in_flight(deployment(on=["n1", "n2"], **missing).top) == ""
    assert in_flight(deployment(on=["n1", "n2"], **(missing | {"current": 2})).top) != "", "an old pod is left"


def test_short_of_pods() -> None:
    assert short_of(deployment(on=["n1"], ready=0).top) == 1
    assert short_of(job().top) == 0


@pytest.mark.parametrize(
    ("value", "total", "up", "down"),
    [(2, 3, 2, 2), ("25%", 4, 1, 1), ("25%", 1, 1, 0), ("10%", 5, 1, 0), ("0%", 5, 0, 0), ("50%", 3, 2, 1)],
)
def test_percentages_round_as_they_are_told(value: IntOrPercent, total: int, up: int, down: int) -> None:
    assert (scaled(value, total, round_up=True), scaled(value, total, round_up=False)) == (up, down)


def test_what_is_no_percentage_is_refused() -> None:
    with pytest.raises(BadInput):
        scaled("a quarter", 4, round_up=True)


@pytest.mark.parametrize(
    ("kubelet", "servers", "fits"),
    [
        ("v1.34.1", ["v1.34.0"], True),
        ("v1.35.0", ["v1.34.0"], False),
        ("v1.35.0", ["v1.35.0", "v1.34.0"], False),
        ("v1.31.0", ["v1.34.0"], True),
        ("v1.30.0", ["v1.34.0"], False),
        ("v1.31.0", ["v1.35.0", "v1.34.0"], False),
        ("v1.24.0", ["v1.26.0"], True),
        ("v1.24.0", ["v1.27.0"], False),
        ("v1.25.0", ["v1.28.0"], True),
        ("unknown", ["v1.28.0"], False),
        ("v1.33.1+k3s1", ["v1.34.4-eks-abc"], True),
    ],
)
def test_t19_kubelets(kubelet: str, servers: list[str], fits: bool) -> None:
    assert (skew.kubelet_problem(kubelet, servers) == "") is fits


def test_t19_the_others() -> None:
    assert skew.api_servers_problem(["v1.34.0", "v1.35.0"]) == ""
    assert "2 minors apart" in skew.api_servers_problem(["v1.33.0", "v1.35.0"])
    assert skew.controller_problem("v1.34.0", ["v1.35.0"]) == ""
    assert "2 minors behind" in skew.controller_problem("v1.33.0", ["v1.35.0"])
    assert "newer" in skew.controller_problem("v1.35.0", ["v1.35.0", "v1.34.0"])
    assert skew.proxy_problem("v1.34.0", "v1.31.0", ["v1.34.0"]) == ""
    assert "kube-proxy 1.35 is newer" in skew.proxy_problem("v1.35.0", "v1.34.0", ["v1.34.0"])
