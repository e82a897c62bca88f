"""A run, folded from its journal: for people, for the command line, and for going on after a crash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from msgspec import Struct

from shipkeeper.model.plan import Plan
from shipkeeper.model.run import (
    BaselineTaken,
    Decided,
    GateRead,
    LeftNode,
    NodeLeft,
    PodOutcome,
    RunEnded,
    RunStarted,
    RunStatus,
    StateChanged,
    StepIntent,
    StepOutcome,
    StepStatus,
)
from shipkeeper.model.time import iso
from shipkeeper.ports.journal import Entry, Message

UNDO = "undo"
"""Key in an uncordon's ``detail``: the node is given back before it was done, and begins again at its cordon."""

OVER = ("done", "failed", "aborted")
"""States that a run never leaves."""

FINISHED = ("done", "skipped")
"""Step states that need no more work."""


@dataclass
class StepView:
    """One step as the journal knows it. ``intent`` is its newest one, written at ``intent_ms``."""

    id: str
    action: str
    target: str
    state: str = "pending"
    attempts: int = 0
    reason: str = ""
    intent: StepIntent | None = None
    intent_ms: int = 0
    ended_ms: int = 0
    pods: int = 0
    """A drain's pods."""
    pods_gone: int = 0
    gate: GateRead | None = None
    """The newest gate reading, while it is not open."""

    def forget(self) -> None:
        """Back to pending; attempts are kept."""
        self.state, self.reason, self.intent, self.gate = "pending", "", None, None
        self.pods = self.pods_gone = 0


class HoldSeen(Struct, frozen=True):
    """A hold on record: at which gate, about which object, since when."""

    gate: str
    object: str
    at_ms: int


@dataclass
class RunView:
    """The fold. ``apply`` takes entries in order."""

    run: str = ""
    plan: Plan | None = None
    state: str = "waiting"
    reason: str = ""
    change: StateChanged | None = None
    """The newest change of state."""
    baseline: BaselineTaken | None = None
    """What changes of budgets and new errors are judged against."""
    abort: Decided | None = None
    """Somebody's word that ends the run for good, also when the process that heard it died."""
    heard: set[int] = field(default_factory=set)
    """Ids of the inbox's messages that are on record."""
    approvals: list[Message] = field(default_factory=list)
    """Words ``approve`` that came before anybody waited for them, and are not used up."""
    answers: list[tuple[Message, tuple[str, ...]]] = field(default_factory=list)
    """Words ``approve`` to holds of these steps that nothing has come of yet."""
    standing: dict[str, HoldSeen] = field(default_factory=dict)
    """Step → its hold, while it holds."""
    stood: dict[str, HoldSeen] = field(default_factory=dict)
    """The same, of processes that ended while they held."""
    started_ms: int = 0
    process_ms: int = 0
    """When the newest process took the run up."""
    ended_ms: int = 0
    now_ms: int = 0
    """Time of the newest entry."""
    seq: int = 0
    head: str = ""
    steps: dict[str, StepView] = field(default_factory=dict)
    by_node: dict[str, list[StepView]] = field(default_factory=dict)
    left: dict[str, NodeLeft] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> RunView:
        """Fold all entries of one run."""
        view = cls()
        for entry in entries:
            view.apply(entry)
        return view

    def apply(self, entry: Entry) -> None:
        """Take the next entry."""
        self.run, self.seq, self.head, self.now_ms = entry.run, entry.seq, entry.hash, entry.at_ms
        event = entry.event
        if isinstance(event, RunStarted):
            self._started(event, entry.at_ms)
        elif isinstance(event, StepIntent):
            self._intended(event, entry.at_ms)
        elif isinstance(event, StepOutcome):
            self._ended(event, entry.at_ms)
        elif isinstance(event, PodOutcome):
            step = self.steps.get(event.step)
            if step is not None and event.result in ("evicted", "gone"):
                step.pods_gone += 1
        elif isinstance(event, GateRead):
            self._read(event)
        elif isinstance(event, StateChanged):
            self._changed(event, entry.at_ms)
        elif isinstance(event, BaselineTaken):
            self.baseline = event
        elif isinstance(event, Decided):
            self._decided(event, entry.at_ms)
        elif isinstance(event, NodeLeft):
            self.left[event.node] = event
        elif isinstance(event, RunEnded):
            self.state, self.reason, self.ended_ms = event.state, event.reason, entry.at_ms

    def step(self, id: str) -> StepView:
        """The step of that id. Raises KeyError when the plan has none."""
        return self.steps[id]

    def finished(self, node: str) -> bool:
        """Whether nothing is left to do with the node."""
        return all(step.state in (*FINISHED, "failed") for step in self.by_node.get(node, ()))

    def begun(self, node: str) -> bool:
        """Whether anything was announced for the node that is not undone."""
        return any(step.intent is not None for step in self.by_node.get(node, ()))

    @property
    def nodes(self) -> tuple[str, ...]:
        """The plan's nodes, in order."""
        return () if self.plan is None else tuple(name for batch in self.plan.batches for name in batch)

    def answer_to(self, step: str, gate: str, object: str) -> Message | None:
        """The approval that was given to this very hold, of a process that did not live to act on it."""
        held = self.stood.get(step)
        if not gate or held is None or (held.gate, held.object) != (gate, object):
            return None
        return next((message for message, steps in self.answers if step in steps), None)

    def _read(self, event: GateRead) -> None:
        step = self.steps.get(event.step)
        if step is not None:
            step.gate = None if event.state == "open" else event
        if event.state != "open":
            return
        held = self.stood.get(event.step)
        if held is not None and held.gate == event.gate:
            del self.stood[event.step]
        if event.gate == "confirmed":
            used = next((message for message in self.approvals if message.concerns(event.step)), None)
            self.approvals = [message for message in self.approvals if message is not used]

    def _changed(self, event: StateChanged, at_ms: int) -> None:
        self.state, self.reason, self.change = event.state, event.reason, event
        if event.state in ("held", "paused") and event.gate:
            self.standing[event.step] = HoldSeen(event.gate, event.object, at_ms)
        elif event.state == "running":
            self.standing.clear()
            self.answers.clear()

    def _decided(self, event: Decided, at_ms: int) -> None:
        if event.message:
            self.heard.add(event.message)
        if event.decision == "abort":
            self.abort = event
        elif event.decision == "approve":
            word = Message(event.message, self.run, at_ms, event.decision, event.by, event.step, event.reason)
            if event.answers:
                self.answers.append((word, event.answers))
            else:
                self.approvals.append(word)

    def _started(self, event: RunStarted, at_ms: int) -> None:
        self.process_ms = at_ms
        self.stood |= self.standing
        self.standing.clear()
        self.plan = event.plan
        self.started_ms = self.started_ms or at_ms
        self.ended_ms = 0
        self.state, self.reason = "running", ""
        self.left.clear()
        for step in event.plan.steps:
            self._known(step.id, step.action, step.target)

    def _known(self, id: str, action: str, target: str) -> StepView:
        step = self.steps.get(id)
        if step is None:
            step = self.steps[id] = StepView(id, action, target)
            self.by_node.setdefault(target, []).append(step)
        return step

    def _intended(self, event: StepIntent, at_ms: int) -> None:
        step = self._known(event.step, event.action, event.target)
        if UNDO in event.detail:
            for other in self.by_node[event.target]:
                other.forget()
            return
        more = step.state == "running" and step.attempts == event.attempt
        step.state, step.attempts, step.reason, step.intent = "running", event.attempt, "", event
        step.intent_ms = step.intent_ms if more else at_ms
        step.pods = step.pods + len(event.pods) if more else len(event.pods)
        step.pods_gone = step.pods_gone if more else 0

    def _ended(self, event: StepOutcome, at_ms: int) -> None:
        step = self.steps.get(event.step)
        if step is None or UNDO in event.readings:
            return
        step.state, step.reason = event.state, event.reason
        if event.state != "held" and self.standing.pop(event.step, None) is not None:
            self.answers = [(word, steps) for word, steps in self.answers if event.step not in steps]
        step.gate = None if event.state in FINISHED else step.gate
        step.ended_ms = at_ms

    def status(self) -> RunStatus:
        """The run as ``runs status`` prints it."""
        commands = self.change.commands if self.change is not None and self.change.state == self.state else ()
        return RunStatus(
            id=self.run,
            plan_digest=self.plan.digest if self.plan is not None else "",
            state=self.state,
            started_at=iso(self.started_ms) if self.started_ms else "",
            ended_at=iso(self.ended_ms) if self.ended_ms else "",
            steps=tuple(
                StepStatus(id=step.id, state=step.state, attempts=step.attempts, reason=step.reason)
                for step in self.steps.values()
            ),
            journal_head=self.head,
            reason=self.reason,
            commands=commands,
            left=tuple(
                LeftNode(node=name, state=item.state, next="" if item.next == "nothing" else item.next)
                for name, item in sorted(self.left.items())
            ),
        )
