"""What a user sets, against two versions of a chart's values, schema and Chart.yaml."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.assessment.classing.chart_diff import compare_charts, is_major
from shipkeeper.assessment.classing.values import compare_values, join, shape_of, split
from shipkeeper.model.chart import Chart, ChartDependency

OLD = {
    "replicas": 2,
    "image": {"registry": "ghcr.io", "repository": "a/b", "tag": "v1"},
    "webhooks": [{"a": 1}],
    "cleanup": {"enabled": True, "schedule": "daily"},
    "nodeSelector": {},
    "extra": None,
    "adminPassword": "first",
    "log": {"level": "info"},
}
NEW = {
    "replicas": 3,
    "image": {"registry": "quay.io", "repository": "a/b", "tag": "v2"},
    "webhooks": {"a": 1},
    "cleanupJobs": {"enabled": True},
    "nodeSelector": {},
    "extra": None,
    "adminPassword": "second",
    "log": {"level": "info", "format": "json"},
}


def made(values, schema=None, **about) -> Chart:
    return Chart(**{"name": "shop", "version": "1.0.0", "place": "shop", "defaults": values, "schema": schema, **about})


def told(mine, old=OLD, new=NEW, schema=None) -> dict[str, tuple[str, str]]:
    found = compare_values(made(old) if old is not None else None, made(new, schema), shape_of(mine))
    return {one.key: (one.kind, one.weight) for one in found}


@pytest.mark.requirement("R-B6")
def test_what_the_user_sets_and_what_they_leave_to_the_chart():
    mine = {"replicas": 5, "webhooks": [{"b": 1}], "cleanup": {"schedule": "weekly"}, "nodeSelector": {"disk": "ssd"}}
    assert told(mine) == {
        "webhooks": ("value-type-changed", "breaking"),
        "cleanup": ("value-removed", "breaking"),
        "image.registry": ("image-source-changed", "risky"),
        "adminPassword": ("default-changed", "risky"),
    }, "replicas is set by the user, the tag changes with every version, and a node selector is free"


def test_where_a_key_may_have_gone_is_told():
    found = {
        one.key: one.text for one in compare_values(made(OLD), made(NEW), shape_of({"cleanup": {"enabled": False}}))
    }
    assert "cleanupJobs is new, and may be what it is called now" in found["cleanup"]


def test_nothing_of_a_secret_is_shown():
    text = "\n".join(one.text for one in compare_values(made(OLD), made(NEW), shape_of({})))
    assert "first" not in text
    assert "second" not in text


def test_a_mistyped_key_is_told_from_a_removed_one():
    assert told({"replcas": 1})["replcas"] == ("value-not-listed", "note")
    assert told({"replcas": 1}, old=None)["replcas"] == ("value-not-listed", "note")


def test_without_the_users_keys_every_key_that_goes_counts():
    found = {(one.kind, one.key): one.used for one in compare_values(made(OLD), made(NEW), None)}
    assert found["value-removed", "cleanup"] == "unknown"
    assert found["value-type-changed", "webhooks"] == "unknown"


def test_values_of_a_chart_that_is_not_packed_in_are_not_guessed_at():
    old = made({"db": {"size": 1}}, dependencies=(ChartDependency(name="db"),))
    new = made({}, dependencies=(ChartDependency(name="db"),))
    assert compare_values(old, new, shape_of({"db": {"anything": {"at": "all"}}})) == ()


SCHEMA = {
    "type": "object",
    "required": ["replicas", "owner"],
    "additionalProperties": False,
    "properties": {
        "replicas": {"type": "integer"},
        "owner": {"$ref": "#/definitions/name"},
        "log": {"type": "object", "required": ["level"], "properties": {"level": {"type": "string"}}},
        "ports": {"type": "array", "items": {"type": "object", "properties": {"port": {"type": "integer"}}}},
    },
    "definitions": {"name": {"type": "string"}},
}


@pytest.mark.requirement("R-B6")
def test_what_the_schema_will_refuse_is_known_without_any_value():
    mine = {"replicas": "two", "log": {}, "ports": [{"port": "http"}], "typo": 1}
    found = told(mine, old={}, new={"replicas": 1}, schema=SCHEMA)
    assert {key: kind for key, (kind, weight) in found.items() if weight == "breaking"} == {
        "replicas": "value-type-refused",
        "owner": "value-required",
        "ports[].port": "value-type-refused",
        "typo": "value-refused",
    }
    fine = {"replicas": 2, "owner": "us", "log": {"level": "x"}, "ports": [{"port": 80}]}
    found = told(fine, old=fine, new={**fine}, schema=SCHEMA)
    assert not [key for key, (_, weight) in found.items() if weight == "breaking"]


keys = st.text(alphabet="abc.-", min_size=1, max_size=5).filter(lambda key: key.strip("."))
trees = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text(max_size=3),
    lambda inner: st.dictionaries(keys, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@given(st.dictionaries(keys, trees, max_size=4))
def test_a_chart_that_did_not_change_changes_nothing(values):
    assert compare_values(made(values), made(values), shape_of(values)) == ()
    assert compare_values(made(values), made(values), None) == ()


@given(st.lists(keys, min_size=1, max_size=4))
def test_a_path_comes_apart_as_it_was_put_together(steps):
    assert split(join(tuple(steps))) == tuple(steps)


@given(st.dictionaries(keys, trees, max_size=3))
def test_of_values_only_keys_and_types_are_kept(values):
    kinds = {"string", "boolean", "integer", "number", "null", "map", "list"}
    assert all(kind in kinds for _, kind in shape_of(values))


def chart_told(old: Chart | None, new: Chart, cluster: str = "v1.33.4") -> dict[str, tuple[str, str]]:
    return {one.path: (one.kind, one.weight) for one in compare_charts(old, new, cluster)}


@pytest.mark.requirement("R-B6")
def test_chart_yaml_tells():
    old = made(
        {}, app_version="1.9.0", dependencies=(ChartDependency(name="a"), ChartDependency(name="b", version="1.x"))
    )
    new = made(
        {},
        version="2.0.0",
        app_version="2.0.0",
        kube_version=">=1.34.0-0",
        deprecated=True,
        security_updates=True,
        changes=(("removed", "the flag"), ("added", "a flag")),
        dependencies=(ChartDependency(name="b", version="2.x"), ChartDependency(name="c")),
    )
    assert chart_told(old, new) == {
        "kubeVersion": ("kube-version-refused", "breaking"),
        "deprecated": ("chart-deprecated", "risky"),
        "annotations.artifacthub.io/containsSecurityUpdates": ("security-updates", "security"),
        "annotations.artifacthub.io/changes": ("change-removed", "risky"),
        "version": ("major-version", "risky"),
        "appVersion": ("major-appVersion", "risky"),
        "dependencies.a": ("dependency-removed", "breaking"),
        "dependencies.b": ("dependency-major", "risky"),
        "dependencies.c": ("dependency-added", "note"),
    }


@pytest.mark.parametrize(
    ("wants", "cluster", "kind"),
    [
        (">=1.25.0-0", "v1.33.4-gke.1", None),
        (">=1.25.0", "v1.33.4-gke.1", "kube-version-refused"),
        (">=1.25.0-0 <2.0.0", "v1.33.4-gke.1", "kube-version-unknown"),
        (">=1.25.0", "", "kube-version-unknown"),
        ("what?", "v1.33.4", "kube-version-unknown"),
        ("", "v1.33.4", None),
    ],
)
def test_whether_the_cluster_may_take_it(wants, cluster, kind):
    found = chart_told(None, made({}, kube_version=wants), cluster)
    assert found.get("kubeVersion", (None,))[0] == kind


@pytest.mark.parametrize(
    ("before", "after", "major"),
    [
        ("1.9.0", "2.0.0", True),
        ("v1.2", "1.9", False),
        ("0.5.0", "0.6.0", True),
        ("~1.2.0", "2.x", True),
        ("?", "2", False),
    ],
)
def test_what_another_major_is(before, after, major):
    assert is_major(before, after) is major
