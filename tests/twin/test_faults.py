"""The seam for faults: what goes wrong is handed in, and answers like the real thing."""

from __future__ import annotations

import pytest

from shipkeeper.model.errors import Conflict, Unreachable
from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import Pod
from shipkeeper.ports.cluster import NodePatch
from shipkeeper.ports.reboot import Delivery
from shipkeeper.twin.faults import NoFaults
from tests import builders as b
from tests.twin.play import cordon, first, make, play, trace, wait


class Scripted(NoFaults):
    """Fails the first call of one verb, before or after it took effect."""

    def __init__(self, before: str = "", after: str = "", reboot: int = 0, delivered: Delivery = "delivered") -> None:
        self.before, self.after, self.reboot, self.delivered = before, after, reboot, delivered

    def before_call(self, verb: str, key: str, at_ms: int) -> Exception | None:
        if verb == self.before:
            self.before = ""
            return Unreachable(f"{verb} {key}: connection refused")
        return None

    def after_call(self, verb: str, key: str, at_ms: int) -> Exception | None:
        if verb == self.after:
            self.after = ""
            return Unreachable(f"{verb} {key}: connection reset")
        return None

    def watch_delay_ms(self, key: str, at_ms: int) -> int:
        return 60_000

    def reboot_ms(self, node: str, drawn_ms: int) -> int:
        return self.reboot or drawn_ms

    def delivery(self, node: str) -> Delivery:
        return self.delivered


def test_a_call_that_never_arrived_changes_nothing_and_a_lost_answer_does() -> None:
    for faults, cordoned in ((Scripted(before="patch"), False), (Scripted(after="patch"), True)):
        twin = make(b.inventory(b.node("n1")), faults=faults)
        with pytest.raises(Unreachable):
            play(twin, lambda twin=twin: cordon(twin, "n1"))
        node = play(twin, lambda twin=twin: twin.api.get(Node, "n1"))
        assert node is not None
        assert node.unschedulable == cordoned


def test_a_watch_may_be_late_and_stays_in_order() -> None:
    twin = make(b.inventory(b.node("n1"), b.deployment("web", on=("n1",))), faults=Scripted())

    async def listen() -> tuple[list[str], int]:
        watch = twin.api.watch(Pod)
        begun = twin.kernel.now_ms()
        kinds = [(await watch.receive()).type for _ in range(2)]
        return kinds, twin.kernel.now_ms() - begun

    kinds, late = play(twin, listen)
    assert kinds == ["present", "synced"]
    assert late >= 60_000


def test_a_reboot_may_take_as_long_as_a_fault_says_or_never_begin() -> None:
    twin = make(b.inventory(b.node("n1")), faults=Scripted(reboot=900_000))
    play(twin, lambda: twin.reboot.request(twin.world.nodes[0], "t"))
    wait(twin, 1_000)
    assert first(twin, "returns") - first(twin, "reboot") == 900_000
    lost = make(b.inventory(b.node("n1")), faults=Scripted(delivered="not-delivered"))
    receipt = play(lost, lambda: lost.reboot.request(lost.world.nodes[0], "t"))
    wait(lost, 1_000)
    assert receipt.delivery == "not-delivered"
    assert not [event for _, event, _ in trace(lost) if event == "down"]
    assert play(lost, lambda: lost.reboot.was_delivered(lost.world.nodes[0], "t")) == "not-delivered"


def test_preconditions_of_a_patch() -> None:
    twin = make(b.inventory(b.node("n1")))
    node = play(twin, lambda: cordon(twin, "n1"))
    with pytest.raises(Conflict, match="another UID"):
        play(twin, lambda: twin.api.patch_node("n1", NodePatch(uid="other")))
    stale = NodePatch(uid=node.uid, resource_version="1", unschedulable=False)
    with pytest.raises(Conflict, match="changed since"):
        play(twin, lambda: twin.api.patch_node("n1", stale))
    marks = NodePatch(uid=node.uid, resource_version=node.resource_version, annotations={"a": "1", "b": None})
    assert play(twin, lambda: twin.api.patch_node("n1", marks)).annotations == {"a": "1"}
