"""What an inventory tells about a task: which versions run, how long nodes are up, whether the task applies at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.nodes import Node
from shipkeeper.model.time import DAY, format_duration

_IMAGES = {
    "trivy-db": "trivy",
    "falco-rules": "falco",
    "tracee-policies": "tracee",
    "kyverno-policies": "kyverno",
    "keycloak": "keycloak",
}
"""Task id → the name of the image that the component runs from."""

_REBOOT_NEEDED = "weave.works/kured-most-recent-reboot-needed"
_FLATCAR = "flatcar-linux-update.v1.flatcar-linux.net/reboot-needed"


class Seen(Struct, frozen=True):
    """``applies`` False: the inventory was read and has nothing of the kind. ``text``: what is seen; may be empty."""

    applies: bool = True
    text: str = ""
    wants: bool = False
    """Something seen asks for the task now."""


def look(task: str, action: str, inventory: Inventory | None, now_ms: int) -> Seen:
    """What the inventory says about a task, by its id and action."""
    if inventory is None:
        return Seen()
    if task == "talos":
        return _talos(inventory.nodes)
    if action == "nodes":
        return _nodes(inventory, now_ms)
    if task == "kubernetes":
        return _kubernetes(inventory)
    if task in _IMAGES and not inventory.is_missing("pods"):
        return _component(_IMAGES[task], inventory)
    return Seen()


def _talos(nodes: Sequence[Node]) -> Seen:
    images = Counter(node.info.os_image for node in nodes if node.info.os_image.startswith("Talos"))
    if not images:
        return Seen(applies=not nodes, text="no node here runs Talos" if nodes else "")
    return Seen(text="runs " + ", ".join(f"{image} ({count})" for image, count in sorted(images.items())))


def _nodes(inventory: Inventory, now_ms: int) -> Seen:
    """Reboots wanted, kernels in use, and how long nodes have been Ready without a break."""
    nodes = inventory.nodes
    if not nodes:
        return Seen()
    parts = [_reboots(nodes)]
    kernels = Counter(node.info.kernel for node in nodes if node.info.kernel)
    if kernels:
        named = ", ".join(f"{kernel} ({count})" for kernel, count in sorted(kernels.items()))
        parts.append(f"kernel{'s' if len(kernels) > 1 else ''} {named}")
    since = sorted(
        (condition.since_ms, node.name)
        for node in nodes
        if (condition := node.condition("Ready")) is not None and condition.status == "True" and condition.since_ms
    )
    if since and now_ms >= since[0][0]:
        parts.append(f"longest Ready without a break: {since[0][1]}, {_age(now_ms - since[0][0])}")
    wants = any(_wants(node) for node in nodes)
    return Seen(text="; ".join(parts), wants=wants)


def _reboots(nodes: Sequence[Node]) -> str:
    wanting = [node.name for node in nodes if _wants(node)]
    told = [node for node in nodes if _REBOOT_NEEDED in node.annotations or _FLATCAR in node.annotations]
    if wanting:
        return f"{len(wanting)} of {len(nodes)} nodes want a reboot"
    if len(told) == len(nodes):
        return "no node wants a reboot"
    return "whether nodes want a reboot is unknown: nothing in this API tells it"


def _wants(node: Node) -> bool:
    return bool(node.annotations.get(_REBOOT_NEEDED)) or node.annotations.get(_FLATCAR) == "true"


def _kubernetes(inventory: Inventory) -> Seen:
    kubelets = Counter(node.info.kubelet for node in inventory.nodes if node.info.kubelet)
    server = inventory.identity.server_version
    parts = [f"API server {server}"] if server else []
    if kubelets and (len(kubelets) > 1 or server not in kubelets):
        parts.append("kubelets " + ", ".join(f"{version} ({count})" for version, count in sorted(kubelets.items())))
    return Seen(text=", ".join(parts))


def _component(image: str, inventory: Inventory) -> Seen:
    """Whether a component runs, and at which versions, by its images' names."""
    shapes = inventory.pods.shapes
    tags = sorted(
        {
            f"{name} {tag}".strip()
            for shape in shapes
            for name, tag in map(_split, shape.images)
            if image in name.split("-") or name == image
        }
    )
    if not tags:
        if inventory.is_missing("other-namespaces"):
            return Seen(text=f"no {image} in the namespaces that were read; others were not")
        return Seen(applies=False, text=f"no {image} runs in this inventory")
    return Seen(text="runs " + ", ".join(tags[:3]) + (f" and {len(tags) - 3} more" if len(tags) > 3 else ""))


def _split(image: str) -> tuple[str, str]:
    """(last part of the name, tag) of an image reference."""
    last = image.partition("@")[0].rpartition("/")[2]
    name, _, tag = last.partition(":")
    return name, tag


def _age(age_ms: int) -> str:
    days = age_ms // DAY
    return f"{days} days" if days > 1 else format_duration(age_ms)
