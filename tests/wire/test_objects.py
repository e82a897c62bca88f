"""Every other kind: defaults as the API server has them, nothing that is not asked for."""

from __future__ import annotations

from typing import Any

import pytest

from shipkeeper.execution import marks
from shipkeeper.model.cluster import ApiService, Autoscaler, EndpointSlice, Event, Lease, Service
from shipkeeper.model.errors import BadInput
from shipkeeper.model.labels import Requirement, Selector
from shipkeeper.model.nodes import NodeCondition, Taint
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.storage import CsiNode, VolumeAttachment
from shipkeeper.semantics.wire import KEPT_ANNOTATIONS, READERS, reader_for
from shipkeeper.semantics.wire.unknowns import UNKNOWN_WITHOUT
from tests.wire.objects import STAMP, STAMP_MS, container, encode, meta


def one(resource: str, document: dict[str, Any]) -> Any:
    items = READERS[resource].one(encode(document))
    assert len(items) == 1
    return items[0]


def test_every_resource_has_a_reader_and_a_word_for_its_absence() -> None:
    assert set(UNKNOWN_WITHOUT) == set(READERS)
    for name, reader in READERS.items():
        assert reader.resource == name
        assert reader_for(f"{reader.group}/v9" if reader.group else "v1", reader.kind) is reader
    assert reader_for("serving.knative.dev/v1", "Service") is None, "another group's Service is not ours"


def test_paths() -> None:
    assert READERS["pods"].path() == "/api/v1/pods"
    assert READERS["pods"].path("shop", "p") == "/api/v1/namespaces/shop/pods/p"
    assert READERS["nodes"].path("shop", "n1") == "/api/v1/nodes/n1"
    assert READERS["poddisruptionbudgets"].group == "policy"


def test_node() -> None:
    node = one(
        "nodes",
        {
            "metadata": meta(
                "n1",
                None,
                labels={"topology.kubernetes.io/zone": "z1"},
                annotations={
                    "kubectl.kubernetes.io/last-applied-configuration": "s3cr3t",
                    "machineconfiguration.openshift.io/state": "Done",
                    "csi.volume.kubernetes.io/nodeid": "{}",
                },
            ),
            "spec": {
                "unschedulable": True,
                "taints": [{"key": "k", "effect": "NoSchedule"}],
                "providerID": "aws:///z/i",
            },
            "status": {
                "allocatable": {"cpu": "3500m", "memory": "15255644Ki", "pods": "110", "nvidia.com/gpu": "1"},
                "conditions": [
                    {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": STAMP}
                ],
                "nodeInfo": {"bootID": "b1", "kernelVersion": "6.1", "osImage": "Debian", "kubeletVersion": "v1.34.4"},
                "addresses": [{"type": "Hostname", "address": "h"}, {"type": "InternalIP", "address": "10.0.0.1"}],
                "volumesInUse": ["b", "a"],
            },
        },
    )
    assert node.allocatable == {"cpu": 3500, "memory": 15255644 * 1024, "nvidia.com/gpu": 1, "pods": 110}
    assert (node.unschedulable, node.provider_id, node.address, node.zone) == (True, "aws:///z/i", "10.0.0.1", "z1")
    assert node.taints == (Taint("k", "NoSchedule"),)
    assert node.conditions == (NodeCondition("Ready", "True", "KubeletReady", STAMP_MS),)
    assert (node.info.boot_id, node.info.kubelet, node.volumes_in_use) == ("b1", "v1.34.4", ("a", "b"))
    assert node.annotations == {"machineconfiguration.openshift.io/state": "Done"}


def test_kept_annotations_never_include_the_last_applied_one() -> None:
    assert not "kubectl.kubernetes.io/last-applied-configuration".startswith(KEPT_ANNOTATIONS)


def test_workloads_count_as_their_controllers_do() -> None:
    status = {"replicas": 4, "readyReplicas": 2, "availableReplicas": 1, "updatedReplicas": 3, "observedGeneration": 7}
    spec = {
        "selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
        "minReadySeconds": 5,
        "paused": True,
    }
    web = one("deployments", {"metadata": meta("web", generation=8), "spec": spec, "status": status})
    assert (web.desired, web.current, web.ready, web.available, web.updated) == (1, 4, 2, 1, 3)
    assert (web.generation, web.observed_generation, web.paused, web.min_ready_ms) == (8, 7, True, 5_000)
    assert (web.strategy, web.max_surge, web.max_unavailable) == ("RollingUpdate", "25%", 0)
    assert web.selector == Selector((), (Requirement("app", "In", ("a", "b")),))
    assert web.template is None

    agent = one(
        "daemonsets",
        {
            "metadata": meta("agent"),
            "spec": {"updateStrategy": {"type": "OnDelete"}},
            "status": {"desiredNumberScheduled": 3, "currentNumberScheduled": 2, "numberReady": 1},
        },
    )
    assert (agent.desired, agent.current, agent.ready, agent.strategy) == (3, 2, 1, "OnDelete")

    db = one(
        "statefulsets",
        {
            "metadata": meta("db"),
            "spec": {
                "replicas": 0,
                "podManagementPolicy": "Parallel",
                "volumeClaimTemplates": [{"metadata": {"name": "d"}}],
            },
        },
    )
    assert (db.desired, db.pod_management, db.claim_templates) == (0, "Parallel", ("d",))
    assert (web.rolled_out, agent.rolled_out, db.rolled_out, db.partition) == (None, None, None, 0)


def progressing(reason: str) -> dict[str, str]:
    return {"type": "Progressing", "status": "True", "reason": reason}


@pytest.mark.parametrize(
    ("resource", "status", "rolled_out"),
    [
        ("statefulsets", {"currentRevision": "db-5d8f", "updateRevision": "db-5d8f"}, True),
        ("statefulsets", {"currentRevision": "db-5d8f", "updateRevision": "db-7c9a"}, False),
        ("statefulsets", {"updateRevision": "db-7c9a"}, None),
        ("deployments", {"conditions": [progressing("NewReplicaSetAvailable")]}, True),
        ("deployments", {"conditions": [progressing("ReplicaSetUpdated")]}, False),
        ("deployments", {"conditions": [{"type": "Available", "status": "True"}]}, None),
        ("replicasets", {"conditions": []}, None),
    ],
)
def test_whether_the_newest_template_is_rolled_out(resource: str, status: dict[str, Any], rolled_out: bool) -> None:
    strategy = {"updateStrategy": {"rollingUpdate": {"partition": 2}}}
    found = one(resource, {"metadata": meta("x"), "spec": strategy, "status": status})
    assert found.rolled_out is rolled_out
    assert found.partition == 2

    old = one("replicationcontrollers", {"metadata": meta("rc"), "spec": {"replicas": 2, "selector": {"a": "1"}}})
    assert (old.kind, old.desired, old.selector) == ("ReplicationController", 2, Selector((("a", "1"),)))


@pytest.mark.parametrize(
    ("spec", "status", "wanted"),
    [
        ({}, {}, 1),
        ({"parallelism": 3, "completions": 10}, {"succeeded": 8}, 2),
        ({"parallelism": 3}, {"active": 3}, 3),
        ({"parallelism": 3}, {"active": 1, "succeeded": 1}, 1),
        ({"parallelism": 3, "suspend": True}, {}, 0),
        ({"parallelism": 3}, {"conditions": [{"type": "Complete", "status": "True"}]}, 0),
        ({"parallelism": 0}, {}, 0),
    ],
)
def test_a_job_wants_as_many_pods_as_are_left_to_do(spec: Any, status: Any, wanted: int) -> None:
    assert one("jobs", {"metadata": meta("j"), "spec": spec, "status": status}).desired == wanted


def test_a_job_tells_what_it_makes_of_a_disruption() -> None:
    def rules(*rules: dict[str, Any]) -> Any:
        return one("jobs", {"metadata": meta("j"), "spec": {"podFailurePolicy": {"rules": list(rules)}}}).job

    target = [{"type": "DisruptionTarget", "status": "True"}]
    ignore, fail = ({"action": action, "onPodConditions": target} for action in ("Ignore", "FailJob"))
    assert rules({"action": "FailJob", "onExitCodes": {}}, ignore).ignores_disruption
    assert not rules(fail, ignore).ignores_disruption, "the first rule that matches decides"
    assert rules(ignore).replacement_policy == "Failed"
    plain = one("jobs", {"metadata": meta("j"), "spec": {}}).job
    assert (plain.replacement_policy, plain.completions, plain.backoff_limit) == ("TerminatingOrFailed", 1, 6)


def test_cron_job() -> None:
    template = {"spec": {"template": {"spec": {"containers": [container("task")]}}}}
    cron = one(
        "cronjobs",
        {"metadata": meta("c"), "spec": {"suspend": True, "jobTemplate": template}, "status": {"active": [{}, {}]}},
    )
    assert (cron.paused, cron.current, cron.template.images) == (True, 2, ("registry.example/task:1",))


def test_budget_keeps_counts_and_percentages_apart() -> None:
    budget = one(
        "poddisruptionbudgets",
        {
            "apiVersion": "policy/v1",
            "metadata": meta("b", generation=3),
            "spec": {"maxUnavailable": "25%", "selector": {}, "unhealthyPodEvictionPolicy": "AlwaysAllow"},
            "status": {
                "observedGeneration": 2,
                "disruptionsAllowed": 1,
                "currentHealthy": 4,
                "desiredHealthy": 3,
                "expectedPods": 4,
                "disruptedPods": {"z": STAMP, "a": STAMP},
                "conditions": [
                    {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "m"}
                ],
            },
        },
    )
    assert (budget.max_unavailable, budget.min_available) == ("25%", None)
    assert budget.selector == Selector(), "in policy/v1 an empty selector is everything"
    assert (budget.allowed, budget.healthy, budget.desired, budget.expected) == (1, 4, 3, 4)
    assert budget.disrupted == (("a", STAMP_MS), ("z", STAMP_MS))
    assert (budget.reason, budget.message, budget.unhealthy_policy) == ("SyncFailed", "m", "AlwaysAllow")
    count = one("poddisruptionbudgets", {"metadata": meta("b"), "spec": {"minAvailable": 2}})
    assert (count.min_available, count.selector) == (2, None)


def test_in_the_beta_of_budgets_an_empty_selector_is_nothing() -> None:
    old = {"apiVersion": "policy/v1beta1", "metadata": meta("b"), "spec": {"selector": {}}}
    assert one("poddisruptionbudgets", old).selector is None


def test_storage() -> None:
    term = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["z1"]}]}
    volume = one(
        "persistentvolumes",
        {
            "metadata": meta("pv", None),
            "spec": {
                "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"},
                "claimRef": {"namespace": "shop", "name": "data"},
                "accessModes": ["ReadWriteOnce"],
                "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
            },
            "status": {"phase": "Bound"},
        },
    )
    assert (volume.source, volume.driver, volume.claim) == ("csi", "ebs.csi.aws.com", ("shop", "data"))
    assert volume.node_terms[0].expressions == (Requirement("zone", "In", ("z1",)),)
    local = one("persistentvolumes", {"metadata": meta("l", None), "spec": {"local": {"path": "/x"}}})
    assert (local.source, local.driver, local.claim) == ("local", "", None)
    disk = one("persistentvolumes", {"metadata": meta("l", None), "spec": {"awsElasticBlockStore": {"volumeID": "v"}}})
    assert disk.source == "awsElasticBlockStore"
    attachment = {
        "metadata": meta("a", None),
        "spec": {"nodeName": "n1", "attacher": "csi", "source": {"persistentVolumeName": "pv"}},
        "status": {"attached": True},
    }
    assert one("volumeattachments", attachment) == VolumeAttachment("a", "n1", "pv", "csi", True)
    drivers = [{"name": "b", "allocatable": {"count": 39}}, {"name": "a"}]
    assert one("csinodes", {"metadata": meta("n1", None), "spec": {"drivers": drivers}}) == CsiNode(
        "n1", (("a", None), ("b", 39))
    )
    storage_class = {
        "metadata": meta("gp2", None, annotations={"storageclass.kubernetes.io/is-default-class": "true"}),
        "provisioner": "p",
    }
    assert (one("storageclasses", storage_class).default, one("storageclasses", storage_class).binding) == (
        True,
        "Immediate",
    )
    claim = {"metadata": meta("data"), "spec": {"volumeName": "pv"}, "status": {"phase": "Bound"}}
    assert (one("persistentvolumeclaims", claim).volume, one("persistentvolumeclaims", claim).phase) == ("pv", "Bound")


def test_webhooks_are_told_one_by_one_with_their_rules_multiplied_out() -> None:
    rule = {"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "resources": ["pods", "pods/eviction"]}
    hooks = READERS["validatingwebhookconfigurations"].one(
        encode(
            {
                "metadata": meta("guard", None),
                "webhooks": [
                    {
                        "name": "a",
                        "rules": [rule],
                        "clientConfig": {"service": {"namespace": "s", "name": "w"}},
                        "objectSelector": {"matchLabels": {"inject": "yes"}},
                    },
                    {"name": "b", "failurePolicy": "Ignore", "clientConfig": {"url": "https://x"}, "timeoutSeconds": 3},
                ],
            }
        )
    )
    assert [(hook.name, hook.fail_closed, hook.service, hook.timeout_ms) for hook in hooks] == [
        ("a", True, ("s", "w"), 10_000),
        ("b", False, None, 3_000),
    ]
    assert ("UPDATE", "", "pods/eviction") in hooks[0].rules
    assert len(hooks[0].rules) == 4
    assert [hook.object_selector for hook in hooks] == [Selector((("inject", "yes"),)), None]


def test_a_webhook_with_rules_beyond_reason_is_refused() -> None:
    many = [str(i) for i in range(200)]
    rule = {"operations": many, "apiGroups": many, "resources": many}
    with pytest.raises(BadInput, match="combinations"):
        READERS["mutatingwebhookconfigurations"].one(
            encode({"metadata": meta("bomb", None), "webhooks": [{"name": "a", "rules": [rule]}]})
        )


def test_local_api_services_are_left_out() -> None:
    reader = READERS["apiservices"]
    assert reader.one(encode({"metadata": meta("v1.apps", None), "spec": {"group": "apps"}})) == []
    aggregated = {
        "metadata": meta("v1.m", None),
        "spec": {"group": "m", "service": {"namespace": "s", "name": "w"}},
        "status": {"conditions": [{"type": "Available", "status": "False"}]},
    }
    assert one("apiservices", aggregated) == ApiService("v1.m", ("s", "w"), False, "m")


def test_services_and_what_is_behind_them() -> None:
    assert one("services", {"metadata": meta("s"), "spec": {"selector": {}}}) == Service("shop", "s")
    slices = {
        "metadata": meta("s-1", labels={"kubernetes.io/service-name": "s"}),
        "endpoints": [
            {"targetRef": {"kind": "Pod", "name": "p"}, "nodeName": "n1", "conditions": {"ready": False}},
            {"conditions": {"ready": None}},
            {"targetRef": {"kind": "Node", "name": "n"}},
        ],
    }
    behind = (("p", "n1", False), ("", "", True), ("", "", True))
    assert one("endpointslices", slices) == EndpointSlice("shop", "s-1", "s", behind)
    scaler = {
        "metadata": meta("h"),
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 5},
        "status": {"currentReplicas": 2},
    }
    assert one("horizontalpodautoscalers", scaler) == Autoscaler(
        "shop", "h", ObjectRef("Deployment", "shop", "web"), 1, 5, 2
    )


def test_the_rest_of_a_cluster() -> None:
    lease = {
        "metadata": meta("l", annotations={"maintenance.shipkeeper.dev/head": "h", "x/y": "z"}, resourceVersion="9"),
        "spec": {"holderIdentity": "h", "leaseDurationSeconds": 40, "renewTime": "2026-01-02T03:04:05.250000Z"},
    }
    expected = Lease(
        "shop", "l", "h", 40_000, 0, STAMP_MS + 250, 0, {"maintenance.shipkeeper.dev/head": "h"}, "uid-shop-l", "9"
    )
    assert one("leases", lease) == expected
    namespace = {"metadata": meta("n", None), "status": {"phase": "Terminating"}}
    assert one("namespaces", namespace).terminating
    quota = {
        "metadata": meta("q"),
        "spec": {
            "hard": {"requests.cpu": "4", "pods": "10"},
            "scopes": ["NotBestEffort"],
            "scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["x"]}]},
        },
        "status": {"used": {"requests.cpu": "3500m"}},
    }
    read = one("resourcequotas", quota)
    assert (read.hard, read.used) == ({"pods": 10, "requests.cpu": 4_000}, {"requests.cpu": 3_500})
    assert read.scopes == ("NotBestEffort", "PriorityClass In x")
    limits = [{"type": "Pod", "default": {"cpu": "9"}}, {"type": "Container", "default": {"cpu": "1", "memory": "1Ki"},
               "defaultRequest": {"cpu": "100m"}}]  # fmt: skip
    assert one("limitranges", {"metadata": meta("l"), "spec": {"limits": limits}}).default_requests == {
        "cpu": 100,
        "memory": 1024,
    }
    priority = {"metadata": meta("p", None), "value": 7, "preemptionPolicy": "Never"}
    assert (one("priorityclasses", priority).value, one("priorityclasses", priority).preemption) == (7, False)
    event = {
        "metadata": meta("e"),
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "p"},
        "reason": "Scheduled",
        "message": "s3cr3t",
        "firstTimestamp": None,
        "eventTime": STAMP,
    }
    read_event = one("events", event)
    assert read_event == Event("shop", ObjectRef("Pod", "shop", "p"), "Scheduled", STAMP_MS, STAMP_MS, 1)


def test_what_a_run_writes_on_objects_is_read_back() -> None:
    written = (*marks.NODE_KEYS, marks.PROCESS, marks.HEAD, marks.PLAN)
    lost = [key for key in written if not key.startswith(KEPT_ANNOTATIONS)]
    assert not lost, f"a run would not know its own cordon and lease again: {lost}"
