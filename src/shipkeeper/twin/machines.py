"""Machines: a reboot as the API server sees it, and what happens when it takes too long.

Source: ``pkg/controller/nodelifecycle`` (monitor period 5 s, grace 40 s, 50 s since Kubernetes 1.32; then Ready
Unknown, the ``unreachable`` taint, and every pod of the node not Ready; pods with the default toleration are deleted
300 s later, past any budget).
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from shipkeeper.model.nodes import Node, NodeCondition, Taint
from shipkeeper.model.pods import Toleration
from shipkeeper.model.storage import CsiNode
from shipkeeper.semantics.hosts import REBOOT_CONDITIONS
from shipkeeper.semantics.taints import DAEMON_TOLERATIONS, NOT_READY, UNREACHABLE, removed_after_ms
from shipkeeper.twin.kubelet import Kubelets
from shipkeeper.twin.world import World, as_quantiles

_GRACE_MS = 40_000
_GRACE_FROM_132_MS = 50_000
_LIFECYCLE = (UNREACHABLE, NOT_READY)


class Machines:
    """Power, boot ids and node conditions. An event is void once its node's epoch has moved on."""

    def __init__(self, world: World, kubelets: Kubelets, delete: Callable[[int, str], None]) -> None:
        self._world, self._kubelets, self._delete = world, kubelets, delete
        self._epoch = [0] * len(world.nodes)
        self._boots = [0] * len(world.nodes)
        self._away = bytearray(len(world.nodes))
        """A reboot was asked for and the node has not returned."""
        self._stream = world.entropy.stream("machines")
        self._shutdown = world.lag("machines", world.settings.shutdown_ms)
        self._early = world.lag("machines", world.settings.registered_before_ready_ms)
        self._drivers_return = world.lag("machines", world.settings.daemon_readiness_ms)
        self._surveyed = {item.name: item for item in world.base.inventory.csi_nodes}
        self.csi: dict[str, CsiNode] = dict(self._surveyed)
        self.on_returned: list[Callable[[int], None]] = []
        grace = world.settings.node_monitor_grace_ms
        self.grace_ms = grace if grace is not None else (_GRACE_FROM_132_MS if world.minor >= 32 else _GRACE_MS)

    def reboot(self, node: int) -> None:
        """The machine was asked to reboot; asked again while it is away, it takes that as one."""
        world = self._world
        if self._away[node]:
            return
        self._away[node] = 1
        boot = self._boots[node] = self._boots[node] + 1
        epoch = self._bump(node)
        drawn = as_quantiles(world.timings.reboot_seconds).at(self._stream.at(node, boot << 3))
        takes = world.faults.reboot_ms(world.nodes[node].name, drawn)
        down = min(takes, self._shutdown.ms(node, (boot << 3) | 1))
        early = self._early.ms(node, (boot << 3) | 2)
        world.kernel.call_after(down, self._goes_down, node, epoch)
        world.kernel.call_after(max(down, takes - early), self._registers, node, epoch)
        world.kernel.call_after(takes, self._returns, node, epoch)

    def _goes_down(self, node: int, epoch: int) -> None:
        if self._epoch[node] != epoch:
            return
        world, settings = self._world, self._world.settings
        world.power(node, False)
        self._kubelets.machine_down(node)
        bits = self._stream.at(node, (self._boots[node] << 3) | 3)
        age = (bits & 0xFFFFFFFF) % settings.heartbeat_ms
        late = (bits >> 32) % settings.monitor_period_ms
        world.kernel.call_after(max(0, self.grace_ms - age) + late, self._is_lost, node, epoch)

    def _is_lost(self, node: int, epoch: int) -> None:
        """No heartbeat within the grace period: the node controller says Unknown and taints the node."""
        world = self._world
        if self._epoch[node] != epoch or world.up[node]:
            return
        now = replace(
            world.nodes[node],
            conditions=_ready(world.nodes[node], "Unknown", "NodeStatusUnknown", world.now),
            taints=_tainted(world.nodes[node], UNREACHABLE),
        )
        world.set_node(node, now, "unknown")
        pods = world.pods
        for row in list(world.occupancy.on_node[node]):
            if pods.finished(row):
                continue
            pods.set_ready(row, False)
            wait = removed_after_ms(now.taints, self._tolerations(row))
            if wait is not None and not pods.mirror[row]:
                world.kernel.call_after(wait, self._remove, row, node, epoch)

    def _tolerations(self, row: int) -> tuple[Toleration, ...]:
        """The pod's tolerations; daemon pods have those that their controller adds."""
        base = self._world.base
        group = base.groups[self._world.pods.group[row]]
        daemon = base.is_daemon(group)
        return (*group.shape.tolerations, *DAEMON_TOLERATIONS) if daemon else group.shape.tolerations

    def _remove(self, row: int, node: int, epoch: int) -> None:
        """The taint manager deletes a pod whose toleration has run out. No budget is asked."""
        world = self._world
        if self._epoch[node] == epoch and not world.up[node] and world.pods.active(row):
            self._delete(row, "taint")

    def _registers(self, node: int, epoch: int) -> None:
        """The kubelet is back and reports the new boot, not Ready yet."""
        world = self._world
        if self._epoch[node] != epoch:
            return
        world.power(node, True)
        before = _rested(world.nodes[node], world.now)
        info = replace(before.info, boot_id=self._boot_id(node))
        world.set_node(
            node,
            replace(
                before,
                info=info,
                conditions=_ready(before, "False", "KubeletNotReady", world.now),
                taints=_tainted(before, NOT_READY),
            ),
            "registers",
        )
        known = self.csi.get(before.name)
        if known is not None:
            self.csi[before.name] = replace(known, drivers=())
        self._kubelets.machine_registers(node)

    def _returns(self, node: int, epoch: int) -> None:
        world = self._world
        if self._epoch[node] != epoch:
            return
        self._away[node] = 0
        before = world.nodes[node]
        taints = tuple(taint for taint in before.taints if taint.key not in _LIFECYCLE)
        ready = replace(before, conditions=_ready(before, "True", "KubeletReady", world.now), taints=taints)
        world.set_node(node, ready, "returns")
        self._kubelets.machine_returns(node)
        delay = self._drivers_return.ms(node, (self._boots[node] << 3) | 4)
        world.kernel.call_after(delay, self._drivers, node, epoch)
        for listener in self.on_returned:
            listener(node)

    def _drivers(self, node: int, epoch: int) -> None:
        """The CSI drivers' daemon pods have registered again."""
        surveyed = self._surveyed.get(self._world.nodes[node].name)
        if self._epoch[node] == epoch and surveyed is not None:
            self.csi[surveyed.name] = surveyed
            self._world.trace.note("drivers", surveyed.name)

    def _boot_id(self, node: int) -> str:
        name = self._world.nodes[node].name
        high = self._world.entropy.bits("boot", f"{name}/{self._boots[node]}/a")
        low = self._world.entropy.bits("boot", f"{name}/{self._boots[node]}/b")
        text = f"{high:016x}{low:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def _bump(self, node: int) -> int:
        self._epoch[node] += 1
        return self._epoch[node]


def _ready(node: Node, status: str, reason: str, now_ms: int) -> tuple[NodeCondition, ...]:
    others = tuple(c for c in node.conditions if c.type != "Ready")
    return (*others, NodeCondition("Ready", status, reason, now_ms))


def _rested(node: Node, now_ms: int) -> Node:
    """The node without a wish for a reboot: what asks for one lies under ``/run``, which a boot empties."""
    conditions = tuple(
        NodeCondition(item.type, "False", "", now_ms)
        if item.type in REBOOT_CONDITIONS and item.status == "True"
        else item
        for item in node.conditions
    )
    return replace(node, conditions=conditions)


def _tainted(node: Node, key: str) -> tuple[Taint, ...]:
    others = tuple(taint for taint in node.taints if taint.key not in _LIFECYCLE)
    return (*others, Taint(key, "NoSchedule"), Taint(key, "NoExecute"))
