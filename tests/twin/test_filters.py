"""What the twin counts per class is what semantics computes from the pods."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.nodes import Node, Taint
from shipkeeper.model.pods import HostPort, Pod, PodShape, PodTerm, SpreadConstraint, Toleration
from shipkeeper.semantics.board import Board
from shipkeeper.semantics.placement import labels_by_namespace
from tests import builders as b
from tests.twin.play import cordon, evict, make, play, wait

TAINT = Taint("dedicated", "NoSchedule", "db")
KEYS = (b.HOSTNAME, b.ZONE, "rack")
APPS = ("web", "db", "api")


@st.composite
def shapes(draw: st.DrawFn) -> PodShape:
    """A shape that uses a few of the scheduler's rules at once."""
    more: dict[str, Any] = {}
    if draw(st.booleans()):
        more["spread"] = tuple(
            SpreadConstraint(
                topology_key=draw(st.sampled_from(KEYS)),
                max_skew=draw(st.integers(1, 2)),
                hard=draw(st.booleans()),
                selector=b.selector(app=draw(st.sampled_from(APPS))),
                min_domains=draw(st.integers(1, 3)),
                node_affinity_policy=draw(st.sampled_from(("Honor", "Ignore"))),
                node_taints_policy=draw(st.sampled_from(("Honor", "Ignore"))),
            )
            for _ in range(draw(st.integers(1, 2)))
        )
    for field in ("pod_affinity", "pod_anti_affinity"):
        if draw(st.integers(0, 2)) == 0:
            more[field] = (
                PodTerm(
                    topology_key=draw(st.sampled_from(KEYS)),
                    selector=b.selector(app=draw(st.sampled_from(APPS))),
                    namespaces=draw(st.sampled_from(((), ("other",), ("default", "other")))),
                ),
            )
    if draw(st.integers(0, 3)) == 0:
        more["host_ports"] = (HostPort(draw(st.sampled_from((80, 443))), ip=draw(st.sampled_from(("", "10.0.0.1")))),)
    if draw(st.integers(0, 2)) == 0:
        more["node_selector"] = {b.ZONE: draw(st.sampled_from(("z1", "z2")))}
    if draw(st.booleans()):
        more["tolerations"] = (Toleration("dedicated", "Exists"),)
    return b.shape({}, cpu=draw(st.sampled_from((0, 500, 1_500))), **more)


@st.composite
def clusters(draw: st.DrawFn) -> Inventory:
    """A handful of nodes and apps, some of it cordoned, tainted or on its way out."""
    nodes = []
    for i in range(draw(st.integers(2, 6))):
        labels = {"rack": draw(st.sampled_from(("r1", "r2")))} if draw(st.booleans()) else {}
        taints = (TAINT,) if draw(st.integers(0, 3)) == 0 else ()
        zone = draw(st.sampled_from(("z1", "z2", "")))
        cordoned = draw(st.integers(0, 4)) == 0
        nodes.append(b.node(f"n{i}", zone, labels=labels, taints=taints, cordoned=cordoned))
    parts: list[Any] = list(nodes)
    for namespace in ("default", "other"):
        for app in APPS:
            places = draw(st.lists(st.sampled_from([n.name for n in nodes]), max_size=3))
            dying = {"deletion_ms": b.NOW + 5_000, "deletion_grace_ms": 5_000} if draw(st.integers(0, 5)) == 0 else {}
            parts.append(_app(app, namespace, places, draw(shapes()), dying))
    return b.inventory(*parts)


def _app(app: str, namespace: str, places: list[str], look: PodShape, fields: dict[str, Any]) -> b.App:
    name = app if namespace == "default" else f"{app}-{namespace}"
    return b.deployment(name, namespace, on=places, template=replace(look, labels={"app": app}), pod_fields=fields)


@given(clusters())
def test_filters_agree_with_the_board_of_semantics(inventory: Inventory) -> None:
    twin = make(inventory)
    _compare(twin, inventory)


@given(clusters(), st.integers(0, 5))
def test_and_still_do_after_things_have_moved(inventory: Inventory, seed: int) -> None:
    twin = make(inventory, seed=seed)
    play(twin, lambda: cordon(twin, inventory.nodes[0].name))
    pods = [pod for pod in inventory.pods if not pod.terminating]
    play(twin, lambda: evict(twin, *pods[: 1 + seed]))
    for seconds in (1, 2, 30):
        wait(twin, seconds)
        _compare(twin, inventory)


def _compare(twin: Any, inventory: Inventory) -> None:
    pods: tuple[Pod, ...] = play(twin, lambda: twin.api.list(Pod))
    nodes: tuple[Node, ...] = play(twin, lambda: twin.api.list(Node))
    labels = labels_by_namespace((item.name, item.labels) for item in inventory.namespaces)
    board = Board(nodes, [pod for pod in pods if pod.node], None, labels)
    for group in range(len(twin.world.base.groups)):
        item = twin.filters.classes.of(group)
        asked = Pod(namespace=item.group.namespace, name="asked", uid="asked", shape=item.group.shape)
        want = board.options(asked).tolist()
        have = twin.filters.feasible(item).tolist()
        assert have == want, f"{item.group.namespace}/{item.group.shape.labels}: {board.why_not(asked)}"
    for line, resource in enumerate(twin.world.base.resources):
        column = board.room.resources.index(resource)
        assert twin.world.occupancy.free[line].tolist() == board.room.free[:, column].tolist()
