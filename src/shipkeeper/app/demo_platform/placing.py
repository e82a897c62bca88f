"""Putting the platform's pods onto its nodes: spread over zones, then over nodes, then by free CPU, then by name."""

from __future__ import annotations

from dataclasses import dataclass, field

from shipkeeper.app.demo_platform.naming import TAKEN_MS, before, between, suffix
from shipkeeper.app.demo_platform.parts import POOLS, ZONES, App, Pool
from shipkeeper.model.time import DAY, HOUR, SECOND
from shipkeeper.semantics.quantities import amount


@dataclass
class Machine:
    """One node while pods are being placed. ``free_cpu`` in millicores."""

    name: str
    zone: str
    pool: str
    cpu: int
    memory_gib: int
    tainted: bool
    number: int
    free_cpu: int = 0
    apps: dict[str, int] = field(default_factory=dict)
    volumes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.free_cpu = self.cpu * 1000 - 200


@dataclass(frozen=True)
class Placed:
    """A pod on its node. ``ready_ms`` is when it last turned Ready (or not, for a crashing one)."""

    app: App
    index: int
    name: str
    machine: Machine
    created_ms: int
    ready_ms: int
    crashing: bool = False


CONTROL_PLANE = Pool("cp", 1, 4, 16, tainted=True)


def machines() -> list[Machine]:
    """The 30 nodes, by zone and name."""
    made: list[Machine] = []
    for zone in ZONES:
        for pool in (CONTROL_PLANE, *POOLS):
            for i in range(1, pool.each_zone + 1):
                name = f"{zone}-{pool.name}-{i}"
                made.append(Machine(name, zone, pool.name, pool.cpu, pool.memory_gib, pool.tainted, len(made) + 1))
    return made


def place(app: App, nodes: list[Machine]) -> list[Placed]:
    """Choose a node for every pod of a workload. Raises ValueError when the platform is too small for it."""
    if app.kind == "DaemonSet":
        return [_placed(app, i, node) for i, node in enumerate(nodes)]
    placed = []
    for i in range(app.replicas):
        node = next(n for n in nodes if n.name == app.on[i]) if app.on else _choose(app, nodes)
        placed.append(_placed(app, i, node))
    return placed


def _choose(app: App, nodes: list[Machine]) -> Machine:
    wanted = amount("cpu", app.cpu) if app.cpu else 0
    able = [n for n in nodes if n.pool == app.pool and n.free_cpu >= wanted]
    if app.apart or app.spread == "hostname":
        able = [n for n in able if not n.apps.get(app.key)]
    if not able:
        raise ValueError(f"no node of pool {app.pool} takes another pod of {app.key}")
    in_zone = {zone: sum(n.apps.get(app.key, 0) for n in nodes if n.zone == zone) for zone in ZONES}
    # Without a spread the order of zones is the workload's own, so that not everything begins in the first zone.
    turn = between(0, len(ZONES) - 1, "zone", app.key)
    order = {zone: (i - turn) % len(ZONES) for i, zone in enumerate(ZONES)}
    return min(
        able, key=lambda n: (in_zone[n.zone], n.apps.get(app.key, 0), order[n.zone], -n.free_cpu / n.cpu, n.name)
    )


def _placed(app: App, index: int, node: Machine) -> Placed:
    node.apps[app.key] = node.apps.get(app.key, 0) + 1
    node.free_cpu -= amount("cpu", app.cpu) if app.cpu else 0
    name = _name(app, index, node)
    created = before(app.age_days, app.key, name) if app.age_days else TAKEN_MS - between(2, 8, name) * HOUR
    if app.kind == "DaemonSet":
        created = before(between(9, 33, "boot", node.name), node.name) + between(0, 40, app.key) * SECOND
    crashing = index < app.crashing
    takes = between(app.ready[0] * SECOND, app.ready[1] * SECOND, "ready", app.key, name)
    return Placed(app, index, name, node, created, created + takes - takes % SECOND, crashing)


def _name(app: App, index: int, node: Machine) -> str:
    if app.kind == "StatefulSet":
        return f"{app.name}-{index}"
    if app.kind == "Cluster":
        return f"{app.name}-{index + 1}"
    if app.kind == "Pod":
        return app.name
    if app.kind == "DaemonSet":
        return f"{app.name}-{suffix(5, app.key, node.name)}"
    if app.kind == "Job":
        return f"{app.name}-{suffix(5, app.key)}"
    return f"{app.name}-{template_hash(app)}-{suffix(5, app.key, str(index))}"


def template_hash(app: App) -> str:
    """What a Deployment's ReplicaSet is called after."""
    return suffix(10, "template", app.key, app.version)


def booted_ms(node: Machine) -> int:
    """When the machine last booted."""
    return before(between(9, 33, "boot", node.name), node.name) - 2 * 60 * SECOND


def joined_ms(node: Machine) -> int:
    """When the node joined the cluster."""
    return TAKEN_MS - 212 * DAY - node.number * 97 * SECOND
