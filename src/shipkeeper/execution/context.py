"""What the steps of one run share."""

from __future__ import annotations

from dataclasses import dataclass, field

from shipkeeper.execution.control import Control
from shipkeeper.execution.estimates import Estimates
from shipkeeper.execution.gates.keeper import Gatekeeper
from shipkeeper.execution.guard import Guard
from shipkeeper.execution.health import Health
from shipkeeper.execution.lease import LeaseKeeper
from shipkeeper.execution.patience import PatientApi
from shipkeeper.execution.record import Record
from shipkeeper.execution.world import RunOptions, World
from shipkeeper.model.plan import Plan, PlannedNode
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.run import BaselineTaken, BudgetKnown
from shipkeeper.model.time import SECOND
from shipkeeper.ports.runtime import Runtime


@dataclass
class Run:
    """One run, put together. ``by`` is our name at the API server."""

    world: World
    options: RunOptions
    plan: Plan
    record: Record
    control: Control
    lease: LeaseKeeper
    api: PatientApi
    gates: Gatekeeper
    guard: Guard
    health: Health
    estimates: Estimates
    by: str = ""
    planned: dict[str, PlannedNode] = field(default_factory=dict)
    indexed: tuple[BaselineTaken | None, dict[str, dict[str, BudgetKnown]]] | None = None
    """The budgets of that baseline by namespace and name (see ``baseline``)."""
    learned: bool = False
    """This process knows what changes are judged against, and who else may hold a lock."""
    drainers: tuple[ObjectRef, ...] = ()
    """Workloads of other maintenance software that can hold a lock."""

    @classmethod
    def of(cls, world: World, plan: Plan, run_id: str, options: RunOptions) -> Run:
        """Put the parts together. Reads the journal."""
        control = Control(world.runtime)
        record = Record(world, run_id)
        lease = LeaseKeeper(world, options, control, record)
        api = PatientApi(world, options, control, record, lease)
        return cls(
            world=world,
            options=options,
            plan=plan,
            record=record,
            control=control,
            lease=lease,
            api=api,
            gates=Gatekeeper(world, options, control, record, plan.window.closes_ms if plan.window else None),
            guard=Guard(world, options, control, record, lease, api),
            health=Health(api),
            estimates=Estimates(plan, options.forecast),
            planned={node.name: node for node in plan.nodes},
        )

    @property
    def runtime(self) -> Runtime:
        """Time and concurrency."""
        return self.world.runtime

    @property
    def id(self) -> str:
        """The run's id."""
        return self.record.run_id

    @property
    def reboots(self) -> bool:
        """Whether the plan reboots its nodes."""
        return self.plan.reboot.driver != "none" and self.plan.purpose != "none"

    @property
    def stable_ms(self) -> int:
        """How long a node must have been Ready to count as serving."""
        return round(self.plan.timings.stable_ready_seconds * SECOND)
