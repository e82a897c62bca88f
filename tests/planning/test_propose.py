"""Plans: which nodes, in which order, and what a reader is told."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from shipkeeper.model.cluster import Lease
from shipkeeper.model.errors import BadInput, Problems, Refused, UsageProblem
from shipkeeper.model.nodes import NodeInfo
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import ClusterConfig, DrainDefaults, DriverConfig, Environment, Platform
from shipkeeper.planning.propose import nodes_seconds, propose_nodes
from shipkeeper.planning.request import NodesRequest
from shipkeeper.planning.window import parse_window
from shipkeeper.semantics.selectors import parse_selector
from tests.builders import NOW, budget, daemonset, deployment, inventory, mirror, node, nodes, pod, shape, statefulset

SSH = DriverConfig(argv=("ssh", "{address}", "sudo", "systemctl", "reboot"), timeout="10m")


def propose(inv, platform=None, **wishes) -> Plan:
    return propose_nodes(inv, NodesRequest(**wishes), platform or Platform(), NOW)


def cluster_of_three():
    return inventory(
        node("cp1", "z1", control_plane=True),
        node("cp2", "z2", control_plane=True),
        node("cp3", "z3", control_plane=True),
        *nodes(3),
        deployment("web", on=("n1", "n2", "n3")),
    )


@pytest.mark.requirement("R-E3")
def test_one_worker_at_a_time_is_the_default():
    plan = propose(cluster_of_three())
    assert plan.batches == (("n1",), ("n2",), ("n3",)), "without being asked, more than one worker would be away"
    assert [step.id for step in plan.steps[:6]] == [
        f"n1/{action}" for action in ("cordon", "drain", "reboot", "serves", "uncordon", "settle")
    ]
    assert plan.steps[6].needs == ("n1/settle",), "n2 would be touched before n1 is settled"
    assert any("control-plane nodes cp1, cp2, cp3" in note for note in plan.notes), (
        "the reader is not told who is left out"
    )


def test_without_reboot_the_steps_that_need_one_are_absent():
    plan = propose(cluster_of_three(), action="none", names=("n2",))
    assert [step.action for step in plan.steps] == ["cordon", "drain", "uncordon", "settle"]
    assert plan.reboot.driver == "none"


def test_control_plane_goes_last_alone_and_the_leader_last_of_all():
    inv = replace(
        cluster_of_three(),
        leases=(
            Lease("kube-system", "kube-controller-manager", holder="cp1_4f6e"),
            Lease("kube-system", "kube-scheduler", holder="cp1_77aa"),
        ),
    )
    plan = propose(inv, allow_control_plane=True, max_parallel=3)
    assert plan.batches[-3:] == (("cp2",), ("cp3",), ("cp1",)), "the leader would hand over more than once"
    assert all(len(batch) == 1 for batch in plan.batches if batch[0].startswith("cp"))
    assert plan.planned("cp1").control_plane


def test_a_named_control_plane_node_needs_leave():
    with pytest.raises(Refused) as caught:
        propose(cluster_of_three(), names=("cp1",))
    assert caught.value.exit_code == 4
    assert "--allow-control-plane" in caught.value.hint


def test_the_only_control_plane_node_needs_acknowledgement():
    inv = inventory(node("cp1", "z1", control_plane=True), *nodes(2))
    with pytest.raises(Refused, match="only control-plane node"):
        propose(inv, allow_control_plane=True)
    assert propose(inv, allow_control_plane=True, accept_api_outage=True).batches[-1] == ("cp1",)


def test_control_plane_is_known_by_its_static_pods_alone():
    inv = inventory(*nodes(3), mirror("kube-apiserver", "n2"))
    assert propose(inv).batches == (("n1",), ("n3",)), "an unlabelled API server's node would be drained as a worker"


def test_nodes_cordoned_by_others_are_left_out_and_said():
    inv = inventory(node("n1"), node("n2", cordoned=True))
    plan = propose(inv)
    assert plan.batches == (("n1",),)
    assert any("n2, cordoned by somebody else" in note for note in plan.notes)
    taken = propose(inv, include_cordoned=True)
    assert taken.planned("n2").was_cordoned
    assert next(s for s in taken.steps if s.id == "n2/uncordon").manual.startswith("kubectl get"), (
        "the manual way would uncordon a node that somebody else cordoned"
    )


def test_unknown_nodes_are_all_named_with_what_was_meant():
    with pytest.raises(Problems) as caught:
        propose(inventory(node("worker-1"), node("other")), names=("worker-l", "nothing-like-it", "other"))
    assert [p.object for p in caught.value.problems] == ["Node worker-l", "Node nothing-like-it"]
    assert caught.value.problems[0].hint == "did you mean worker-1?"


def test_a_selector_picks_and_an_empty_pick_is_an_error():
    inv = inventory(node("n1", labels={"pool": "general"}), node("n2", labels={"pool": "gpu"}))
    assert propose(inv, selector=parse_selector("pool in (general)")).batches == (("n1",),)
    with pytest.raises(UsageProblem, match="no node carries the selector's labels"):
        propose(inv, selector=parse_selector("pool=nowhere"))


def test_zones_never_mix():
    plan = propose(inventory(*nodes(7, zones=3)), order="zones", max_parallel=2)
    zone = {n.name: n.zone for n in plan.nodes}
    seen = [sorted({zone[name] for name in batch}) for batch in plan.batches]
    assert all(len(zones) == 1 for zones in seen), "a batch would take nodes of two zones at once"
    assert seen == sorted(seen), "a zone would be visited twice"
    with pytest.raises(UsageProblem, match="no node carries a zone"):
        propose(inventory(*nodes(2, zones=0)), order="zones")


@pytest.mark.requirement("R-E3")
@pytest.mark.parametrize("order", ["serial", "zones", "best"])
def test_two_nodes_of_a_tight_budget_never_share_a_batch(order):
    inv = inventory(
        *nodes(4, zones=1),
        deployment("web", on=("n1", "n2", "n3")),
        budget(app="web", max_unavailable=1),
    )
    plan = propose(inv, order=order, max_parallel=4)
    for batch in plan.batches:
        assert len(set(batch) & {"n1", "n2", "n3"}) <= 1, "two nodes would wait for one budget, or break it"
    assert len(plan.batches) == 3


@pytest.mark.parametrize("order", ["serial", "best"])
def test_the_last_replicas_of_an_unprotected_workload_never_share_a_batch(order):
    inv = inventory(*nodes(3), deployment("web", on=("n1", "n2")))
    for batch in propose(inv, order=order, max_parallel=3).batches:
        assert not {"n1", "n2"} <= set(batch), "both replicas would go at once and nothing would answer"


def test_room_limits_how_many_are_away():
    inv = inventory(
        *nodes(4, cpu=1_000), *(deployment(f"a{i}", on=(f"n{i}",), template=shape(cpu=600)) for i in range(1, 5))
    )
    plan = propose(inv, order="best", max_parallel=3)
    assert max(len(batch) for batch in plan.batches) == 1, "pods of three nodes would have nowhere to go"
    assert any("by sums of cpu" in note for note in plan.notes)


def test_a_drain_is_as_long_as_its_budget_makes_it():
    slow = {"scheduled_ms": NOW - 3_600_000, "ready_ms": NOW - 3_540_000}
    inv = inventory(
        *nodes(2),
        deployment("web", on=("n1", "n1", "n1", "n2"), pod_fields=slow),
        budget(app="web", max_unavailable=1),
    )
    step = next(s for s in propose(inv, action="none").steps if s.id == "n1/drain")
    assert step.estimate_seconds.p50 == pytest.approx(2 * 60 + 30), "two rounds of 60 s readiness, then 30 s to end"
    assert "which lets 1 go at a time" in step.why
    assert step.estimate_seconds.source.startswith("measured")


def test_blocked_nodes_are_named_with_the_reason():
    inv = inventory(
        *nodes(2),
        deployment("web", on=("n1",)),
        budget(app="web", min_available=1),
        pod("alone", on="n2"),
        deployment("cache", on=("n2",), template=shape(volumes=("emptyDir",))),
    )
    notes = propose(inv).notes
    assert any(note.startswith("n1 cannot be drained") and "default/budget never allows" in note for note in notes)
    second = next(note for note in notes if note.startswith("n2 cannot be drained"))
    assert "--allow-unmanaged" in second
    assert "--delete-emptydir-data" in second
    allowed = propose(inv, names=("n2",), delete_empty_dir_data=("default",), allow_unmanaged=("default/alone",))
    assert not any("cannot be drained" in note for note in allowed.notes)
    drain = next(s for s in allowed.steps if s.action == "drain")
    assert drain.manual.startswith("kubectl drain n2 --ignore-daemonsets --delete-emptydir-data --force  #"), (
        "the manual way would lose more than the plan allows without saying so"
    )


def test_other_owners_of_reboots_are_said():
    inv = inventory(
        node("n1", annotations={"machineconfiguration.openshift.io/currentConfig": "rendered-1"}),
        node("n2", info=NodeInfo(boot_id="b", os_image="Talos (v1.9.1)")),
        daemonset("kured", on=("n1", "n2")),
    )
    notes = " | ".join(propose(inv).notes)
    for who in ("machine-config operator", "Talos", "kured"):
        assert f"{who} owns reboots here too" in notes


def test_the_driver_is_resolved_and_bound():
    platform = Platform(
        environments=(
            Environment(name="prod", clusters=(ClusterConfig(name="test", drain=DrainDefaults(reboot_with="ssh")),)),
        ),
        reboot_drivers={"ssh": SSH, "ipmi": DriverConfig(argv=("ipmi", "{node}"))},
    )
    plan = propose(cluster_of_three(), platform, names=("n1",))
    assert (plan.reboot.driver, plan.reboot.argv, plan.reboot.timeout_seconds) == ("ssh", SSH.argv, 600)
    assert next(s for s in plan.steps if s.action == "reboot").manual == "ssh 10.0.0.1 sudo systemctl reboot"
    with pytest.raises(UsageProblem) as caught:
        propose(cluster_of_three(), platform, driver="ipmy")
    assert caught.value.hint == "did you mean ipmi?"


def test_without_a_driver_a_person_reboots_and_the_plan_says_so():
    plan = propose(cluster_of_three())
    assert plan.reboot.driver == "manual"
    assert any("a person reboots each node" in note for note in plan.notes)


def test_settings_that_contradict_each_other_are_all_told():
    window = parse_window("2026-12-02T22:00/22:20 UTC")
    with pytest.raises(Problems) as caught:
        propose(cluster_of_three(), order="fastest", max_parallel=0, window=window, action="none", driver="ssh")
    assert len(caught.value.problems) == 4


def test_the_digest_covers_everything():
    plan = propose(cluster_of_three(), delete_empty_dir_data=("logs",))
    plan.verify()
    again = msgspec.json.decode(msgspec.json.encode(plan), type=Plan)
    again.verify()
    assert again == plan
    assert propose(cluster_of_three(), delete_empty_dir_data=("logs",)).digest == plan.digest, (
        "a plan is not repeatable"
    )
    loosened = replace(plan, drain_policy=replace(plan.drain_policy, delete_empty_dir_data=("*",)))
    with pytest.raises(BadInput, match="digest"):
        loosened.verify()


def test_a_plan_longer_than_its_window_says_so():
    window = parse_window("2026-12-02T22:00/22:40 UTC")
    plan = propose(cluster_of_three(), window=window, reserve_ms=30 * 60_000)
    assert any("left for another night" in note for note in plan.notes)
    assert plan.window == window


def test_pods_of_a_statefulset_hold_their_unit_until_the_new_one_is_ready():
    inv = inventory(
        *nodes(2),
        statefulset("db", on=("n1", "n1"), claims=True),
        budget(app="db", max_unavailable=1),
    )
    step = next(s for s in propose(inv, action="none").steps if s.id == "n1/drain")
    assert step.estimate_seconds.p50 == pytest.approx((30 + 10) + 30), (
        "termination and start of the first, then the second ends"
    )


def test_a_cluster_is_recognised_by_its_uid_and_another_of_its_name_refused():
    def platform(uid: str) -> Platform:
        mine = ClusterConfig(name="prod", uid=uid, drain=DrainDefaults(reboot_with="ssh"))
        return Platform(
            environments=(Environment(name="e", clusters=(ClusterConfig(name="staging"), mine)),),
            reboot_drivers={"ssh": SSH, "ipmi": SSH},
        )

    assert propose(cluster_of_three(), platform("uid-cluster")).reboot.driver == "ssh"
    assert propose(cluster_of_three(), platform("")).reboot.driver == "manual", "a cluster was guessed"
    with pytest.raises(Refused) as caught:
        propose(cluster_of_three(), platform("another"), cluster="prod")
    assert caught.value.code == "other-cluster"


def test_a_node_that_an_earlier_run_left_cordoned_is_told_with_that_run():
    from shipkeeper.execution.marks import RUN
    from shipkeeper.planning.choose import OUR_RUN

    assert OUR_RUN == RUN, "a run's own cordon would be taken for somebody else's"
    plan = propose(inventory(node("n1"), node("n2", cordoned=True, annotations={RUN: "run-7f3a"})))
    assert any("n2 (run-7f3a), cordoned by that run" in note for note in plan.notes)


def test_a_named_node_that_the_selector_does_not_pick_is_said():
    inv = inventory(node("n1", labels={"pool": "a"}), node("n2"))
    plan = propose(inv, names=("n1", "n2"), selector=parse_selector("pool=a"))
    assert plan.batches == (("n1",),)
    assert any("n2, named but without" in note for note in plan.notes)


@pytest.mark.parametrize("wishes", [{}, {"action": "none"}, {"max_parallel": 3, "order": "best", "driver": "manual"}])
def test_what_all_nodes_take_is_told_without_a_plan_as_with_one(wishes):
    inv = inventory(*nodes(5), deployment("web", on=("n1", "n1", "n2", "n5")), statefulset("db", on=("n3", "n3", "n4")))
    steps = propose(inv, **wishes).steps
    told = nodes_seconds(inv, NodesRequest(**wishes), Platform(), NOW)
    summed = (sum(step.estimate_seconds.p50 for step in steps), sum(step.estimate_seconds.p95 for step in steps))
    assert told == summed, "a programme reckons with other times than the plan of its nodes"
