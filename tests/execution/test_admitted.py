"""Before a node's first eviction its replacements must have somewhere to go: quotas, webhooks and APIs (section 2)."""

from __future__ import annotations

from typing import Any

import pytest

from shipkeeper.execution import marks
from shipkeeper.execution.context import Run
from shipkeeper.execution.gates.admitted import apis_answer, quota_for_pods, webhooks_answer
from shipkeeper.execution.world import RunOptions
from shipkeeper.model.cluster import ApiService, EndpointSlice, Quota, Service, Webhook
from shipkeeper.model.errors import Forbidden
from shipkeeper.model.labels import Requirement, Selector
from shipkeeper.model.run import GateRead, PodOutcome, StateChanged, StepIntent
from shipkeeper.ports.gates import GateReading
from tests import builders as b
from tests.execution.scripted import Scripted
from tests.execution.stage import RUN, Stage, three_nodes

POLICY = Service("policy", "policy", {"app": "policy"})
OTHERS = Selector((), (Requirement("kubernetes.io/metadata.name", "NotIn", ("policy",)),))


def hook(**more: Any) -> Webhook:
    fields: dict[str, Any] = {
        "configuration": "policy",
        "name": "pods.policy.example",
        "kind": "ValidatingWebhookConfiguration",
        "service": ("policy", "policy"),
        "rules": (("CREATE", "", "pods"),),
    }
    return Webhook(**(fields | more))


def api(group: str = "widgets.example", **more: Any) -> ApiService:
    return ApiService(f"v1.{group}", ("policy", "policy"), **({"available": True, "group": group} | more))


def stage_of(*parts: Any, on: tuple[str, ...] = ("n1",), **more: Any) -> Stage:
    """Three nodes with a web application; the policy engine on those named, and what else is in the cluster."""
    request = more.pop("request", {})
    engine = b.deployment("policy", "policy", on=on)
    return Stage(*three_nodes(), engine, *parts, more={"services": (POLICY,)} | more, **request)


def run_of(stage: Stage) -> Run:
    return Run.of(stage.world(), stage.plan, RUN, RunOptions())


def webhooks(stage: Stage, *away: str) -> GateReading:
    run = run_of(stage)
    pods = [pod for pod in stage.twin.api._pods("", "n1") if not pod.daemon]
    return stage.kernel.run(webhooks_answer(run, pods, away or ("n1",)))


def apis(stage: Stage, *away: str) -> GateReading:
    return stage.kernel.run(apis_answer(run_of(stage), away or ("n1",)))


def quotas(stage: Stage) -> GateReading:
    return stage.kernel.run(quota_for_pods(run_of(stage), stage.twin.api._pods("", "n1")))


# --- webhooks ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "on", "state"),
    [
        ({}, ("n1",), "closed"),
        ({}, ("n1", "n1"), "closed"),
        ({}, ("n1", "n2"), "open"),
        ({"fail_closed": False}, ("n1",), "open"),
        ({"service": None}, ("n1",), "open"),
        ({"rules": (("CREATE", "", "services"),)}, ("n1",), "open"),
        ({"namespace_selector": OTHERS}, ("n1",), "closed"),
        ({"namespace_selector": b.selector(tier="bank")}, ("n1",), "open"),
        ({"rules": (("UPDATE", "coordination.k8s.io", "leases"),)}, ("n1",), "closed"),
    ],
    ids=[
        "alone on the node",
        "twice on the same node",
        "another elsewhere",
        "fails open",
        "not in the cluster",
        "asked about other things",
        "asked about all but its own",
        "asked about namespaces that are not moved",
        "asked about the kubelets' leases",
    ],
)
def test_webhooks(change: dict[str, Any], on: tuple[str, ...], state: str) -> None:
    reading = webhooks(stage_of(on=on, webhooks=(hook(**change),)))
    assert reading.state == state
    if state == "closed":
        assert "policy-5d8f-00000 on n1" in reading.reason
        assert not reading.retry, "it does not change by itself: people are told at once"


def test_a_webhook_that_nobody_answers_for_now_is_waited_for() -> None:
    reading = webhooks(stage_of(on=(), webhooks=(hook(),)))
    assert "no Ready back end now" in reading.reason
    assert reading.retry
    assert not webhooks(stage_of(on=("n2",), webhooks=(hook(service=("policy", "gone")),))).is_open, "no such Service"


def test_nodes_of_the_same_batch_count_as_leaving() -> None:
    stage = stage_of(on=("n1", "n2"), webhooks=(hook(),))
    assert webhooks(stage, "n1").is_open
    assert not webhooks(stage, "n1", "n2").is_open


def test_back_ends_that_somebody_else_keeps() -> None:
    """A Service without a selector: its EndpointSlices say who answers."""
    bare = Service("policy", "policy")

    def told(*endpoints: tuple[str, str, bool], service: str = "policy") -> bool:
        slices = (EndpointSlice("policy", "policy-x", service, endpoints),)
        stage = stage_of(webhooks=(hook(),), services=(bare,), endpoint_slices=slices)
        return webhooks(stage).is_open

    assert told(("", "", True)), "an address outside the cluster stays"
    assert told(("p", "n1", True), ("p", "n2", True))
    assert not told(("p", "n1", True), ("p", "n2", False)), "one that is not Ready does not answer"
    assert not told(("p", "n2", True), service="other")
    outside = Service("policy", "policy", type="ExternalName")
    assert webhooks(stage_of(webhooks=(hook(),), services=(outside,))).is_open


def test_a_daemon_goes_down_with_the_machine_only_when_it_reboots() -> None:
    parts = (*three_nodes(), b.daemonset("policy", "policy", on=("n1",)))
    more = {"services": (POLICY,), "webhooks": (hook(),)}
    assert not webhooks(Stage(*parts, more=more)).is_open
    assert webhooks(Stage(*parts, more=more, action="none")).is_open


# --- aggregated APIs -----------------------------------------------------------------------


def test_an_api_whose_back_ends_all_leave() -> None:
    reading = apis(stage_of(api_services=(api(),)))
    assert reading.state == "closed"
    assert "v1.widgets.example" in reading.reason
    assert apis(stage_of(on=("n1", "n2"), api_services=(api(),))).is_open
    assert apis(stage_of(api_services=(api(available=False),))).is_open, "what is away already is not our doing"


def test_apis_of_metrics_are_named_and_do_not_hold() -> None:
    reading = apis(stage_of(api_services=(api("metrics.k8s.io"),)))
    assert reading.is_open
    assert "v1.metrics.k8s.io" in reading.reading


# --- quotas --------------------------------------------------------------------------------


def quota(hard: dict[str, int], used: dict[str, int], **more: Any) -> Quota:
    return Quota(more.pop("namespace", "default"), "team", hard=hard, used=used, **more)


@pytest.mark.parametrize(
    ("item", "state"),
    [
        (quota({"pods": 9}, {"pods": 3}), "open"),
        (quota({"pods": 3}, {"pods": 3}), "open"),
        (quota({"pods": 2}, {"pods": 3}), "closed"),
        (quota({"limits.memory": 2}, {"limits.memory": 3}), "closed"),
        (quota({"pods": 2}, {"pods": 3}, namespace="elsewhere"), "open"),
        (quota({"pods": 2}, {"pods": 3}, scopes=("PriorityClass In high",)), "open"),
        (quota({"pods": 2}, {"pods": 3}, scopes=("NotTerminating",)), "closed"),
        (quota({"pods": 3}, {}), "unknown"),
        (quota({"services": 3}, {}), "open"),
    ],
    ids=[
        "room",
        "full: a gap, and no more",
        "over",
        "over its limits",
        "of another namespace",
        "of other pods",
        "of who knows which pods",
        "use not told",
        "about other objects",
    ],
)
def test_quotas(item: Quota, state: str) -> None:
    reading = quotas(stage_of(quotas=(item,)))
    assert reading.state == state, reading
    if item.used == {"pods": 3} and item.hard == {"pods": 3}:
        assert "wait until the old pods are gone: default/team" in reading.reading


def test_pods_that_are_not_made_again_ask_no_quota() -> None:
    stage = Stage(
        *b.nodes(3), b.pod("alone"), more={"quotas": (quota({"pods": 0}, {"pods": 1}),)}, allow_unmanaged=("default",)
    )
    assert quotas(stage).is_open


# --- in a night ----------------------------------------------------------------------------

HOLDING = {
    "quota-for-pods": {"quotas": (quota({"pods": 2}, {"pods": 3}),)},
    "webhooks-answer": {"webhooks": (hook(),)},
    "apis-answer": {"api_services": (api(),)},
}


@pytest.mark.parametrize("gate", HOLDING)
def test_the_run_holds_before_the_first_eviction_and_a_person_may_go_on(gate: str) -> None:
    stage = stage_of(**HOLDING[gate])
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    changed = stage.of(StateChanged, state="held")[-1]
    assert changed.reason.startswith(gate)
    assert f"shipkeeper runs approve {RUN}" in changed.commands
    assert not stage.of(PodOutcome), "nothing may be evicted while its replacement has nowhere to go"
    assert not stage.of(StepIntent, action="drain")
    assert marks.read_marks(stage.node("n1")).run == RUN, "a held node stays ours"

    stage.entries.clear()

    async def approves(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="held"))
        stage.say("approve")
        await stage.until(stage.seen(PodOutcome, result="evicted"))
        stage.say("abort")

    assert stage.play(approves, hold_for_ms=None).state == "aborted"
    assert stage.of(PodOutcome, result="evicted"), "a person's word lets the node's pods go all the same"


def test_a_second_replica_opens_it_by_itself() -> None:
    stage = stage_of(webhooks=(hook(),), request={"names": ("n1",)})

    async def scales_up(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="held"))
        pods = stage.twin.world.pods
        row = pods.find("policy", "policy-5d8f-00000")
        new = pods.create(pods.group[row], "policy-5d8f-second", "uid-second", False)
        pods.bind(new, 2)
        pods.set_ready(new, True)

    assert stage.play(scales_up, hold_for_ms=None).state == "done"


class Blind(Scripted):
    """An API server that does not let us read webhooks."""

    async def list(self, kind: Any, **where: Any) -> Any:
        if kind is Webhook:
            raise Forbidden("not allowed to list mutatingwebhookconfigurations")
        return await self._inner.list(kind, **where)


def test_what_cannot_be_read_holds() -> None:
    stage = stage_of()
    stage.api = Blind(stage.api)
    result = stage.play()
    assert result.state == "held"
    assert "mutatingwebhookconfigurations" in result.reason
    assert not stage.of(PodOutcome)


def test_quotas_are_as_they_are_now_and_not_as_surveyed() -> None:
    """On the twin, a pod that is gone gives its charge back: the next node finds room."""
    full = quota({"pods": 3}, {"pods": 3})
    stage = stage_of(on=("n2",), quotas=(full,))
    assert stage.play().state == "done"
    readings = [event.reading for event in stage.of(GateRead, gate="quota-for-pods")]
    assert len(readings) == 3
    assert stage.kernel.run(stage.twin.api.list(Quota))[0].used == {"pods": 3}


def test_the_policy_engine_that_moved_is_asked_about_where_it_is() -> None:
    stage = stage_of(on=("n1", "n2"), webhooks=(hook(),))
    assert stage.play().state == "done"
    assert {event.state for event in stage.of(GateRead, gate="webhooks-answer")} == {"open"}


def test_a_reading_is_of_the_moment() -> None:
    stage = stage_of(webhooks=(hook(),))
    pods = stage.twin.world.pods
    row = pods.find("policy", "policy-5d8f-00000")
    pods.set_ready(row, False)
    assert "no Ready back end now" in webhooks(stage).reason
