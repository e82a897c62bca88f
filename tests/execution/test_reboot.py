"""Reboots: at most once, proven by the boot id, with volumes off before and everything back after."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.execution import marks
from shipkeeper.model.errors import Failed
from shipkeeper.model.nodes import Node, NodeCondition, Taint
from shipkeeper.model.run import GateRead, Noted, StateChanged, StepIntent, StepOutcome
from shipkeeper.model.storage import CsiNode, VolumeAttachment
from shipkeeper.model.time import MINUTE, SECOND
from shipkeeper.ports.reboot import Delivery, RebootReceipt
from tests import builders as b
from tests.execution.stage import RUN, Stage, three_nodes


class Driver:
    """A driver that a test talks into anything."""

    def __init__(self, stage: Stage, receipts: list[Delivery | Exception], knows: Delivery = "unknown") -> None:
        self.inner, self.receipts, self.knows = stage.twin.reboot, receipts, knows
        self.name, self.deadline_ms = "scripted", 15 * MINUTE
        self.tokens: list[str] = []

    async def request(self, node: Node, token: str) -> RebootReceipt:
        self.tokens.append(token)
        said = self.receipts.pop(0)
        if isinstance(said, Exception):
            raise said
        if said == "delivered":
            return await self.inner.request(node, token)
        return RebootReceipt(said, "as told")

    async def was_delivered(self, node: Node, token: str) -> Delivery:
        return self.knows

    def manual(self, node: str) -> str:
        return f"press the button of {node}"


@pytest.mark.requirement("R-COR18")
def test_ready_with_the_old_boot_id_proves_nothing() -> None:
    """The machine never went down, and the node is Ready all along."""
    stage = Stage(names=("n1",))
    stage.reboot = Driver(stage, ["unknown"])
    result = stage.play(pause_for_ms=0)
    assert (result.state, result.exit_code) == ("paused", 6)
    assert stage.node("n1").ready
    assert stage.node("n1").unschedulable, "it is not given back unproven"
    assert not stage.of(StepOutcome, step="n1/reboot", state="done")
    paused = stage.of(StateChanged, state="paused")[-1]
    assert "whether it arrived is not known" in paused.reason
    assert "press the button of n1" in paused.commands
    assert f"shipkeeper runs reboot-done {RUN}" in paused.commands
    assert stage.kernel.now_ms() - b.NOW >= 15 * MINUTE, "it was watched until the driver's deadline"


@pytest.mark.parametrize("said", ["unknown", Failed("connection reset")], ids=["unknown", "error"])
def test_an_unknown_delivery_is_watched_and_not_repeated(said: Any) -> None:
    stage = Stage(names=("n1",))
    driver = stage.reboot = Driver(stage, [said])

    async def the_machine_reboots_after_all(stage: Stage) -> None:
        await stage.until(stage.seen(Noted, topic="reboot-requested"))
        await stage.kernel.sleep(2 * MINUTE)
        stage.twin.machines.reboot(0)

    assert stage.play(the_machine_reboots_after_all).state == "done"
    assert len(driver.tokens) == 1
    assert stage.boots("n1") == 1


def test_a_request_that_provably_did_not_arrive_is_made_again() -> None:
    stage = Stage(names=("n1",))
    driver = stage.reboot = Driver(stage, ["not-delivered", "not-delivered", "delivered"])
    assert stage.play().state == "done"
    assert len(set(driver.tokens)) == 3, "each request has a token of its own"
    assert [intent.attempt for intent in stage.of(StepIntent, action="reboot")] == [1, 2, 3]
    assert stage.boots("n1") == 1


def test_a_driver_that_proves_at_the_deadline_that_nothing_arrived_is_asked_again() -> None:
    stage = Stage(names=("n1",))
    driver = stage.reboot = Driver(stage, ["unknown", "delivered"], knows="not-delivered")
    assert stage.play().state == "done"
    assert len(driver.tokens) == 2
    assert stage.boots("n1") == 1
    assert stage.kernel.now_ms() - b.NOW >= 15 * MINUTE, "first it was watched until the deadline"


def test_after_three_of_them_a_person_is_asked() -> None:
    stage = Stage(names=("n1",))
    stage.reboot = Driver(stage, ["not-delivered"] * 5)
    result = stage.play(pause_for_ms=0)
    assert (result.state, result.exit_code) == ("paused", 6)
    assert "3 requests to reboot n1 did not reach the machine" in result.reason


def test_reboot_done_watches_again_and_the_boot_id_decides() -> None:
    stage = Stage(names=("n1",))
    stage.reboot = Driver(stage, ["unknown"])

    async def a_person(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="paused"))
        stage.say("reboot-done")
        await stage.kernel.sleep(5 * MINUTE)
        assert not stage.of(StepOutcome, step="n1/reboot", state="done"), "a word is no proof"
        stage.twin.machines.reboot(0)

    assert stage.play(a_person).state == "done"


def test_the_intent_carries_boot_id_token_and_the_manual_way() -> None:
    stage = Stage(names=("n1",))
    stage.play()
    intent = stage.of(StepIntent, action="reboot")[0]
    assert intent.boot_id == "boot-n1-1"
    assert intent.token.startswith(f"{RUN}-n1-")
    assert intent.detail["manual"]


# --- before --------------------------------------------------------------------------------


def attached(name: str = "n1") -> dict[str, Any]:
    return {"attachments": (VolumeAttachment("va-1", name, "pv-1", "csi.example.com", attached=True),)}


def test_attached_volumes_hold_the_reboot() -> None:
    stage = Stage(names=("n1",))
    real = stage.api.list

    async def list_(kind: Any, **where: Any) -> Any:
        if kind is VolumeAttachment:
            return (VolumeAttachment("va-1", "n1", "pv-1", "csi.example.com", attached=True),)
        return await real(kind, **where)

    stage.api.list = list_
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert "VolumeAttachment va-1 (csi.example.com)" in result.reason
    assert stage.boots("n1") == 0
    assert marks.read_marks(stage.node("n1")).run == RUN
    assert stage.kernel.now_ms() - b.NOW > 10 * MINUTE, "detaching was given time"


def test_a_pod_that_comes_between_drain_and_reboot_is_drained_too() -> None:
    stage = Stage(names=("n1",))
    real = stage.api.list
    late = b.pod("late", owned_by=b.owner("ReplicaSet", "web-5d8f"), template=b.shape({"app": "late"}))
    shown = [False]

    async def list_(kind: Any, **where: Any) -> Any:
        if kind is VolumeAttachment and not shown[0]:
            shown[0] = True
            pods = stage.twin.world.pods
            assert pods.find("default", "late") < 0
            stage.api.list = list_once
        return await real(kind, **where)

    seen = [False]

    async def list_once(kind: Any, **where: Any) -> Any:
        found = await real(kind, **where)
        if kind.__name__ == "Pod" and where.get("node") == "n1" and not seen[0]:
            seen[0] = True
            return (*found, late)
        return found

    stage.api.list = list_
    assert stage.play().state == "done"
    assert stage.of(Noted, topic="drain-again")
    assert stage.view.step("n1/drain").attempts == 2
    assert stage.boots("n1") == 1


# --- after ---------------------------------------------------------------------------------


def serving(change: Any, **more: Any) -> Any:
    """Play with nodes that look different after their reboot until ``mended``."""
    stage = Stage(names=("n1",), **more)
    real = stage.api.get
    mended = [False]

    async def get(kind: Any, name: str, namespace: str = "") -> Any:
        found = await real(kind, name, namespace)
        after = stage.seen(StepOutcome, step="n1/reboot", state="done")()
        return change(kind, found) if after and not mended[0] and found is not None else found

    stage.api.get = get

    async def mends(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/serves"))
        await stage.kernel.sleep(5 * MINUTE)
        assert not stage.of(StepOutcome, step="n1/serves", state="done"), "it was taken as serving"
        assert stage.node("n1").unschedulable
        mended[0] = True

    result = stage.play(mends, hold_for_ms=None)
    return stage, result


def no_network(kind: Any, found: Any) -> Any:
    if kind is not Node:
        return found
    return replace(found, conditions=(*found.conditions, NodeCondition("NetworkUnavailable", "True", "NoRoute")))


def startup_taint(kind: Any, found: Any) -> Any:
    if kind is not Node:
        return found
    return replace(found, taints=(*found.taints, Taint("node.cilium.io/agent-not-ready", "NoSchedule")))


def no_drivers(kind: Any, found: Any) -> Any:
    return replace(found, drivers=()) if kind is CsiNode else found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (no_network, "network unavailable (NoRoute)"),
        (startup_taint, "node.cilium.io/agent-not-ready"),
        (no_drivers, "csi.example.com"),
    ],
)
def test_node_serves_waits_for_each_of_its_conditions(change: Any, words: str) -> None:
    drivers = tuple(CsiNode(f"n{i}", (("csi.example.com", None),)) for i in (1, 2, 3))
    stage, result = serving(change, more={"csi_nodes": drivers})
    assert result.state == "done"
    closed = [read for read in stage.of(GateRead, gate="node-serves", state="closed") if words in read.reason]
    assert closed, "the gate does not say what it waits for"


def test_ready_has_to_last() -> None:
    stage = Stage(names=("n1",))
    stage.play()
    entries = {type(e.event).__name__ + getattr(e.event, "step", "") + getattr(e.event, "state", ""): e.at_ms
               for e in stage.entries}  # fmt: skip
    took = entries["StepOutcomen1/servesdone"] - entries["StepOutcomen1/rebootdone"]
    assert took >= 30 * SECOND


def test_daemon_pods_that_were_ready_must_be_ready_again() -> None:
    slow = replace(Stage().plan.timings, readiness={"DaemonSet/kube-system/agent": (300, 300), "*": (5, 5)})
    stage = Stage(names=("n1",), timings=slow)
    assert stage.play().state == "done"
    reasons = [read.reason for read in stage.of(GateRead, gate="node-serves", state="closed")]
    assert any("kube-system/agent" in reason for reason in reasons)


def test_another_kubelet_than_before_holds_for_a_person() -> None:
    def newer(kind: Any, found: Any) -> Any:
        return replace(found, info=replace(found.info, kubelet="v1.35.1")) if kind is Node else found

    stage, result = serving(newer)
    assert result.state == "done"
    assert "the kubelet is v1.35.1, it was v1.34.4" in stage.of(StateChanged, state="held")[0].reason


# --- control plane -------------------------------------------------------------------------


def control_plane(ready: bool = True) -> tuple[Any, ...]:
    cps = [b.node(f"cp{i}", f"z{i}", control_plane=True) for i in (1, 2, 3)]
    members = [b.mirror(what, f"cp{i}") for i in (1, 2, 3) for what in ("etcd", "kube-apiserver")]
    members[-2] = replace(members[-2], ready=ready)
    return (*cps, *members, *three_nodes())


def test_control_plane_nodes_pass_a_quorum_gate_before_and_after() -> None:
    stage = Stage(*control_plane(), names=("cp1",), allow_control_plane=True)
    assert stage.play().state == "done"
    assert stage.of(GateRead, gate="quorum-before", state="open")
    assert stage.of(GateRead, gate="quorum-after", state="open")


def test_a_member_that_is_not_ready_holds_before_anything_is_touched() -> None:
    stage = Stage(*control_plane(ready=False), names=("cp1",), allow_control_plane=True)
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert "etcd-cp3 on cp3" in result.reason
    assert not stage.of(StepIntent)
