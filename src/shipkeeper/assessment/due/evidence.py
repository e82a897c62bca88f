"""What an inventory tells about a task: what runs, how long reboots wait, which releases are not well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct

from shipkeeper.assessment.due.upkeep import Upkeep
from shipkeeper.model.facts import NodeFacts
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.nodes import Node
from shipkeeper.model.schedule import Task
from shipkeeper.model.time import DAY, format_duration

_REBOOT_NEEDED = "weave.works/kured-most-recent-reboot-needed"
_FLATCAR = "flatcar-linux-update.v1.flatcar-linux.net/reboot-needed"
_CHARTS = "helm-charts"
_NOT_WELL = ("failed", "pending-install", "pending-upgrade", "pending-rollback", "unknown")
_MOST_NAMES = 3
_ABOUT: Mapping[str, str] = {
    "trivy-db": "Trivy",
    "falco-rules": "Falco",
    "tracee-policies": "Tracee",
    "kyverno-policies": "Kyverno",
    "keycloak": "Keycloak",
}
"""Rows that do not apply where nothing of the kind runs, with the words for it."""


class Seen(Struct, frozen=True):
    """``applies`` False: the inventory was read and has nothing of the kind. ``text``: what is seen; may be empty."""

    applies: bool = True
    text: str = ""
    wants: bool = False
    """Something seen asks for the task now."""


def look(
    task: Task,
    inventory: Inventory | None,
    upkeep: Mapping[str, Upkeep],
    now_ms: int,
    wanting: Sequence[str] = (),
) -> Seen:
    """What the inventory says about a task. ``wanting``: products with a row of their own that want an update."""
    if inventory is None:
        return Seen()
    if task.id == "talos":
        return _talos(inventory.nodes)
    if task.action == "nodes":
        return _nodes(inventory, now_ms)
    if task.id == _CHARTS:
        return _charts(inventory, [id for id in wanting if _CHARTS in upkeep[id].running.tasks])
    if task.id in _ABOUT and not inventory.is_missing("pods"):
        return _component(task, inventory, upkeep)
    return Seen()


def _talos(nodes: Sequence[Node]) -> Seen:
    images = Counter(node.info.os_image for node in nodes if node.info.os_image.startswith("Talos"))
    if not images:
        return Seen(applies=not nodes, text="no node here runs Talos" if nodes else "")
    return Seen(text="runs " + ", ".join(f"{image} ({count})" for image, count in sorted(images.items())))


def _component(task: Task, inventory: Inventory, upkeep: Mapping[str, Upkeep]) -> Seen:
    """Whether what the row is about runs here, and at which versions."""
    mine = [one for one in upkeep.values() if task.id in one.running.tasks and one.running.seen]
    if mine:
        named = [f"{one.running.name} {', '.join(one.running.versions) or 'of unknown version'}" for one in mine]
        return Seen(text=f"runs {' and '.join(named)}" if task.product == "" else "")
    name = _ABOUT[task.id]
    if inventory.is_missing("other-namespaces"):
        return Seen(text=f"no {name} in the namespaces that were read; others were not")
    return Seen(applies=False, text=f"no {name} runs in this inventory")


def _nodes(inventory: Inventory, now_ms: int) -> Seen:
    """Reboots wanted and since when, updates that wait, kernels in use, and how long nodes have been Ready."""
    nodes = inventory.nodes
    if not nodes:
        return Seen()
    facts = {fact.node: fact for fact in inventory.node_facts}
    wanting = [node for node in nodes if _wants(node, facts.get(node.name))]
    parts = [_reboots(nodes, wanting, facts, now_ms), *_updates(nodes, facts)]
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
    return Seen(text="; ".join(parts), wants=bool(wanting))


def _reboots(nodes: Sequence[Node], wanting: Sequence[Node], facts: Mapping[str, NodeFacts], now_ms: int) -> str:
    told = [
        node
        for node in nodes
        if _REBOOT_NEEDED in node.annotations or _FLATCAR in node.annotations or _known(facts.get(node.name))
    ]
    silent = len(nodes) - len(told)
    rest = f" ({silent} did not tell)" if silent else ""
    if wanting:
        since = [fact.reboot_since_ms for node in wanting if (fact := facts.get(node.name)) and fact.reboot_since_ms]
        oldest = f", oldest for {_age(now_ms - min(since))}" if since else ""
        return f"{len(wanting)} of {len(nodes)} nodes want a reboot{oldest}{rest}"
    if not silent:
        return "no node wants a reboot"
    return "whether nodes want a reboot is unknown: nothing in this API tells it" + (
        f" for {silent} of {len(nodes)}" if told else ""
    )


def _updates(nodes: Sequence[Node], facts: Mapping[str, NodeFacts]) -> list[str]:
    mine = [fact for node in nodes if (fact := facts.get(node.name)) is not None]
    waiting = [fact for fact in mine if fact.pending_security]
    parts = []
    if waiting:
        total = sum(fact.pending_security or 0 for fact in waiting)
        parts.append(f"{total} security updates wait on {len(waiting)} nodes")
    off = [fact.node for fact in mine if fact.automatic_security is False]
    if off:
        parts.append(f"automatic security updates are off on {_listed(off)}")
    return parts


def _known(fact: NodeFacts | None) -> bool:
    return fact is not None and fact.reboot_required is not None


def _wants(node: Node, fact: NodeFacts | None) -> bool:
    if fact is not None and fact.reboot_required is not None:
        return fact.reboot_required
    return bool(node.annotations.get(_REBOOT_NEEDED)) or node.annotations.get(_FLATCAR) == "true"


def _charts(inventory: Inventory, wanting: Sequence[str]) -> Seen:
    """Updates that wait, releases that are not well, and charts that update themselves unplanned."""
    parts = []
    if wanting:
        few = len(wanting) == 1
        parts.append(f"{len(wanting)} component{'' if few else 's'} below want{'s' if few else ''} an update")
    if inventory.updates:
        named = [f"{one.dependency} {one.current} → {one.proposed}".replace("  ", " ") for one in inventory.updates]
        parts.append(f"{len(named)} updates proposed: {_listed(named)}")
    broken = [f"{one.namespace}/{one.name} {one.status}" for one in inventory.releases if one.status in _NOT_WELL]
    if broken:
        parts.append(f"not deployed: {_listed(broken)}")
    loose = [f"{one.namespace}/{one.name} {one.version}" for one in inventory.flux if one.pinned is False and one.chart]
    if loose:
        parts.append(f"not pinned, so updates come unplanned: {_listed(loose)}")
    if inventory.releases:
        parts.append(f"{len(inventory.releases)} releases run")
    elif inventory.is_missing("releases"):
        parts.append("releases could not be read")
    return Seen(text="; ".join(parts), wants=bool(wanting or inventory.updates or broken))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _age(age_ms: int) -> str:
    days = age_ms // DAY
    return f"{days} days" if days > 1 else format_duration(age_ms)
