"""A run's entries, folded into what happened to each step, node and workload."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shipkeeper.execution.status import UNDO
from shipkeeper.model.errors import Failed
from shipkeeper.model.plan import Plan, PlanStep
from shipkeeper.model.run import (
    ChecklistItem,
    ChecklistRead,
    Decided,
    GateRead,
    HeadSigned,
    NodeLeft,
    Noted,
    PodOutcome,
    RunEnded,
    RunEvent,
    RunStarted,
    StateChanged,
    StepIntent,
    StepOutcome,
    WorkloadFelt,
)
from shipkeeper.ports.journal import Entry


@dataclass
class StepStory:
    """One step as it went. Times are epoch milliseconds; None: it did not come to that."""

    plan: PlanStep
    began_ms: int | None = None
    ended_ms: int | None = None
    state: str = "pending"
    reason: str = ""
    attempts: int = 0
    boot_before: str = ""
    readings: dict[str, str] = field(default_factory=dict)
    pods: list[PodOutcome] = field(default_factory=list)

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it has not ended."""
        if self.began_ms is None or self.ended_ms is None:
            return None
        return (self.ended_ms - self.began_ms) / 1000


@dataclass
class Felt:
    """What one workload went through over the whole run. Seconds."""

    downtime: float = 0
    degraded: float = 0
    evictions: int = 0


@dataclass
class GateSeen:
    """A gate's reading, and how often it read the same before it changed."""

    event: GateRead
    first_ms: int
    last_ms: int
    times: int = 1


@dataclass
class Story:
    """The run. ``began_ms`` is when effects became possible (the window was open); ``last_ms`` the newest entry."""

    run: str
    plan: Plan
    started: list[tuple[int, RunStarted]]
    began_ms: int
    last_ms: int
    steps: dict[str, StepStory]
    ended: RunEnded | None = None
    ended_ms: int = 0
    state: str = "waiting"
    states: list[tuple[int, StateChanged]] = field(default_factory=list)
    decisions: list[tuple[int, Decided]] = field(default_factory=list)
    gates: list[GateSeen] = field(default_factory=list)
    notes: list[tuple[int, Noted]] = field(default_factory=list)
    lists: list[tuple[int, ChecklistRead]] = field(default_factory=list)
    felt: dict[tuple[str, str, str], Felt] = field(default_factory=dict)
    left: dict[str, NodeLeft] = field(default_factory=dict)
    heads: list[tuple[int, HeadSigned]] = field(default_factory=list)
    given_back: dict[str, list[tuple[str, int, int | None]]] = field(default_factory=dict)
    """Node → (action, began, ended) of steps that were undone: the node was uncordoned before it was done."""
    by_node: dict[str, list[str]] = field(default_factory=dict)
    """Node → ids of its steps, in the plan's order."""
    newest_gate: dict[tuple[str, str], GateSeen] = field(default_factory=dict)
    """(gate, step) → its newest reading."""

    def of_node(self, name: str) -> list[StepStory]:
        """Steps of a node, in the plan's order."""
        return [self.steps[id] for id in self.by_node.get(name, ())]

    def mark(self, node: str, action: str) -> int | None:
        """When that step of a node was done; None when it was not."""
        step = self.steps.get(f"{node}/{action}")
        return step.ended_ms if step is not None and step.state == "done" else None


def tell(entries: Sequence[Entry]) -> Story:
    """Fold the entries of one run. Raises Failed (code no-run-start) when they do not begin with a run's start."""
    if not entries or not isinstance(entries[0].event, RunStarted):
        run = entries[0].run if entries else ""
        raise Failed(
            f"the record of {run or 'this run'} does not begin with the start of a run",
            code="no-run-start",
            object=run,
            why="without the plan in it nothing can be said about the rest",
            hint="list runs with: shipkeeper runs",
        )
    plan = entries[0].event.plan
    story = Story(
        run=entries[0].run,
        plan=plan,
        started=[],
        began_ms=_began(entries),
        last_ms=entries[-1].at_ms,
        steps={step.id: StepStory(step) for step in plan.steps},
    )
    for step in plan.steps:
        story.by_node.setdefault(step.target, []).append(step.id)
    for entry in entries:
        _tell_one(story, entry.at_ms, entry.event)
    return story


def latest_items(lists: Iterable[tuple[int, ChecklistRead]], when: str) -> tuple[ChecklistItem, ...]:
    """The checklist as it stands: the newest reading of each item, in the order of first sight.

    A person's tick stays until something read later contradicts it (failed); a computed "open" does not undo it.
    """
    items: dict[tuple[str, str], ChecklistItem] = {}
    for _, read in lists:
        if read.when == when:
            for item in read.items:
                known = items.get((item.cluster, item.id))
                ticked = known is not None and known.state == "done" and known.by not in ("", "shipkeeper")
                if not (ticked and item.state in ("open", "unknown")):
                    items[(item.cluster, item.id)] = item
    return tuple(items.values())


def _began(entries: Sequence[Entry]) -> int:
    """When the run first said it is running; else its first intent; else its start."""
    for entry in entries:
        if isinstance(entry.event, StateChanged) and entry.event.state == "running":
            return entry.at_ms
    return next((e.at_ms for e in entries if isinstance(e.event, StepIntent)), entries[0].at_ms)


def _tell_one(story: Story, at_ms: int, event: RunEvent) -> None:
    match event:
        case RunStarted():
            story.started.append((at_ms, event))
            story.ended = None  # a run that goes on has not ended, and what it had left behind is its own again
            story.left.clear()
        case StateChanged():
            story.state = event.state
            story.states.append((at_ms, event))
        case Decided():
            story.decisions.append((at_ms, event))
        case GateRead():
            _tell_gate(story, at_ms, event)
        case StepIntent() | StepOutcome() | PodOutcome():
            _tell_step(story, at_ms, event)
        case WorkloadFelt():
            felt = story.felt.setdefault((event.kind, event.namespace, event.name), Felt())
            felt.downtime += event.downtime_seconds
            felt.degraded += event.degraded_seconds
            felt.evictions += event.evictions
        case Noted():
            story.notes.append((at_ms, event))
        case ChecklistRead():
            story.lists.append((at_ms, event))
        case NodeLeft():
            story.left[event.node] = event
        case HeadSigned():
            story.heads.append((at_ms, event))
        case RunEnded():
            story.ended, story.ended_ms, story.state = event, at_ms, event.state


def _tell_step(story: Story, at_ms: int, event: StepIntent | StepOutcome | PodOutcome) -> None:
    step = story.steps.get(event.step)
    if step is None:  # a step that the plan does not have is itself worth telling
        if not isinstance(event, StepIntent):
            return
        step = story.steps[event.step] = StepStory(PlanStep(id=event.step, action=event.action, target=event.target))
        story.by_node.setdefault(event.target, []).append(event.step)
    if isinstance(event, StepIntent) and UNDO in event.detail:
        _give_back(story, at_ms, event.target)
    elif isinstance(event, StepIntent):
        step.began_ms = at_ms if step.began_ms is None else step.began_ms
        step.attempts = max(step.attempts, event.attempt)
        step.boot_before = event.boot_id or step.boot_before
        step.state = "running"
    elif isinstance(event, PodOutcome):
        step.pods.append(event)
    elif UNDO not in event.readings:
        step.state, step.reason, step.ended_ms = event.state, event.reason, at_ms
        step.began_ms = at_ms if step.began_ms is None else step.began_ms
        step.readings |= event.readings


def _give_back(story: Story, at_ms: int, node: str) -> None:
    """The node is uncordoned before it was done: what was done so far is kept apart, and it begins again later."""
    for step in story.of_node(node):
        if step.began_ms is not None:
            ended_ms = step.ended_ms if step.ended_ms is not None else at_ms
            story.given_back.setdefault(node, []).append((step.plan.action, step.began_ms, ended_ms))
            step.began_ms = step.ended_ms = None
            step.state, step.reason = "pending", ""
    story.notes.append((at_ms, Noted(topic="given back", text="uncordoned before it was done", object=f"Node {node}")))


def _tell_gate(story: Story, at_ms: int, event: GateRead) -> None:
    seen = story.newest_gate.get((event.gate, event.step))
    if seen is not None and (seen.event.state, seen.event.reading) == (event.state, event.reading):
        seen.last_ms, seen.times = at_ms, seen.times + 1
        return
    seen = story.newest_gate[(event.gate, event.step)] = GateSeen(event, at_ms, at_ms)
    story.gates.append(seen)
