"""Whose a node is: foreign cordons, other drainers, other machines, and a cluster that changes meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.execution import marks
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.errors import BadInput, Refused
from shipkeeper.model.nodes import Taint
from shipkeeper.model.plan import Plan
from shipkeeper.model.run import Noted, PodOutcome, StateChanged, StepIntent, StepOutcome
from shipkeeper.model.time import MINUTE, SECOND
from tests import builders as b
from tests.execution.scripted import Scripted
from tests.execution.stage import RUN, Stage, three_nodes


def cordoned(name: str, **more: Any) -> tuple[Any, ...]:
    """The usual three nodes, one of them cordoned by somebody else."""
    parts = list(three_nodes())
    parts[int(name[1]) - 1] = b.node(name, f"z{name[1]}", cordoned=True, **more)
    return tuple(parts)


def test_one_patch_sets_the_cordon_and_says_whose_it_is() -> None:
    stage = Stage(names=("n1",))
    seen: list[Any] = []

    async def look(stage: Stage) -> None:
        await stage.until(stage.seen(StepOutcome, step="n1/cordon"), every_ms=1)
        seen.append(stage.node("n1"))

    stage.play(look)
    node = seen[0]
    assert node.unschedulable
    assert node.annotations[marks.RUN] == RUN
    assert node.annotations[marks.STEP] == "n1/cordon"
    assert node.annotations[marks.SINCE].endswith("Z")


def test_a_node_that_somebody_else_cordoned_is_skipped() -> None:
    stage = Stage()
    stage.kernel.run(stage.patch("n2", unschedulable=True))
    result = stage.play()
    assert result.state == "done"
    assert "n2" in result.reason
    assert stage.boots("n2") == 0
    assert stage.node("n2").unschedulable, "their cordon stays"
    assert marks.RUN not in stage.node("n2").annotations
    assert {stage.view.step(f"n2/{a}").state for a in ("cordon", "drain", "settle")} == {"skipped"}
    assert "somebody else" in stage.view.step("n2/drain").reason


def test_with_include_cordoned_it_is_maintained_and_left_cordoned() -> None:
    stage = Stage(*cordoned("n2"), names=("n1", "n2", "n3"), include_cordoned=True)
    assert stage.play().state == "done"
    assert stage.boots("n2") == 1
    assert stage.node("n2").unschedulable, "it was theirs before, and is theirs again"
    assert not marks.read_marks(stage.node("n2")).run


def test_a_cordon_set_between_our_look_and_our_patch_is_theirs() -> None:
    stage = Stage()
    api = stage.api = Scripted(stage.api)
    done: list[int] = []

    def somebody_is_faster() -> None:
        node = stage.node("n1")
        if not done:
            done.append(1)
            theirs = replace(node, unschedulable=True, resource_version="theirs")
            stage.twin.world.set_node(0, theirs, "cordoned by a person")

    api.before["patch_node"] = somebody_is_faster
    assert stage.play().state == "done"
    assert stage.boots("n1") == 0, "a node that a person had just cordoned was taken for ours"
    assert stage.node("n1").unschedulable
    assert stage.view.step("n1/drain").state == "skipped"


@pytest.mark.parametrize("again", [False, True], ids=["left uncordoned", "cordoned again by a person"])
def test_somebody_uncordons_in_mid_drain(again: bool) -> None:
    slow = b.deployment("slow", on=("n1",), template=b.shape({"app": "slow"}, grace_ms=60_000))
    stage = Stage(*three_nodes(), slow, names=("n1",), timings=SLOW)

    async def somebody(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/drain"))
        await stage.kernel.sleep(2 * SECOND)
        await stage.patch("n1", unschedulable=False)
        await stage.until(stage.seen(StateChanged, state="held"))
        assert "uncordoned node n1" in stage.of(StateChanged, state="held")[0].reason
        await stage.kernel.sleep(5 * MINUTE)
        assert stage.boots("n1") == 0, "a node that was taken back is not rebooted"
        if again:
            await stage.patch("n1", unschedulable=True)
            await stage.kernel.sleep(MINUTE)
            assert not stage.of(StateChanged, state="running"), "a later cordon is theirs, not ours again"
        stage.say("resume")

    result = stage.play(somebody, hold_for_ms=None)
    assert result.state == "done"
    assert stage.boots("n1") == (0 if again else 1)
    assert stage.node("n1").unschedulable == again
    assert not marks.read_marks(stage.node("n1")).run


SLOW = replace(Stage().plan.timings, termination={"*": (30, 30)})


@pytest.mark.parametrize(
    "mark",
    [
        {"taints": (Taint("ToBeDeletedByClusterAutoscaler", "NoSchedule"),)},
        {"taints": (Taint("karpenter.sh/disrupted", "NoSchedule"),)},
        {"annotations": {"weave.works/kured-reboot-in-progress": "2026-12-02"}},
        {"annotations": {"machineconfiguration.openshift.io/state": "Working"}},
    ],
    ids=["autoscaler", "karpenter", "kured", "machine-config"],
)
def test_another_drainer_at_work_holds(mark: dict[str, Any]) -> None:
    parts = list(three_nodes())
    parts[0] = b.node("n1", "z1", **mark)
    stage = Stage(*parts, names=("n1",))
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert "no-other-drainer" in result.reason
    assert not stage.node("n1").unschedulable, "nothing was done to a node that another one drains"


def test_another_drainer_that_appears_in_mid_drain_holds_until_it_has_gone() -> None:
    stage = Stage(names=("n1",), timings=SLOW)

    async def kured(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/drain"))
        await stage.patch("n1", annotations={"weave.works/kured-reboot-in-progress": "x"})
        await stage.until(stage.seen(StateChanged, state="held"))
        await stage.kernel.sleep(MINUTE)
        assert stage.boots("n1") == 0
        await stage.patch("n1", annotations={"weave.works/kured-reboot-in-progress": None})

    assert stage.play(kured, hold_for_ms=None).state == "done"
    assert stage.boots("n1") == 1


def test_kureds_lock_holds_the_whole_run() -> None:
    lock = {"weave.works/kured-node-lock": '{"nodeID":"n3"}'}
    stage = Stage(*three_nodes(), b.daemonset("kured", on=("n1", "n2", "n3"), annotations=lock), names=("n1",))
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert "kured" in result.reason


def test_a_node_that_is_gone_is_skipped() -> None:
    stage = Stage()
    gone = stage.api.get

    async def get(kind: Any, name: str, namespace: str = "") -> Any:
        return None if name == "n2" and kind.__name__ == "Node" else await gone(kind, name, namespace)

    stage.api.get = get
    result = stage.play()
    assert result.state == "done"
    assert stage.view.step("n2/settle").state == "skipped"
    assert "gone" in stage.view.step("n2/cordon").reason
    assert stage.boots("n3") == 1


def test_another_machine_of_that_name_holds() -> None:
    def other_uid(plan: Plan) -> Plan:
        nodes = tuple(replace(node, uid="uid-of-old") if node.name == "n2" else node for node in plan.nodes)
        return replace(plan, nodes=nodes)

    stage = Stage(plan=other_uid)
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert "another machine" in result.reason
    assert (stage.boots("n1"), stage.boots("n2")) == (1, 0)


def test_a_machine_that_was_replaced_during_its_reboot_holds() -> None:
    """Another machine under the old name has another boot id too: that proves nothing about ours."""
    stage = Stage(names=("n1",))
    real = stage.api.get

    async def get(kind: Any, name: str, namespace: str = "") -> Any:
        found = await real(kind, name, namespace)
        replaced = kind.__name__ == "Node" and stage.seen(Noted, topic="reboot-requested")()
        if not replaced:
            return found
        return replace(found, uid="uid-new", info=replace(found.info, boot_id="boot-new"), annotations={})

    stage.api.get = get
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert "another machine" in result.reason
    assert not stage.of(StepOutcome, step="n1/reboot", state="done")


def test_a_node_that_rebooted_since_the_survey_is_told_and_not_counted_as_done() -> None:
    def older(plan: Plan) -> Plan:
        return replace(plan, nodes=tuple(replace(node, boot_id="boot-before") for node in plan.nodes))

    stage = Stage(plan=older, names=("n1",))
    assert stage.play().state == "done"
    assert stage.of(Noted, topic="rebooted-before")
    assert stage.boots("n1") == 1


# --- the plan's cluster --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        (ClusterIdentity(uid="uid-other", server_version="v1.34.4"), "kube-system's UID"),
        (ClusterIdentity(uid="uid-cluster", server_version="v1.35.0"), "version"),
        (ClusterIdentity(uid="", server_version="v1.34.4"), "UID"),
    ],
)
def test_another_cluster_is_refused_before_anything_is_done(identity: ClusterIdentity, words: str) -> None:
    stage = Stage(plan=lambda plan: replace(plan, cluster=identity))
    with pytest.raises(Refused, match=words) as refused:
        stage.play()
    assert refused.value.exit_code == 4
    assert not stage.events(), "a refused run leaves no record and takes no lease"
    assert not stage.twin.api._leases


def test_an_edited_plan_is_refused() -> None:
    stage = Stage()
    stage.plan = replace(stage.plan, max_parallel=50)
    with pytest.raises(BadInput, match="digest"):
        stage.play()


def test_a_run_is_bound_to_its_plan() -> None:
    stage = Stage()
    stage.interrupts.listeners.clear()
    stage.on_entry.append(lambda entry: stage.interrupts.stop() if entry.seq == 20 else None)
    stage.play()
    stage.on_entry.clear()
    stage.plan = replace(stage.plan, notes=("another",)).sealed()
    with pytest.raises(Refused, match="another plan"):
        stage.play()


# --- the next node -------------------------------------------------------------------------


def test_a_rollout_in_flight_is_waited_for_before_the_next_node() -> None:
    parts = list(three_nodes())
    app = parts[3]
    rolling = replace(app.workloads[0], updated=1)
    parts[3] = b.App((rolling, *app.workloads[1:]), app.pods)
    stage = Stage(*parts, names=("n1",))
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert "rollout of Deployment default/web is in flight" in result.reason
    assert stage.kernel.now_ms() - b.NOW >= 10 * MINUTE, "it was given time to end"
    assert not stage.of(PodOutcome)


@pytest.mark.parametrize(("rolled_out", "state"), [(True, "done"), (False, "held")])
def test_a_stateful_pod_without_an_object_is_no_rollout(rolled_out: bool, state: str) -> None:
    """Its volume is gone, say, and the controller cannot make it again: broken before, and nobody is rolling out."""
    missing = b.statefulset("db", on=("n1",), replicas=2, ready=1, current=1, updated=1, rolled_out=rolled_out)
    stage = Stage(*three_nodes(), missing, names=("n1",))
    assert stage.play().state == state


def test_what_was_broken_before_is_named_and_does_not_hold() -> None:
    broken = b.deployment("ill", on=("n1",), replicas=2, ready=0, pod_fields={"ready": False})
    stage = Stage(*three_nodes(), broken, names=("n1",))
    assert stage.play().state == "done"
    noted = stage.of(Noted, topic="broken-before")
    assert "Deployment default/ill 0/2" in noted[0].text


def test_workloads_must_be_as_well_as_before_and_a_person_may_say_otherwise() -> None:
    slow = replace(Stage().plan.timings, readiness={"Deployment/default/web": (3_600, 3_600), "*": (5, 5)})
    stage = Stage(timings=slow)
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert "Deployment default/web has 2 of 3 pods Ready" in result.reason
    assert not stage.node("n1").unschedulable, "the node itself serves"
    assert not stage.of(StepIntent, target="n2")
    assert stage.kernel.now_ms() - b.NOW >= 10 * MINUTE


def test_a_cluster_that_answers_what_nobody_expects_holds() -> None:
    from shipkeeper.model.errors import Forbidden

    stage = Stage()
    real = stage.api.list
    denied = [True]

    async def list_(kind: Any, **where: Any) -> Any:
        if kind.__name__ == "VolumeAttachment" and denied[0]:
            raise Forbidden("volumeattachments list is forbidden", hint="grant it")
        return await real(kind, **where)

    async def the_admin_grants(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="held"))
        denied[0] = False
        stage.say("resume")

    stage.api.list = list_
    assert stage.play(the_admin_grants, hold_for_ms=None).state == "done"
    assert "forbidden" in stage.of(StateChanged, state="held")[0].reason
