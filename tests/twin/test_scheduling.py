"""Where replacements may go, and what keeps them Pending."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from shipkeeper.model.nodes import Taint
from shipkeeper.model.pods import HostPort, PodTerm, Toleration
from shipkeeper.model.storage import VolumeAttachment
from shipkeeper.twin import Twin
from shipkeeper.twin.scheduler import sample_size
from tests import builders as b
from tests.twin.play import cordon, drain, evict, figures, first, make, play, pods_of, trace, wait


def _pending(twin: Twin) -> dict[str, str]:
    return {name.split("/")[1].rsplit("-", 1)[0]: why for name, why in twin.measure().pending}


@pytest.mark.parametrize(("policy", "pending"), [("Ignore", True), ("Honor", False)])
def test_t8_a_cordoned_zone_stays_a_domain_under_ignore(policy: str, pending: bool) -> None:
    look = b.shape({"app": "web"}, spread=(b.spread(b.ZONE, node_taints_policy=policy),))
    twin = make(b.inventory(*b.nodes(3), b.deployment("web", on=("n1", "n2", "n3"), template=look)))
    assert play(twin, lambda: drain(twin, "n1"))
    wait(twin, 60)
    waiting = _pending(twin)
    assert bool(waiting) == pending, "observed: Pending under Ignore, scheduled under Honor"
    if pending:
        assert "topology spread" in waiting["web-5d8f"]
        play(twin, lambda: cordon(twin, "n1", False))
        wait(twin, 60)
        assert [p.ready for p in pods_of(twin, "web")] == [True] * 3, "the uncordon frees it"


def test_t8_hostname_spread_with_as_many_replicas_as_nodes() -> None:
    look = b.shape({"app": "web"}, spread=(b.spread(b.HOSTNAME),))
    twin = make(b.inventory(*b.nodes(3), b.deployment("web", on=("n1", "n2", "n3"), template=look)))
    play(twin, lambda: drain(twin, "n1"))
    wait(twin, 400)
    assert "web-5d8f" in _pending(twin), "domains (0, 1, 1): a second pod on n2 would skew by two"


def test_t9_a_zonal_volume_confines_the_pod_and_a_local_one_pins_it() -> None:
    zonal = b.statefulset("db", on=("n1",), claims=True)
    local = b.statefulset("cache", on=("n1",), claims=True)
    twin = make(
        b.inventory(
            *b.nodes(6),
            zonal,
            local,
            b.claim("data-db-0", volume="pv-db"),
            b.claim("data-cache-0", volume="pv-cache"),
            b.volume("pv-db", zone="z1"),
            b.volume("pv-cache", on="n1", source="local"),
        )
    )
    play(twin, lambda: drain(twin, "n1"))
    wait(twin, 90)
    (db,), (cache,) = pods_of(twin, "db"), pods_of(twin, "cache")
    assert (db.node, db.ready) == ("n4", True), "the only other node of zone z1"
    assert (cache.node, cache.ready) == ("", False), "a local volume stays where it is, and its pod with it"
    play(twin, lambda: cordon(twin, "n1", False))
    wait(twin, 30)
    (cache,) = pods_of(twin, "cache")
    assert (cache.node, cache.ready) == ("n1", True), "planned downtime: as long as the node is away"


def test_a_single_node_volume_costs_its_detach_and_attach() -> None:
    db = b.statefulset("db", on=("n1",), claims=True)
    attached = VolumeAttachment("csi-1", "n1", "pv-db", "csi.example.com", attached=True)
    inventory = b.inventory(
        *b.nodes(3), db, b.claim("data-db-0", volume="pv-db"), b.volume("pv-db"), attachments=(attached,)
    )
    twin = make(inventory, figures(readiness=5, termination=2))
    assert twin.world.nodes[0].volumes_in_use == ("kubernetes.io/csi/csi.example.com^pv-db",)
    play(twin, lambda: evict(twin, pods_of(twin, "db")[0]))
    wait(twin, 90)
    steps = ["gone", "detached", "attaching", "attached", "ready"]
    times = [first(twin, step) for step in steps]
    assert times == sorted(times), f"{steps} happen in this order, and at {times}"
    assert times[3] - times[2] >= 500
    (now,) = pods_of(twin, "db")
    assert now.ready
    (left,) = twin.volumes.all()
    assert (left.node, left.attached) == (now.node, True)
    assert twin.world.nodes[0].volumes_in_use == ()


def test_read_write_once_pod_waits_for_the_other_pod_to_go() -> None:
    web = b.deployment("web", on=("n1",), pod_fields={"claims": ("data",)})
    alone = replace(b.claim("data", volume="pv"), access_modes=("ReadWriteOncePod",))
    twin = make(b.inventory(*b.nodes(2), web, alone, b.volume("pv")), figures(termination=20))
    play(twin, lambda: evict(twin, pods_of(twin, "web")[0]))
    wait(twin, 10)
    assert "volume" in _pending(twin)["web-5d8f"]
    wait(twin, 90)
    assert first(twin, "bound") >= first(twin, "gone")


def test_t10_a_host_port_waits_for_the_old_pod_where_there_is_no_other_node() -> None:
    look = b.shape({"app": "gate"}, host_ports=(HostPort(443),), node_selector={"gate": "yes"})
    twin = make(
        b.inventory(b.node("n1", labels={"gate": "yes"}), b.node("n2"), b.deployment("gate", template=look)),
        figures(termination=8),
    )
    play(twin, lambda: evict(twin, pods_of(twin, "gate")[0]))
    wait(twin, 5)
    assert "host port" in _pending(twin)["gate-5d8f"]
    wait(twin, 60)
    assert first(twin, "bound") >= first(twin, "gone"), "the port is free only when the old pod's object is gone"
    assert [p.ready for p in pods_of(twin, "gate")] == [True]


def test_required_anti_affinity_counts_the_terminating_pod_too() -> None:
    look = b.shape({"app": "web"}, pod_anti_affinity=(b.apart(),))
    twin = make(
        b.inventory(*b.nodes(3), b.deployment("web", on=("n1", "n2", "n3"), template=look)), figures(termination=6)
    )
    play(twin, lambda: evict(twin, pods_of(twin, "web")[0]))
    wait(twin, 4)
    assert "anti-affinity" in _pending(twin)["web-5d8f"]
    wait(twin, 60)
    assert first(twin, "bound") >= first(twin, "gone"), "observed: it blocks until the object is gone"


def test_required_affinity_follows_its_friends_and_the_first_of_a_kind_may_start() -> None:
    near = PodTerm(topology_key=b.ZONE, selector=b.selector(app="db"))
    look = b.shape({"app": "web"}, pod_affinity=(near,))
    own = b.shape({"app": "ring"}, pod_affinity=(PodTerm(topology_key=b.ZONE, selector=b.selector(app="ring")),))
    twin = make(
        b.inventory(
            *b.nodes(6),
            b.statefulset("db", on=("n2",)),
            b.deployment("web", on=("n1",), template=look),
            b.deployment("ring", on=("n1",), template=own),
        ),
        figures(termination=0.1),
    )
    play(twin, lambda: evict(twin, pods_of(twin, "web")[0], pods_of(twin, "ring")[0]))
    wait(twin, 60)
    (web,) = pods_of(twin, "web")
    assert web.node in ("n2", "n5"), "zone z2 is where the database is"
    assert [p.ready for p in pods_of(twin, "ring")] == [True]


def test_t20_a_terminating_pod_holds_its_room() -> None:
    big = b.shape({"app": "big"}, cpu=3_000)
    twin = make(
        b.inventory(b.node("n1"), b.node("n2", cordoned=True), b.deployment("big", template=big)),
        figures(termination=8),
    )
    play(twin, lambda: evict(twin, pods_of(twin, "big")[0]))
    wait(twin, 6)
    assert "too little room" in _pending(twin)["big-5d8f"], "old and new together need more than there is"
    wait(twin, 60)
    gone, bound = first(twin, "gone"), first(twin, "bound")
    assert gone <= bound <= gone + 10_000
    assert [p.ready for p in pods_of(twin, "big")] == [True]


def test_t17_the_request_formula_comes_with_the_shape() -> None:
    """Init containers, sidecars and overhead are in ``requests`` already; the twin takes exactly that."""
    look = b.shape({"app": "web"}, cpu=1_500, memory=b.GIB)
    twin = make(b.inventory(b.node("n1"), b.deployment("web", template=look)))
    free = dict(zip(twin.world.base.resources, twin.world.occupancy.free[:, 0].tolist(), strict=True))
    assert free == {"cpu": 2_500, "memory": 15 * b.GIB, "pods": 109}
    room = play(twin, twin.api.room)
    assert dict(zip(room.resources, room.free[0].tolist(), strict=True)) == free


@pytest.mark.parametrize("protected", [False, True])
def test_t18_a_higher_priority_replacement_pushes_out_a_lower_one(protected: bool) -> None:
    gold = b.deployment("gold", on=("n1",), template=b.shape({"app": "gold"}, cpu=3_000, priority=1_000))
    lead = b.deployment("lead", on=("n2",), template=b.shape({"app": "lead"}, cpu=3_000))
    budget = b.budget(app="lead", min_available=1)
    twin = make(b.inventory(*b.nodes(2), gold, lead, *((budget,) if protected else ())))
    play(twin, lambda: drain(twin, "n1"))
    wait(twin, 90)
    assert [(p.node, p.ready) for p in pods_of(twin, "gold")] == [("n2", True)]
    assert "lead-5d8f" in _pending(twin), "second-order disruption: observed with a spent budget too"
    felt = {item.ref.name: item for item in twin.measure().workloads}
    assert felt["lead"].evictions == 1
    assert any("loses a pod to Deployment default/gold" in text for text, _ in twin.measure().notes)


def test_preemption_spares_what_a_budget_protects_where_it_can() -> None:
    gold = b.deployment("gold", on=("n1",), template=b.shape({"app": "gold"}, cpu=3_000, priority=1_000))
    kept = b.deployment("kept", on=("n2",), template=b.shape({"app": "kept"}, cpu=3_000))
    free = b.deployment("free", on=("n3",), template=b.shape({"app": "free"}, cpu=3_000))
    twin = make(b.inventory(*b.nodes(3), gold, kept, free, b.budget(app="kept", min_available=1)))
    play(twin, lambda: drain(twin, "n1"))
    wait(twin, 60)
    assert [p.node for p in pods_of(twin, "gold")] == ["n3"]


def test_a_pod_that_may_not_preempt_waits() -> None:
    gold = b.shape({"app": "gold"}, cpu=3_000, priority=1_000, preemption=False)
    lead = b.deployment("lead", on=("n2",), template=b.shape({"app": "lead"}, cpu=3_000))
    twin = make(b.inventory(*b.nodes(2), b.deployment("gold", on=("n1",), template=gold), lead))
    play(twin, lambda: drain(twin, "n1"))
    wait(twin, 60)
    assert "gold-5d8f" in _pending(twin)
    assert [p.ready for p in pods_of(twin, "lead")] == [True]


def test_taints_and_tolerations_decide_and_prefer_no_schedule_only_ranks() -> None:
    hard, soft = Taint("team", "NoSchedule", "a"), Taint("old", "PreferNoSchedule")
    tolerant = b.shape({"app": "ok"}, tolerations=(Toleration("team", "Equal", "a"),), cpu=3_500)
    picky = b.shape({"app": "picky"}, cpu=3_500)
    twin = make(
        b.inventory(
            b.node("n1", cpu=8_000),
            b.node("n2", taints=(hard,)),
            b.node("n3", taints=(soft,)),
            b.node("n4"),
            b.deployment("ok", template=tolerant),
            b.deployment("picky", template=picky),
        ),
        figures(termination=1),
    )
    play(twin, lambda: cordon(twin, "n1"))
    play(twin, lambda: evict(twin, pods_of(twin, "picky")[0]))
    wait(twin, 60)
    assert [p.node for p in pods_of(twin, "picky")] == ["n4"], "n2 is refused, n3 is disliked"
    play(twin, lambda: cordon(twin, "n3"))
    play(twin, lambda: evict(twin, pods_of(twin, "ok")[0]))
    wait(twin, 60)
    assert [p.node for p in pods_of(twin, "ok")] == ["n2"]


def test_priority_goes_first_in_the_queue() -> None:
    low = b.deployment("low", on=("n1",), template=b.shape({"app": "low"}, cpu=3_000))
    high = b.deployment("high", on=("n1",), template=b.shape({"app": "high"}, cpu=3_000, priority=5, preemption=False))
    twin = make(
        b.inventory(b.node("n1", cpu=8_000), b.node("n2"), low, high),
        figures(termination=1),
        settings={"cycle_ms": 500, "controller_ms": (1, 1)},
    )
    play(twin, lambda: cordon(twin, "n1"))
    play(twin, lambda: evict(twin, pods_of(twin, "low")[0], pods_of(twin, "high")[0]))
    wait(twin, 60)
    assert [p.node for p in pods_of(twin, "high")] == ["n2"]
    assert "low-5d8f" in _pending(twin)


def test_scheduling_gates_hold_a_pod_for_ever() -> None:
    gated = b.shape({"app": "gated"}, scheduling_gates=("example.com/wait",))
    twin = make(b.inventory(*b.nodes(2), b.deployment("gated", template=gated)))
    play(twin, lambda: evict(twin, pods_of(twin, "gated")[0]))
    wait(twin, 900)
    assert _pending(twin)["gated-5d8f"] == "it has scheduling gates"
    assert len([1 for _, event, _ in trace(twin) if event == "unschedulable"]) == 0


def test_ties_fall_differently_by_seed_and_alike_under_one() -> None:
    inventory = b.inventory(*b.nodes(9), b.deployment("web", on=("n1",)))

    def where(seed: int) -> str:
        twin = make(inventory, seed=seed)
        play(twin, lambda: drain(twin, "n1"))
        wait(twin, 30)
        return pods_of(twin, "web")[0].node

    assert len({where(seed) for seed in range(12)}) > 3, "claims are over sets of outcomes, so outcomes must differ"
    assert [where(seed) for seed in range(4)] == [where(seed) for seed in range(4)]


def test_how_many_nodes_the_scheduler_looks_for() -> None:
    assert [sample_size(n) for n in (3, 99, 100, 400, 1_000, 5_000, 10_000)] == [3, 99, 100, 188, 420, 500, 500]


def test_a_large_cluster_is_sampled_from_where_the_last_search_ended() -> None:
    many = b.nodes(240, zones=3)
    twin = make(b.inventory(*many, *(b.deployment(f"app-{i:02}", on=("n1",)) for i in range(40))))
    assert play(twin, lambda: drain(twin, "n1"))
    wait(twin, 60)
    where = {p.node for i in range(40) for p in pods_of(twin, f"app-{i:02}")}
    assert len(where) > 20, "equal nodes share the load, wherever the search begins"
    assert "n1" not in where


def test_a_pod_on_a_node_that_was_not_surveyed_is_left_where_it_is() -> None:
    twin = make(b.inventory(*b.nodes(2), b.deployment("web", on=("n1", "n9"))))
    wait(twin, 60)
    assert sorted(p.node for p in pods_of(twin, "web")) == ["n1", "n9"]
