"""The 2 AM screen: one line of state that never lies, what goes on now, and the last events. Fits 80×24.

It knows only the journal's entries, so it shows the same for a run here, a run elsewhere and a run on a twin.
"""

from __future__ import annotations

from collections import deque

from shipkeeper.execution.gates.catalogue import STANDING
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.plan import Plan
from shipkeeper.model.run import (
    Decided,
    GateRead,
    NodeLeft,
    Noted,
    PodOutcome,
    RunEnded,
    RunStarted,
    StateChanged,
    StepIntent,
    StepOutcome,
)
from shipkeeper.model.time import SECOND, format_duration, format_seconds, moment
from shipkeeper.ports.journal import Entry

GLYPHS = {"done": "✓", "skipped": "–", "held": "!", "failed": "✗"}
"""Never alone: the word stands beside it."""

_LAST = 5
_PATIENT = {"node-serves", "pods-scheduled", "workloads-well", "budgets-restored", "volumes-detached", "window-open"}
"""Gates that are closed for a while every time. The line of what goes on now shows them; the log need not."""
_DOING = {
    "cordon": "cordoning",
    "drain": "evicting",
    "reboot": "rebooting",
    "serves": "waiting until it serves",
    "uncordon": "uncordoning",
    "settle": "waiting until the moved workloads are well",
}


class Night:
    """A run, as its entries tell it. ``take`` every entry in order; ``lines`` draws it."""

    def __init__(self, forecast: Forecast | None = None, zone: str = "UTC") -> None:
        self.forecast = forecast
        self.zone = zone
        self.run = ""
        self.plan: Plan | None = None
        self.state = "waiting"
        self.reason = ""
        self.commands: tuple[str, ...] = ()
        self.will_do = ""
        self.started_ms = 0
        self.heard_ms = 0
        self.finished: list[str] = []
        self.events: deque[str] = deque(maxlen=_LAST)
        self._open: dict[str, StepIntent] = {}
        self._since: dict[str, int] = {}
        self._evicted: dict[str, int] = {}
        self._waiting: dict[str, str] = {}

    def take(self, entry: Entry) -> str | None:
        """Fold one entry in; returns the line a log would show for it, or None when it is not worth one."""
        self.run, self.heard_ms = entry.run, entry.at_ms
        self._fold(entry)
        told = self._tell(entry)
        if told is None:
            return None
        line = f"{self._clock(entry.at_ms)} {told}"
        self.events.append(line)
        return line

    def lines(self, now_ms: int) -> list[str]:
        """The whole screen."""
        drawn = [self._state_line(now_ms)]
        if self.reason and self.state != "running":
            drawn.append(f"why   {self.reason}")
        if self.will_do and self.state in ("held", "paused"):
            drawn.append(f"then  {self.will_do}")
        drawn.extend(f"now   {self._now(step)}" for step in list(self._open)[:3])
        following = self._next()
        if following:
            drawn.append(f"next  {following}")
        drawn.extend(self.events)
        drawn.extend(f"      $ {command}" for command in self.commands)
        if self.state in ("running", "waiting"):
            drawn.append(
                f"Ctrl-C: stop at the next safe point · shipkeeper runs pause|approve {self.run} from anywhere"
            )
        return drawn

    # --- folding ---------------------------------------------------------------------------

    def _fold(self, entry: Entry) -> None:
        match entry.event:
            case RunStarted(plan=plan):
                self.plan, self.state, self.reason, self.commands = plan, "running", "", ()
                self.started_ms = self.started_ms or entry.at_ms
                if plan.window is not None:
                    self.zone = plan.window.zone
            case StateChanged() as change:
                if self.state == "waiting" and change.state == "running":
                    self.started_ms = entry.at_ms
                self.state, self.reason, self.commands = change.state, change.reason, change.commands
                self.will_do = change.will_do
            case StepIntent() as intent:
                self._open[intent.step] = intent
                self._since.setdefault(intent.step, entry.at_ms)
            case PodOutcome() as pod:
                self._evicted[pod.step] = self._evicted.get(pod.step, 0) + (pod.result in ("evicted", "gone"))
            case GateRead() as gate:
                self._waiting.pop(gate.step, None)
                if gate.state != "open":
                    self._waiting[gate.step] = f"{gate.gate}: {gate.reason or gate.reading}"
            case StepOutcome() as outcome:
                self._open.pop(outcome.step, None)
                self._waiting.pop(outcome.step, None)
                node, _, action = outcome.step.rpartition("/")
                if outcome.state in ("done", "skipped") and action == "settle" and node not in self.finished:
                    self.finished.append(node)
            case RunEnded() as end:
                self.state, self.reason = end.state, end.reason
                self._open.clear()

    def _tell(self, entry: Entry) -> str | None:
        match entry.event:
            case RunStarted(resumed=resumed, by=by):
                return f"→ {'resumed' if resumed else 'started'} by {by}"
            case StepOutcome() as outcome:
                return self._tell_outcome(outcome, entry.at_ms)
            case GateRead(state=state) as gate if state != "open" and gate.gate not in _PATIENT:
                about = f" for {gate.step}" if gate.step else ""
                return f"… gate {gate.gate} {state}{about}: {gate.reason or gate.reading}"
            case GateRead(step="") as gate if gate.gate in STANDING and gate.state == "open":
                return f"✓ {gate.gate}: {gate.reading}"
            case StateChanged() as change:
                then = f" · {change.will_do}" if change.state in ("held", "paused") and change.will_do else ""
                return f"→ {change.state}: {change.reason}{then}"
            case Decided() as word:
                return f"→ {word.decision} by {word.by}" + (f": {word.reason}" if word.reason else "")
            case Noted() as note:
                node = note.step.rpartition("/")[0]
                return f"· {node}: {note.text}" if node and node not in note.text else f"· {note.text}"
            case NodeLeft() as left:
                return f"· {left.node}: {left.state}; {left.next}"
            case PodOutcome(result=result) as pod if result not in ("evicted", "gone"):
                return f"! {pod.pod} {result}: {pod.reason}"
            case RunEnded() as end:
                return f"→ {end.state} after {format_duration(entry.at_ms - self.started_ms)}: {end.reason}"
        return None

    def _tell_outcome(self, outcome: StepOutcome, at_ms: int) -> str | None:
        node, _, action = outcome.step.rpartition("/")
        if outcome.state == "done" and action in ("cordon", "uncordon", "reboot"):
            return None
        if outcome.state not in GLYPHS:
            return None  # it goes on after a hold: the change of state beside it says so
        took = format_duration(at_ms - self._since.get(outcome.step, at_ms))
        readings = ", ".join(f"{key} {value}" for key, value in sorted(outcome.readings.items()))
        detail = outcome.reason or readings
        words = {"drain": "drained", "serves": "serves", "settle": "done, moved workloads are well"}
        said = words.get(action, action) if outcome.state == "done" else f"{action} {outcome.state}"
        return f"{GLYPHS[outcome.state]} {node} {said}" + (f" ({detail})" if detail else "") + f" after {took}"

    # --- drawing ---------------------------------------------------------------------------

    def _state_line(self, now_ms: int) -> str:
        parts = [f"{self.run}  {self.state.upper()}"]
        if self.plan is not None:
            parts[0] += f"  {self._elapsed(now_ms)}"
            parts.append(f"{len(self.finished)}/{len(self.plan.nodes)} nodes")
            if self.state == "running" and self.forecast is not None:
                ends = self.started_ms + round(self.forecast.duration_seconds.p50 * SECOND)
                parts.append(f"ends about {self._clock(ends)[:5]}")
            if self.plan.window is not None:
                parts.append(f"window closes {self._clock(self.plan.window.closes_ms)[:5]} {self.zone}")
        parts.append(f"last sign of life {format_duration(max(0, now_ms - self.heard_ms))} ago")
        return " · ".join(parts)

    def _elapsed(self, now_ms: int) -> str:
        seconds = max(0, now_ms - self.started_ms) // SECOND
        text = f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
        if self.forecast is not None:
            text += f" of {format_seconds(self.forecast.duration_seconds.p50)} expected"
        return text

    def _now(self, step: str) -> str:
        node, _, action = step.rpartition("/")
        text = f"{node}  {_DOING.get(action, action)}"
        intent = self._open[step]
        if action == "drain" and intent.pods:
            text += f" {self._evicted.get(step, 0)}/{len(intent.pods)}"
        waiting = self._waiting.get(step)
        return f"{text}   waiting on {waiting}" if waiting else text

    def _next(self) -> str:
        if self.plan is None:
            return ""
        begun = {step.rpartition("/")[0] for step in self._since}
        return next((name for batch in self.plan.batches for name in batch if name not in begun), "")

    def _clock(self, at_ms: int) -> str:
        return moment(at_ms, self.zone).strftime("%H:%M:%S")
