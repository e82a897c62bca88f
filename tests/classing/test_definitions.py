"""Definitions of two releases compared, and crossed with the objects that a cluster has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from shipkeeper.assessment.classing.crd import Definition, crd_of
from shipkeeper.assessment.classing.crd_diff import CrdChange, diff_crd, diff_crds
from shipkeeper.assessment.classing.stored import Stored, values_at
from shipkeeper.model.errors import BadInput
from tests.classing.schemas import changed, fits, schemas, values

KYVERNO = Path(__file__).parent / "kyverno"
TEXT = {"type": "string"}


def real(name: str, version: str) -> Definition:
    return crd_of(yaml.safe_load((KYVERNO / f"{name}-{version}.yaml").read_text()))


def version(name: str = "v1", *, served: bool = True, storage: bool = True, **more: Any) -> dict[str, Any]:
    spec = {"type": "object", "properties": {"a": TEXT}}
    schema = {"type": "object", "properties": {"spec": more.pop("spec", spec)}}
    return {"name": name, "served": served, "storage": storage, "schema": {"openAPIV3Schema": schema}, **more}


def definition(*versions: dict[str, Any], stored: tuple[str, ...] = (), **spec: Any) -> Definition:
    names = {"kind": "Thing", "plural": "things", "singular": "thing", "shortNames": ["th"], "categories": ["all"]}
    document = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.org"},
        "spec": {
            "group": "example.org",
            "names": names,
            "scope": "Namespaced",
            "versions": list(versions or [version()]),
            **spec,
        },
    }
    if stored:
        document["status"] = {"storedVersions": list(stored)}
    return crd_of(document)


def thing(name: str = "one", spec: Any = None, api: str = "v1") -> dict[str, Any]:
    return {
        "apiVersion": f"example.org/{api}",
        "kind": "Thing",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {} if spec is None else spec,
    }


def told(old: Definition, new: Definition) -> list[tuple[str, str, str]]:
    return [(found.kind, found.version, found.change.weight) for found in diff_crd(old, new)]


def only(old: Definition, new: Definition) -> CrdChange:
    (found,) = diff_crd(old, new)
    return found


@pytest.mark.requirement("R-B6")
def test_kyvernos_definitions_of_two_releases():
    old, new = real("globalcontextentries", "1.12.5"), real("globalcontextentries", "1.15.2")
    assert [(found.kind, found.change.path) for found in diff_crd(old, new)] == [
        ("condition-changed", "$.spec"),
        ("required-added", "$.spec.kubernetesResource.resource"),
        ("required-added", "$.spec.kubernetesResource.version"),
    ]
    exceptions = diff_crd(real("policyexceptions", "1.12.5"), real("policyexceptions", "1.15.2"))
    assert {("storage-version-changed", ""), ("version-removed", "v2alpha1"), ("version-deprecated", "v2beta1")} <= {
        (found.kind, found.version) for found in exceptions
    }


@pytest.mark.requirement("R-B6")
def test_kyvernos_objects_tell_who_is_affected():
    old, new = real("globalcontextentries", "1.12.5"), real("globalcontextentries", "1.15.2")
    head = {"apiVersion": "kyverno.io/v2alpha1", "kind": "GlobalContextEntry"}
    whole = {"group": "apps", "resource": "deployments", "version": "v1"}
    objects = [
        {**head, "metadata": {"name": "good"}, "spec": {"kubernetesResource": whole}},
        {**head, "metadata": {"name": "no-version"}, "spec": {"kubernetesResource": {"resource": "pods"}}},
        {**head, "metadata": {"name": "both"}, "spec": {"kubernetesResource": whole, "apiCall": {"urlPath": "/x"}}},
    ]
    stored = Stored(old, new, objects)
    affected = {found.change.path: [ref.name for ref in stored.used(found).objects] for found in diff_crd(old, new)}
    assert affected == {
        "$.spec": ["both"],
        "$.spec.kubernetesResource.resource": [],
        "$.spec.kubernetesResource.version": ["no-version"],
    }, "people would be told that everything breaks, or that nothing does"


def test_a_whole_kind_that_goes_away():
    (found,) = diff_crds([definition()], [])
    assert (found.kind, found.change.weight) == ("kind-removed", "breaking")
    assert Stored(definition(), None, [thing()]).used(found).answer == "yes"
    assert Stored(definition(), None, []).used(found).answer == "no"
    assert Stored(definition(), None, None).used(found).answer == "unknown", "not listed is not absent"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (definition(scope="Namespaced"), definition(scope="Cluster"), [("scope-changed", "", "breaking")]),
        (
            definition(),
            definition(names={"kind": "Thing", "plural": "things", "singular": "thing"}),
            [("names-changed", "", "risky"), ("names-changed", "", "note")],
        ),
        (
            definition(),
            definition(conversion={"strategy": "Webhook"}),
            [("conversion-changed", "", "risky")],
        ),
        (
            definition(version(), version("v1beta1", storage=False)),
            definition(version(), version("v1beta1", storage=False, served=False)),
            [("version-unserved", "v1beta1", "breaking")],
        ),
        (
            definition(version(), version("v1beta1", storage=False)),
            definition(version()),
            [("version-removed", "v1beta1", "breaking")],
        ),
        (
            definition(version(), version("v1beta1", storage=False, served=False)),
            definition(version()),
            [("version-removed", "v1beta1", "note")],
        ),
        (
            definition(version("v1beta1"), version("v1", storage=False)),
            definition(version("v1beta1", storage=False), version("v1")),
            [("storage-version-changed", "", "risky")],
        ),
        (
            definition(version("v1"), version("v1beta1", storage=False, served=False), stored=("v1", "v1beta1")),
            definition(version("v1")),
            [("stored-version-removed", "", "breaking"), ("version-removed", "v1beta1", "note")],
        ),
        (
            definition(version(subresources={"status": {}, "scale": {}})),
            definition(version(subresources={"status": {}})),
            [("subresource-removed", "v1", "breaking")],
        ),
    ],
)
def test_what_holds_for_the_kind(old, new, expected):
    assert told(old, new) == expected


def test_what_a_controller_writes_weighs_less():
    def status(*names: str) -> Definition:
        one = version()
        shape = {"type": "object", "properties": dict.fromkeys(names, TEXT)}
        one["schema"]["openAPIV3Schema"]["properties"]["status"] = shape
        return definition(one)

    found = only(status("a", "b"), status("a"))
    assert (found.kind, found.change.path, found.change.weight) == ("property-removed", "$.status.b", "risky")


def test_stored_objects_are_read_as_another_version_without_a_conversion():
    gone = {"type": "object", "properties": {}}
    old = definition(version("v1beta1"), version("v1", storage=False, spec=gone))
    new = definition(version("v1beta1", storage=False), version("v1", spec=gone))
    assert ("property-removed", "v1", "breaking") in told(old, new), "spec.a of what is stored as v1beta1 is lost"


def test_legacy_definitions_are_read():
    legacy = crd_of(
        {
            "apiVersion": "apiextensions.k8s.io/v1beta1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "things.example.org"},
            "spec": {"group": "example.org", "names": {"kind": "Thing", "plural": "things"}, "version": "v1"},
        }
    )
    assert legacy.preserve_unknown
    assert told(legacy, definition()) == [("type-changed", "v1", "breaking")], "anything was accepted before"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"metadata": {"name": "x"}}, "spec is missing"),
        ({"metadata": {"name": "x"}, "spec": {"names": {}, "group": "g"}}, "kind is missing"),
        (
            {"metadata": {"name": "x"}, "spec": {"names": {"kind": "X", "plural": "xs"}, "group": "g", "versions": 3}},
            "no",
        ),
    ],
)
def test_half_a_definition_is_an_error_that_names_it(document, words):
    with pytest.raises(BadInput, match=words) as refused:
        crd_of(document)
    assert refused.value.object == "CustomResourceDefinition x"


@given(schemas().flatmap(lambda s: st.tuples(st.just(s), changed(s), st.lists(values(s), max_size=3))))
@example(({"type": "string", "nullable": True}, {"type": "integer"}, [None]))
@example(({"x-kubernetes-int-or-string": True}, {"type": "string", "maxLength": 0}, ["x"]))
@example(
    (
        {"type": "object", "properties": {"a": {"type": "boolean"}}},
        {"type": "object", "additionalProperties": {"type": "string"}},
        [{"a": False}],
    )
)
def test_an_object_that_is_lost_is_never_called_unaffected(triple):
    before, after, specs = triple
    specs = [spec for spec in specs if fits(before, spec)]
    lost = {f"o{i}" for i, spec in enumerate(specs) if not fits(after, spec)}
    old, new = definition(version(spec=before)), definition(version(spec=after))
    objects = [{**thing(f"o{i}"), "spec": spec} for i, spec in enumerate(specs)]
    stored = Stored(old, new, objects)
    used = [stored.used(found) for found in diff_crd(old, new) if found.change.weight == "breaking"]
    named = {ref.name for one in used for ref in one.objects}
    assert lost <= named, f"{lost - named} break and nobody names them"
    sure = {ref.name for one in used if one.answer == "yes" for ref in one.objects}
    assert sure <= lost, f"{sure - lost} fit both and are said to break"


def test_paths_find_their_values():
    item = {"spec": {"rules": [{"a.b": {"x": 1}}, {"a.b": {"y": 2}}], "map": {"k": {"v": 3}}}}
    assert list(values_at(item, "$.spec.rules[*]['a.b']")) == [{"x": 1}, {"y": 2}]
    assert list(values_at(item, "$.spec.map.*.v")) == [3]
    assert list(values_at(item, "$.spec.gone[*].v")) == []
