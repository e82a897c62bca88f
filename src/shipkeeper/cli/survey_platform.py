"""The platform in ``survey``'s table: what runs in which version, and what is not as it should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from shipkeeper.model.facts import NodeFacts
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.releases import FluxObject, Release
from shipkeeper.model.time import format_duration, iso

_MOST = 12
"""Names in one line; the rest is counted."""


class Section(Struct, frozen=True):
    """A table with its title, or lines with one."""

    title: str
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def versions(inventory: Inventory) -> list[str]:
    """Lines that say what Kubernetes itself runs in."""
    lines = []
    parts = _by_word((item.component, item.version or "version not told") for item in inventory.control_plane)
    if parts:
        lines.append("Control plane: " + " · ".join(f"{name} {_counted(words)}" for name, words in parts.items()))
    infos = [node.info for node in inventory.nodes]
    for title, words in (
        ("Kubelets", [info.kubelet for info in infos]),
        ("Node OS", [info.os_image for info in infos]),
        ("Kernels", [info.kernel for info in infos]),
        ("Runtimes", [info.runtime for info in infos]),
    ):
        known = Counter(word for word in words if word)
        if known:
            lines.append(f"{title}: {_counted(known)}")
    if inventory.nodes:
        lines.append(f"Hosts: {hosts(inventory.node_facts, inventory.taken_ms)}")
    return lines


def hosts(facts: Sequence[NodeFacts], now_ms: int) -> str:
    """What is known of the nodes' own updates, in one sentence."""
    told = [item for item in facts if item.pending_updates is not None or item.pending_security is not None]
    answered = [item for item in facts if item.reboot_required is not None]
    waiting = [item for item in answered if item.reboot_required]
    since = min((item.reboot_since_ms for item in waiting if item.reboot_since_ms), default=0)
    parts = []
    if answered:
        oldest = f", the longest for {format_duration(now_ms - since)}" if since and since < now_ms else ""
        parts.append(f"{len(waiting)} of {len(answered)} need a reboot{oldest}")
    if told:
        updates = sum(item.pending_updates or 0 for item in told)
        security = sum(item.pending_security or 0 for item in told)
        parts.append(f"{updates} updates pending on {len(told)}, {security} of them security updates")
    manual = [item for item in facts if item.automatic_security is False]
    if manual:
        parts.append(f"security updates are not automatic on {len(manual)}")
    silent = sum(item.reboot_required is None and item.pending_updates is None for item in facts)
    if silent:
        parts.append(f"unknown on {silent}: nothing tells (--facts does)")
    return "; ".join(parts) or "unknown"


def sections(inventory: Inventory) -> Iterator[Section]:
    """Tables of what runs and of what is not as it should be; none for what there is nothing of."""
    if inventory.releases:
        rows = tuple(_release(item) for item in inventory.releases)
        yield Section("Helm releases", ("RELEASE", "CHART", "APP", "STATUS", "RUN BY"), rows)
    troubled = [item for item in inventory.flux if item.suspended or item.stalled or item.ready not in ("True", "")]
    if troubled:
        rows = tuple((f"{item.kind} {item.namespace}/{item.name}", _state(item), _reason(item)) for item in troubled)
        yield Section("Flux objects that are not ready", ("OBJECT", "STATE", "WHY"), rows)
    loose = [item for item in inventory.flux if item.pinned is False and item.kind in ("HelmRelease", "HelmChart")]
    if loose:
        rows = tuple((f"{item.kind} {item.namespace}/{item.name}", item.chart, item.version) for item in loose)
        yield Section("Not pinned: Flux updates them by itself", ("OBJECT", "CHART", "VERSIONS"), rows)
    yield from _operands(inventory)
    stuck = [crd for crd in inventory.crds if len(crd.stored_versions) > 1]
    if stuck:
        rows = tuple((crd.name, ", ".join(crd.stored_versions), _brought(crd.managed_by, crd.owner)) for crd in stuck)
        yield Section("CRDs with objects in several stored versions", ("CRD", "STORED", "BROUGHT BY"), rows)
    if inventory.deprecated_requests:
        rows = tuple(
            (
                f"{item.resource}.{item.group}" if item.group else item.resource,
                item.version,
                item.removed_release or "open",
            )
            for item in inventory.deprecated_requests
        )
        yield Section("Deprecated APIs in use", ("RESOURCE", "VERSION", "GONE IN"), rows)


def _operands(inventory: Inventory) -> Iterator[Section]:
    rows = [
        (f"PostgreSQL {item.namespace}/{item.name}", item.version or "unknown", item.phase or "unknown")
        for item in inventory.database_clusters
    ]
    rows += [
        (f"Keycloak {item.namespace}/{item.name}", item.version or "its operator's", _ready(item.ready, item.current))
        for item in inventory.identity_servers
    ]
    if rows:
        yield Section("Databases and identity", ("WHAT", "VERSION", "STATE"), tuple(rows))
    bad = [
        (f"{item.tool} {item.namespace}/{item.name}", item.phase or "unknown", item.failure)
        for item in inventory.backups
        if not item.completed
    ]
    bad += [
        (f"{item.tool} {item.namespace}/{item.name}", item.phase, f"validated {iso(item.validated_ms)}")
        for item in inventory.backup_locations
        if item.phase and item.phase != "Available"
    ]
    if bad:
        yield Section(
            "Backups that have not completed, and locations out of reach", ("WHAT", "PHASE", "WHY"), tuple(bad)
        )
    worst = [item for item in inventory.vulnerability_reports if item.critical]
    if worst:
        worst.sort(key=lambda item: (-item.critical, -item.high, item.namespace, item.workload))
        shown = tuple(
            (f"{item.namespace}/{item.workload}", f"{item.repository}:{item.tag}", str(item.critical), str(item.high))
            for item in worst[:_MOST]
        )
        title = "Images with critical vulnerabilities" + (f" ({len(worst)}, the worst)" if len(worst) > _MOST else "")
        yield Section(title, ("WORKLOAD", "IMAGE", "CRITICAL", "HIGH"), shown)


def _release(item: Release) -> tuple[str, ...]:
    status = item.status
    if status != "deployed" and item.deployed_revision and item.deployed_revision != item.revision:
        status += f" (revision {item.revision}; {item.deployed_revision} was deployed)"
    if not item.whole:
        status += f" (by its {item.storage.replace('-', ' ')})"
    chart = f"{item.chart} {item.chart_version}".strip() or "unknown"
    run_by = f"Flux {item.owner}" if item.owner else "unknown" if not item.whole else "not Flux"
    return f"{item.namespace}/{item.name}", chart, item.app_version or "unknown", status, run_by


def _state(item: FluxObject) -> str:
    if item.suspended:
        return "suspended"
    if item.stalled:
        return "stalled"
    return {"False": "not ready", "Unknown": "unknown"}.get(item.ready, item.ready)


def _reason(item: FluxObject) -> str:
    reason = item.stalled_reason or item.reason
    return ": ".join(part for part in (reason, item.message) if part)


def _ready(ready: str, current: bool) -> str:
    word = {"True": "ready", "False": "not ready"}.get(ready, "unknown")
    return word if current or ready != "True" else "unknown (its status is of an older spec)"


def _brought(managed_by: str, owner: str) -> str:
    return f"{managed_by} {owner}".strip()


def _by_word(pairs: Iterable[tuple[str, str]]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for name, word in pairs:
        found.setdefault(name, Counter())[word] += 1
    return found


def _counted(words: Counter[str]) -> str:
    """``v1.34.4 (28), v1.33.1 (2)``, the most frequent first."""
    told = [f"{word} ({count})" for word, count in sorted(words.items(), key=lambda pair: (-pair[1], pair[0]))]
    more = f" and {len(told) - _MOST} more" if len(told) > _MOST else ""
    return ", ".join(told[:_MOST]) + more
