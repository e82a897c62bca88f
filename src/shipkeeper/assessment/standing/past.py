"""What a run was and did, from its journal, for those who look back: staging before production, use of windows."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from shipkeeper.model.plan import Plan, PlanWindow
from shipkeeper.model.run import RunEnded, RunStarted, StateChanged, StepIntent, StepOutcome
from shipkeeper.ports.journal import Entry

FINISHED = ("done", "failed", "aborted")


class NodeTurn(Struct, frozen=True):
    """A node that was gone through, and when that was done."""

    name: str
    uid: str
    done_ms: int


class PastRun(Struct, frozen=True, kw_only=True):
    """One run. ``began_ms`` and ``last_ms``: its first and last effect, 0 before that; ``ended_ms`` 0: not ended.

    ``busy_ms`` is the time between the first and the last effect, holds included and pauses between processes not.
    """

    run: str
    plan: Plan
    state: str
    began_ms: int = 0
    last_ms: int = 0
    ended_ms: int = 0
    busy_ms: int = 0
    nodes: tuple[NodeTurn, ...] = ()

    @property
    def window(self) -> PlanWindow | None:
        """The plan's window."""
        return self.plan.window

    @property
    def kind(self) -> str:
        """The kind of work."""
        return kind_of(self.plan)


def kind_of(plan: Plan) -> str:
    """What a plan does to what, such as ``nodes/reboot``; for an upgrade also which hop."""
    kind = "nodes/" + ("reboot" if plan.purpose == "reboot" else "drain")
    return f"{kind} for {plan.upgrade}" if plan.upgrade is not None else kind


def past_run(entries: Iterable[Entry]) -> PastRun | None:
    """Fold one run's entries, in order; None when it has no plan."""
    run, plan, state = "", None, "waiting"
    began = last = ended = busy = last_effect = 0
    nodes: dict[str, NodeTurn] = {}
    for entry in entries:
        event = entry.event
        run = entry.run
        if isinstance(event, RunStarted):
            plan, state, ended, last_effect = event.plan, "running", 0, 0
        elif isinstance(event, StepIntent) or (isinstance(event, StepOutcome) and began):
            # A step that is held before its intent has had no effect.
            began = began or entry.at_ms
            busy += entry.at_ms - last_effect if last_effect else 0
            last = last_effect = entry.at_ms
            node, _, action = event.step.rpartition("/")
            if isinstance(event, StepOutcome) and (action, event.state) == ("settle", "done") and plan is not None:
                nodes[node] = NodeTurn(node, plan.planned(node).uid, entry.at_ms)
        elif isinstance(event, StateChanged):
            state = event.state
        elif isinstance(event, RunEnded):
            state, ended = event.state, entry.at_ms
    if plan is None:
        return None
    return PastRun(
        run=run,
        plan=plan,
        state=state,
        began_ms=began,
        last_ms=last,
        ended_ms=ended if state in FINISHED else 0,
        busy_ms=busy,
        nodes=tuple(nodes[name] for name in sorted(nodes)),
    )
