"""A plan as rows a person reads, and one step with everything around it."""

from __future__ import annotations

import difflib

from msgspec import Struct

from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.plan import Plan, PlanStep
from shipkeeper.model.record import Record
from shipkeeper.model.time import format_seconds
from shipkeeper.planning.estimates import chain_seconds
from shipkeeper.ports.standing_gates import STANDING_GATES


class BatchRow(Struct, frozen=True):
    """One batch: when it begins and how long it takes (P50, P95), seconds from the start."""

    number: int
    nodes: tuple[str, ...]
    zones: tuple[str, ...]
    begins: tuple[float, float]
    takes: tuple[float, float]
    why: str


class Explained(Record, frozen=True, kw_only=True):
    """One step: what it is, what it waits for, what waits for it, and when it may begin."""

    step: PlanStep
    batch: int
    begins_seconds: tuple[float, float]
    waited_for_by: tuple[str, ...]
    gates: tuple[str, ...]
    estimate: str


STANDING = tuple(gate.id for gate in STANDING_GATES)
"""Gates about people and calendars, read before a batch's first cordon."""

GATES = {
    "cordon": (
        "lease-held",
        *STANDING,
        "clock-agrees",
        "window-open",
        "can-finish",
        "nothing-blocks",
        "no-other-drainer",
    ),
    "drain": (
        "lease-held",
        "node-is-ours",
        "no-other-drainer",
        "room-for-pods",
        "quota-for-pods",
        "webhooks-answer",
        "apis-answer",
        "nothing-blocks",
    ),
    "reboot": ("lease-held", "node-is-ours", "volumes-detached", "can-finish"),
    "serves": ("node-serves",),
    "uncordon": ("lease-held", "node-is-ours"),
    "settle": ("pods-scheduled", "workloads-well", "budgets-restored"),
}
"""Gates that are read around each action; they fail closed. ``docs/reference/gates.md`` says what each asks."""


def _gates(plan: Plan, step: PlanStep) -> tuple[str, ...]:
    """The step's gates, with those that only some plans and nodes have."""
    found = GATES.get(step.action, ())
    controller = plan.planned(step.target).control_plane
    if step.action == "cordon":
        found += ("quorum-before",) if controller else ()
        found += ("confirmed",) if plan.drain_policy.confirm == "each" else ()
    if step.action == "serves" and controller:
        found += ("quorum-after",)
    if plan.window is None:
        found = tuple(gate for gate in found if gate not in ("window-open", "can-finish"))
    return found


def batch_rows(plan: Plan) -> tuple[BatchRow, ...]:
    """The plan's batches with their times."""
    _, begins = chain_seconds(plan)
    steps = {step.id: step for step in plan.steps}
    zone = {node.name: node.zone for node in plan.nodes}
    rows = []
    for number, batch in enumerate(plan.batches, 1):
        starts = [begins[f"{name}/cordon"] for name in batch]
        ends = [_end(steps[f"{name}/settle"], begins) for name in batch]
        begin = (min(s[0] for s in starts), min(s[1] for s in starts))
        took = (max(e[0] for e in ends) - begin[0], max(e[1] for e in ends) - begin[1])
        longest = max(batch, key=lambda name: (_end(steps[f"{name}/settle"], begins)[0], name))
        rows.append(
            BatchRow(
                number,
                batch,
                tuple(sorted({zone[name] for name in batch if zone[name]})),
                begin,
                took,
                steps[f"{longest}/drain"].why,
            )
        )
    return tuple(rows)


def explain_step(plan: Plan, step_id: str) -> Explained:
    """One step by its id ``<node>/<action>``. Raises UsageProblem when the plan has none of that id."""
    steps = {step.id: step for step in plan.steps}
    step = steps.get(step_id)
    if step is None:
        close = difflib.get_close_matches(step_id, list(steps), n=3)
        raise UsageProblem(
            f"the plan has no step {step_id!r}",
            hint=f"did you mean {' or '.join(close)}?" if close else f"steps are <node>/<action>: {next(iter(steps))}",
        )
    _, begins = chain_seconds(plan)
    number = next(i for i, batch in enumerate(plan.batches, 1) if step.target in batch)
    return Explained(
        step=step,
        batch=number,
        begins_seconds=begins[step_id],
        waited_for_by=tuple(other.id for other in plan.steps if step_id in other.needs),
        gates=_gates(plan, step),
        estimate=_estimate(step),
    )


def _end(step: PlanStep, begins: dict[str, tuple[float, float]]) -> tuple[float, float]:
    begin = begins[step.id]
    return begin[0] + step.estimate_seconds.p50, begin[1] + step.estimate_seconds.p95


def _estimate(step: PlanStep) -> str:
    figure = step.estimate_seconds
    usual, most = (format_seconds(seconds) for seconds in (figure.p50, figure.p95))
    return f"{usual}, in 19 of 20 cases at most {most} ({figure.source})"
