"""Single pods, time, Jobs, rollouts, webhooks, nodes, other drainers; and evidence that is missing."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from shipkeeper.assessment.check import CHECKS, RULES, Settings
from shipkeeper.model.cluster import ApiService, Namespace, Service, Webhook
from shipkeeper.model.inventory import Missing
from shipkeeper.model.labels import Requirement, Selector
from shipkeeper.model.nodes import NodeCondition, Taint
from shipkeeper.model.plan import DrainPolicy
from shipkeeper.model.table import PodTable
from shipkeeper.model.time import HOUR, MINUTE
from shipkeeper.model.workloads import JobFacts
from tests.builders import (
    NOW,
    budget,
    daemonset,
    deployment,
    inventory,
    job,
    mirror,
    node,
    nodes,
    pod,
    shape,
    statefulset,
    workload,
)
from tests.check.asking import ask, only, whole

LOOSE = Settings(policy=DrainPolicy(delete_empty_dir_data=("*",), allow_unmanaged=("*",)))


def test_unmanaged_pod_blocks_unless_told() -> None:
    world = inventory(*nodes(3), pod("lonely"))
    item = only(world, "pod-unmanaged")
    assert item.severity == "error"
    assert "--allow-unmanaged=default/lonely" in item.fix
    assert only(world, "pod-unmanaged", settings=LOOSE).severity == "warning"
    assert ask(inventory(*nodes(3), mirror("etcd", "n1")), "pod-unmanaged") == []


def test_empty_dir_is_one_finding_a_namespace() -> None:
    scratch = shape(volumes=("emptyDir",))
    world = inventory(
        *nodes(3),
        deployment(on=["n1", "n2"], template=scratch),
        deployment("api", template=scratch),
        deployment("x", "other", template=scratch),
        daemonset(template=scratch),
    )
    found = ask(world, "pod-empty-dir")
    assert [(item.severity, item.object.name) for item in found] == [("error", "default"), ("error", "other")]
    assert found[0].evidence == ("Deployment default/api", "Deployment default/web")
    assert "--delete-emptydir-data=default" in found[0].fix
    assert {item.severity for item in ask(world, "pod-empty-dir", settings=LOOSE)} == {"info"}


def test_stuck_pod_names_its_finalizers() -> None:
    app = deployment(pod_fields={"deletion_ms": NOW - 10 * MINUTE, "finalizers": ("example.com/hold",)})
    item = only(inventory(*nodes(3), app), "pod-terminating")
    assert item.severity == "error"
    assert item.message == "10m past its deadline on n1; held by finalizers example.com/hold"


def test_a_pod_to_evict_with_somebody_s_finalizer_is_told_by_its_workload() -> None:
    held = {"finalizers": ("batch.kubernetes.io/job-tracking", "example.com/hold")}
    world = inventory(*nodes(3), deployment(on=["n1", "n1", "n2"], pod_fields=held))
    item = only(world, "pod-finalizer")
    assert (item.severity, item.object.name) == ("warning", "web")
    assert item.message == "3 pods to evict with finalizer example.com/hold"
    assert "held" in item.consequence or "holds" in item.consequence
    assert item.nodes == ("n1", "n2")
    assert ask(world, "pod-finalizer", nodes=("n3",)) == [], "none of its pods is evicted"


@pytest.mark.parametrize("name", ["batch.kubernetes.io/job-tracking", "foregroundDeletion", "orphan"])
def test_kubernetes_own_finalizers_are_no_finding(name: str) -> None:
    world = inventory(*nodes(3), job(pod_fields={"finalizers": (name,)}))
    assert ask(world, "pod-finalizer") == [], f"every Job's pod would be told of: {name} goes by itself"


def test_what_is_not_evicted_may_have_any_finalizer() -> None:
    held = {"finalizers": ("example.com/hold",)}
    ending = held | {"deletion_ms": NOW - 10 * MINUTE}
    stays = inventory(*nodes(3), daemonset(pod_fields=held), deployment(pod_fields=ending))
    assert ask(stays, "pod-finalizer") == [], "a DaemonSet's pod stays; one that ends already is told as such"
    assert [item.object.name for item in ask(stays, "pod-terminating")] == ["web-5d8f-00000"]


def test_pod_that_ends_in_time_is_no_finding() -> None:
    app = deployment(pod_fields={"deletion_ms": NOW + 10_000})
    assert ask(inventory(*nodes(3), app), "pod-terminating") == []


def test_failing_workload_is_one_finding() -> None:
    app = deployment(on=["n1", "n2"], pod_fields={"ready": False, "waiting": "CrashLoopBackOff", "restarts": 9})
    item = only(inventory(*nodes(3), app), "pod-failing")
    assert item.object.name == "web"
    assert item.message == "2 pods in CrashLoopBackOff"
    starting = deployment(pod_fields={"ready": False, "waiting": "ContainerCreating"})
    assert ask(inventory(*nodes(3), starting), "pod-failing") == []


def test_pending_pod_says_why() -> None:
    fields = {"phase": "Pending", "ready": False, "created_ms": NOW - HOUR}
    app = deployment(on=[""], template=shape(cpu=9_000), pod_fields=fields)
    item = only(inventory(*nodes(3), app), "pod-pending")
    assert item.evidence == ("3 nodes: too little cpu",)
    gated = deployment(on=[""], template=shape(scheduling_gates=("wait",)), pod_fields=fields)
    assert ask(inventory(*nodes(3), gated), "pod-pending") == []


def test_pods_without_requests_by_namespace() -> None:
    world = inventory(*nodes(3), deployment(template=shape(requests={})), daemonset(template=shape(requests={})))
    assert only(world, "pod-without-requests").object.name == "default"


def test_namespace_being_deleted() -> None:
    world = replace(inventory(*nodes(3), deployment()), namespaces=(Namespace("default", terminating=True),))
    assert only(world, "namespace-terminating").severity == "error"


@pytest.mark.requirement("R-D2")
def test_long_grace_times_the_nodes() -> None:
    slow = shape(grace_ms=120_000)
    item = only(inventory(*nodes(3), deployment(on=["n1", "n2"], template=slow)), "long-grace-period")
    assert item.consequence.startswith("up to 4m of the window")
    short = Settings(policy=DrainPolicy(grace_period_seconds=30))
    assert ask(inventory(*nodes(3), deployment(template=slow)), "long-grace-period", settings=short) == []


def test_a_drain_longer_than_the_window() -> None:
    hour = shape(grace_ms=HOUR)
    world = inventory(*nodes(3), deployment(on=["n1", "n2", "n3"], template=hour))
    item = only(world, "drain-outlasts-window", settings=Settings(window_ms=3 * HOUR, window_source="declared"))
    assert "3h00m for pods to end" in item.message
    assert "because of Deployment default/web" in item.evidence[0]
    assert ask(world, "drain-outlasts-window", settings=Settings(window_ms=4 * HOUR)) == []


def test_pods_behind_a_budget_end_one_after_another() -> None:
    slow = shape(grace_ms=HOUR)
    app = deployment(on=["n1", "n1", "n1"], template=slow)
    alone = inventory(node("n1"), node("n2"), app)
    guarded = inventory(
        node("n1"), node("n2"), app, budget(max_unavailable=1, allowed=1, expected=3, desired=2, healthy=3)
    )
    window = Settings(window_ms=2 * HOUR, window_source="declared")
    assert ask(alone, "drain-outlasts-window", settings=window) == []
    told = only(guarded, "drain-outlasts-window", settings=window).evidence[0]
    assert "3 rounds of 1 pod" in told
    assert "Ready, not counted" in told, "a sum that leaves out the replacements' start is no upper bound"
    assert "upper bound" not in RULES["drain-outlasts-window"].explanation


@pytest.mark.parametrize(
    ("facts", "rule", "severity"),
    [
        (JobFacts(active=1, backoff_limit=0, started_ms=NOW - HOUR), "job-fails-on-eviction", "error"),
        (JobFacts(active=1, backoff_limit=2, failed=2, started_ms=NOW), "job-fails-on-eviction", "error"),
        (JobFacts(active=1, backoff_limit=0, ignores_disruption=True), "job-loses-work", "warning"),
        (JobFacts(active=1, backoff_limit=6), "job-loses-work", "warning"),
    ],
)
def test_running_jobs(facts: JobFacts, rule: str, severity: str) -> None:
    world = inventory(*nodes(3), job(facts=facts))
    assert only(world, rule).severity == severity
    other = {"job-fails-on-eviction", "job-loses-work"} - {rule}
    assert ask(world, other.pop()) == []


@pytest.mark.parametrize(
    ("on", "facts", "severity", "words"),
    [
        (["n1", "n1", "n1"], {"backoff_limit": 2}, "error", "3 pods of it leave together, 2 retries left"),
        (["n1", "n2", "n3"], {"backoff_limit": 3, "failed": 1}, "warning", "3 pods of it leave node after node"),
        (["n1"], {"backoff_limit": 2**31 - 1, "backoff_limit_per_index": 0}, "error", "backoffLimitPerIndex is 0"),
    ],
)
def test_a_job_fails_by_more_evictions_than_it_has_retries(
    on: list[str], facts: dict[str, int], severity: str, words: str
) -> None:
    world = inventory(*nodes(3), job(on=on, facts=JobFacts(active=len(on), started_ms=NOW - HOUR, **facts)))
    item = only(world, "job-fails-on-eviction")
    assert (item.severity, words in item.message) == (severity, True), item.message
    assert ask(world, "job-loses-work") == [], "one Job, told twice"
    spare = JobFacts(active=3, backoff_limit=3, started_ms=NOW - HOUR)
    assert ask(inventory(*nodes(3), job(on=["n1"] * 3, facts=spare)), "job-fails-on-eviction") == []


def test_a_job_younger_than_the_dump_is_not_running_for_a_negative_time() -> None:
    item = only(
        inventory(*nodes(3), job(facts=JobFacts(backoff_limit=0, started_ms=NOW + HOUR))), "job-fails-on-eviction"
    )
    assert "running for 0 s" in item.message


def test_a_job_that_has_just_started_is_a_note_and_a_finished_one_nothing() -> None:
    fresh = job(pod_fields={"scheduled_ms": NOW - 60_000})
    assert only(inventory(*nodes(3), fresh), "job-loses-work").severity == "info"
    done = job(facts=JobFacts(finished="Complete", succeeded=1), pod_fields={"phase": "Succeeded", "ready": False})
    assert ask(inventory(*nodes(3), done), "job-loses-work") == []


def test_rollouts_in_flight_and_stuck() -> None:
    rolling = deployment(on=["n1", "n2"], updated=1)
    assert only(inventory(*nodes(3), rolling), "rollout-in-flight").message == "1 of 2 pods run the new template"
    stuck = deployment(on=["n1"], replicas=2, updated=1, pod_fields={"ready": False, "waiting": "ImagePullBackOff"})
    item = only(inventory(*nodes(3), stuck), "rollout-in-flight")
    assert item.message.startswith("stuck: ")
    assert "rollout undo" in item.fix


def test_paused_rollouts() -> None:
    assert only(inventory(*nodes(3), deployment(paused=True)), "rollout-paused").severity == "info"
    halfway = inventory(*nodes(3), deployment(paused=True, updated=0))
    assert only(halfway, "rollout-paused").severity == "warning"
    assert ask(halfway, "rollout-in-flight") == []


POLICY = Service("policy", "policy", {"app": "policy"})


def hook(**more: object) -> Webhook:
    fields: dict[str, object] = {
        "configuration": "policy",
        "name": "pods.policy.example",
        "kind": "ValidatingWebhookConfiguration",
        "service": ("policy", "policy"),
        "rules": (("CREATE", "", "pods"),),
    }
    return Webhook(**(fields | more))  # type: ignore[arg-type]


def test_fail_closed_webhook_that_is_asked_about_itself() -> None:
    world = inventory(*nodes(3), deployment("policy", "policy"), webhooks=(hook(),), services=(POLICY,))
    item = only(world, "webhook-leaves-with-node")
    assert item.severity == "error"
    assert "cannot come back by itself" in item.consequence
    assert item.nodes == ("n1",)


def test_fail_closed_webhook_that_leaves_its_own_namespace_alone() -> None:
    others = Selector((), (Requirement("kubernetes.io/metadata.name", "NotIn", ("policy",)),))
    beside = inventory(
        *nodes(3),
        deployment("policy", "policy"),
        deployment(),
        webhooks=(hook(namespace_selector=others),),
        services=(POLICY,),
    )
    item = only(beside, "webhook-leaves-with-node")
    assert item.severity == "error", "it is asked about pods that leave the same node, and nobody would answer"
    assert "a run holds" in item.consequence
    world = inventory(
        *nodes(3),
        deployment("policy", "policy"),
        webhooks=(hook(namespace_selector=others),),
        services=(POLICY,),
    )
    assert only(world, "webhook-leaves-with-node").severity == "warning"


@pytest.mark.parametrize(
    "harmless",
    [
        hook(fail_closed=False),
        hook(rules=(("CREATE", "example.com", "widgets"),)),
        hook(rules=(("DELETE", "", "services"),)),
        hook(service=None),
    ],
)
def test_webhooks_that_cannot_stop_a_drain(harmless: Webhook) -> None:
    world = inventory(*nodes(3), deployment("policy", "policy"), webhooks=(harmless,), services=(POLICY,))
    assert ask(world, "webhook-leaves-with-node") == []


@pytest.mark.parametrize(
    "rule",
    [
        ("*", "*", "*/*"),
        ("CREATE", "", "pods/eviction"),
        ("*", "*", "*"),
        ("CREATE", "", "pods/*"),
        ("UPDATE", "", "nodes"),
    ],
)
def test_wildcards_reach_the_drain(rule: tuple[str, str, str]) -> None:
    world = inventory(*nodes(3), deployment("policy", "policy"), webhooks=(hook(rules=(rule,)),), services=(POLICY,))
    assert len(ask(world, "webhook-leaves-with-node")) == 1


def test_webhook_with_replicas_on_two_nodes_or_with_none() -> None:
    safe = inventory(*nodes(3), deployment("policy", "policy", on=["n1", "n2"]), webhooks=(hook(),), services=(POLICY,))
    assert ask(safe, "webhook-leaves-with-node") == []
    for services in ((POLICY,), ()):
        down = inventory(*nodes(3), deployment(), webhooks=(hook(),), services=services)
        assert "no Ready back end now" in only(down, "webhook-leaves-with-node").message


def test_aggregated_apis() -> None:
    metrics = ApiService("v1beta1.metrics.k8s.io", ("policy", "policy"), True, "metrics.k8s.io")
    world = inventory(*nodes(3), deployment("policy", "policy"), services=(POLICY,), api_services=(metrics,))
    assert only(world, "apiservice-leaves-with-node").severity == "info"
    other = replace(world, api_services=(ApiService("v1.widgets", ("policy", "policy"), True, "widgets"),))
    assert only(other, "apiservice-leaves-with-node").severity == "error"
    broken = replace(metrics, available=False)
    assert "not available now" in only(replace(world, api_services=(broken,)), "apiservice-leaves-with-node").message


def test_nodes_not_ready_cordoned_or_short() -> None:
    world = inventory(
        node("n1", ready=False),
        node("n2", cordoned=True),
        node("n3", conditions=[NodeCondition("Ready", "True"), NodeCondition("DiskPressure", "True", "KubeletHas")]),
        deployment(on=["n3"]),
    )
    assert only(world, "node-not-ready").severity == "error"
    assert ask(world, "node-not-ready", nodes=("n2",))[0].severity == "warning"
    assert only(world, "node-cordoned").message == "cordoned by somebody who left no name"
    assert only(world, "node-under-pressure").message == "DiskPressure"


def test_who_cordoned() -> None:
    scaled_in = node("n1", cordoned=True, taints=[Taint("ToBeDeletedByClusterAutoscaler", "NoSchedule")])
    assert "by cluster-autoscaler" in only(inventory(scaled_in, node("n2")), "node-cordoned").message
    ours = node("n1", cordoned=True, annotations={"shipkeeper.example/owner": "run-1"})
    assert "by a Shipkeeper run" in only(inventory(ours, node("n2")), "node-cordoned").message


def test_other_drainers_at_rest_and_at_work() -> None:
    resting = only(inventory(*nodes(3), daemonset("kured")), "other-drainer")
    assert resting.severity == "warning"
    assert "reboots these machines itself" in resting.consequence
    held = daemonset("kured", annotations={"weave.works/kured-node-lock": "{}"})
    assert only(inventory(*nodes(3), held), "other-drainer").severity == "error"
    capi = only(inventory(*nodes(3), drainers=("MachineDeployment",)), "other-drainer")
    assert (capi.severity, capi.object.kind) == ("info", "MachineDeployment")


def test_openshift_machines_are_not_taken_for_cluster_api() -> None:
    marked = node("n1", annotations={"machine.openshift.io/machine": "openshift-machine-api/n1"})
    found = ask(inventory(marked, node("n2"), drainers=("Machine", "MachineSet")), "other-drainer")
    assert [item.message.split()[0] for item in found] == ["machine-api"]


def test_control_plane_and_quorum() -> None:
    masters = [node(f"m{i}", control_plane=True) for i in (1, 2, 3)]
    members = [mirror("etcd", f"m{i}") for i in (1, 2, 3)]
    well = inventory(*masters, *members, *nodes(2))
    assert only(well, "control-plane-node").severity == "info"
    assert ask(well, "etcd-quorum") == []
    ill = inventory(*masters, *members[:2], replace(members[2], ready=False), *nodes(2))
    item = only(ill, "etcd-quorum")
    assert "2 of 3 members Ready, 2 needed; not Ready: etcd-m3" in item.message
    assert ask(ill, "etcd-quorum", nodes=("n1",)) == []
    alone = inventory(masters[0], members[0], *nodes(2))
    assert only(alone, "control-plane-node").severity == "warning"
    assert ask(alone, "etcd-quorum") == []


def test_missing_evidence_is_unknown_and_never_a_pass() -> None:
    gap = Missing("poddisruptionbudgets", "not allowed: list", "which evictions will be refused")
    world = inventory(*nodes(3), deployment(on=["n1", "n2"]), missing=(gap,))
    item = only(world, "evidence-missing")
    assert item.severity == "unknown"
    assert "not allowed: list" in item.message
    assert "whether 2 pods may be evicted" in item.consequence
    assert "budget-blocks-always" in item.evidence
    assert whole(world).nodes.unknown == 3, "nodes would have counted as clean"


def test_missing_evidence_that_no_question_needs_is_silent() -> None:
    gaps = (Missing("jobs", "forbidden", ""), Missing("persistentvolumes", "forbidden", ""), Missing("events", "x", ""))
    assert ask(inventory(*nodes(3), deployment(), missing=gaps), "evidence-missing") == []
    with_job = inventory(*nodes(3), job(), missing=gaps)
    assert [item.object.name for item in ask(with_job, "evidence-missing")] == ["jobs"]


@pytest.mark.parametrize("what", ["pods", "nodes", "other-namespaces"])
def test_without_pods_or_nodes_nothing_is_known(what: str) -> None:
    gap = Missing(what, "forbidden", "what runs where")
    bare = replace(inventory(*nodes(2)), pods=PodTable.of(()), missing=(gap,))
    assert only(bare, "evidence-missing").consequence == "not known: what runs where"
    assert whole(bare).nodes.clean == 0


def test_probes_for_other_drainers_that_were_refused() -> None:
    gap = Missing("machineconfigpools.machineconfiguration.openshift.io", "forbidden", "")
    assert only(inventory(*nodes(2), missing=(gap,)), "evidence-missing").evidence[-1] == "other-drainer"


def test_findings_come_worst_first_and_nodes_count_once() -> None:
    world = inventory(
        *nodes(4),
        pod("lonely", on="n1"),
        statefulset("db", on=["n2"]),
        deployment(on=["n3"]),
        services=(Service("default", "db", {"app": "db"}),),
    )
    findings = whole(world)
    order = ["error", "unknown", "warning", "info"]
    ranks = [order.index(item.severity) for item in findings.items]
    assert ranks == sorted(ranks)
    summary = findings.nodes
    assert (summary.total, summary.blocked, summary.downtime, summary.unknown, summary.clean) == (4, 1, 1, 0, 2)


def test_a_quiet_cluster_has_nothing_to_say() -> None:
    app = deployment(on=["n1", "n2", "n3"])
    calm = budget(max_unavailable=1, allowed=1, expected=3, desired=2, healthy=3)
    findings = whole(inventory(*nodes(4), app, calm, daemonset(on=["n1", "n2", "n3", "n4"])))
    assert findings.items == ()
    assert findings.nodes.clean == 4


def test_every_rule_has_words_and_its_own_id() -> None:
    ids = [item.rule.id for item in CHECKS]
    assert len(ids) == len(set(ids))
    for rule in RULES.values():
        assert rule.title
        assert rule.explanation.endswith(".")
        assert rule.fix
        assert rule.source
    assert all(item.rule.needs for item in CHECKS), "a rule without evidence could never be unknown"


def test_workloads_of_operators_keep_their_own_name() -> None:
    app = statefulset("prometheus", on=["n1", "n1"])
    owned = replace(app.top, owner=replace(app.pods[0].owner, kind="Prometheus", uid="cr"))  # type: ignore[type-var]
    world = inventory(*nodes(3), *app.pods, owned)
    assert only(world, "replicas-on-one-node").object.kind == "StatefulSet"


def test_a_bare_replica_set_counts_as_a_workload() -> None:
    lone = workload("ReplicaSet", "lone")
    running = pod("lone-1", owned_by=deployment().pods[0].owner)
    moved = replace(running, owner=replace(running.owner, name="lone", uid=lone.uid))  # type: ignore[type-var]
    assert only(inventory(*nodes(3), lone, moved), "single-replica").object.kind == "ReplicaSet"
