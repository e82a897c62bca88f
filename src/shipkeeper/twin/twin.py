"""The twin: one cluster, one seed, in virtual time."""

from __future__ import annotations

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Timings
from shipkeeper.twin.api import TwinApi
from shipkeeper.twin.base import Base
from shipkeeper.twin.budgets import Disruption
from shipkeeper.twin.classes import Classes
from shipkeeper.twin.controllers import Creator, Daemons, Replicas, SameName
from shipkeeper.twin.faults import Faults
from shipkeeper.twin.filters import Filters
from shipkeeper.twin.jobs import Jobs
from shipkeeper.twin.kernel import Kernel
from shipkeeper.twin.kubelet import Kubelets
from shipkeeper.twin.machines import Machines
from shipkeeper.twin.measures import Measurement, Measures
from shipkeeper.twin.occupancy import Occupancy
from shipkeeper.twin.preemption import Preemption
from shipkeeper.twin.quotas import Quotas
from shipkeeper.twin.reboots import TwinReboot
from shipkeeper.twin.scheduler import Scheduler
from shipkeeper.twin.scores import Scores
from shipkeeper.twin.settings import DEFAULT, TwinSettings
from shipkeeper.twin.storage import Volumes
from shipkeeper.twin.watches import Watches
from shipkeeper.twin.workloads import Workloads
from shipkeeper.twin.world import World


class Loaded:
    """An inventory, indexed once for any number of twins. Immutable but for memos."""

    def __init__(self, inventory: Inventory) -> None:
        self.base = Base(inventory)
        self.classes = Classes(self.base)
        self.occupancy = Occupancy(self.base)


class Twin:
    """``api`` is a ClusterApi, ``reboot`` a Reboot; both live in ``kernel``'s time.

    Pass a ``Loaded`` instead of an inventory to share its indexes between seeds.
    """

    def __init__(
        self,
        inventory: Inventory | Loaded,
        timings: Timings,
        seed: int,
        kernel: Kernel,
        settings: TwinSettings = DEFAULT,
        *,
        faults: Faults | None = None,
        keep_trace: bool = False,
        user: str = "rehearsal",
    ) -> None:
        loaded = inventory if isinstance(inventory, Loaded) else Loaded(inventory)
        world = World(
            loaded.base, loaded.occupancy.copy(), timings, seed, kernel, settings, faults, keep_trace
        )  # fmt: skip
        self.world = world
        self.kernel = kernel
        self.entropy = world.entropy
        self.volumes = Volumes(world, loaded.classes.storage)
        self.measures = Measures(world)
        self.disruption = Disruption(world)
        self.filters = Filters(world, loaded.classes, self.volumes)
        self.scheduler = Scheduler(
            world,
            self.filters,
            Scores(self.filters),
            Preemption(world, self.filters, self.disruption, self.delete),
        )
        quotas = Quotas(world)
        creator = Creator(world, quotas)
        Replicas(world, creator)
        SameName(world, creator)
        Daemons(world, creator)
        self.jobs = Jobs(world, creator)
        self.kubelets = Kubelets(world, self.volumes)
        self.machines = Machines(world, self.kubelets, self.delete)
        self.machines.on_returned.append(self.measures.returned)
        self.workloads = Workloads(world, self.jobs)
        watches = Watches(world, self.disruption)
        self.api = TwinApi(
            world, self.disruption, self.volumes, self.machines, self.workloads, watches, quotas, self.delete, user
        )
        self.reboot = TwinReboot(world, self.machines)

    def delete(self, row: int, why: str, grace_ms: int | None = None) -> None:
        """Set a pod's deletionTimestamp: ``why`` is evicted, preempted, taint or deleted."""
        world, pods = self.world, self.world.pods
        if not pods.alive[row] or pods.deletion_ms[row] >= 0:
            return
        if pods.node[row] < 0 or pods.finished(row):
            grace = 0
        else:
            own = world.base.groups[pods.group[row]].shape.grace_ms
            grace = own if grace_ms is None else grace_ms
        if why != "deleted" and not pods.finished(row):
            self.measures.evicted(row)
        world.trace.note(why, pods.label(row))
        pods.start_deleting(row, grace)

    def measure(self) -> Measurement:
        """What workloads felt and when nodes passed their marks, up to now."""
        return self.measures.result(self.scheduler.pending())

    def digest(self) -> str:
        """Hash of every event so far."""
        return self.world.trace.digest()

    def close(self) -> None:
        """Let go of everything. The parts listen to each other in circles, which nothing else ends at once.

        Nothing may be asked of the twin afterwards.
        """
        for part in (self.kernel, self.world.pods, self.world, self.disruption, self.volumes, self):
            vars(part).clear()
