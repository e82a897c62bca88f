"""RBAC manifests from the rights that a survey, or a plan, needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import yaml
from msgspec import Struct

from shipkeeper.execution.rights import Rule, rights
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.plan import Plan
from shipkeeper.semantics.wire import PLATFORM_READERS, READERS
from shipkeeper.semantics.wire.drainer_kinds import DRAINER_KINDS

NAME = "shipkeeper-runner"
_API = "rbac.authorization.k8s.io"
_KINDS = {"user": "User", "group": "Group", "serviceaccount": "ServiceAccount"}

_HEAD = """\
# What `shipkeeper run` needs, computed from the calls that carrying out a plan makes. Written by
# `shipkeeper doctor --show-rights`, which also writes it for one plan only; a test keeps the shipped copy equal to it.
# It may not delete pods, read Secrets or ConfigMaps, or change anything but nodes, evictions and its own Lease.
# Between nodes the run looks at the cluster again as `check` does: bind shipkeeper-survey (survey.yaml) to it as well.
"""


class Subject(Struct, frozen=True):
    """Who gets the rights. ``kind`` is User, Group or ServiceAccount (then with its namespace)."""

    kind: str
    name: str
    namespace: str = ""


OUR_GROUP = Subject("Group", NAME)


def parse_subject(text: str) -> Subject:
    """``user:NAME``, ``group:NAME`` or ``serviceaccount:NAMESPACE/NAME``. Raises UsageProblem."""
    word, _, name = text.partition(":")
    kind = _KINDS.get(word.lower(), "")
    namespace, _, last = name.partition("/")
    if not kind or not name or (kind == "ServiceAccount" and not (namespace and last)):
        raise UsageProblem(
            f"{text!r} names nobody that rights can be given to",
            hint="user:NAME, group:NAME or serviceaccount:NAMESPACE/NAME",
        )
    return Subject(kind, last, namespace) if kind == "ServiceAccount" else Subject(kind, name)


def survey_rights() -> tuple[Rule, ...]:
    """What a survey reads, and with it ``check``, ``due`` and ``plan``; by API group.

    Without Helm's records (Secrets), which are a right of their own, and the API server's metrics, which are no
    resource.
    """
    read = (*READERS.values(), *PLATFORM_READERS.values())
    kinds = sorted({(reader.group, reader.resource) for reader in read} | set(DRAINER_KINDS))
    return (
        Rule("", ("namespaces",), ("get",), names=("kube-system",), why="which cluster this is"),
        *(
            Rule(group, tuple(resource for _, resource in pairs), ("list",), why="what runs")
            for group, pairs in groupby(kinds, key=lambda pair: pair[0])
        ),
    )


def manifest(plan: Plan | None = None, lease_namespace: str = "kube-system", subject: Subject = OUR_GROUP) -> str:
    """The roles and bindings for this plan's runner, as YAML; None: for the runner of any plan."""
    needed = rights(plan)
    everywhere = [rule for rule in needed if not rule.in_lease_namespace]
    beside = [rule for rule in needed if rule.in_lease_namespace]
    parts = [
        _role("ClusterRole", everywhere, ""),
        _binding("ClusterRole", "", subject),
        _role("Role", beside, lease_namespace),
        _binding("Role", lease_namespace, subject),
    ]
    return _HEAD + "---\n".join(parts)


def _role(kind: str, rules: Iterable[Rule], namespace: str) -> str:
    head = _dump({"apiVersion": f"{_API}/v1", "kind": kind, "metadata": _meta(namespace)})
    return head + "rules:\n" + "".join(_rule(rule) for rule in rules)


def _rule(rule: Rule) -> str:
    body: dict[str, Any] = {"apiGroups": [rule.group], "resources": list(rule.resources)}
    if rule.names:
        body["resourceNames"] = list(rule.names)
    body["verbs"] = list(rule.verbs)
    lines = _dump(body).splitlines()
    return f"# {rule.why}\n" + "".join(f"{'- ' if i == 0 else '  '}{line}\n" for i, line in enumerate(lines))


def _binding(role: str, namespace: str, subject: Subject) -> str:
    who = {"kind": subject.kind, "name": subject.name}
    who |= {"namespace": subject.namespace} if subject.kind == "ServiceAccount" else {"apiGroup": _API}
    return _dump(
        {
            "apiVersion": f"{_API}/v1",
            "kind": f"{role}Binding",
            "metadata": _meta(namespace),
            "roleRef": {"apiGroup": _API, "kind": role, "name": NAME},
            "subjects": [who],
        }
    )


def _meta(namespace: str) -> dict[str, Any]:
    where = {"namespace": namespace} if namespace else {}
    return {"name": NAME, **where, "labels": {"app.kubernetes.io/name": "shipkeeper"}}


def _dump(body: dict[str, Any] | Sequence[Any]) -> str:
    return yaml.safe_dump(body, sort_keys=False, default_flow_style=None, width=110)
