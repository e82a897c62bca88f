"""Where pods may go: room, ports, affinity, volumes, and what a trial says when there is none (T9, T10, T20)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.execution.gates.room import Places
from shipkeeper.model.labels import Requirement, Selector
from shipkeeper.model.nodes import Taint
from shipkeeper.model.pods import HostPort, NodeTerm, PodTerm, Toleration
from shipkeeper.model.storage import CsiNode, StorageClass
from shipkeeper.semantics.affinity import any_term_holds, term_matches
from shipkeeper.semantics.board import Board
from shipkeeper.semantics.placement import by_size, static_reasons
from shipkeeper.semantics.ports import clash
from shipkeeper.semantics.room import room_of, shortages
from shipkeeper.semantics.volumes import (
    Storage,
    claim_reasons,
    mountable,
    reach,
    single_node_claims,
)
from tests.builders import (
    GIB,
    HOSTNAME,
    MIB,
    NOW,
    ZONE,
    apart,
    claim,
    deployment,
    inventory,
    node,
    nodes,
    pod,
    room_of_pods,
    selector,
    shape,
    statefulset,
    volume,
)


def test_t20_room_counts_terminating_and_forgets_finished_pods() -> None:
    pods = [
        pod("runs", template=shape(cpu=1_000)),
        pod("leaves", template=shape(cpu=500), deletion_ms=NOW),
        pod("done", template=shape(cpu=2_000), phase="Succeeded"),
        pod("elsewhere", on="", template=shape(cpu=3_000), phase="Pending"),
    ]
    room = room_of_pods([node(cpu=4_000)], pods)
    column = {name: j for j, name in enumerate(room.resources)}
    assert room.free[0, column["cpu"]] == 2_500
    assert room.free[0, column["pods"]] == 108


def test_missing_requests_take_nothing_but_a_place() -> None:
    room = room_of_pods([node(pods=1)], [])
    assert shortages(room, 0, shape(requests={})) == ()
    full = room_of_pods([node(pods=1)], [pod(template=shape(requests={}))])
    assert shortages(full, 0, shape(requests={})) == ("pods",)


def test_unknown_resources_are_nowhere() -> None:
    room = room_of_pods([node()], [])
    assert shortages(room, 0, shape(requests={"example.com/gpu": 1})) == ("example.com/gpu",)
    assert not Places(room, ()).place(shape(requests={"example.com/gpu": 1}))


@pytest.mark.parametrize(
    ("there", "words"),
    [
        (node(cordoned=True), "cordoned"),
        (node(unschedulable=True), "cordoned"),
        (node(taints=[Taint("gpu", "NoSchedule", "yes")]), "gpu=yes:NoSchedule"),
        (node(zone="z2"), "selector or affinity"),
    ],
)
def test_static_reasons_say_which(there: object, words: str) -> None:
    reasons = static_reasons(pod(template=shape(node_selector={ZONE: "z1"})), there)  # type: ignore[arg-type]
    assert len(reasons) == 1
    assert words in reasons[0]


def test_tolerating_the_cordon_is_enough() -> None:
    brave = shape(tolerations=(Toleration(operator="Exists"),))
    assert static_reasons(pod(template=brave), node(cordoned=True)) == ()


def test_node_terms_are_alternatives_of_expressions_that_all_hold() -> None:
    in_z1 = NodeTerm((Requirement(ZONE, "In", ("z1",)), Requirement("disk", "Exists")))
    is_n2 = NodeTerm((), (Requirement("metadata.name", "In", ("n2",)),))
    assert any_term_holds((), {}, "n1")
    assert not any_term_holds((NodeTerm(),), {ZONE: "z1"}, "n1"), "an empty term selects no node"
    assert not any_term_holds((in_z1, is_n2), {ZONE: "z1"}, "n1")
    assert any_term_holds((in_z1, is_n2), {ZONE: "z1", "disk": ""}, "n1")
    assert any_term_holds((in_z1, is_n2), {}, "n2")


def test_pod_terms_look_at_their_own_namespace_unless_told() -> None:
    labels = {"a": {"team": "x"}, "b": {"team": "y"}}
    web = {"app": "web"}
    assert term_matches(apart(), "a", "a", web, labels)
    assert not term_matches(apart(), "a", "b", web, labels)
    assert term_matches(PodTerm(HOSTNAME, selector(app="web"), ("b",)), "a", "b", web, labels)
    everywhere = PodTerm(HOSTNAME, selector(app="web"), (), Selector())
    assert term_matches(everywhere, "a", "b", web, labels)
    some = PodTerm(HOSTNAME, selector(app="web"), (), selector(team="y"))
    assert term_matches(some, "a", "b", web, labels)
    assert not term_matches(some, "b", "a", web, labels)
    assert not term_matches(PodTerm(HOSTNAME, None), "a", "a", web, labels)


@pytest.mark.parametrize(
    ("one", "other", "excluded"),
    [
        (HostPort(80), HostPort(80), True),
        (HostPort(80), HostPort(81), False),
        (HostPort(80), HostPort(80, "UDP"), False),
        (HostPort(80, "TCP", "10.0.0.1"), HostPort(80, "TCP", "10.0.0.2"), False),
        (HostPort(80, "TCP", "10.0.0.1"), HostPort(80), True),
        (HostPort(80, "TCP", "0.0.0.0"), HostPort(80, "TCP", "10.0.0.2"), True),
    ],
)
def test_t10_host_ports(one: HostPort, other: HostPort, excluded: bool) -> None:
    assert clash(one, other) is excluded
    assert clash(other, one) is excluded


def test_t10_a_replacement_waits_for_the_old_pods_port() -> None:
    template = shape({"app": "edge"}, host_ports=(HostPort(443),))
    old = pod("old", on="n1", template=template, deletion_ms=NOW)
    board = Board((node("n1"),), [old])
    placed = board.place(pod("new", on="", template=template))
    assert placed.why() == "1 node: the host port is taken"
    board.remove(old)
    assert board.place(pod("new", on="", template=template)).node == "n1"


def test_anti_affinity_holds_both_ways_and_against_terminating_pods() -> None:
    shy = shape({"app": "web"}, pod_anti_affinity=(apart(),))
    board = Board(nodes(2), [pod("shy", on="n1", template=shy, deletion_ms=NOW)])
    assert board.place(pod("shy2", on="", template=shy)).node == "n2"
    plain = pod("plain", on="", template=shape({"app": "web"}))
    assert board.place(plain).why() == "2 nodes: anti-affinity with a pod there", "symmetry was forgotten"
    assert board.place(pod("other", on="", template=shape({"app": "other"}))).node == "n1"


def test_affinity_needs_company_except_for_the_first_of_its_kind() -> None:
    near = PodTerm(ZONE, selector(app="cache"))
    follower = pod("f", on="", template=shape({"app": "web"}, pod_affinity=(near,)))
    board = Board(nodes(3), [])
    assert not board.place(follower).node
    board.add(pod("cache", template=shape({"app": "cache"})), "n2")
    assert board.place(follower).node == "n2"
    itself = pod("g", on="", template=shape({"app": "web"}, pod_affinity=(PodTerm(ZONE, selector(app="web")),)))
    assert Board(nodes(3), []).place(itself).node == "n1"


def test_t9_zonal_and_local_volumes_confine() -> None:
    zonal, local = volume("pv-z", zone="z1"), volume("pv-l", on="n2", source="local")
    labelled = volume("pv-b", labels={"failure-domain.beta.kubernetes.io/zone": "z1__z2"})
    assert (reach(zonal), reach(local), reach(labelled)) == ("zone", "node", "zone")
    assert reach(volume("pv-nfs", source="nfs")) == "anywhere"
    assert mountable(zonal, node("n1", "z1"))
    assert not mountable(zonal, node("n2", "z2"))
    assert mountable(labelled, node("n2", "z2"))
    assert not mountable(labelled, node("n3", "z3"))
    assert mountable(labelled, node("n4", "")), "a node without any zone takes every volume"
    storage = Storage([claim("data", volume="pv-l")], [local])
    mover = pod("db-0", claims=("data",))
    board = Board(nodes(3), [], storage)
    board.take_out("n2")
    assert board.place(mover).why() == "2 nodes: its volume cannot be mounted there"


def test_unbound_and_absent_claims() -> None:
    now, later = StorageClass("now"), StorageClass("later", binding="WaitForFirstConsumer")
    storage = Storage([claim("a", storage_class="now"), claim("b", storage_class="later")], classes=[now, later])
    assert claim_reasons("default", ("a",), node(), storage) == ("claim a is not bound",)
    assert claim_reasons("default", ("b",), node(), storage) == ()
    assert claim_reasons("default", ("c",), node(), storage) == ("claim c does not exist",)
    assert claim_reasons("default", ("c",), node(), Storage(known=False)) == ()


def test_access_modes() -> None:
    storage = Storage(
        [claim("a"), claim("b", access_modes=("ReadWriteMany",)), claim("c", access_modes=("ReadWriteOncePod",))]
    )
    mover = pod(claims=("a", "b", "c"))
    assert single_node_claims(mover, storage) == ("a", "c")


def test_volume_limits() -> None:
    app = statefulset(on=["n1", "n1"], claims=True)
    claims = [claim(f"data-db-{i}", volume=f"pv{i}") for i in range(3)]
    storage = Storage(
        claims,
        [volume(f"pv{i}") for i in range(3)],
        csi_nodes=[CsiNode("n1", (("csi.example.com", 2),)), CsiNode("n2", (("csi.example.com", None),))],
    )
    newcomer = pod("db-2", on="", claims=("data-db-2",))
    assert (
        Board((node("n1"),), app.pods, storage).place(newcomer).why()
        == "1 node: the limit of attached volumes is reached"
    )
    assert Board(nodes(2), app.pods, storage).place(newcomer).node == "n2"


def test_rollback_leaves_no_trace() -> None:
    app = deployment(on=["n1", "n2"])
    board = Board(nodes(3), app.pods)
    before = board.room.free.copy()
    mark = board.mark()
    board.take_out("n1")
    board.remove(app.pods[0])
    assert board.place(app.pods[0]).node == "n2"
    board.rollback(mark)
    assert np.array_equal(board.room.free, before)
    assert board.options(app.pods[0]).tolist() == [True, True, True]


def test_a_node_that_is_not_ready_takes_nobody() -> None:
    cluster = (node("n1", ready=False),)
    assert Board(cluster, []).place(pod(on="")).why() == "1 node: the node is not Ready"
    assert not Places(room_of_pods(cluster, []), ()).place(shape())


def test_priority_goes_first() -> None:
    small = pod("a", template=shape(cpu=100))
    urgent = pod("z", template=shape(cpu=50, priority=1_000))
    big = pod("m", template=shape(memory=4 * GIB))
    assert [item.name for item in by_size([small, big, urgent])] == ["z", "m", "a"]


PODS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 900), st.booleans()), max_size=12)


@given(PODS, st.lists(st.integers(0, 900), max_size=6))
def test_a_trial_never_overfills(existing: list[tuple[int, int, bool]], movers: list[int]) -> None:
    cluster = nodes(4, cpu=1_000, memory=64 * GIB, pods=5)
    pods = []
    room = room_of(cluster, inventory(*cluster).pods)
    for i, (where, cpu, finished) in enumerate(existing):
        candidate = pod(f"p{i}", on=f"n{where + 1}", template=shape(cpu=cpu), phase="Failed" if finished else "Running")
        if not shortages(room, where, candidate.shape):
            pods.append(candidate)
            room = room_of_pods(cluster, pods)
    board = Board(cluster, pods)
    assert np.array_equal(board.room.free, room.free), "the board and the room count differently"
    for i, cpu in enumerate(movers):
        board.place(pod(f"m{i}", on="", template=shape(cpu=cpu, memory=MIB)))
    assert (board.room.free >= 0).all(), "a node would have been overfilled"


@given(PODS, st.lists(st.integers(1, 900), max_size=6))
def test_the_gate_and_the_board_agree_where_only_room_matters(
    existing: list[tuple[int, int, bool]], movers: list[int]
) -> None:
    cluster = nodes(4, cpu=1_000)
    pods = [pod(f"p{i}", on=f"n{w + 1}", template=shape(cpu=cpu)) for i, (w, cpu, _) in enumerate(existing)]
    leavers = [pod(f"m{i}", on="", template=shape(cpu=cpu)) for i, cpu in enumerate(movers)]
    room = room_of_pods(cluster, pods)
    free = room.free.copy()
    places = Places(room, ["n1"])
    by_gate = {item.name: places.place(item.shape) for item in by_size(leavers)}
    assert np.array_equal(room.free, free), "asking changed the room"
    board = Board(cluster, pods)
    board.take_out("n1")
    by_board = {item.pod.name: bool(item.node) for item in map(board.place, by_size(leavers))}
    assert by_gate == by_board
