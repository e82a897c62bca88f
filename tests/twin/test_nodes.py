"""Nodes around a reboot: short ones, long ones, and those that overrun."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.errors import Unreachable
from shipkeeper.model.nodes import Node, NodeCondition
from shipkeeper.model.pods import Pod, Toleration
from shipkeeper.model.storage import CsiNode
from shipkeeper.ports.cluster import Change
from tests import builders as b
from tests.twin.play import budget_of, cordon, drain, figures, first, make, play, pods_of, reboot, trace, wait

FIVE_MINUTES = tuple(
    Toleration(f"node.kubernetes.io/{what}", "Exists", "", "NoExecute", 300) for what in ("not-ready", "unreachable")
)


def test_a_reboot_gives_a_new_boot_id_and_the_daemons_come_back() -> None:
    agent = b.daemonset("agent", on=("n1", "n2"))
    twin = make(b.inventory(*b.nodes(2), agent, b.mirror("kube-proxy", "n1"), csi_nodes=(_csi("n1"),)))
    before = twin.world.nodes[0].info.boot_id

    async def night() -> Node | None:
        assert await drain(twin, "n1")
        await reboot(twin, "n1")
        return await twin.api.get(Node, "n1")

    node = play(twin, night)
    assert node is not None
    assert node.info.boot_id not in ("", before)
    assert node.ready
    assert play(twin, lambda: twin.api.get(CsiNode, "n1")) == CsiNode("n1"), "drivers register after the kubelet"
    wait(twin, 30)
    resident = [twin.world.pods.materialise(row) for row in twin.world.occupancy.on_node[0]]
    assert all(pod.ready for pod in resident), "daemon and static pods survive a reboot"
    assert sorted(pod.uid for pod in resident) == ["uid-kube-system-agent-00000", "uid-kube-system-kube-proxy-n1"]
    assert play(twin, lambda: twin.api.get(CsiNode, "n1")) == _csi("n1")


def test_a_wish_for_a_reboot_ends_with_the_boot_and_nothing_else_does() -> None:
    said = (NodeCondition("RebootRequired", "True"), NodeCondition("DiskPressure", "True"))
    asking = [replace(node, conditions=(*node.conditions, *said)) for node in b.nodes(2)]
    twin = make(b.inventory(*asking))
    play(twin, lambda: reboot(twin, "n1"))
    rebooted, other = ({c.type: c.status for c in node.conditions} for node in twin.world.nodes)
    assert rebooted["RebootRequired"] == "False", "/run is empty after a boot, and so is what asked for it"
    assert rebooted["DiskPressure"] == "True", "a boot mends no disk"
    assert other["RebootRequired"] == "True"


def test_t13_a_short_reboot_is_not_noticed_and_a_long_one_marks_every_pod() -> None:
    web = b.deployment("web", on=("n1", "n2"), template=b.shape({"app": "web"}, tolerations=FIVE_MINUTES))
    short = make(b.inventory(*b.nodes(2), web), figures(reboot=25))
    play(short, lambda: reboot(short, "n1"))
    assert not [event for _, event, _ in trace(short) if event == "unknown"], (
        "25 s without a heartbeat is no outage yet"
    )

    long = make(b.inventory(*b.nodes(2), web, b.budget(max_unavailable=1)), figures(reboot=200))
    play(long, lambda: long.reboot.request(long.world.nodes[0], "token"))
    wait(long, 100)
    node = long.world.nodes[0]
    assert {t.key for t in node.taints} == {"node.kubernetes.io/unreachable"}
    assert [p.ready for p in pods_of(long, "web")] == [False, True]
    assert budget_of(long).allowed == 0, "a node that went dark takes its pods' budgets with it"
    wait(long, 150)
    assert long.world.nodes[0].taints == ()
    assert [p.ready for p in pods_of(long, "web")] == [True, True], "back before the tolerations ran out: nobody moved"
    assert len(pods_of(long, "web")) == 2


def test_t13_after_300_seconds_the_taint_manager_deletes_past_every_budget() -> None:
    web = b.deployment("web", on=("n1",), template=b.shape({"app": "web"}, tolerations=FIVE_MINUTES))
    db = b.statefulset("db", on=("n1",), template=b.shape({"app": "db"}, tolerations=FIVE_MINUTES))
    agent = b.daemonset("agent", on=("n1",))
    budget = b.budget(min_available=1)
    twin = make(b.inventory(*b.nodes(2), web, db, agent, budget), figures(reboot=600))
    play(twin, lambda: twin.reboot.request(twin.world.nodes[0], "token"))
    wait(twin, 500)
    lost, deleted = first(twin, "unknown"), first(twin, "taint")
    assert deleted - lost == 300_000
    assert {p.node for p in pods_of(twin, "web") if p.ready} == {"n2"}, "a Deployment's pod moves, unasked"
    assert [p.terminating for p in pods_of(twin, "db")] == [True], "a StatefulSet's stays until its kubelet confirms"
    assert not pods_of(twin, "agent", "kube-system")[0].terminating
    wait(twin, 200)
    assert [(p.ready, p.terminating) for p in pods_of(twin, "db")] == [(True, False)]


def test_the_grace_of_the_node_monitor_is_forty_seconds_and_fifty_from_132_on() -> None:
    for version, grace in (("v1.31.9", 40_000), ("v1.32.0", 50_000)):
        twin = make(
            b.inventory(b.node("n1"), identity=ClusterIdentity(uid="u", server_version=version)), figures(reboot=300)
        )
        play(twin, lambda twin=twin: twin.reboot.request(twin.world.nodes[0], "token"))
        wait(twin, 100)
        dark = first(twin, "unknown") - first(twin, "down")
        assert grace - 10_000 <= dark <= grace + 5_000, f"{version}: dark for {dark} ms before anybody said so"


def test_asked_twice_it_reboots_once() -> None:
    twin = make(b.inventory(b.node("n1")))

    async def twice() -> None:
        node = await twin.api.get(Node, "n1")
        assert node is not None
        await twin.reboot.request(node, "one")
        await twin.reboot.request(node, "two")

    play(twin, twice)
    wait(twin, 300)
    assert len([1 for _, event, _ in trace(twin) if event == "registers"]) == 1
    assert play(twin, lambda: twin.reboot.was_delivered(twin.world.nodes[0], "one")) == "delivered"
    assert play(twin, lambda: twin.reboot.was_delivered(twin.world.nodes[0], "never")) == "not-delivered"


def test_t12_grace_periods() -> None:
    hook = b.shape({"app": "hook"}, grace_ms=20_000, has_pre_stop=True)
    plain = b.shape({"app": "plain"}, grace_ms=20_000)
    twin = make(
        b.inventory(*b.nodes(2), b.deployment("hook", template=hook), b.deployment("plain", template=plain)),
        figures(termination=None),
    )
    play(twin, lambda: drain(twin, "n1"))
    took = {
        app: first(twin, "gone", f"default/{app}") - first(twin, "deleting", f"default/{app}")
        for app in ("hook", "plain")
    }
    assert 20_000 <= took["plain"] <= 22_000, "nobody knows how long it takes, so the whole grace period"
    assert 22_000 <= took["hook"] <= 24_000, "a preStop hook that outlasts it gets two seconds more"


def test_t12_a_kubelet_restart_begins_the_termination_again() -> None:
    plain = b.shape({"app": "plain"}, grace_ms=20_000)
    twin = make(b.inventory(*b.nodes(2), b.deployment("plain", template=plain)), figures(termination=None))
    play(twin, lambda: twin.api.evict_many([]))
    row = twin.world.pods.find("default", "plain-5d8f-00000")
    twin.delete(row, "evicted")
    wait(twin, 15)
    twin.kubelets.restart(0)
    wait(twin, 15)
    assert twin.world.pods.alive[row], "the full grace period counts from the restart"
    wait(twin, 10)
    assert not twin.world.pods.alive[row]


def test_t14_cordon_all_then_drain_one_after_the_other() -> None:
    apps = [b.deployment(f"app-{i}", on=("n1", "n2")) for i in range(4)]
    twin = make(b.inventory(*b.nodes(4), *apps))

    async def kubectl() -> None:
        for name in ("n1", "n2"):
            await cordon(twin, name)
        for name in ("n1", "n2"):
            assert await drain(twin, name)

    play(twin, kubectl)
    wait(twin, 60)
    assert {p.node for i in range(4) for p in pods_of(twin, f"app-{i}")} == {"n3", "n4"}, (
        "with both cordoned from the start, nothing moves twice"
    )


def test_a_watch_of_one_node_tells_everything_in_order() -> None:
    twin = make(b.inventory(*b.nodes(2), b.deployment("web", on=("n1",))))

    async def observe() -> list[str]:
        watch = twin.api.watch(Pod, node="n1")
        seen: list[Change[Pod]] = []
        await drain(twin, "n1")
        while len(seen) < 2 or seen[-1].type != "deleted":
            seen.append(await watch.receive())
        watch.close()
        return [change.type for change in seen]

    kinds = play(twin, observe)
    assert kinds[:2] == ["present", "synced"]
    assert kinds[-1] == "deleted"
    assert set(kinds[2:-1]) == {"modified"}


def test_marks_of_a_node() -> None:
    twin = make(b.inventory(*b.nodes(3), b.deployment("web", on=("n1", "n2"))))

    async def night() -> None:
        await drain(twin, "n1")
        await reboot(twin, "n1")
        await cordon(twin, "n1", False)

    play(twin, night)
    (mark,) = twin.measure().nodes
    assert 0 < mark.cordoned_ms < mark.drained_ms < mark.ready_ms < mark.uncordoned_ms
    assert mark.name == "n1"


def test_downtime_is_counted_from_the_moment_a_pod_stops_serving() -> None:
    twin = make(b.inventory(*b.nodes(3), b.deployment("web", on=("n1",)), b.deployment("two", on=("n1", "n2"))))
    play(twin, lambda: drain(twin, "n1"))
    wait(twin, 120)
    felt = {item.ref.name: item for item in twin.measure().workloads}
    assert 10_000 <= felt["web"].downtime_ms <= 12_000, "one replica: from the eviction until its successor is Ready"
    assert felt["two"].downtime_ms == 0
    assert 10_000 <= felt["two"].degraded_ms <= 12_000


def _csi(name: str) -> CsiNode:
    return CsiNode(name, (("csi.example.com", 16),))


def test_a_node_whose_kubelet_was_silent_at_the_survey_confirms_nothing() -> None:
    silent = b.node("n1", ready=False)
    silent = replace(silent, conditions=(replace(silent.conditions[0], status="Unknown"),))
    twin = make(b.inventory(silent, b.node("n2"), b.deployment("web", on=("n1",))))
    assert not play(twin, lambda: drain(twin, "n1", timeout_s=120))
    assert [p.terminating for p in pods_of(twin, "web") if p.node == "n1"] == [True]


def test_the_api_goes_with_its_quorum_and_comes_back_with_it() -> None:
    masters = [b.node(f"m{i}", control_plane=True) for i in (1, 2, 3)]
    etcd = [b.mirror("etcd", f"m{i}", component="etcd", tier="control-plane") for i in (1, 2, 3)]
    twin = make(b.inventory(*masters, b.node("n1"), *etcd), figures(reboot=100))

    async def night() -> list[str]:
        watch = twin.api.watch(Node)
        seen: list[str] = []
        await twin.reboot.request(twin.world.nodes[0], "one")
        await twin.kernel.sleep(20_000)
        assert await twin.api.get(Node, "m1") is not None, "two of three members are a quorum"
        await twin.reboot.request(twin.world.nodes[1], "two")
        await twin.kernel.sleep(20_000)
        with pytest.raises(Unreachable):
            await twin.api.get(Node, "m1")
        await twin.kernel.sleep(200_000)
        assert await twin.api.get(Node, "m1") is not None
        while True:
            change = await watch.receive()
            seen.append(change.type)
            node = change.object
            if change.type == "modified" and node is not None and node.name == "m2" and node.ready:
                return seen

    kinds = play(twin, night)
    assert kinds[:5] == ["present"] * 4 + ["synced"]
    assert kinds[-1] == "modified", "the watch catches up with what happened while nobody answered"
    assert any("API server" in text for text, _ in twin.measure().notes)


def test_a_static_pod_without_an_owner_is_no_workload_that_people_miss() -> None:
    """A dump, or a plane without kubelets, may show mirror pods that name no owner: they still belong to their node."""
    static = replace(b.mirror("kube-proxy", "n1"), owner=None)
    twin = make(b.inventory(*b.nodes(2), static, b.pod("alone", on="n1")), figures(reboot=60))
    play(twin, lambda: reboot(twin, "n1"))
    wait(twin, 300)
    names = [item.ref.name for item in twin.measure().workloads]
    assert names == ["alone"], "users would be told that a part of the node itself is interrupted"
