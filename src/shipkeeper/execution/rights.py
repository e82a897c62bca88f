"""The rights that carrying out a plan needs, computed from the calls it makes: no more than these are shipped."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.execution import marks
from shipkeeper.model.plan import Plan


class Rule(Struct, frozen=True, order=True):
    """One rule of a role. ``in_lease_namespace``: a Role there is enough; otherwise the whole cluster is meant."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()
    in_lease_namespace: bool = False
    why: str = ""


_ADMISSION = "admissionregistration.k8s.io"
_ANSWERS = "who answers for webhooks and aggregated APIs once a node's pods leave"

_ALWAYS = (
    Rule("", ("namespaces",), ("get",), names=("kube-system",), why="which cluster this is: the UID of kube-system"),
    Rule("", ("namespaces",), ("list",), why="which namespaces a webhook is asked about"),
    Rule("", ("resourcequotas",), ("list",), why="whether a quota would refuse replacements"),
    Rule("", ("services",), ("get",), why=_ANSWERS),
    Rule(_ADMISSION, ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"), ("list",), why=_ANSWERS),
    Rule("apiregistration.k8s.io", ("apiservices",), ("list",), why=_ANSWERS),
    Rule("discovery.k8s.io", ("endpointslices",), ("list",), why=_ANSWERS),
    Rule("", ("nodes",), ("get", "list"), why="whose a node is, how it is, and how much room there is"),
    Rule("", ("pods",), ("get", "list", "watch"), why="what is on a node, and what has left it"),
    Rule("", ("pods/eviction",), ("create",), why="evict; no right to delete a pod is needed, or wanted"),
    Rule("", ("replicationcontrollers",), ("get", "list"), why="how well workloads are"),
    Rule("apps", ("daemonsets", "deployments", "replicasets", "statefulsets"), ("get", "list"), why="the same"),
    Rule("batch", ("jobs",), ("get", "list"), why="the same"),
    Rule("policy", ("poddisruptionbudgets",), ("list", "watch"), why="what budgets allow"),
    Rule("storage.k8s.io", ("volumeattachments",), ("list",), why="what keeps a pod or a machine from going down"),
    Rule(
        "coordination.k8s.io",
        ("leases",),
        ("get", "update"),
        names=(marks.LEASE_NAME,),
        in_lease_namespace=True,
        why="one runner per cluster",
    ),
    Rule(
        "coordination.k8s.io",
        ("leases",),
        ("create",),
        in_lease_namespace=True,
        why="the first time; a create cannot be limited to a name",
    ),
)

_REBOOTING = (
    Rule("", ("nodes",), ("watch",), why="see the new boot id"),
    Rule("storage.k8s.io", ("csinodes",), ("get",), why="storage drivers are back afterwards"),
)


def rights(plan: Plan | None = None) -> tuple[Rule, ...]:
    """What the API server must allow for this plan to be carried out, sorted; each right in one rule only.

    Only the plan's own nodes may be changed. None: what any plan may need. Which pods leave is decided in the night,
    so evictions and readings are for every namespace.
    """
    reboots = plan is None or (plan.reboot.driver != "none" and plan.purpose != "none")
    names = () if plan is None else tuple(sorted({node.name for node in plan.nodes}))
    change = Rule("", ("nodes",), ("patch",), names=names, why="cordon, mark and uncordon")
    merged: dict[tuple[bool, str, tuple[str, ...], tuple[str, ...]], Rule] = {}
    for rule in (*_ALWAYS, change, *(_REBOOTING if reboots else ())):
        key = (rule.in_lease_namespace, rule.group, rule.resources, rule.names)
        known = merged.get(key)
        if known is not None:
            verbs = tuple(sorted({*known.verbs, *rule.verbs}))
            why = f"{known.why}; {rule.why}"
            rule = Rule(rule.group, rule.resources, verbs, rule.names, rule.in_lease_namespace, why)
        merged[key] = rule
    return tuple(merged[key] for key in sorted(merged))
