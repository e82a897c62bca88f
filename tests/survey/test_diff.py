"""What changed between two inventories."""

from __future__ import annotations

from hypothesis import given
from msgspec.structs import replace

from shipkeeper.app.inventory_file import diff
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.nodes import NodeCondition
from shipkeeper.model.table import PodTable
from tests.builders import NOW, budget, deployment, inventory, nodes, pod
from tests.survey.inventories import inventories


def test_what_was_added_removed_and_changed_by_kind() -> None:
    before = inventory(*nodes(2), deployment(on=("n1",)), budget(min_available=1), pod("gone"))
    after = inventory(
        replace(nodes(2)[0], unschedulable=True, resource_version="2"),
        nodes(3)[1],
        nodes(3)[2],
        deployment(on=("n2",)),
        budget(min_available=2),
    )
    found = {kind.kind: kind for kind in diff(before, after).kinds}
    assert found["Node"].added == ("n3",)
    assert [(item.name, item.fields) for item in found["Node"].changed] == [("n1", ("unschedulable",))]
    assert found["Pod"].removed == ("default/gone",)
    assert [(item.name, item.fields) for item in found["Pod"].changed] == [("default/web-5d8f-00000", ("node",))]
    assert found["PodDisruptionBudget"].changed[0].fields == ("min_available",)
    assert set(found) == {"Node", "Pod", "PodDisruptionBudget"}


@given(inventories())
def test_nothing_differs_from_itself(whole: Inventory) -> None:
    assert diff(whole, whole).kinds == ()


def test_the_way_back_is_the_way_there_turned_round() -> None:
    one = inventory(*nodes(3), pod("a"))
    other = inventory(*nodes(2), pod("b"))
    there, back = diff(one, other).kinds, diff(other, one).kinds
    assert [(kind.kind, kind.added, kind.removed) for kind in there] == [
        (kind.kind, kind.removed, kind.added) for kind in back
    ]


def test_what_changes_without_anything_happening_is_left_out() -> None:
    [node] = nodes(1)
    later = replace(node, resource_version="99", conditions=(NodeCondition("Ready", "True", "KubeletReady", NOW),))
    assert diff(inventory(node), inventory(later)).kinds == ()
    [worse] = diff(inventory(node), inventory(replace(later, conditions=(NodeCondition("Ready", "False"),)))).kinds
    assert worse.changed[0].fields == ("conditions",)


def test_one_replaced_by_another_of_its_name_is_a_change() -> None:
    one, other = inventory(pod("a")), inventory(replace(pod("a"), uid="another"))
    assert diff(one, other).kinds[0].changed[0].fields == ("uid",)


def test_whether_both_are_one_cluster() -> None:
    here = inventory()
    assert diff(here, here).same_cluster is True
    assert diff(here, replace(here, identity=ClusterIdentity(uid="elsewhere"))).same_cluster is False
    assert diff(here, replace(here, identity=ClusterIdentity())).same_cluster is None


def test_order_of_pods_makes_no_difference() -> None:
    a, b = pod("a"), pod("b")
    one, other = inventory(), inventory()
    assert diff(replace(one, pods=PodTable.of([a, b])), replace(other, pods=PodTable.of([b, a]))).kinds == ()


def test_what_changed_on_a_rebooted_machine_is_named():
    before = inventory(*nodes(1))
    machine = before.nodes[0]
    after = replace(before, nodes=(replace(machine, info=replace(machine.info, boot_id="another")),))
    assert diff(before, after).kinds[0].changed[0].fields == ("info.boot_id",), "'info' tells nobody what happened"
