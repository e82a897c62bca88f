"""The shipped RBAC manifests, given to one user of the plane and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.real.plane.api import Api, Object

RBAC = Path(__file__).resolve().parents[3] / "deploy" / "rbac"
LABEL = {"shipkeeper.test/rbac": "yes"}
OPTIONAL = "survey-releases.yaml"
RIGHTS = ("ClusterRole", "Role")
BINDINGS = {"ClusterRoleBinding": "ClusterRole", "RoleBinding": "Role"}


def shipped(file: str) -> list[Object]:
    """The objects of a shipped manifest."""
    return [obj for obj in yaml.safe_load_all((RBAC / file).read_text()) if obj]


def all_shipped() -> list[Object]:
    """What a person who plans and runs needs: all that is shipped, but for the optional right to read Secrets."""
    files = sorted(path.name for path in RBAC.glob("*.yaml") if path.name != OPTIONAL)
    return [obj for file in files for obj in shipped(file)]


def single_rights(objects: list[Object]) -> Iterator[tuple[str, list[Object]]]:
    """Each right (verb and resource) by name, with the same manifest lacking only that one."""
    for number, obj in enumerate(objects):
        if obj["kind"] not in RIGHTS:
            continue
        for place, rule in enumerate(obj["rules"]):
            if "nonResourceURLs" in rule:
                without = copy.deepcopy(objects)
                without[number]["rules"].pop(place)
                yield f"{rule['verbs'][0]} {rule['nonResourceURLs'][0]}", without
                continue
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for verb in rule["verbs"]:
                        name = f"{verb} {resource}" + (f".{group}" if group else "")
                        yield name, _without(objects, number, place, (group, resource, verb))


def _without(objects: list[Object], number: int, place: int, right: tuple[str, str, str]) -> list[Object]:
    """The rule is written out as single rights first, so that only one is lost."""
    made = copy.deepcopy(objects)
    rule = made[number]["rules"].pop(place)
    for group in rule["apiGroups"]:
        for resource in rule["resources"]:
            verbs = [verb for verb in rule["verbs"] if (group, resource, verb) != right]
            if verbs:
                made[number]["rules"].append({**rule, "apiGroups": [group], "resources": [resource], "verbs": verbs})
    return made


def apply(api: Api, objects: list[Object], user: str) -> None:
    """Put the roles there and bind them to the user. What an earlier call put there and is not asked for now goes.

    The bindings' own subjects (a group, a service account) are replaced by the user.
    """
    wanted = {(obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]) for obj in objects}
    for kind in (*BINDINGS, *RIGHTS):
        for old in api.list(kind, labelSelector="shipkeeper.test/rbac"):
            meta = old["metadata"]
            if (kind, meta.get("namespace"), meta["name"]) not in wanted:
                api.delete(kind, meta["name"], meta.get("namespace"))
    subject = {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
    for obj in objects:
        if obj["kind"] not in (*RIGHTS, *BINDINGS):
            continue
        made = copy.deepcopy(obj)
        made["metadata"].setdefault("labels", {}).update(LABEL)
        if obj["kind"] in BINDINGS:
            made["subjects"] = [subject]
        _put(api, made)


def _put(api: Api, obj: Object) -> None:
    meta = obj["metadata"]
    found = api.find(obj["kind"], meta["name"], meta.get("namespace"))
    if found is None:
        api.create(obj)
    else:
        body = {key: obj[key] for key in ("rules", "subjects", "metadata") if key in obj}
        api.patch(obj["kind"], meta["name"], body, meta.get("namespace"))


def withdraw(api: Api) -> None:
    """Take everything back."""
    apply(api, [], "")
