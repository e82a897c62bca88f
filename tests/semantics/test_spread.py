"""Topology spread, the ghost domain first of all (T8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.labels import Selector
from shipkeeper.model.pods import SpreadConstraint
from shipkeeper.semantics.board import Board
from shipkeeper.semantics.spread import (
    counts_node,
    counts_self,
    effective_selector,
)
from tests.builders import HOSTNAME, ZONE, deployment, node, nodes, pod, shape, spread
from tests.semantics.spread_rule import domain_counts, violates


@pytest.mark.parametrize(("policy", "goes"), [("Ignore", False), ("Honor", True)])
@pytest.mark.parametrize("key", [HOSTNAME, ZONE])
def test_t8_a_cordoned_domain_still_counts_under_ignore(policy: str, goes: bool, key: str) -> None:
    template = shape({"app": "web"}, spread=(spread(key, node_taints_policy=policy),))
    app = deployment(on=["n1", "n2", "n3"], template=template)
    cluster = (node("n1", "z1", cordoned=True), node("n2", "z2"), node("n3", "z3"))
    board = Board(cluster, app.pods)
    leaving = app.pods[0]
    board.remove(leaving)
    placed = board.place(leaving)
    assert bool(placed.node) is goes, f"{policy}: {placed.why()}"
    if not goes:
        assert f"topology spread over {key}" in placed.why()


def test_terminating_pods_do_not_count() -> None:
    template = shape({"app": "web"}, spread=(spread(),))
    app = deployment(on=["n2", "n1"], template=template, pod_fields={"deletion_ms": 1})
    board = Board(nodes(2), app.pods)
    assert board.place(pod("new", on="", template=app.pods[0].shape)).node == "n1"


def test_other_namespaces_do_not_count() -> None:
    template = shape({"app": "web"}, spread=(spread(),))
    others = [pod(f"o{i}", "other", on="n1", template=template) for i in range(3)]
    board = Board(nodes(2), others)
    assert board.place(pod("new", on="", template=template)).node == "n1"


def test_a_node_without_the_key_takes_none_of_them() -> None:
    template = shape({"app": "web"}, spread=(spread(ZONE),))
    board = Board((node("n1", ""),), ())
    assert not board.place(pod("new", on="", template=template)).node
    assert violates(spread(ZONE), {}, None, True)


def test_soft_constraints_keep_nobody_out() -> None:
    template = shape({"app": "web"}, spread=(spread(hard=False),))
    app = deployment(on=["n1"] * 5, template=template)
    board = Board((node("n1"), node("n2", cordoned=True)), app.pods)
    assert board.place(pod("new", on="", template=app.pods[0].shape)).node == "n1"


def test_node_affinity_narrows_the_domains_by_default() -> None:
    cluster = (node("n1", labels={"pool": "a"}), node("n2", labels={"pool": "b"}))
    picky = shape({"app": "web"}, node_selector={"pool": "a"})
    assert [counts_node(spread(), picky, one) for one in cluster] == [True, False]
    assert all(counts_node(spread(node_affinity_policy="Ignore"), picky, one) for one in cluster)


def test_every_key_of_the_pod_is_needed() -> None:
    both = shape({"app": "web"}, spread=(spread(ZONE), spread(HOSTNAME)))
    assert not counts_node(spread(HOSTNAME), both, node("n1", ""))
    assert counts_node(spread(HOSTNAME), both, node("n1", "z1"))


def test_min_domains_makes_the_least_zero() -> None:
    rule = spread(ZONE, min_domains=3)
    assert violates(rule, {"z1": 1, "z2": 1}, "z1", True)
    assert not violates(spread(ZONE), {"z1": 1, "z2": 1}, "z1", True)


def test_match_label_keys_spread_one_template_at_a_time() -> None:
    rule = spread(match_label_keys=("pod-template-hash",))
    new = {"app": "web", "pod-template-hash": "2"}
    assert counts_self(rule, new)
    selector = effective_selector(rule, new)
    assert selector is not None
    assert ("pod-template-hash", "2") in selector.pairs


@given(
    st.dictionaries(st.sampled_from(["z1", "z2", "z3"]), st.integers(0, 5), min_size=1),
    st.integers(1, 3),
    st.booleans(),
)
def test_there_is_always_a_domain_for_a_spread_pod(counts: dict[str, int], skew: int, self_match: bool) -> None:
    rule = SpreadConstraint(ZONE, skew, True, Selector())
    least = min(counts, key=lambda domain: (counts[domain], domain))
    assert not violates(rule, counts, least, self_match), "the emptiest domain would have refused"


@given(st.dictionaries(st.sampled_from(["z1", "z2", "z3"]), st.integers(0, 5), min_size=2), st.integers(1, 3))
def test_placing_where_allowed_keeps_the_skew(counts: dict[str, int], skew: int) -> None:
    rule = SpreadConstraint(ZONE, skew, True, Selector())
    for domain in counts:
        if not violates(rule, counts, domain, True):
            after = counts | {domain: counts[domain] + 1}
            assert after[domain] - min(counts.values()) <= skew


@given(
    st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=10),
    st.integers(1, 2),
    st.integers(1, 3),
    st.sampled_from(["Ignore", "Honor"]),
    st.integers(0, 4),
    st.sampled_from([HOSTNAME, ZONE]),
)
def test_the_board_and_the_rule_agree(
    existing: list[tuple[int, bool]], skew: int, least: int, policy: str, out: int, key: str
) -> None:
    rule = spread(key, skew=skew, min_domains=least, node_taints_policy=policy)
    template = shape({"app": "web"}, spread=(rule,))
    cluster = (*nodes(4, zones=2), node("n5", ""))
    pods = [
        pod(f"p{i}", on=f"n{where + 1}", template=template, deletion_ms=1 if dying else None)
        for i, (where, dying) in enumerate(existing)
    ]
    board = Board(cluster, pods)
    board.take_out(f"n{out + 1}")
    seen = [node(n.name, n.zone, cordoned=True) if n.name == f"n{out + 1}" else n for n in cluster]
    on = {n.name: sum(1 for p in pods if p.node == n.name and p.deletion_ms is None) for n in cluster}
    counts = domain_counts(rule, template, seen, on)
    options = board.options(pod("new", on="", template=template)).tolist()
    for row, machine in enumerate(cluster):
        allowed = not violates(rule, counts, machine.labels.get(key), True) and row != out
        assert options[row] is allowed, f"{machine.name}: {counts}"
