"""Which images pods run, counted while pods are read: the name that people wrote, and the digest that a node pulled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shipkeeper.model.facts import ImageUse

if TYPE_CHECKING:
    from shipkeeper.semantics.wire.pods import WireContainerStatus, WirePod

_ENDED = ("Succeeded", "Failed")


class ImageTally:
    """Collects images pod by pod; keeps one number a distinct (image, digest, namespace)."""

    def __init__(self) -> None:
        self._pods: dict[tuple[str, str, str], int] = {}

    def add(self, wire: WirePod) -> None:
        """Count the images of one pod."""
        spec, status = wire.spec, wire.status
        if spec is None:
            return
        namespace = wire.metadata.namespace or "default"
        ids: dict[str, str] = {}
        if status is not None:
            _note(ids, status.container_statuses)
            _note(ids, status.init_container_statuses)
        runs = 0 if status is not None and status.phase in _ENDED else 1
        pods, seen = self._pods, set()
        for containers in (spec.containers, spec.init_containers):
            for container in containers or ():
                if container.image:
                    key = (container.image, ids.get(container.name or "", ""), namespace)
                    if key not in seen:
                        seen.add(key)
                        pods[key] = pods.get(key, 0) + runs

    def build(self) -> tuple[ImageUse, ...]:
        """Every image by name. A pod with two digests of one image (a moved tag) counts under both."""
        found: dict[str, tuple[set[str], set[str], int]] = {}
        for (image, image_id, namespace), count in self._pods.items():
            digests, namespaces, pods = found.get(image, (set(), set(), 0))
            digest = digest_of(image_id)
            if digest:
                digests.add(digest)
            namespaces.add(namespace)
            found[image] = digests, namespaces, pods + count
        return tuple(
            ImageUse(image, tuple(sorted(digests)), pods, tuple(sorted(namespaces)))
            for image, (digests, namespaces, pods) in sorted(found.items())
        )


def digest_of(image_id: str) -> str:
    """The registry's digest in what a node reports; empty for an id that only that node knows."""
    _, mark, digest = image_id.rpartition("@")
    return digest if mark else ""


def with_declared(images: Iterable[ImageUse], declared: Iterable[tuple[str, str]]) -> tuple[ImageUse, ...]:
    """Add images that workloads ask for, as (image, namespace), though no pod is there: scaled to zero, a CronJob."""
    found = {item.image: item for item in images}
    for image, namespace in declared:
        known = found.get(image) or ImageUse(image)
        if namespace not in known.namespaces:
            namespaces = tuple(sorted({*known.namespaces, namespace}))
            found[image] = ImageUse(image, known.digests, known.pods, namespaces)
    return tuple(found[name] for name in sorted(found))


def _note(ids: dict[str, str], statuses: list[WireContainerStatus] | None) -> None:
    for item in statuses or ():
        if item.name and item.image_id:
            ids[item.name] = item.image_id
