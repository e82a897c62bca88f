"""Who replaces an evicted pod, when, and under which name."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from shipkeeper.model.cluster import Quota
from shipkeeper.model.workloads import JobFacts
from tests import builders as b
from tests.twin.play import drain, evict, figures, first, make, play, pods_of, trace, wait


def test_a_deployments_replacement_comes_at_the_deletion_timestamp() -> None:
    twin = make(b.inventory(*b.nodes(3), b.deployment("web", on=("n1", "n2"))), figures(termination=20))
    play(twin, lambda: evict(twin, pods_of(twin, "web")[0]))
    wait(twin, 15)
    states = [(p.node, p.ready, p.terminating) for p in pods_of(twin, "web")]
    assert len(states) == 3, "the replacement must exist while the old pod is still terminating"
    assert sorted(p[1] for p in states if not p[2]) == [True, True]
    lag = first(twin, "created") - first(twin, "deleting")
    assert 0 < lag < 1_000, f"observed: 0.12 s on a real control plane, here {lag} ms"


def test_a_drain_empties_the_node_and_every_workload_is_whole_again() -> None:
    apps = [b.deployment(f"app-{i}", on=("n1", "n2", "n3")) for i in range(6)]
    twin = make(b.inventory(*b.nodes(3), *apps, b.daemonset("agent", on=("n1", "n2", "n3"))))
    assert play(twin, lambda: drain(twin, "n1"))
    wait(twin, 30)
    on_n1 = [twin.world.pods.label(row) for row in twin.world.occupancy.on_node[0]]
    assert on_n1 == ["kube-system/agent-00000"], "only the daemon pod may stay"
    for i in range(6):
        assert sum(p.ready for p in pods_of(twin, f"app-{i}")) == 3, f"app-{i} lost a pod in the drain"


@pytest.mark.parametrize("management", ["OrderedReady", "Parallel"])
def test_t7_a_statefulset_waits_until_the_old_object_is_gone(management: str) -> None:
    twin = make(
        b.inventory(*b.nodes(3), b.statefulset("db", on=("n1", "n2", "n3"), pod_management=management)),
        figures(termination=6),
    )
    old = pods_of(twin, "db")[1]
    play(twin, lambda: evict(twin, old))
    wait(twin, 5)
    assert len(pods_of(twin, "db")) == 3, "no second db-1 while the first one still exists"
    wait(twin, 30)
    new = pods_of(twin, "db")[1]
    assert new.name == old.name
    assert new.uid != old.uid, "the successor has the name, not the identity"
    assert new.ready
    gone, made = first(twin, "gone"), first(twin, "created")
    assert gone <= made <= gone + 1_000


def test_ordered_ready_makes_the_third_only_when_the_first_is_ready_again() -> None:
    twin = make(b.inventory(*b.nodes(3), b.statefulset("db", on=("n1", "n2", "n3"), pod_management="OrderedReady")))
    pods = pods_of(twin, "db")
    play(twin, lambda: evict(twin, pods[0], pods[2]))
    wait(twin, 60)
    ready_again = next(at for at, what, key in trace(twin) if what == "ready" and key.startswith("default/db-0"))
    assert first(twin, "created", "default/db-2") >= ready_again, "db-2 must wait for its predecessor"
    assert all(p.ready for p in pods_of(twin, "db"))


def test_a_daemon_pod_comes_back_on_its_cordoned_node() -> None:
    twin = make(b.inventory(b.node("n1", cordoned=True), b.daemonset("agent", on=("n1",))))
    old = pods_of(twin, "agent", "kube-system")[0]
    play(twin, lambda: evict(twin, old))
    wait(twin, 30)
    (new,) = pods_of(twin, "agent", "kube-system")
    assert (new.node, new.ready) == ("n1", True)
    assert new.uid != old.uid


@pytest.mark.parametrize(
    ("facts", "fails", "pods"),
    [
        (JobFacts(active=1, backoff_limit=0), True, 0),
        (JobFacts(active=1, backoff_limit=0, ignores_disruption=True), False, 1),
        (JobFacts(active=1, backoff_limit=6), False, 1),
        (JobFacts(active=1, backoff_limit=6, replacement_policy="Failed"), False, 1),
        (JobFacts(active=1, backoff_limit=2**31 - 1, backoff_limit_per_index=0), False, 0),
        (
            JobFacts(active=1, backoff_limit=2**31 - 1, backoff_limit_per_index=0, replacement_policy="Failed"),
            False,
            0,
        ),
    ],
)
def test_an_evicted_jobs_fate_hangs_on_its_policies(facts: JobFacts, fails: bool, pods: int) -> None:
    twin = make(b.inventory(*b.nodes(2), b.job("import", on=("n1",), facts=facts)))
    (old,) = pods_of(twin, "import")
    play(twin, lambda: evict(twin, old))
    wait(twin, 120)
    (job,) = [w for w in play(twin, twin.api.all_workloads) if w.kind == "Job"]
    assert job.job is not None
    assert job.job.finished == ("Failed" if fails else ""), "a disruption past backoffLimit ends the Job"
    assert len(pods_of(twin, "import")) == pods


def test_backoff_limit_counts_disruptions_beyond_it() -> None:
    twin = make(b.inventory(*b.nodes(2), b.job("import", on=("n1",), facts=JobFacts(active=1, backoff_limit=1))))
    for failed in ("", "Failed"):
        play(twin, lambda: evict(twin, pods_of(twin, "import")[0]))
        wait(twin, 120)
        (job,) = [w for w in play(twin, twin.api.all_workloads) if w.kind == "Job"]
        assert job.job is not None
        assert job.job.finished == failed, "one failure is within the limit, the second is past it"


def test_a_pod_long_past_its_deadline_at_the_survey_stays_stuck() -> None:
    for late, stays in ((300_000, True), (-5_000, False)):
        ending = {"deletion_ms": b.NOW - late, "deletion_grace_ms": 30_000}
        twin = make(b.inventory(*b.nodes(2), b.deployment("web", on=("n1",), pod_fields=ending)))
        wait(twin, 3_600)
        assert bool(pods_of(twin, "web")) == stays, "nothing says what would free a pod that should be gone for minutes"


def test_a_bare_pod_never_comes_back_and_that_is_measured() -> None:
    twin = make(b.inventory(*b.nodes(2), b.pod("alone")))
    play(twin, lambda: evict(twin, pods_of(twin, "alone")[0]))
    wait(twin, 100)
    assert pods_of(twin, "alone") == []
    (felt,) = twin.measure().workloads
    assert (felt.ref.kind, felt.evictions) == ("Pod", 1)
    assert felt.downtime_ms > 90_000, "a pod that is gone for good is down for good"


def test_somebody_elses_kind_is_replaced_under_its_name_once_gone() -> None:
    owned = b.pod("main-1", owned_by=b.owner("Cluster", "main"), template=b.shape({"app": "pg"}))
    twin = make(b.inventory(*b.nodes(2), owned))
    play(twin, lambda: evict(twin, owned))
    wait(twin, 60)
    (new,) = pods_of(twin, "pg")
    assert (new.name, new.ready) == ("main-1", True)


def test_a_broken_pod_and_its_replacement_never_become_ready() -> None:
    broken = b.deployment("web", on=("n1",), pod_fields={"ready": False, "waiting": "CrashLoopBackOff"})
    twin = make(b.inventory(*b.nodes(2), broken))
    play(twin, lambda: evict(twin, pods_of(twin, "web")[0]))
    wait(twin, 600)
    (new,) = pods_of(twin, "web")
    assert not new.ready, "nothing says that a crashing container stops crashing elsewhere"
    assert new.node


def test_workload_status_follows_the_pods() -> None:
    twin = make(b.inventory(*b.nodes(3), b.deployment("web", on=("n1", "n2"))))
    before = {w.kind: w for w in play(twin, twin.api.all_workloads)}
    play(twin, lambda: evict(twin, pods_of(twin, "web")[0]))
    during = {w.kind: w for w in play(twin, twin.api.all_workloads)}
    wait(twin, 60)
    after = {w.kind: w for w in play(twin, twin.api.all_workloads)}
    for kind in ("Deployment", "ReplicaSet"):
        assert (before[kind].ready, during[kind].ready, after[kind].ready) == (2, 1, 2)


def test_kube_controller_manager_creates_no_faster_than_its_client_may() -> None:
    apps = [b.deployment(f"app-{i:03}", on=("n1",)) for i in range(100)]
    twin = make(b.inventory(*b.nodes(4, cpu=64_000, pods=500), *apps))
    all_pods = [p for i in range(100) for p in pods_of(twin, f"app-{i:03}")]
    play(twin, lambda: evict(twin, *all_pods))
    wait(twin, 60)
    made = [at for at, what, _ in trace(twin) if what == "created"]
    assert len(made) == 100
    within_a_second = max(sum(1 for other in made if at <= other < at + 1_000) for at in made)
    assert within_a_second <= 30 + 20, "burst 30, then 20 a second"
    assert made[-1] - made[0] >= (100 - 30) * 50 - 1_000


def test_a_pod_deleted_while_its_namespace_goes_is_not_replaced() -> None:
    inventory = b.inventory(*b.nodes(2), b.deployment("web", on=("n1",)))
    going = replace(inventory, namespaces=tuple(replace(n, terminating=True) for n in inventory.namespaces))
    twin = make(going)
    (answer,) = play(twin, lambda: evict(twin, pods_of(twin, "web")[0]))
    assert answer.outcome == "namespace-terminating", "T15: the eviction itself is a creation, and refused"
    assert not pods_of(twin, "web")[0].terminating


def test_a_tight_quota_makes_a_gap_of_every_move() -> None:
    quota = Quota("default", "tight", hard={"pods": 2, "limits.cpu": 1}, used={"pods": 2})
    web = b.deployment("web", on=("n1", "n2"))
    twin = make(b.inventory(*b.nodes(3), web, quotas=(quota,)), figures(termination=20))
    play(twin, lambda: evict(twin, pods_of(twin, "web")[0]))
    wait(twin, 15)
    assert len(pods_of(twin, "web")) == 2, "the quota counts the pod that is still ending"
    wait(twin, 30)
    assert first(twin, "created") >= first(twin, "gone")
    assert [p.ready for p in pods_of(twin, "web")] == [True, True]
    assert any("quota" in text for text, _ in twin.measure().notes)
