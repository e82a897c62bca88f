"""What the scheduler reserves for a pod.

The formula of ``k8s.io/component-helpers/resource`` (PodRequests): the larger of what runs together and what
initialisation needs, plus overhead. Sidecars are init containers with ``restartPolicy: Always``: they stay, so each
counts for the main containers and for every init container after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from shipkeeper.semantics.wire.podspec import WireContainer, WirePodSpec, WireResources
from shipkeeper.semantics.wire.raw import amounts_of


def container_requests(resources: WireResources | None) -> dict[str, int]:
    """Requests of one container; a limit stands for a request that is not given, as the API server defaults it."""
    if resources is None:
        return {}
    return {**amounts_of(resources.limits), **amounts_of(resources.requests)}


def is_sidecar(container: WireContainer) -> bool:
    """Whether an init container keeps running beside the main ones."""
    return container.restart_policy == "Always"


def running_together(spec: WirePodSpec) -> list[WireContainer]:
    """Main containers, then sidecars."""
    return [*(spec.containers or ()), *(item for item in spec.init_containers or () if is_sidecar(item))]


def pod_requests(spec: WirePodSpec) -> dict[str, int]:
    """Requests of the whole pod in model units, by resource name in order; zeros are left out."""
    total = _sum(container_requests(item.resources) for item in spec.containers or ())
    sidecars: dict[str, int] = {}
    starting: dict[str, int] = {}
    for item in spec.init_containers or ():
        own = container_requests(item.resources)
        if is_sidecar(item):
            total, sidecars = _sum((total, own)), _sum((sidecars, own))
            starting = _larger(starting, sidecars)
        else:
            starting = _larger(starting, _sum((own, sidecars)))
    total = _larger(total, starting)
    total.update(container_requests(spec.resources))
    total = _sum((total, amounts_of(spec.overhead)))
    return {name: total[name] for name in sorted(total) if total[name]}


def without_requests(spec: WirePodSpec, running: Sequence[WireContainer]) -> int:
    """How many of these containers have no CPU or no memory request; none when the pod itself has both."""
    if _has_both(container_requests(spec.resources)):
        return 0
    return sum(not _has_both(container_requests(item.resources)) for item in running)


def _has_both(requests: Mapping[str, int]) -> bool:
    return bool(requests.get("cpu")) and bool(requests.get("memory"))


def _sum(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, 0) + value
    return total


def _larger(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}
