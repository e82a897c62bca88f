"""Names of objects out of rendered manifests, in whatever form a chart writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.releases import ManifestObject
from shipkeeper.semantics.wire.platform.manifests import manifest_objects

DEPLOYMENT = ManifestObject("apps/v1", "Deployment", "shop", "web")


def found(text: str) -> list[ManifestObject]:
    return list(manifest_objects(text))


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\n",
        "# Source: x\nkind: 'Deployment' # c\nmetadata:\n    namespace: \"shop\"\n    name: web\napiVersion: apps/v1",
        '{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}',
        '"apiVersion": apps/v1\n"kind": Deployment\nmetadata: {name: web, namespace: shop}\n',
        "apiVersion: apps/v1\r\nkind: Deployment\r\nmetadata:\r\n  name: web\r\n  namespace: shop\r\n",
        "kind: &k Deployment\napiVersion: apps/v1\nmetadata:\n  name: web\n  namespace: shop\n",
        "metadata:\n  annotations:\n    x: |\n      name: not-this\n      kind: Pod\n  name: web\n  namespace: shop\n"
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    metadata:\n      name: nor-this\n",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\n"
        "data:\n  a: |-\n    ---\n    kind: X\n",
        "apiVersion: v1\nkind: List\nitems:\n"
        "- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: web, namespace: shop}\n",
        "%YAML 1.1\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\n...\n",
    ],
)
def test_every_form_of_one_object(text: str) -> None:
    assert found(text) == [DEPLOYMENT]


def test_documents_lists_and_what_is_no_object() -> None:
    text = (
        "---\n# only a comment\n---\n\n"
        "--- # with a comment\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: a\n"
        "---\napiVersion: v1\nkind: RoleList\nitems:\n- kind: Role\n  apiVersion: rbac.authorization.k8s.io/v1\n"
        "  metadata:\n    name: system:reader\nrules:\n- x\n---\nnot: an object\n---\n}{ not yaml\n"
    )
    assert [(item.kind, item.name) for item in found(text)] == [("ServiceAccount", "a"), ("Role", "system:reader")]


def test_a_rule_list_at_the_margin_does_not_hide_the_name() -> None:
    text = (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n"
        "rules:\n- verbs: [get]\nmetadata:\n  name: system:x\n"
    )
    assert found(text) == [ManifestObject("rbac.authorization.k8s.io/v1", "ClusterRole", "", "system:x")]


names = st.from_regex(r"[a-z]([a-z0-9.:-]{0,20}[a-z0-9])?", fullmatch=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.lists(
        st.tuples(st.sampled_from(["v1", "apps/v1", "x.example.com/v1beta1"]), names, names, values, values),
        max_size=4,
    ),
    st.booleans(),
)
def test_the_same_as_a_full_yaml_reader_sees(objects: list[tuple[str, str, str, Any, Any]], as_json: bool) -> None:
    documents = [
        {
            "apiVersion": version,
            "kind": "Thing",
            "spec": spec,
            "metadata": {"annotations": {"a": extra}, "name": name, "namespace": namespace},
        }
        for version, name, namespace, spec, extra in objects
    ]
    write = json.dumps if as_json else (lambda item: yaml.safe_dump(item, allow_unicode=True))
    text = "\n---\n".join(write(item) for item in documents)
    wanted = [
        ManifestObject(item["apiVersion"], item["kind"], item["metadata"]["namespace"], item["metadata"]["name"])
        for item in documents
    ]
    assert found(text) == wanted


@given(st.text(max_size=200))
def test_any_text_is_survived(text: str) -> None:
    found(text)


def test_an_alias_bomb_is_read_as_events_and_costs_nothing() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"b{i}: &b{i} [{','.join(['*a' if i == 0 else f'*b{i - 1}'] * 9)}]\n" for i in range(12)
    )
    text = bomb + "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n"
    assert found(text) == [DEPLOYMENT]
