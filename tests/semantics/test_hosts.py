"""What is known of nodes' operating systems, and what stays unknown."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from shipkeeper.model.facts import HostFacts, NodeFacts
from shipkeeper.model.nodes import NodeCondition, NodeInfo
from shipkeeper.model.time import parse_instant
from shipkeeper.semantics.hosts import facts_of_nodes, with_gathered
from tests.builders import node

NODE = replace(node("n1"), info=NodeInfo(boot_id="b-1", kernel="5.15.0-100", os_image="Ubuntu 22.04"), annotations={})
SINCE = "2026-11-02T04:00:00Z"


def told(**changes: object) -> NodeFacts:
    [found] = facts_of_nodes([replace(NODE, **changes)])
    return found


@pytest.mark.requirement("R-E4")
def test_without_a_sign_a_reboot_is_unknown_not_unneeded() -> None:
    found = told()
    assert (found.reboot_required, found.pending_updates, found.automatic_security, found.sources) == (
        None,
        None,
        None,
        (),
    )
    assert (found.kernel_running, found.os) == ("5.15.0-100", "Ubuntu 22.04")


@pytest.mark.requirement("R-E4")
def test_kured_says_that_a_reboot_is_needed_and_since_when() -> None:
    waits = {
        "weave.works/kured-reboot-in-progress": "2026-11-20T00:00:00Z",
        "weave.works/kured-most-recent-reboot-needed": SINCE,
    }
    found = told(annotations=waits)
    assert (found.reboot_required, found.reboot_since_ms, found.sources) == (True, parse_instant(SINCE), ("kured",))
    past = {"weave.works/kured-most-recent-reboot-needed": SINCE}
    assert told(annotations=past).reboot_required is None, "kured leaves that one behind after the reboot"


@pytest.mark.parametrize(("status", "required"), [("True", True), ("False", False), ("Unknown", None)])
def test_a_condition_of_a_problem_detector(status: str, required: bool | None) -> None:
    found = told(conditions=(NodeCondition("RebootRequired", status, since_ms=7),))
    assert (found.reboot_required, found.reboot_since_ms) == (required, 7 if required else None)


@pytest.mark.parametrize(("word", "required"), [("true", True), ("false", False), ("maybe", None)])
def test_flatcar(word: str, required: bool | None) -> None:
    assert (
        told(annotations={"flatcar-linux-update.v1.flatcar-linux.net/reboot-needed": word}).reboot_required is required
    )


def gather(*hosts: HostFacts, **changes: object) -> tuple[NodeFacts, tuple[str, ...]]:
    here = replace(NODE, **changes)
    found, strangers = with_gathered([here], facts_of_nodes([here]), hosts)
    return found[0], strangers


FACTS = NodeFacts(
    "n1",
    pending_updates=4,
    pending_security=1,
    reboot_required=True,
    automatic_security=True,
    kernel_running="5.15.0-100",
    kernel_installed="5.15.0-126",
    taken_ms=10,
    sources=("facts f",),
)


@pytest.mark.requirement("R-E4")
@pytest.mark.parametrize("names", [("n1",), ("N1",), ("x", "10.0.0.7"), ("host-1",)])
def test_a_node_is_found_by_any_of_its_names(names: tuple[str, ...]) -> None:
    labels = {"kubernetes.io/hostname": "host-1"}
    found, strangers = gather(HostFacts(names, FACTS), address="10.0.0.7", labels=labels)
    assert (found.node, found.pending_updates, found.automatic_security, strangers) == ("n1", 4, True, ())


def test_a_host_that_is_no_node_is_named() -> None:
    found, strangers = gather(HostFacts(("bastion",), FACTS))
    assert (found.pending_updates, strangers) == (None, ("bastion",))


@pytest.mark.requirement("R-E4")
@pytest.mark.parametrize("stale", [{"kernel_running": "5.15.0-80"}, {"boot_id": "b-0"}])
def test_facts_from_before_a_reboot_say_nothing_of_a_reboot(stale: dict[str, str]) -> None:
    found, _ = gather(HostFacts(("n1",), replace(FACTS, **stale)))
    assert found.reboot_required is None, "the node has rebooted since: what asked for it may be done"
    assert found.kernel_running == "5.15.0-100"
    assert found.pending_updates == 4
    assert found.sources == ("facts f (from before a reboot)",)


def test_the_newest_facts_win_and_an_open_reboot_stays() -> None:
    old, new = (
        replace(FACTS, pending_updates=9, taken_ms=5),
        replace(FACTS, pending_updates=2, reboot_required=False, taken_ms=20),
    )
    found, _ = gather(HostFacts(("n1",), new), HostFacts(("n1",), old))
    assert found.pending_updates == 2
    asked = {"weave.works/kured-reboot-in-progress": SINCE}
    found, _ = gather(HostFacts(("n1",), new), annotations=asked)
    assert found.reboot_required is True, "the cluster's own sign is of now"
