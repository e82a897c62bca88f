"""Waiting for a condition, with a reason when it does not come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from .api import Api, Object, condition, controller_of, is_healthy_pod, is_ready

INTERVAL_S = 0.1


def until(check: Callable[[], str | None], timeout_s: float, what: str) -> float:
    """Ask `check` until it returns None; the seconds it took.

    `check` returns what is still missing. Raises AssertionError with the last reason.
    """
    begun = time.monotonic()
    while (missing := check()) is not None:
        if time.monotonic() - begun > timeout_s:
            raise AssertionError(f"{what}: not after {timeout_s:g} s: {missing}")
        time.sleep(INTERVAL_S)
    return time.monotonic() - begun


def nodes_ready(api: Api, count: int, timeout_s: float = 60) -> float:
    """Wait until `count` nodes are Ready and carry no taint."""

    def check() -> str | None:
        nodes = api.list("Node")
        good = [node for node in nodes if is_ready(node) and not node["spec"].get("taints")]
        return None if len(good) >= count else f"{len(good)} of {count} nodes Ready"

    return until(check, timeout_s, "nodes Ready")


def _lacking(kind: str, obj: Object) -> str | None:
    status = obj.get("status") or {}
    if kind == "DaemonSet":
        want, have = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
        if status.get("observedGeneration") != obj["metadata"]["generation"]:
            return f"{kind} {obj['metadata']['name']} not observed"
    elif kind == "Job":
        want, have = obj["spec"].get("parallelism", 1), status.get("ready", 0)
    else:
        want, have = obj["spec"].get("replicas", 1), status.get("readyReplicas", 0)
    if have < want:
        return f"{kind} {obj['metadata']['namespace']}/{obj['metadata']['name']} {have}/{want}"
    return None


def workloads_ready(api: Api, timeout_s: float = 120, ignore: Iterable[tuple[str, str]] = ()) -> float:
    """Wait until every workload has all its pods Ready.

    `ignore` names workloads (namespace, name) that are broken on purpose.
    """
    skipped = set(ignore)

    def check() -> str | None:
        lacking = []
        for kind in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            for obj in api.list(kind):
                meta = obj["metadata"]
                if (meta["namespace"], meta["name"]) not in skipped:
                    lacking.append(_lacking(kind, obj))
        missing = [row for row in lacking if row]
        return f"{len(missing)} workloads: {'; '.join(missing[:5])}" if missing else None

    return until(check, timeout_s, "workloads Ready")


def budgets_settled(api: Api, timeout_s: float = 30, ignore: Iterable[str] = ()) -> float:
    """Wait until every budget's status is about its present spec and counts its pods.

    `ignore` names budgets whose pods have another one too: the controller keeps only one of them up to date.
    """
    skipped = set(ignore)

    def check() -> str | None:
        pods = api.list("Pod")
        for budget in api.list("PodDisruptionBudget"):
            status, meta = budget.get("status") or {}, budget["metadata"]
            if meta["name"] in skipped:
                continue
            if status.get("observedGeneration") != meta["generation"]:
                return f"{meta['name']}: not observed"
            chosen = matching(budget, pods)
            healthy = sum(is_healthy_pod(pod) for pod in chosen)
            if status.get("currentHealthy") != healthy:
                seen = status.get("currentHealthy")
                return f"{meta['namespace']}/{meta['name']}: says {seen}, pods say {healthy}"
        return None

    return until(check, timeout_s, "budgets settled")


def matching(budget: Object, pods: Iterable[Object]) -> list[Object]:
    """The pods that a budget selects (labels and expressions; absent selects none)."""
    selector = budget["spec"].get("selector")
    if selector is None:
        return []
    namespace = budget["metadata"]["namespace"]
    return [
        pod
        for pod in pods
        if pod["metadata"]["namespace"] == namespace and selects(selector, pod["metadata"].get("labels") or {})
    ]


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a label selector selects these labels."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for row in selector.get("matchExpressions") or []:
        key, operator, values = row["key"], row["operator"], row.get("values") or []
        good = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }[operator]
        if not good:
            return False
    return True


def boot_id(api: Api, node: str) -> str:
    """The boot id that a node reports."""
    return str(api.get("Node", node)["status"]["nodeInfo"]["bootID"])


def rebooted(api: Api, node: str, before: str, timeout_s: float = 60) -> float:
    """Wait until a node has another boot id than `before` and is Ready."""

    def check() -> str | None:
        found = api.get("Node", node)
        if found["status"]["nodeInfo"]["bootID"] == before:
            return f"boot id is still {before}, Ready {condition(found, 'Ready')}"
        return None if is_ready(found) else f"Ready {condition(found, 'Ready')}"

    return until(check, timeout_s, f"{node} rebooted")


def daemons_ready(api: Api, node: str, timeout_s: float = 30) -> float:
    """Wait until every DaemonSet and mirror pod of a node is Ready."""

    def check() -> str | None:
        for pod in api.list("Pod", fieldSelector=f"spec.nodeName={node}"):
            if is_daemon(pod) and not is_ready(pod):
                return f"{pod['metadata']['name']} is not Ready"
        return None

    return until(check, timeout_s, f"daemon pods of {node} Ready")


def is_daemon(pod: Object) -> bool:
    """Whether a pod stays on its node through a drain: a DaemonSet's, or a mirror pod."""
    annotations = pod["metadata"].get("annotations") or {}
    owner = controller_of(pod)
    return "kubernetes.io/config.mirror" in annotations or (owner is not None and owner[0] == "DaemonSet")
