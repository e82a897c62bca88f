"""The standing gates of a plan: what the platform file and the logbook say about its time, asked again at each read.

A gate is a function of a ``Matter`` and an instant. To add one: decide in ``assessment/standing``, ask it here, and
describe it in ``execution/gates/standing_catalogue.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.state import State
from shipkeeper.assessment.standing.freezes import compile_freezes, not_frozen
from shipkeeper.model.errors import Refused
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import ClusterConfig, Environment, Platform
from shipkeeper.planning.settings import find_cluster
from shipkeeper.ports.gates import GateReading, StandingGate


@dataclass(frozen=True)
class Matter:
    """What the gates are about. Nothing is read ahead: an agreement recorded meanwhile counts at the next read."""

    plan: Plan
    platform: Platform
    state: State
    logbook: Logbook

    @property
    def place(self) -> tuple[Environment, ClusterConfig] | None:
        """The plan's cluster in the platform file; None when the file declares no environment at all.

        Raises Refused when the file has environments and the cluster is in none of them.
        """
        if not self.platform.environments:
            return None
        cluster = self.plan.cluster
        found = find_cluster(self.platform, "", cluster.name, cluster.uid)
        if found is None:
            raise Refused(
                f"the platform file does not say which environment cluster {cluster.name or cluster.uid} belongs to",
                code="unknown-environment",
                object=f"cluster {cluster.name or cluster.uid}",
                why="windows, freezes and what goes first are declared by environment",
                hint=f"add it under clusters: of its environment, with uid: {cluster.uid}",
            )
        return found

    @property
    def environment(self) -> Environment | None:
        """The environment; None and errors as in ``place``."""
        found = self.place
        return None if found is None else found[0]


Decide = Callable[[Matter, int], GateReading]


def _not_frozen(matter: Matter, at_ms: int) -> GateReading:
    environment = matter.environment
    freezes = matter.platform.freezes + (environment.freezes if environment is not None else ())
    return not_frozen(compile_freezes(freezes, matter.platform.zone), matter.plan.window, matter.plan.change, at_ms)


GATES: dict[str, Decide] = {
    "not-frozen": _not_frozen,
}
"""By id, in the order in which they are read."""


@dataclass(frozen=True)
class _Standing:
    name: str
    matter: Matter
    decide: Decide

    async def read(self, at_ms: int) -> GateReading:
        return self.decide(self.matter, at_ms)


def standing_gates(plan: Plan, platform: Platform, state: State) -> tuple[StandingGate, ...]:
    """The gates that a run of this plan has to pass, in the order in which they are read."""
    matter = Matter(plan, platform, state, Logbook.of(state, platform))
    return tuple(_Standing(name, matter, decide) for name, decide in GATES.items())
