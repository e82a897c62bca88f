"""What a drain touches, what it waits for, and what it never does (the rules of a drain, sections 2 and 3)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.execution import marks
from shipkeeper.execution.moving import Moving, take_answer
from shipkeeper.model.cluster import Namespace
from shipkeeper.model.run import GateRead, Noted, PodOutcome, StateChanged, StepIntent, StepOutcome
from shipkeeper.model.time import MINUTE, SECOND
from shipkeeper.ports.cluster import Eviction, EvictionAnswer
from tests import builders as b
from tests.execution.scripted import Scripted
from tests.execution.stage import RUN, Stage, three_nodes, window


def held(stage: Stage, result: Any, node: str = "n1") -> StateChanged:
    """The run holds on that node, which stays cordoned and ours; returns the words."""
    assert (result.state, result.exit_code) == ("held", 4), result
    assert stage.node(node).unschedulable, "a held node stays cordoned"
    assert marks.read_marks(stage.node(node)).run == RUN, "and says whose it is"
    assert stage.boots(node) == 0
    changed: StateChanged = stage.of(StateChanged, state="held")[-1]
    assert changed.why
    assert changed.commands
    return changed


# --- section 2: what is touched ------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "rule", "part"),
    [
        ("delete_empty_dir_data", "emptyDir", b.deployment("cache", template=b.shape(volumes=("emptyDir",)))),
        ("allow_unmanaged", "no controller", b.pod("alone")),
    ],
)
def test_what_would_be_lost_blocks_the_node_before_its_first_eviction(flag: str, rule: str, part: Any) -> None:
    parts = (*three_nodes(), part)
    stage = Stage(*parts)
    changed = held(stage, stage.play())
    assert rule in changed.reason
    assert not stage.of(StepIntent, action="drain"), "not even the pods that may go were announced"
    assert not stage.of(PodOutcome), "nothing may be evicted from a blocked node"
    allowed = Stage(*parts, **{flag: ("default",)})
    assert allowed.play().state == "done"


def test_daemon_and_mirror_pods_go_down_with_the_node() -> None:
    stage = Stage(*three_nodes(), b.mirror("proxy", "n1"))
    assert stage.play().state == "done"
    touched = {outcome.pod for outcome in stage.of(PodOutcome)}
    assert not [pod for pod in touched if "agent" in pod or "proxy" in pod]


def test_finished_pods_are_evicted_as_kubectl_does() -> None:
    done = b.pod("done", owned_by=b.owner("Job", "x"), ready=False, phase="Succeeded")
    stage = Stage(*three_nodes(), done)
    assert stage.play().state == "done"
    assert stage.of(PodOutcome, pod="default/done")[0].result == "evicted"


def test_a_terminating_pod_is_waited_for() -> None:
    going = b.pod("going", owned_by=b.owner("ReplicaSet", "x"), deletion_ms=b.NOW + 20_000, deletion_grace_ms=30_000)
    stage = Stage(*three_nodes(), going)
    api = Scripted(stage.api)
    stage.api = api
    assert stage.play().state == "done"
    assert "going" not in api.asked, "it is on its way already"
    assert stage.of(PodOutcome, pod="default/going")[0].result == "gone"


def test_a_stuck_pod_is_reported_and_held_and_never_forced() -> None:
    stuck = b.pod(
        "stuck",
        owned_by=b.owner("ReplicaSet", "x"),
        deletion_ms=b.NOW - 90_000,
        deletion_grace_ms=30_000,
        finalizers=("example.com/hold",),
    )
    stage = Stage(*three_nodes(), stuck)
    api = Scripted(stage.api)
    stage.api = api
    changed = held(stage, stage.play())
    assert "default/stuck" in changed.reason
    assert "example.com/hold" in changed.reason
    assert "node Ready is True" in changed.reason
    assert stage.of(PodOutcome, pod="default/stuck")[0].result == "stuck"
    assert "stuck" not in api.asked


def test_a_stuck_pod_that_goes_lets_the_run_go_on_by_itself() -> None:
    stuck = b.pod("stuck", owned_by=b.owner("ReplicaSet", "x"), deletion_ms=b.NOW - 90_000, finalizers=("x/y",))
    stage = Stage(*three_nodes(), stuck)

    async def somebody_mends(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="held"))
        await stage.kernel.sleep(60_000)
        row = stage.twin.world.pods.find("default", "stuck")
        stage.twin.world.pods.remove(row)

    assert stage.play(somebody_mends, hold_for_ms=None).state == "done"


def test_evictions_carry_the_uid_and_the_shorter_grace_only() -> None:
    parts = (
        *b.nodes(3),
        b.deployment("slow", on=("n1",), template=b.shape({"app": "slow"}, grace_ms=120_000)),
        b.deployment("quick", on=("n1",), template=b.shape({"app": "quick"}, grace_ms=5_000)),
    )
    stage = Stage(*parts, names=("n1",), grace_period_ms=30_000)
    api = Scripted(stage.api)
    stage.api = api
    assert stage.play().state == "done"
    asked = {eviction.name.split("-")[0]: eviction for eviction in api.evictions}
    assert asked["slow"].grace_ms == 30_000
    assert asked["quick"].grace_ms is None, "a grace period is never made longer"
    assert all(eviction.uid for eviction in api.evictions)


def test_one_watch_per_node_and_budgets_only_where_one_was_spent() -> None:
    stage = Stage(names=("n1",))
    api = Scripted(stage.api)
    stage.api = api
    stage.play()
    assert sum("watch Pod" in call for call in api.calls) == 1
    assert not [call for call in api.calls if "watch Budget" in call]


# --- section 3: blocked and not blocked ----------------------------------------------------

HOPELESS = {
    "more than one PodDisruptionBudget": (
        b.budget("one", max_unavailable=1, healthy=3, expected=3, desired=2, allowed=1),
        b.budget("two", max_unavailable=1, healthy=3, expected=3, desired=2, allowed=1),
    ),
    "can never let": (b.budget("never", max_unavailable=0, healthy=3, expected=3, desired=3, allowed=0),),
}


@pytest.mark.parametrize("words", list(HOPELESS))
def test_hopeless_applies_the_policy_at_once(words: str) -> None:
    stage = Stage(*b.nodes(4), b.deployment("web", on=("n1", "n2", "n3")), *HOPELESS[words])
    changed = held(stage, stage.play())
    assert words in changed.reason
    assert stage.kernel.now_ms() - b.NOW < MINUTE, "waiting cannot help, so it is not waited"
    blocked = stage.of(PodOutcome, result="blocked")
    assert [item.pod for item in blocked] == ["default/web-5d8f-00000"]
    assert len(stage.twin.api._pods("default", "")) == 3, "nothing is deleted past a budget"


def test_a_spent_budget_is_waited_for_and_asked_again() -> None:
    parts = (
        *b.nodes(3),
        b.deployment("web", on=("n1", "n1", "n1")),
        b.budget("web", max_unavailable=1, healthy=3, expected=3, desired=2, allowed=1),
    )
    stage = Stage(*parts, names=("n1",))
    api = Scripted(stage.api)
    stage.api = api
    assert stage.play().state == "done"
    assert [outcome.result for outcome in stage.of(PodOutcome)] == ["evicted"] * 3
    assert sum(api.asked.values()) <= 12, "the watch of the budget tells when to ask; it is not hammered"


def test_of_a_budget_only_as_many_are_asked_for_as_it_may_allow() -> None:
    on = ["n1"] * 8
    allowed = b.budget("web", max_unavailable=1, healthy=8, expected=8, desired=7, allowed=1)
    stage = Stage(*b.nodes(3), b.deployment("web", on=on), allowed, names=("n1",))
    api = stage.api = Scripted(stage.api)
    assert stage.play().state == "done"
    assert sum(api.asked.values()) <= 8 + 2 * 8, "every pod is asked for whenever one may go"


def test_a_pod_that_appears_while_the_last_ones_leave_is_drained_too() -> None:
    stage = Stage(names=("n1",), action="none")
    real = stage.api.list
    late = b.pod("late", owned_by=b.owner("ReplicaSet", "web-5d8f"), template=b.shape({"app": "late"}))
    shown: list[int] = []

    async def list_(kind: Any, **where: Any) -> Any:
        found = await real(kind, **where)
        if (
            kind.__name__ == "Pod"
            and where.get("node") == "n1"
            and stage.of(StepIntent, step="n1/drain")
            and len(shown) < 2
        ):
            shown.append(1)
            return (*found, late)
        return found

    stage.api.list = list_
    assert stage.play().state == "done"
    assert shown
    announced = [name for intent in stage.of(StepIntent, action="drain") for _, name in intent.pods]
    assert "default/late" in announced


def spent_for_ever() -> tuple[Any, ...]:
    """A budget over an application whose other pod never becomes Ready: spent, but not hopeless by its numbers."""
    return (
        *b.nodes(3),
        b.deployment("web", on=("n1", "n2"), pod_fields={}),
        b.pod("web-5d8f-broken", owned_by=b.owner("ReplicaSet", "web-5d8f"), on="n3", ready=False,
              template=b.shape({"app": "web", "pod-template-hash": "5d8f"})),
        b.budget("web", min_available=2, healthy=2, expected=3, desired=2, allowed=0),
    )  # fmt: skip


def test_spent_for_longer_than_blocked_after_holds() -> None:
    stage = Stage(*spent_for_ever(), names=("n1",), blocked_after_ms=10 * MINUTE)
    changed = held(stage, stage.play())
    waited = stage.kernel.now_ms() - b.NOW
    assert 10 * MINUTE <= waited < 11 * MINUTE
    assert "web" in changed.reason
    assert any("kubectl get pdb" in command for command in changed.commands)


def test_blocked_after_is_the_larger_of_ten_minutes_and_twice_the_prediction() -> None:
    stage = Stage(*spent_for_ever(), names=("n1",))
    stage.play()
    assert 10 * MINUTE <= stage.kernel.now_ms() - b.NOW < 11 * MINUTE


def test_a_held_drain_goes_on_when_the_budget_allows() -> None:
    stage = Stage(*spent_for_ever(), names=("n1",), blocked_after_ms=MINUTE)

    async def the_owner_mends(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="held"))
        await stage.kernel.sleep(5 * MINUTE)
        pods = stage.twin.world.pods
        pods.set_ready(pods.find("default", "web-5d8f-broken"), True)

    assert stage.play(the_owner_mends, hold_for_ms=None).state == "done"
    states = [event.state for event in stage.of(StateChanged)]
    assert states == ["held", "running"]


def test_policy_wait_gives_up_at_the_last_moment_and_uncordons() -> None:
    stage = Stage(
        *spent_for_ever(), names=("n1",), on_blocked="wait", blocked_after_ms=MINUTE,
        window=window(lasts_ms=120 * MINUTE), reserve_ms=30 * MINUTE,
    )  # fmt: skip
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert not stage.node("n1").unschedulable, "the window's end gives the node back"
    end = b.NOW + 90 * MINUTE
    rest = sum(round(s.estimate_seconds.p95 * SECOND) for s in stage.plan.steps if s.action not in ("cordon", "drain"))
    assert abs(stage.kernel.now_ms() - (end - rest)) < 10 * SECOND, "waited neither shorter nor longer"


def test_policy_quarantine_leaves_the_node_marked_and_goes_on() -> None:
    parts = (*spent_for_ever(), b.deployment("other", on=("n2",)))
    stage = Stage(*parts, names=("n1", "n3"), on_blocked="quarantine", blocked_after_ms=MINUTE, order="serial")
    stage.play()
    n1 = stage.node("n1")
    assert n1.unschedulable
    assert n1.annotations[marks.RUN] == RUN
    assert "cannot be evicted" in n1.annotations[marks.QUARANTINE]
    assert stage.view.step("n1/drain").state == "failed"
    assert stage.of(StepIntent, target="n3"), "the run went on"


def test_policy_escalate_waits_for_approve_and_deletes_nothing() -> None:
    stage = Stage(*spent_for_ever(), names=("n1",), on_blocked="escalate", blocked_after_ms=MINUTE)

    async def a_person_looks_then_mends(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="paused"))
        await stage.kernel.sleep(30 * MINUTE)
        assert len(stage.pods_on("n1")) == 1
        stage.say("approve")
        await stage.kernel.sleep(20 * SECOND)
        assert len(stage.pods_on("n1")) == 1, "approve tries again; it does not force"
        pods = stage.twin.world.pods
        pods.set_ready(pods.find("default", "web-5d8f-broken"), True)

    assert stage.play(a_person_looks_then_mends).state == "done"
    assert len(stage.of(StateChanged, state="paused")) == 1, "what a person approved is not asked again at once"


@pytest.mark.parametrize(
    ("outcome", "code", "message", "words"),
    [
        ("busy", 429, "too many requests", "busy (429)"),
        ("busy", 503, "etcd leader changed", "busy (503)"),
        ("refused", 403, 'admission webhook "policy.example.com" denied the request', "a webhook denies it"),
    ],
)
def test_busy_and_denied_have_their_own_patience_and_words(outcome: Any, code: int, message: str, words: str) -> None:
    def answer(eviction: Eviction, times: int) -> EvictionAnswer | None:
        return EvictionAnswer(eviction, outcome, code, "", message) if times <= 3 else None

    stage = Stage(names=("n1",))
    api = Scripted(stage.api, answer)
    stage.api = api
    assert stage.play().state == "done"
    assert max(api.asked.values()) == 4
    for_ever = Stage(names=("n1",), blocked_after_ms=2 * MINUTE)
    for_ever.api = Scripted(for_ever.api, lambda e, n: EvictionAnswer(e, outcome, code, "", message))
    changed = held(for_ever, for_ever.play())
    assert words in changed.reason


def test_a_refusal_that_is_no_webhooks_holds_at_once() -> None:
    stage = Stage(names=("n1",))
    message = 'User "runner" cannot create resource "pods/eviction"'
    stage.api = Scripted(stage.api, lambda e, n: EvictionAnswer(e, "refused", 403, "Forbidden", message))
    changed = held(stage, stage.play())
    assert "cannot create" in changed.reason
    assert stage.kernel.now_ms() - b.NOW < MINUTE


def test_a_conflict_about_a_pod_that_is_still_there_is_asked_again() -> None:
    def answer(eviction: Eviction, times: int) -> EvictionAnswer | None:
        return EvictionAnswer(eviction, "conflict", 409, "Conflict", "object has been modified") if times == 1 else None

    stage = Stage(names=("n1",))
    api = stage.api = Scripted(stage.api, answer)
    assert stage.play().state == "done"
    assert max(api.asked.values()) == 2
    assert {outcome.result for outcome in stage.of(PodOutcome)} == {"evicted"}, "it was not taken for gone"


def test_a_terminating_namespace_is_no_budget() -> None:
    dying = {"namespaces": (Namespace("default", terminating=True),)}
    stage = Stage(*three_nodes(), names=("n1",), blocked_after_ms=MINUTE, more=dying)
    changed = held(stage, stage.play())
    assert "is being deleted" in changed.reason


def test_room_is_asked_for_before_the_first_eviction() -> None:
    apps = [b.deployment(f"big{i}", on=(f"n{i}",), template=b.shape({"app": f"big{i}"}, cpu=3_900)) for i in (1, 2, 3)]
    stage = Stage(*b.nodes(3), *apps)
    changed = held(stage, stage.play())
    assert "room-for-pods" in changed.reason
    assert "3900m CPU" in changed.reason
    assert not stage.of(PodOutcome)


def test_a_pod_that_can_run_here_only_is_named_and_does_not_hold() -> None:
    pinned = b.shape({"app": "pinned"}, node_selector={b.HOSTNAME: "n1"})
    stage = Stage(*three_nodes(), b.deployment("pinned", on=("n1",), template=pinned))
    assert stage.play().state == "done"
    noted = stage.of(Noted, topic="planned-downtime")
    assert len(noted) == 1
    assert "default/pinned-5d8f-00000" in noted[0].text


def test_a_person_may_approve_a_closed_room_gate() -> None:
    odd = b.deployment("odd", on=("n1",), template=b.shape({"app": "odd"}, cpu=3_000))
    full = b.deployment("full", on=("n2",), template=b.shape(cpu=3_000))
    stage = Stage(*b.nodes(2, cpu=4_000), odd, full, names=("n1",))

    async def approves(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="held"))
        stage.say("approve", step="n1/drain")

    result = stage.play(approves, hold_for_ms=60 * MINUTE)
    assert stage.of(StepOutcome, step="n1/drain", state="done"), result


# --- laws ----------------------------------------------------------------------------------

OUTCOMES = ["accepted", "gone", "conflict", "spent", "hopeless", "busy", "namespace-terminating", "refused"]


@given(st.sampled_from(OUTCOMES), st.integers(0, 20), st.integers(0, 60_000))
def test_no_answer_loses_a_pod(outcome: Any, tries: int, retry_after: int) -> None:
    pod = b.pod("p", owned_by=b.owner("ReplicaSet", "x"))
    item = Moving(pod, None, "waiting", 0, 0, tries=tries)
    answer = EvictionAnswer(Eviction("default", "p", pod.uid), outcome, 500, "r", "m", retry_after)
    take_answer(item, answer, 1_000)
    if outcome == "accepted":
        assert item.state == "leaving"
    elif outcome in ("gone", "conflict"):
        assert item.state == "ended"
    else:
        assert item.state == "waiting"
        assert item.rule
        assert item.next_ms > 1_000, "a refusal is never asked again within the same millisecond"
        assert item.blocked_ms == 1_000


@given(st.integers(1, 5), st.integers(1, 3), st.integers(1, 40))
def test_budgets_are_never_overdrawn(replicas: int, allowed: int, seed: int) -> None:
    """P1: at every accepted eviction the budget's own arithmetic allowed it, and downtime beyond it never shows."""
    on = [f"n{i % 2 + 1}" for i in range(replicas)]
    share = min(allowed, replicas)
    parts = (
        *b.nodes(4),
        b.deployment("web", on=on),
        b.budget("web", max_unavailable=share, healthy=replicas, expected=replicas,
                 desired=replicas - share, allowed=share),
    )  # fmt: skip
    stage = Stage(*parts, seed=seed)
    least = [replicas]

    def watch(entry: Any) -> None:
        ready = [p for p in stage.twin.api._pods("default", "") if p.ready and not p.terminating]
        least.append(len(ready))

    stage.on_entry.append(watch)
    assert stage.play().state == "done"
    assert min(least) >= replicas - share, "more pods were taken out than the budget allows"
    assert not [read for read in stage.of(GateRead) if read.state == "unknown"]
