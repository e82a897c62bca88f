"""Budgets and evictions: what the API server lets go, and when the controller catches up."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from shipkeeper.model.pods import Pod
from shipkeeper.ports.cluster import Eviction
from shipkeeper.semantics import budgets as rules
from shipkeeper.twin import Twin
from tests import builders as b
from tests.semantics.budget_rule import status
from tests.twin.play import budget_of, drain, evict, figures, make, play, pods_of, wait


def test_the_budget_pays_in_the_same_write_and_lets_no_second_pod_go() -> None:
    web = b.deployment("web", on=("n1", "n1", "n2"))
    twin = make(b.inventory(*b.nodes(3), web, b.budget(max_unavailable=1)))
    pods = pods_of(twin, "web")
    answers = play(twin, lambda: evict(twin, pods[0], pods[1]))
    assert [a.outcome for a in answers] == ["accepted", "spent"]
    assert answers[1].code == 429
    assert answers[1].budget == "budget"
    wait(twin, 3)
    assert budget_of(twin).allowed == 0, "one replica short of desired: nothing more may go"
    wait(twin, 30)
    assert (budget_of(twin).allowed, budget_of(twin).healthy) == (1, 3)


def test_t11_an_unready_pod_and_the_policy_for_it() -> None:
    for policy, least, outcome in (
        ("AlwaysAllow", 1, "accepted"),
        ("", 1, "spent"),
        ("IfHealthyBudget", 1, "spent"),
    ):
        web = b.deployment("web", on=("n1",), pod_fields={"ready": False, "waiting": "CrashLoopBackOff"})
        twin = make(b.inventory(*b.nodes(2), web, b.budget(min_available=least, unhealthy_policy=policy)))
        (answer,) = play(twin, lambda twin=twin: evict(twin, pods_of(twin, "web")[0]))
        assert answer.outcome == outcome, f"{policy or 'default'}: a lone unready pod"
    two = b.deployment("web", on=("n1", "n2"), replicas=3)
    sick = b.pod(
        "web-sick", owned_by=b.owner("ReplicaSet", "web-5d8f"), template=two.pods[0].shape, ready=False, waiting="Error"
    )
    twin = make(b.inventory(*b.nodes(3), two, sick, b.budget(min_available=2)))
    (answer,) = play(twin, lambda: evict(twin, sick))
    assert answer.outcome == "accepted", "healthy 2 of desired 2: an unready pod may go without a unit"
    assert budget_of(twin).disrupted == ()


def test_t5_two_budgets_on_a_pod_are_hopeless() -> None:
    web = b.deployment("web", on=("n1", "n2"))
    both = (b.budget("one", max_unavailable=1), b.budget("two", max_unavailable=1))
    twin = make(b.inventory(*b.nodes(2), web, *both))
    (answer,) = play(twin, lambda: evict(twin, pods_of(twin, "web")[0]))
    assert (answer.outcome, answer.code) == ("hopeless", 500)


def test_t4_a_budget_that_cannot_read_its_owners_size_allows_nothing() -> None:
    agent = b.daemonset("agent", "default", on=("n1", "n2"))
    twin = make(b.inventory(*b.nodes(2), agent, b.budget(app="agent", max_unavailable=1)))
    (answer,) = play(twin, lambda: evict(twin, pods_of(twin, "agent")[0]))
    assert budget_of(twin).reason == "SyncFailed"
    assert answer.outcome == "spent"


def test_what_the_real_controller_could_read_is_believed() -> None:
    """A kind of somebody else's may have a scale subresource; the surveyed status shows that it has."""
    template = b.shape({"app": "pg"})
    pods = [b.pod(f"pg-{i}", on=f"n{i}", owned_by=b.owner("Cluster", "pg"), template=template) for i in (1, 2, 3)]
    seen = b.budget(app="pg", max_unavailable=1, expected=3, desired=2, healthy=3, allowed=1)
    twin = make(b.inventory(*b.nodes(3), *pods, seen))
    assert budget_of(twin).allowed == 1
    answers = play(twin, lambda: evict(twin, *pods[:2]))
    assert [a.outcome for a in answers] == ["accepted", "spent"]


def test_t6_an_eviction_that_nothing_came_of_is_given_back_after_two_minutes() -> None:
    web = b.deployment("web", on=("n1", "n2"))
    twin = make(b.inventory(*b.nodes(2), web, b.budget(max_unavailable=1)))
    row = twin.world.pods.find("default", pods_of(twin, "web")[0].name)
    twin.disruption.spend(row)  # the budget paid, and the API server died before it deleted the pod
    wait(twin, 100)
    held = budget_of(twin)
    assert (held.allowed, len(held.disrupted)) == (0, 1), "for two minutes the budget believes that the pod is going"
    wait(twin, 25)
    back = budget_of(twin)
    assert (back.allowed, back.disrupted) == (1, ()), "then it gets its unit back"


def test_an_eviction_not_seen_yet_counts_against_the_healthy_pods() -> None:
    web = b.deployment("web", on=("n1", "n2", "n3"))
    twin = make(b.inventory(*b.nodes(3), web, b.budget(max_unavailable=2)))
    pods = pods_of(twin, "web")
    twin.disruption.spend(twin.world.pods.find("default", pods[0].name))
    play(twin, lambda: evict(twin, pods[1]))
    wait(twin, 2)
    now = budget_of(twin)
    assert (now.healthy, now.allowed) == (1, 0), "one is leaving, and one was let go and may leave any moment"


def test_a_pending_pod_goes_whatever_the_budget_says() -> None:
    waiting = b.deployment("web", on=("",), pod_fields={"phase": "Pending", "ready": False})
    twin = make(b.inventory(b.node("n1", cordoned=True), waiting, b.budget(min_available=1)))
    (answer,) = play(twin, lambda: evict(twin, pods_of(twin, "web")[0]))
    assert answer.outcome == "accepted"
    assert budget_of(twin).disrupted == ()


def test_gone_and_conflict() -> None:
    twin = make(b.inventory(*b.nodes(2), b.deployment("web", on=("n1",))))
    asked = [Eviction("default", "nobody", "uid"), Eviction("default", "web-5d8f-00000", "another")]
    answers = play(twin, lambda: twin.api.evict_many(asked))
    assert [(a.outcome, a.code) for a in answers] == [("gone", 404), ("conflict", 409)]


def test_a_conflict_spends_the_budget_as_the_api_server_does() -> None:
    twin = make(b.inventory(*b.nodes(3), b.deployment("web", on=("n1", "n2")), b.budget(max_unavailable=1)))
    stale = Eviction("default", "web-5d8f-00000", "another")
    (answer,) = play(twin, lambda: twin.api.evict_many([stale]))
    assert answer.outcome == "conflict"
    assert budget_of(twin).allowed == 0, "a stale UID blocks the real budget for two minutes, and must in a rehearsal"
    (again,) = play(twin, lambda: twin.api.evict_many([stale]))
    assert again.outcome == "spent", "the budget is asked before the UIDs are compared"
    wait(twin, 125)
    assert budget_of(twin).allowed == 1, "what was never deleted is given back"


def test_a_finalizer_frees_the_budget_while_the_object_stays() -> None:
    web = b.deployment("web", on=("n1", "n2"), pod_fields={"finalizers": ("example.com/hold",)})
    twin = make(b.inventory(*b.nodes(3), web, b.budget(max_unavailable=1)))
    play(twin, lambda: evict(twin, pods_of(twin, "web")[0]))
    wait(twin, 60)
    old = [p for p in pods_of(twin, "web") if p.terminating]
    assert len(old) == 1, "T16: the object stays as long as its finalizer does"
    assert budget_of(twin).allowed == 1, "observed: its replacement is healthy, so the budget is free again"


def test_kubernetes_own_finalizer_does_not_keep_a_job_s_pod() -> None:
    tracked = {"finalizers": ("batch.kubernetes.io/job-tracking",)}
    twin = make(b.inventory(*b.nodes(3), b.job("import", on=("n1",), pod_fields=tracked)))
    play(twin, lambda: evict(twin, pods_of(twin, "import")[0]))
    wait(twin, 60)
    left = [pod for pod in pods_of(twin, "import") if pod.terminating]
    assert not left, "every Job's pod has it, and the Job controller takes it away: no night is blocked by one"


def test_drains_of_two_nodes_at_once_never_overdraw_the_budget() -> None:
    web = b.deployment("web", on=("n1", "n1", "n2", "n2", "n3"))
    twin = make(b.inventory(*b.nodes(5), web, b.budget(max_unavailable=1)), figures(readiness=20))
    least = [5]
    twin.world.pods.on_serving.append(lambda row, change: least.append(sum(twin.world.pods.serving)))

    async def both() -> bool:
        async with twin.kernel.scope() as scope:
            scope.start("n1", lambda: drain(twin, "n1"))
            scope.start("n2", lambda: drain(twin, "n2"))
        return True

    assert play(twin, both)
    assert min(least) == 4, f"max_unavailable 1 of 5, and at the worst {min(least)} served"


@pytest.mark.parametrize("replicas", [1, 2, 3, 7, 10])
@pytest.mark.parametrize("rule", [{"max_unavailable": "25%"}, {"min_available": "50%"}, {"min_available": 1}])
def test_status_is_what_semantics_computes_from_the_pods(replicas: int, rule: dict[str, int | str]) -> None:
    web = b.deployment("web", on=[f"n{i % 3 + 1}" for i in range(replicas)])
    twin = make(b.inventory(*b.nodes(4), web, b.budget(**rule)))
    _same_as_semantics(twin)
    play(twin, lambda: evict(twin, *pods_of(twin, "web")))
    wait(twin, 4)
    _same_as_semantics(twin)
    wait(twin, 60)
    _same_as_semantics(twin)


def _same_as_semantics(twin: Twin) -> None:
    budget = budget_of(twin)
    pods: list[Pod] = pods_of(twin, "web")
    workloads = twin.world.base.workloads
    want = status(budget, pods, rules.counting_once(workloads), twin.kernel.now_ms())
    assert budget == replace(rules.with_status(budget, want)), "counted per class, and from the pods one by one"
