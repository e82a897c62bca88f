"""What the class of a change says of stored objects, against what a real API server says of them.

The server takes each object as a dry run of a creation: nothing is stored, and no field is let through because it did
not change. What it refuses or drops is what the product must have named.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from shipkeeper.assessment.classing.crd import crd_of
from shipkeeper.assessment.classing.crd_diff import diff_crd
from shipkeeper.assessment.classing.schema_check import violations
from shipkeeper.assessment.classing.stored import Stored
from tests.classing.schemas import schemas, values
from tests.real.plane import waits
from tests.real.plane.api import Api, ApiError

pytestmark = pytest.mark.real
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
KYVERNO = Path(__file__).parents[1] / "classing" / "kyverno"
SCHEMAS = 120
OBJECTS = 5


def _definition(schema: dict[str, Any]) -> dict[str, Any]:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.oracle.example.org"},
        "spec": {
            "group": "oracle.example.org",
            "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things", "singular": "thing", "listKind": "ThingList"},
            "versions": [version],
        },
    }


def _install(api: Api, document: dict[str, Any]) -> None:
    """Create or replace a definition, and wait until the server serves it as it is now."""
    path = f"{CRDS}/{document['metadata']['name']}"
    try:
        api.call("POST", CRDS, document)
    except ApiError as error:
        if error.status != 409:
            raise
        live = api.call("GET", path)
        live["spec"] = document["spec"]
        api.call("PUT", path, live)

    def lacking() -> str | None:
        status = api.call("GET", path).get("status") or {}
        conditions = {one["type"]: one["status"] for one in status.get("conditions") or ()}
        return None if conditions.get("Established") == "True" else f"conditions are {conditions}"

    waits.until(lacking, 30, "the definition to be established")


def _served(check: Callable[[], bool]) -> None:
    waits.until(lambda: None if check() else "not yet", 30, "the definition to be served")


def _server_takes(api: Api, path: str, item: dict[str, Any]) -> bool:
    """Whether the server takes an object, and keeps all of it."""
    try:
        made = api.call("POST", path, item, "application/json", dryRun="All")
    except ApiError as error:
        if error.status in (400, 404, 422):
            return False  # 404: the kind is not served yet
        raise
    return _kept(item.get("spec"), made.get("spec"))


def _kept(given_: Any, made: Any) -> bool:
    """Whether everything given is in what was made; defaults may have come to it."""
    if isinstance(given_, dict) and isinstance(made, dict):
        return all(key in made and _kept(value, made[key]) for key, value in given_.items())
    if isinstance(given_, list) and isinstance(made, list):
        return len(given_) == len(made) and all(_kept(a, b) for a, b in zip(given_, made, strict=True))
    return bool(given_ == made)


def _without_unique(schema: Any) -> Any:
    """The server refuses uniqueItems in a definition, and merging means nothing here."""
    if isinstance(schema, dict):
        return {key: _without_unique(value) for key, value in schema.items() if key != "uniqueItems"}
    return [_without_unique(item) for item in schema] if isinstance(schema, list) else schema


def _drawn() -> list[tuple[dict[str, Any], list[Any]]]:
    """Schemas with objects that mostly fit them, the same ones each time."""
    pairs: list[tuple[dict[str, Any], list[Any]]] = []

    @seed(20261125)
    @settings(
        max_examples=SCHEMAS, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(
        schemas().flatmap(
            lambda s: st.tuples(st.just(s), st.lists(values(s) | schemas(1).flatmap(values), max_size=OBJECTS))
        )
    )
    def draw(pair: tuple[dict[str, Any], list[Any]]) -> None:
        pairs.append((_without_unique(pair[0]), pair[1]))

    draw()
    return pairs


@pytest.fixture
def cleared(api: Api) -> Iterator[Api]:
    yield api
    for name in ("things.oracle.example.org", "globalcontextentries.kyverno.io"):
        try:
            api.call("DELETE", f"{CRDS}/{name}")
        except ApiError as error:
            if error.status != 404:
                raise


@pytest.mark.requirement("R-B6")
def test_an_object_fits_where_the_api_server_takes_it(cleared):
    pairs = _drawn()
    properties = {f"p{i}": schema for i, (schema, _) in enumerate(pairs)}
    spec = {"type": "object", "properties": properties}
    _install(cleared, _definition({"type": "object", "properties": {"spec": spec}}))
    path = "/apis/oracle.example.org/v1/namespaces/default/things"
    probe = {"apiVersion": "oracle.example.org/v1", "kind": "Thing", "metadata": {"name": "probe"}, "spec": {}}
    _served(lambda: _server_takes(cleared, path, probe))
    wrong, asked, refused = [], 0, 0
    for i, (schema, objects) in enumerate(pairs):
        for value in objects:
            item = {**probe, "spec": {f"p{i}": copy.deepcopy(value)}}
            server = _server_takes(cleared, path, item)
            found = list(violations(spec, item["spec"]))
            if any(one.unsure for one in found):
                continue
            asked, refused = asked + 1, refused + (not server)
            if server != (not found):
                wrong.append((schema, value, server, found))
    print(f"{asked} objects asked about, {refused} of them refused or cut by the server")
    assert not wrong, f"{len(wrong)} of {asked}: the first is {wrong[0]}"
    assert asked > SCHEMAS
    assert 0 < refused < asked, "nothing was tried that tells right from wrong"


@pytest.mark.requirement("R-B6")
def test_kyvernos_new_definition_refuses_the_objects_that_were_named(cleared):
    old, new = (yaml.safe_load((KYVERNO / f"globalcontextentries-{v}.yaml").read_text()) for v in ("1.12.5", "1.15.2"))
    _install(cleared, old)
    whole = {"group": "apps", "resource": "deployments", "version": "v1"}
    specs = {
        "good": {"kubernetesResource": whole},
        "no-version": {"kubernetesResource": {"resource": "pods"}},
        "both": {"kubernetesResource": whole, "apiCall": {"urlPath": "/x"}},
        "neither": {},
    }
    head = {"apiVersion": "kyverno.io/v2alpha1", "kind": "GlobalContextEntry"}
    objects = [{**head, "metadata": {"name": name}, "spec": spec} for name, spec in specs.items()]
    path = "/apis/kyverno.io/v2alpha1/globalcontextentries"
    _served(lambda: _server_takes(cleared, path, objects[0]))
    before = {item["metadata"]["name"] for item in objects if _server_takes(cleared, path, item)}
    assert before == set(specs), "the old definition takes all of them"
    _install(cleared, new)
    _served(lambda: not _server_takes(cleared, path, objects[1]))
    refused = {item["metadata"]["name"] for item in objects if not _server_takes(cleared, path, item)}
    stored = Stored(crd_of(old), crd_of(new), objects)
    named = {ref.name for found in diff_crd(crd_of(old), crd_of(new)) for ref in stored.used(found).objects}
    assert named == refused, "the server and the product disagree about who is affected"
