"""Pods as the API writes them become pods as maintenance sees them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.errors import BadInput
from shipkeeper.model.labels import Requirement, Selector
from shipkeeper.model.pods import HostPort, NodeTerm, Pod, PodTerm, SpreadConstraint, Toleration
from shipkeeper.model.refs import OwnerRef
from shipkeeper.model.table import PodTableBuilder
from shipkeeper.semantics.wire import READERS, pods_into
from tests.wire.objects import STAMP, STAMP_MS, asks, container, encode, listing, meta, pod

PODS = READERS["pods"]


def read(document: dict[str, Any]) -> Pod:
    [one] = PODS.one(encode(document))
    assert isinstance(one, Pod)
    return one


def requests(**spec: Any) -> dict[str, int]:
    return read(pod(spec=spec)).shape.requests


def test_times_and_readiness_come_from_the_conditions() -> None:
    one = read(pod())
    assert (one.created_ms, one.scheduled_ms, one.ready_ms, one.ready) == (STAMP_MS, STAMP_MS, STAMP_MS + 10_000, True)
    assert (one.node, one.phase, one.uid, one.deletion_ms) == ("n1", "Running", "uid-shop-web-1", None)


@pytest.mark.requirement("R-A2")
def test_request_of_init_containers_is_the_larger_of_starting_and_running() -> None:
    main = [container(**asks(cpu="100m", memory="100")), container("b", **asks(cpu="200m", memory="50"))]
    init = [container("i", **asks(cpu="250m", memory="500")), container("j", **asks(cpu="400m", memory="10"))]
    assert requests(containers=main, initContainers=init) == {"cpu": 400, "memory": 500}


@pytest.mark.requirement("R-A2")
def test_sidecars_count_beside_main_containers_and_beside_the_init_containers_after_them() -> None:
    main = [container(**asks(cpu="100m"))]
    sidecar = container("proxy", restartPolicy="Always", **asks(cpu="50m"))
    before, after = container("i", **asks(cpu="160m")), container("j", **asks(cpu="120m"))
    assert requests(containers=main, initContainers=[before, sidecar, after]) == {"cpu": 170}, (
        "the init container after the sidecar runs beside it: 120 + 50"
    )
    assert requests(containers=main, initContainers=[container("i", **asks(cpu="165m")), sidecar]) == {"cpu": 165}
    assert requests(containers=main, initContainers=[sidecar]) == {"cpu": 150}


@pytest.mark.requirement("R-A2")
def test_overhead_comes_on_top_and_limits_stand_for_missing_requests() -> None:
    limited = container(resources={"limits": {"cpu": "300m", "memory": "1Ki"}, "requests": {"memory": "512"}})
    assert requests(containers=[limited], overhead={"cpu": "50m"}) == {"cpu": 350, "memory": 512}
    whole_pod = {"requests": {"cpu": "2", "memory": "1Gi"}}
    assert requests(containers=[container()], resources=whole_pod) == {"cpu": 2_000, "memory": 2**30}


millicores = st.integers(min_value=0, max_value=5_000)


@given(
    main=st.lists(millicores, min_size=1, max_size=4),
    init=st.lists(st.tuples(millicores, st.booleans()), max_size=5),
    overhead=millicores,
)
def test_requests_cover_every_moment_of_a_pods_life(
    main: list[int], init: list[tuple[int, bool]], overhead: int
) -> None:
    """Play the start of a pod moment by moment; the most that runs at once is what must be reserved."""
    spec = {
        "containers": [container(f"m{i}", **asks(cpu=f"{cpu}m")) for i, cpu in enumerate(main)],
        "initContainers": [
            container(f"i{i}", **asks(cpu=f"{cpu}m"), **({"restartPolicy": "Always"} if stays else {}))
            for i, (cpu, stays) in enumerate(init)
        ],
        "overhead": {"cpu": f"{overhead}m"},
    }
    running, most = 0, 0
    for cpu, stays in init:
        most = max(most, running + cpu)
        running += cpu if stays else 0
    most = max(most, running + sum(main))
    assert requests(**spec).get("cpu", 0) == most + overhead, "the scheduler would reserve something else"


def test_containers_without_requests_are_counted() -> None:
    bare = [container(), container("b", **asks(cpu="1")), container("c", **asks(cpu="1", memory="1"))]
    shape = read(pod(spec={"containers": bare})).shape
    assert (shape.containers, shape.without_requests) == (3, 2)


def test_the_whole_of_a_rich_pod() -> None:
    expression = {"key": "disk", "operator": "In", "values": ["ssd"]}
    one = read(
        pod(
            metadata={
                "labels": {"b": "2", "a": "1"},
                "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "secret/token": "s3cr3t"},
                "ownerReferences": [
                    {"apiVersion": "v1", "kind": "Other", "name": "o", "uid": "u0"},
                    {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u1", "controller": True},
                ],
                "finalizers": ["example.com/hold"],
                "deletionTimestamp": STAMP,
                "deletionGracePeriodSeconds": 30,
            },
            spec={
                "terminationGracePeriodSeconds": 90,
                "priority": 1000,
                "priorityClassName": "high",
                "preemptionPolicy": "Never",
                "nodeSelector": {"pool": "blue"},
                "schedulerName": "mine",
                "schedulingGates": [{"name": "wait"}],
                "affinity": {
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [{"matchExpressions": [expression]}]
                        },
                        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {}}],
                    },
                    "podAntiAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": [
                            {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "x"}}, "namespaces": ["n"]}
                        ]
                    },
                },
                "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
                "topologySpreadConstraints": [
                    {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "minDomains": 3},
                    {"maxSkew": 2, "topologyKey": "host", "whenUnsatisfiable": "ScheduleAnyway"},
                ],
                "containers": [
                    container(
                        ports=[{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81}],
                        lifecycle={"preStop": {"exec": {"command": ["sleep", "5"]}}},
                    )
                ],
                "initContainers": [container("init")],
                "volumes": [
                    {"name": "kube-api-access-x7k2p", "projected": {"sources": []}},
                    {"name": "scratch", "emptyDir": {"medium": "Memory"}},
                    {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-1"}},
                    {"name": "own", "ephemeral": {"volumeClaimTemplate": {}}},
                    {"name": "conf", "configMap": {"name": "do-not-keep"}},
                    {"name": "unset", "hostPath": None},
                ],
            },
            status={
                "phase": "Running",
                "containerStatuses": [{"restartCount": 7, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
                "initContainerStatuses": [{"restartCount": 3, "state": {"terminated": {}}}],
            },
        )
    )
    shape = one.shape
    assert one.owner == OwnerRef("ReplicaSet", "web", "u1", "apps/v1"), "only the controller owns"
    assert (one.finalizers, one.deletion_ms, one.deletion_grace_ms) == (("example.com/hold",), STAMP_MS, 30_000)
    assert one.claims == ("data-web-1", "web-1-own"), "a generic ephemeral volume's claim is named pod-volume"
    assert shape.volumes == ("configMap", "emptyDir", "ephemeral", "projected")
    assert (one.restarts, one.waiting, one.ready) == (7, "CrashLoopBackOff", False)
    assert list(shape.labels) == ["a", "b"]
    assert shape.annotations == {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
    assert (shape.grace_ms, shape.priority, shape.priority_class, shape.preemption) == (90_000, 1000, "high", False)
    assert shape.node_terms == (NodeTerm((Requirement("disk", "In", ("ssd",)),)),)
    assert shape.pod_anti_affinity == (PodTerm("zone", Selector((("app", "x"),)), ("n",)),)
    assert shape.tolerations == (Toleration("k", "Exists", "", "NoExecute", 300),)
    assert shape.spread == (
        SpreadConstraint("zone", 1, True, min_domains=3),
        SpreadConstraint("host", 2, False),
    )
    assert shape.host_ports == (HostPort(8080),)
    assert (shape.has_pre_stop, shape.scheduler, shape.scheduling_gates) == (True, "mine", ("wait",))
    assert shape.images == ("registry.example/main:1", "registry.example/init:1")
    assert "do-not-keep" not in repr(one), "names of ConfigMaps are not ours to keep"
    assert "s3cr3t" not in repr(one)


def test_with_the_hosts_network_every_port_is_a_port_of_the_node() -> None:
    spec = {"hostNetwork": True, "containers": [container(ports=[{"containerPort": 9100, "protocol": "UDP"}])]}
    assert read(pod(spec=spec)).shape.host_ports == (HostPort(9100, "UDP"),)


def test_a_static_pods_mirror_is_known_by_its_annotation_and_shares_its_shape() -> None:
    plain = read(pod())
    mirror = read(pod(metadata={"annotations": {"kubernetes.io/config.mirror": "5f3a"}}))
    assert (mirror.mirror, plain.mirror) == (True, False)
    assert mirror.shape == plain.shape


def test_trouble_is_told_before_the_ordinary_wait() -> None:
    waiting = {"containerStatuses": [{"state": {"waiting": {"reason": "PodInitializing"}}}]}
    assert read(pod(status=waiting)).waiting == "PodInitializing"
    waiting["initContainerStatuses"] = [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]
    assert read(pod(status=waiting)).waiting == "ImagePullBackOff"


def test_a_daemonsets_pods_share_one_shape_although_each_is_pinned_to_its_node() -> None:
    def daemon(node: str, *more: dict[str, Any]) -> dict[str, Any]:
        term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
        for extra in more:
            term = term | extra
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        owners = [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "u", "controller": True}]
        return pod(f"agent-{node}", metadata={"ownerReferences": owners}, spec={"affinity": {"nodeAffinity": required}})

    one, other = read(daemon("n1")), read(daemon("n2"))
    assert one.shape == other.shape
    assert one.shape.node_terms == (), "an empty term would match no node at all"
    kept = read(daemon("n1", {"matchExpressions": [{"key": "os", "operator": "Exists"}]}))
    assert kept.shape.node_terms == (NodeTerm((Requirement("os", "Exists"),)),)


def test_absent_and_null_parts_are_defaults() -> None:
    bare = read({"metadata": {"name": "p"}})
    assert (bare.namespace, bare.phase, bare.node, bare.shape.grace_ms) == ("default", "Pending", "", 30_000)
    nulls = {
        "metadata": {"name": "p", "labels": {"a": None}, "annotations": None, "ownerReferences": None},
        "spec": {"containers": [{"resources": None, "ports": None}], "volumes": None, "affinity": None},
        "status": {"conditions": None, "containerStatuses": []},
    }
    assert read(nulls).shape.labels == {"a": ""}


def test_grace_periods_that_mean_for_ever_stay_in_range() -> None:
    assert read(pod(spec={"terminationGracePeriodSeconds": 2**63 - 1})).shape.grace_ms == (2**31 - 1) * 1_000
    assert read(pod(spec={"terminationGracePeriodSeconds": -1})).shape.grace_ms == 0


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ({"spec": []}, "$.spec"),
        ({"spec": {"containers": {}}}, "$.spec.containers"),
        ({"spec": {"containers": [{"image": 7}]}}, "$.spec.containers[0].image"),
        ({"metadata": {"name": 5}}, "$.metadata.name"),
        ({"metadata": {}}, "name"),
        ({"metadata": {"name": "p", "creationTimestamp": "yesterday"}}, "creationTimestamp"),
    ],
)
def test_wrong_types_are_refused_with_their_path(spoil: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput) as caught:
        PODS.one(encode(pod() | spoil), place="dump.json")
    assert told in caught.value.message
    assert caught.value.location is not None
    assert caught.value.location.file == "dump.json"


def test_a_quantity_that_cannot_be_read_names_its_pod() -> None:
    with pytest.raises(BadInput, match=r"Pod shop/web-1: cpu: 'lots'"):
        read(pod(spec={"containers": [container(**asks(cpu="lots"))]}))


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b'{"kind":"Status","metadata":{}}', b"\xff\xfe", b"[" * 10**5]
)
def test_what_is_no_list_of_pods_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput):
        PODS.page(data)


def test_malformed_json_is_placed_by_line_and_column() -> None:
    with pytest.raises(BadInput) as caught:
        PODS.page(b'{\n "items": [\n  {"metadata" oops}\n ]}', place="x.json")
    assert str(caught.value.location) == "x.json:3:15"


def test_pages_carry_their_version_and_continue_token() -> None:
    page = PODS.page(encode(listing([pod()], "PodList", resourceVersion="42", **{"continue": "abc"})))
    assert (page.resource_version, page.continue_token, len(page.items)) == ("42", "abc", 1)
    assert PODS.page(b'{"items":null}').items == ()


replicas = st.lists(
    st.tuples(st.sampled_from(["web", "api"]), st.integers(0, 3), st.sampled_from(["n1", "n2", ""]), st.booleans()),
    max_size=12,
)


@given(replicas)
def test_the_compact_way_gives_the_same_pods_and_each_shape_once(plan: list[tuple[str, int, str, bool]]) -> None:
    items = [
        pod(
            f"{app}-{i}",
            metadata={"labels": {"app": app}} | ({"finalizers": ["f"]} if held else {}),
            spec={"nodeName": node, "volumes": [{"name": f"kube-api-access-{i}", "projected": {"sources": [i]}}]},
        )
        for i, (app, _, node, held) in enumerate(plan)
    ]
    builder = PodTableBuilder()
    pods_into(builder, encode(listing(items[:5])))
    pods_into(builder, encode(listing(items[5:])))
    table = builder.build()
    assert list(table) == [read(item) for item in items]
    assert len(table.shapes) == len({app for app, *_ in plan}), "pods of one template must share one shape"


@given(st.permutations(range(6)))
def test_a_sorted_table_does_not_remember_the_order_of_reading(order: list[int]) -> None:
    def table(rows: list[int]) -> Any:
        builder = PodTableBuilder()
        for i in rows:
            item = pod(f"p{i}", f"ns{i % 2}", spec={"nodeName": f"n{i % 3}" if i else ""})
            pods_into(builder, encode(listing([item])))
        return builder.build().sorted()

    one, other = table(list(range(6))), table(list(order))
    assert list(one) == list(other)
    assert all((one.columns[name] == other.columns[name]).all() for name in one.columns)
    assert (one.nodes, one.namespaces) == (other.nodes, other.namespaces)


def test_labels_of_templates_and_pods_meet() -> None:
    [workload] = READERS["deployments"].one(
        encode(
            {
                "metadata": meta("web"),
                "spec": {
                    "replicas": 3,
                    "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container()]}},
                },
            }
        )
    )
    assert workload.template is not None
    assert workload.template == read(pod(metadata={"labels": {"app": "web"}}, spec={"containers": [container()]})).shape
