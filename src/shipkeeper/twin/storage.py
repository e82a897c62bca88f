"""Volumes: attached to one node before a pod starts, detached after it left. Moving one costs this time.

Source: Kubernetes documentation, "Persistent Volumes" (access modes) and the attach/detach controller: a
ReadWriteOnce volume is attached elsewhere only after it was detached, hence the wait.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from shipkeeper.model.storage import Volume, VolumeAttachment
from shipkeeper.semantics.volumes import Storage as Claims
from shipkeeper.semantics.volumes import single_node_claims
from shipkeeper.twin.quantiles import Lag
from shipkeeper.twin.world import World

_Key = tuple[str, int]


class Volumes:
    """Attachments by (volume, node), who uses them, and who waits for them."""

    def __init__(self, world: World, claims: Claims) -> None:
        self._world, self._claims = world, claims
        self.attachments: dict[_Key, VolumeAttachment] = {}
        self._users: dict[_Key, dict[int, None]] = {}
        self.by_node: list[dict[str, Volume]] = [{} for _ in world.nodes]
        """Volumes that pods of a node use, by name."""
        self._holders: dict[str, int] = {}
        """Volume → nodes it is attached to, or on its way to."""
        self._waiting: dict[str, dict[int, None]] = {}
        """Volume → rows whose node it is not attached to yet, oldest first."""
        self._pending: dict[int, int] = {}
        """Row → volumes it still waits for."""
        self._began: dict[int, int] = {}
        self._of_group: dict[int, tuple[tuple[Volume, bool], ...]] = {}
        self._attaches = world.lag("volumes", world.settings.attach_ms)
        self._detaches = world.lag("volumes", world.settings.detach_ms)
        self._draws = 0
        self.when_attached: Callable[[int, int], None] = lambda row, began_ms: None
        inventory = world.base.inventory
        self._attachers = {item.attacher for item in inventory.attachments}
        self._told = bool(inventory.attachments) or not inventory.is_missing("volumeattachments")
        for item in inventory.attachments:
            node = world.base.node_index.get(item.node, -1)
            if node >= 0:
                self._put(item.volume or item.name, node, item)
        self._load()

    def on_node(self, node: int) -> tuple[VolumeAttachment, ...]:
        """Attachments of one node, sorted by name."""
        return tuple(sorted((a for (_, at), a in self.attachments.items() if at == node), key=lambda a: a.name))

    def all(self) -> tuple[VolumeAttachment, ...]:
        """Every attachment, sorted by name."""
        return tuple(sorted(self.attachments.values(), key=lambda a: a.name))

    def count(self, node: int, driver: str) -> int:
        """Volumes of that driver that pods of the node use."""
        return sum(1 for volume in self.by_node[node].values() if volume.driver == driver)

    def needed(self, row: int) -> bool:
        """Whether the pod mounts anything that has to be attached."""
        return bool(self._volumes(row))

    def want(self, row: int) -> None:
        """The pod was bound: attach what it mounts; ``when_attached(row, began_ms)`` is called at the end."""
        volumes = self._volumes(row)
        node = self._world.pods.node[row]
        missing = 0
        for volume, _ in volumes:
            self._use(volume, node, row)
            attachment = self.attachments.get((volume.name, node))
            if attachment is None or not attachment.attached:
                missing += 1
        self._pending[row] = missing
        self._began[row] = self._world.now
        if not missing:
            self._done(row)
            return
        for volume, single in volumes:
            attachment = self.attachments.get((volume.name, node))
            if attachment is None or not attachment.attached:
                self._waiting.setdefault(volume.name, {})[row] = None
                self._advance(volume, single)

    def released(self, row: int) -> None:
        """The kubelet has unmounted what the pod used."""
        node = self._world.pods.node[row]
        self._pending.pop(row, None)
        self._began.pop(row, None)
        for volume, single in self._volumes(row):
            key = (volume.name, node)
            self._waiting.get(volume.name, {}).pop(row, None)
            users = self._users.get(key, {})
            users.pop(row, None)
            if not users:
                self.by_node[node].pop(volume.name, None)
                self._show_in_use(node)
                if key in self.attachments:
                    self._after(self._detaches, self._detach, volume, single, node)

    # --- inside ----------------------------------------------------------------------------

    def _load(self) -> None:
        pods = self._world.pods
        for row, group in enumerate(pods.group):
            if self._world.base.groups[group].claims and pods.node[row] >= 0 and not pods.finished(row):
                for volume, _ in self._volumes(row):
                    node = pods.node[row]
                    self._use(volume, node, row)
                    if (volume.name, node) not in self.attachments and pods.ready[row]:
                        self._put(volume.name, node, self._attachment(volume, node, attached=True))
        for index, node_now in enumerate(self._world.nodes):
            in_use = self._in_use(index)
            if in_use != node_now.volumes_in_use:
                self._world.nodes[index] = replace(node_now, volumes_in_use=in_use)

    def _use(self, volume: Volume, node: int, row: int) -> None:
        self._users.setdefault((volume.name, node), {})[row] = None
        self.by_node[node][volume.name] = volume

    def _put(self, volume: str, node: int, attachment: VolumeAttachment) -> None:
        if (volume, node) not in self.attachments:
            self._holders[volume] = self._holders.get(volume, 0) + 1
        self.attachments[volume, node] = attachment

    def _volumes(self, row: int) -> tuple[tuple[Volume, bool], ...]:
        """(volume, one node at a time) of what the pod mounts and somebody has to attach."""
        group = self._world.pods.group[row]
        known = self._of_group.get(group)
        if known is None:
            item = self._world.base.groups[group]
            single = single_node_claims(self._world.pods.materialise(row), self._claims) if item.claims else ()
            found = ((self._claims.volume_of(item.namespace, name), name in single) for name in item.claims)
            known = tuple((volume, one) for volume, one in found if volume is not None and self._attachable(volume))
            self._of_group[group] = known
        return known

    def _attachable(self, volume: Volume) -> bool:
        """CSI volumes whose driver attaches: seen in an attachment, or assumed where none could be read."""
        if volume.source != "csi":
            return False
        return volume.driver in self._attachers if self._told else True

    def _advance(self, volume: Volume, single: bool) -> None:
        """Start attaching the volume for whoever waits and may have it."""
        for row in list(self._waiting.get(volume.name, {})):
            node = self._world.pods.node[row]
            if (volume.name, node) in self.attachments:
                continue  # on its way already
            if single and self._holders.get(volume.name):
                return
            self._put(volume.name, node, self._attachment(volume, node, attached=False))
            self._began[row] = self._world.now
            self._show_in_use(node)
            self._world.trace.note("attaching", f"{volume.name}@{node}")
            self._after(self._attaches, self._attach, volume, single, node)

    def _attach(self, volume: Volume, single: bool, node: int) -> None:
        key = (volume.name, node)
        attachment = self.attachments.get(key)
        if attachment is None:
            return
        self.attachments[key] = replace(attachment, attached=True)
        self._world.trace.note("attached", f"{volume.name}@{node}")
        waiting = self._waiting.get(volume.name, {})
        for row in [row for row in waiting if self._world.pods.node[row] == node]:
            del waiting[row]
            self._pending[row] -= 1
            if not self._pending[row]:
                self._done(row)
        if not self._users.get(key):
            self._after(self._detaches, self._detach, volume, single, node)

    def _detach(self, volume: Volume, single: bool, node: int) -> None:
        key = (volume.name, node)
        if self._users.get(key) or key not in self.attachments:
            return
        if not self._world.up[node]:
            # The kubelet cannot confirm the unmount; try again while the node is away.
            self._after(self._detaches, self._detach, volume, single, node)
            return
        del self.attachments[key]
        self._holders[volume.name] -= 1
        self._world.trace.note("detached", f"{volume.name}@{node}")
        self._show_in_use(node)
        self._advance(volume, single)

    def _done(self, row: int) -> None:
        del self._pending[row]
        self.when_attached(row, self._began.pop(row))

    def _in_use(self, node: int) -> tuple[str, ...]:
        volumes = self.by_node[node].values()
        return tuple(sorted(f"kubernetes.io/csi/{volume.driver}^{volume.name}" for volume in volumes))

    def _show_in_use(self, node: int) -> None:
        current = self._world.nodes[node]
        in_use = self._in_use(node)
        if in_use != current.volumes_in_use:
            self._world.set_node(node, replace(current, volumes_in_use=in_use), "volumes-in-use")

    def _attachment(self, volume: Volume, node: int, *, attached: bool) -> VolumeAttachment:
        name = self._world.base.nodes[node].name
        bits = self._world.entropy.bits("attachment", f"{volume.name}/{name}")
        return VolumeAttachment(
            name=f"csi-{bits:016x}", node=name, volume=volume.name, attacher=volume.driver, attached=attached
        )

    def _after(self, lag: Lag, act: Callable[..., None], *args: object) -> None:
        self._draws += 1
        self._world.kernel.call_after(lag.ms(self._draws), act, *args)
