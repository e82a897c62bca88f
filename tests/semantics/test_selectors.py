"""Selectors: None nothing, empty everything, and the text form reads back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.errors import BadInput
from shipkeeper.model.labels import Requirement, Selector
from shipkeeper.semantics.selectors import matches, narrowed, parse_selector, requirement_holds, write_selector

KEYS = st.sampled_from(["app", "tier", "example.com/team"])
VALUES = st.sampled_from(["web", "db", "v1.2", "a_b"])
LABELS = st.dictionaries(KEYS, VALUES)
REQUIREMENTS = st.one_of(
    st.builds(Requirement, KEYS, st.sampled_from(["In", "NotIn"]), st.lists(VALUES, min_size=1, max_size=3).map(tuple)),
    st.builds(Requirement, KEYS, st.sampled_from(["Exists", "DoesNotExist"])),
)
SELECTORS = st.builds(
    Selector,
    st.dictionaries(KEYS, VALUES).map(lambda pairs: tuple(pairs.items())),
    st.lists(REQUIREMENTS, max_size=3).map(tuple),
)


@given(LABELS)
def test_none_selects_nothing_and_empty_everything(labels: dict[str, str]) -> None:
    assert not matches(None, labels), "a budget without a selector would have covered pods"
    assert matches(Selector(), labels), "a budget with an empty selector would have covered nothing"


@given(KEYS, st.lists(VALUES, min_size=1).map(tuple), LABELS)
def test_opposites_exclude_each_other(key: str, values: tuple[str, ...], labels: dict[str, str]) -> None:
    assert requirement_holds(Requirement(key, "In", values), labels) != requirement_holds(
        Requirement(key, "NotIn", values), labels
    )
    assert requirement_holds(Requirement(key, "Exists"), labels) != requirement_holds(
        Requirement(key, "DoesNotExist"), labels
    )


@given(SELECTORS, LABELS)
def test_written_selectors_read_back_to_the_same_answer(selector: Selector, labels: dict[str, str]) -> None:
    again = parse_selector(write_selector(selector))
    assert matches(again, labels) == matches(selector, labels), write_selector(selector)


@given(SELECTORS, LABELS, st.dictionaries(KEYS, VALUES))
def test_another_requirement_never_selects_more(
    selector: Selector, labels: dict[str, str], more: dict[str, str]
) -> None:
    tighter = Selector(selector.pairs + tuple(more.items()), selector.expressions)
    if matches(tighter, labels):
        assert matches(selector, labels)


@pytest.mark.parametrize(
    ("text", "labels", "selected"),
    [
        ("", {}, True),
        ("app=web", {"app": "web"}, True),
        ("app==web", {"app": "web"}, True),
        ("app!=web", {"app": "web"}, False),
        ("app!=web", {}, True),
        ("app=", {"app": ""}, True),
        ("app in (web, db),!legacy", {"app": "db"}, True),
        ("app in (web, db),!legacy", {"app": "db", "legacy": ""}, False),
        ("app notin (web)", {}, True),
        ("node-role.kubernetes.io/worker", {"node-role.kubernetes.io/worker": ""}, True),
        (" app = web , tier ", {"app": "web", "tier": "x"}, True),
    ],
)
def test_selectors_as_kubectl_takes_them(text: str, labels: dict[str, str], selected: bool) -> None:
    assert matches(parse_selector(text), labels) is selected


@pytest.mark.parametrize("text", ["app=web,", "=web", "app in web", "app=a b", "!", "app in (a", "a=b=c"])
def test_what_kubectl_refuses_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="not a label selector"):
        parse_selector(text)


@pytest.mark.parametrize(
    ("operator", "value", "bound", "holds"),
    [
        ("Gt", "10", "9", True),
        ("Gt", "9", "10", False),
        ("Lt", "9", "10", True),
        ("Gt", "ten", "9", False),
        ("Lt", "9", "x", False),
    ],
)
def test_numbers_compare_as_numbers(operator: str, value: str, bound: str, holds: bool) -> None:
    assert requirement_holds(Requirement("cores", operator, (bound,)), {"cores": value}) is holds


def test_unknown_operator_holds_for_nothing() -> None:
    assert not requirement_holds(Requirement("a", "Like", ("b",)), {"a": "b"})


def test_match_label_keys_narrow_to_the_pods_own_values() -> None:
    selector = Selector((("app", "web"),))
    own = narrowed(selector, {"app": "web", "pod-template-hash": "1"}, ("pod-template-hash", "absent"))
    assert matches(own, {"app": "web", "pod-template-hash": "1"})
    assert not matches(own, {"app": "web", "pod-template-hash": "2"}), "pods of the old template would have counted"
    assert narrowed(None, {"a": "b"}, ("a",)) is None
