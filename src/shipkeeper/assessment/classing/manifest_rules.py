"""What each rule looks at in one object of the old and the new manifests. None for old: the object is new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from shipkeeper.model.untyped import mapping, sequence

Object = Mapping[str, Any]


class Difference(Struct, frozen=True, kw_only=True):
    """One difference. ``path`` is a JSON path in the object."""

    kind: str
    path: str
    text: str
    weight: str


_WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob")
_ENFORCE = "pod-security.kubernetes.io/enforce"
_LEVELS = {"privileged": 0, "baseline": 1, "restricted": 2}


def admission(was: Object | None, now: Object) -> Iterator[Difference]:
    """Webhooks and admission policies that stand in the way of more than before."""
    kind = now.get("kind")
    if kind == "ValidatingAdmissionPolicyBinding" and was is None:
        text = "a policy of the API server's own comes into force"
        yield Difference(kind="admission-added", path="$", text=text, weight="risky")
    if kind not in _WEBHOOKS:
        return
    before = {str(mapping(hook).get("name")): mapping(hook) for hook in sequence(mapping(was).get("webhooks"))}
    for hook in sequence(now.get("webhooks")):
        after = mapping(hook)
        name = str(after.get("name"))
        path = f"$.webhooks[?name=={name}]"
        old = before.get(name)
        if old is None:
            fails = after.get("failurePolicy", "Fail") == "Fail"
            text = (
                f"the webhook {name} is new; while it is away, what it looks at is {'refused' if fails else 'let by'}"
            )
            yield Difference(kind="admission-added", path=path, text=text, weight="breaking" if fails else "risky")
            continue
        yield from _hook(name, path, old, after)


def _hook(name: str, path: str, old: Object, new: Object) -> Iterator[Difference]:
    was, now = old.get("failurePolicy", "Fail"), new.get("failurePolicy", "Fail")
    if was != now:
        stricter = now == "Fail"
        then = "refused" if stricter else "let by unchecked"
        text = f"failurePolicy of {name} was {was} and is {now}: while the webhook is away, requests are {then}"
        weight = "breaking" if stricter else "risky"
        yield Difference(kind="failure-policy-changed", path=f"{path}.failurePolicy", text=text, weight=weight)
    for field in ("namespaceSelector", "objectSelector"):
        if mapping(old.get(field)) != mapping(new.get(field)):
            text = f"{field} of {name} changed: it looks at other objects than before"
            yield Difference(kind="admission-scope-changed", path=f"{path}.{field}", text=text, weight="breaking")
    if old.get("rules") != new.get("rules"):
        text = f"the rules of {name} changed: it looks at other requests than before"
        yield Difference(kind="admission-scope-changed", path=f"{path}.rules", text=text, weight="breaking")
    seconds = (old.get("timeoutSeconds", 10), new.get("timeoutSeconds", 10))
    if seconds[0] != seconds[1]:
        text = f"timeoutSeconds of {name} was {seconds[0]} and is {seconds[1]}"
        yield Difference(kind="admission-timeout-changed", path=f"{path}.timeoutSeconds", text=text, weight="note")


def budgets(was: Object | None, now: Object) -> Iterator[Difference]:
    """Disruption budgets that allow another number of evictions, or stand over other pods."""
    if now.get("kind") != "PodDisruptionBudget":
        return
    if was is None:
        yield Difference(kind="budget-added", path="$", text="a budget limits evictions that were free", weight="note")
        return
    old, new = mapping(was.get("spec")), mapping(now.get("spec"))
    for field in ("minAvailable", "maxUnavailable", "selector", "unhealthyPodEvictionPolicy"):
        if old.get(field) != new.get(field):
            text = f"{field} was {_told(old.get(field))} and is {_told(new.get(field))}: drains go otherwise"
            yield Difference(kind="budget-changed", path=f"$.spec.{field}", text=text, weight="risky")


def replicas(was: Object | None, now: Object) -> Iterator[Difference]:
    """Fewer copies than before."""
    if was is None:
        return
    if now.get("kind") in ("Deployment", "StatefulSet", "ReplicaSet"):
        old, new = (_whole(mapping(item.get("spec")).get("replicas"), 1) for item in (was, now))
        if new < old:
            alone = "; one copy alone is away whenever its node is" if new == 1 else ""
            text = f"replicas go from {old} to {new}{alone}"
            yield Difference(kind="replicas-reduced", path="$.spec.replicas", text=text, weight="risky")
    if now.get("kind") == "HorizontalPodAutoscaler":
        old, new = (_whole(mapping(item.get("spec")).get("minReplicas"), 1) for item in (was, now))
        if new < old:
            text = f"minReplicas goes from {old} to {new}"
            yield Difference(kind="replicas-reduced", path="$.spec.minReplicas", text=text, weight="risky")


def images(was: Object | None, now: Object) -> Iterator[Difference]:
    """Images from another registry: it must be reachable, mirrored and allowed."""
    if was is None or now.get("kind") not in _WORKLOADS:
        return
    old, new = ({_registry(image) for image in _images(item)} for item in (was, now))
    for registry in sorted(new - old):
        text = f"images come from {registry}, and did not before: nodes must reach it, and policies allow it"
        yield Difference(kind="registry-changed", path="$.spec.template.spec.containers", text=text, weight="risky")


def access(was: Object | None, now: Object) -> Iterator[Difference]:
    """Rights: new wildcards, and rights that are gone from a role."""
    kind = now.get("kind")
    if kind in ("ClusterRole", "Role"):
        old, new = (_rights(mapping(item).get("rules")) for item in (was, now))
        for right in sorted(new - old):
            if "*" in right:
                text = f"a new wildcard: {_right_told(right)}"
                yield Difference(kind="rights-wildcard-added", path="$.rules", text=text, weight="risky")
        lost = sorted(right for right in old - new if not _covered(right, new))
        if lost and was is not None:
            more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
            text = f"no longer allowed: {', '.join(map(_right_told, lost[:3]))}{more}"
            weight = "breaking" if _is_aggregated(was) else "note"
            yield Difference(kind="rights-removed", path="$.rules", text=text, weight=weight)
    to = mapping(now.get("roleRef")).get("name")
    if kind == "ClusterRoleBinding" and was is None and to == "cluster-admin":
        text = "a new binding to cluster-admin"
        yield Difference(kind="rights-wildcard-added", path="$.roleRef", text=text, weight="risky")


def security(was: Object | None, now: Object) -> Iterator[Difference]:
    """The level that a namespace holds its pods to."""
    if now.get("kind") != "Namespace" or was is None:
        return
    old, new = (
        str(mapping(mapping(item.get("metadata")).get("labels")).get(_ENFORCE) or "privileged") for item in (was, now)
    )
    if old != new:
        stricter = _LEVELS.get(new, 2) > _LEVELS.get(old, 0)
        text = f"pods here were held to {old} and are to {new}"
        weight = "breaking" if stricter else "risky"
        path = f"$.metadata.labels['{_ENFORCE}']"
        yield Difference(kind="pod-security-changed", path=path, text=text, weight=weight)


def traffic(was: Object | None, now: Object) -> Iterator[Difference]:
    """Ports, types, hosts and classes by which others reach something."""
    if was is None:
        return
    old, new = mapping(was.get("spec")), mapping(now.get("spec"))
    kind = now.get("kind")
    if kind == "Service":
        if (old.get("type") or "ClusterIP") != (new.get("type") or "ClusterIP"):
            text = f"type was {old.get('type') or 'ClusterIP'} and is {new.get('type') or 'ClusterIP'}"
            yield Difference(kind="service-changed", path="$.spec.type", text=text, weight="breaking")
        ports = [{mapping(port).get("port") for port in sequence(spec.get("ports"))} for spec in (old, new)]
        for port in sorted(str(port) for port in ports[0] - ports[1]):
            text = f"port {port} is gone"
            yield Difference(kind="service-changed", path="$.spec.ports", text=text, weight="breaking")
    elif kind == "Ingress":
        if old.get("ingressClassName") != new.get("ingressClassName"):
            text = f"the class was {_told(old.get('ingressClassName'))} and is {_told(new.get('ingressClassName'))}"
            yield Difference(kind="ingress-changed", path="$.spec.ingressClassName", text=text, weight="breaking")
        hosts = [{str(mapping(rule).get("host") or "*") for rule in sequence(spec.get("rules"))} for spec in (old, new)]
        for host in sorted(hosts[0] - hosts[1]):
            text = f"{host} is no longer served"
            yield Difference(kind="ingress-changed", path="$.spec.rules", text=text, weight="breaking")


def _rights(rules: Any) -> set[tuple[str, str, str]]:
    """(group or ``url``, resource or path, verb) for everything that rules allow."""
    found: set[tuple[str, str, str]] = set()
    for rule in rules or ():
        one = mapping(rule)
        for verb in sequence(one.get("verbs")):
            found.update(
                (str(group), str(resource), str(verb))
                for group in sequence(one.get("apiGroups"))
                for resource in sequence(one.get("resources"))
            )
            found.update(("url", str(path), str(verb)) for path in sequence(one.get("nonResourceURLs")))
    return found


def _covered(right: tuple[str, str, str], by: set[tuple[str, str, str]]) -> bool:
    return any(all(have in ("*", want) for have, want in zip(one, right, strict=True)) for one in by)


def _right_told(right: tuple[str, str, str]) -> str:
    group, resource, verb = right
    where = "" if group in ("", "url") else f".{group}"
    return f"{verb} {resource}{where}"


def _is_aggregated(role: Object) -> bool:
    """Whether its rights go into the roles that people have (view, edit, admin)."""
    labels = mapping(mapping(role.get("metadata")).get("labels"))
    return any(str(key).startswith("rbac.authorization.k8s.io/aggregate-to-") for key in labels)


def _images(item: Object) -> Iterator[str]:
    spec = mapping(item.get("spec"))
    if item.get("kind") == "CronJob":
        spec = mapping(mapping(spec.get("jobTemplate")).get("spec"))
    pod = mapping(mapping(spec.get("template")).get("spec"))
    for field in ("initContainers", "containers"):
        for container in sequence(pod.get(field)):
            image = mapping(container).get("image")
            if isinstance(image, str):
                yield image


def _registry(image: str) -> str:
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def _told(value: Any) -> str:
    return "unset" if value is None else "another one" if isinstance(value, Mapping | list) else str(value)
