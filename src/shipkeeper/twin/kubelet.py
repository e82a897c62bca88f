"""The kubelet: starts what was bound to its node, stops what is being deleted, and takes the time that takes.

Source: Kubernetes documentation, "Pod Lifecycle" (termination; a kubelet restarted in mid-termination begins again
with the full grace period; a preStop hook that outlasts it gets two seconds more, once).
"""

from __future__ import annotations

from shipkeeper.semantics.drain import foreign_finalizers
from shipkeeper.twin.storage import Volumes
from shipkeeper.twin.world import World


class Kubelets:
    """All kubelets of a world. A pod's pending event is void once its epoch has moved on."""

    def __init__(self, world: World, volumes: Volumes) -> None:
        self._world, self._volumes = world, volumes
        self._epoch: dict[int, int] = {}
        self._stopped: set[int] = set()
        """Containers have ended; only finalizers keep the object."""
        self._starts = world.entropy.stream("readiness")
        self._stops = world.entropy.stream("termination")
        self._acts = world.lag("kubelet", world.settings.kubelet_ms)
        self._unmounts = world.lag("kubelet", world.settings.unmount_ms)
        volumes.when_attached = self._attached
        world.pods.on_bound.append(self._bound)
        world.pods.on_deleting.append(self._deleting)
        self._load()

    def restart(self, node: int) -> None:
        """The kubelet restarts: running pods keep running, terminations begin again with their full grace period."""
        for row in list(self._world.occupancy.on_node[node]):
            if self._world.pods.deletion_ms[row] >= 0 and row not in self._stopped:
                self._stop_after(row, self._stop_ms(row))

    def machine_down(self, node: int) -> None:
        """The machine went off: nothing on it runs, nothing on it reports."""
        for row in list(self._world.occupancy.on_node[node]):
            self._bump(row)
            self._world.pods.set_down(row, True)

    def machine_registers(self, node: int) -> None:
        """The kubelet is back: it tells that no container runs, and lets go of what was terminating."""
        pods = self._world.pods
        for row in list(self._world.occupancy.on_node[node]):
            if not pods.finished(row):
                pods.set_ready(row, False)
            if pods.deletion_ms[row] >= 0 and row not in self._stopped:
                self._stop_after(row, self._lag(row))

    def machine_returns(self, node: int) -> None:
        """The node is Ready: everything that belongs there starts again."""
        pods, groups = self._world.pods, self._world.base.groups
        for row in list(self._world.occupancy.on_node[node]):
            pods.set_down(row, False)
            if pods.deletion_ms[row] >= 0 or pods.finished(row):
                continue
            group = groups[pods.group[row]]
            if pods.mirror[row] or self._world.base.is_daemon(group):
                self._ready_after(row, self._world.return_of(group).at(self._starts.at(row, self._epoch.get(row, 0))))
            else:
                self._start(row, self._world.now)

    # --- starting --------------------------------------------------------------------------

    def _load(self) -> None:
        pods, world = self._world.pods, self._world
        for row in range(len(pods.names)):
            if pods.node[row] < 0 or pods.finished(row):
                continue
            if pods.deletion_ms[row] >= 0:
                left = pods.deletion_ms[row] - world.now
                if left > -60_000:  # later than that it is stuck, and nothing says what would free it
                    self._stop_after(row, max(0, left) + self._lag(row))
            elif not pods.ready[row]:
                self._start(row, world.now)

    def _bound(self, row: int) -> None:
        if not self._world.up[self._world.pods.node[row]]:
            return
        if self._volumes.needed(row):
            self._volumes.want(row)
        else:
            self._start(row, self._world.now)

    def _attached(self, row: int, began_ms: int) -> None:
        pods, world = self._world.pods, self._world
        if pods.deletion_ms[row] >= 0 or not world.up[pods.node[row]]:
            return
        group = world.base.groups[pods.group[row]]
        source = world.timings.sources.get(f"readiness:{world.key_of(group)}", "")
        # A measured readiness was taken from pods that attached their volumes within it.
        self._start(row, began_ms if source.startswith("measured") else world.now)

    def _start(self, row: int, from_ms: int) -> None:
        world = self._world
        group = world.base.groups[world.pods.group[row]]
        if world.pods.broken[row]:
            world.kernel.call_after(self._lag(row), self._runs, row, self._bump(row))
            return
        takes = world.readiness(group).at(self._starts.at(row, self._epoch.get(row, 0)))
        self._ready_after(row, max(0, from_ms + takes - world.now))

    def _ready_after(self, row: int, delay_ms: int) -> None:
        if self._world.pods.broken[row]:
            return
        self._world.kernel.call_after(delay_ms, self._becomes_ready, row, self._bump(row))

    def _becomes_ready(self, row: int, epoch: int) -> None:
        if self._epoch[row] == epoch:
            self._world.pods.set_ready(row, True)

    def _runs(self, row: int, epoch: int) -> None:
        if self._epoch[row] == epoch:
            self._world.pods.set_running(row)

    # --- stopping --------------------------------------------------------------------------

    def _deleting(self, row: int) -> None:
        world, pods = self._world, self._world.pods
        if pods.node[row] < 0 or pods.finished(row):
            world.kernel.call_after(0, self._containers_ended, row, self._bump(row))
        elif world.up[pods.node[row]]:
            self._stop_after(row, self._stop_ms(row))
        else:
            self._bump(row)

    def _stop_ms(self, row: int) -> int:
        """How long stopping takes: what is known of the workload, at most the grace period; unknown: all of it."""
        world, pods = self._world, self._world.pods
        group = world.base.groups[pods.group[row]]
        grace = pods.grace_ms[row]
        known = world.termination(group)
        if known is not None:
            takes = min(grace, known.at(self._stops.at(row)))
        else:
            takes = grace
            if group.shape.has_pre_stop and grace > 0:
                takes += world.settings.pre_stop_overrun_ms
        return self._lag(row) + takes

    def _stop_after(self, row: int, delay_ms: int) -> None:
        self._world.kernel.call_after(delay_ms, self._containers_ended, row, self._bump(row))

    def _containers_ended(self, row: int, epoch: int) -> None:
        if self._epoch[row] != epoch or not self._world.pods.alive[row]:
            return
        if self._world.pods.node[row] >= 0 and self._volumes.needed(row):
            self._world.kernel.call_after(self._unmounts.ms(row, 1), self._let_go, row, epoch)
        else:
            self._let_go(row, epoch)

    def _let_go(self, row: int, epoch: int) -> None:
        pods = self._world.pods
        if self._epoch[row] != epoch or not pods.alive[row]:
            return
        if pods.node[row] >= 0:
            self._volumes.released(row)
        if foreign_finalizers(pods.finalizers.get(row, ())):
            self._stopped.add(row)
            pods.set_ready(row, False)
            return
        pods.remove(row)

    # --- small -----------------------------------------------------------------------------

    def _lag(self, row: int) -> int:
        return self._acts.ms(row, self._epoch.get(row, 0) << 1)

    def _bump(self, row: int) -> int:
        epoch = self._epoch.get(row, 0) + 1
        self._epoch[row] = epoch
        return epoch
