"""One night: the executor, unchanged, on one twin, and what came of it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from shipkeeper.execution.run import carry_out
from shipkeeper.execution.world import RunOptions
from shipkeeper.execution.world import World as RunWorld
from shipkeeper.journal.memory import MemoryJournal
from shipkeeper.model.errors import ShipkeeperError
from shipkeeper.model.plan import Plan
from shipkeeper.model.run import GateRead, PodOutcome, StateChanged, StepOutcome
from shipkeeper.model.time import DAY
from shipkeeper.ports.journal import Entry
from shipkeeper.ports.runtime import DeadlineExceeded, Deadlock
from shipkeeper.rehearsal.waiting import Waiting
from shipkeeper.semantics.drain import sort_pods
from shipkeeper.twin import Loaded, Twin, TwinSettings, WorkloadMeasure
from shipkeeper.twin.kernel import Kernel

RUN_ID = "run-rehearsal"
_LONGEST_MS = 60 * DAY
_NEVER = -1


class NodeMarks(Struct, frozen=True):
    """When a node passed each mark, milliseconds from the start; -1: never."""

    name: str
    cordoned_ms: int = _NEVER
    drained_ms: int = _NEVER
    ready_ms: int = _NEVER
    serves_ms: int = _NEVER
    done_ms: int = _NEVER


class Obstacle(Struct, frozen=True, order=True):
    """Something that stopped a node."""

    node: str
    pod: str
    rule: str
    reason: str


class Night(Struct, frozen=True):
    """The outcome of one seed. ``state`` is the run's; ``duration_ms`` until it ended, however it did."""

    seed: int
    state: str
    reason: str
    duration_ms: int
    nodes: tuple[NodeMarks, ...]
    workloads: tuple[WorkloadMeasure, ...]
    obstacles: tuple[Obstacle, ...]
    notes: tuple[tuple[str, int], ...]
    digest: str

    @property
    def went_well(self) -> bool:
        """Every node was done."""
        return self.state == "done" and not self.obstacles


def play_night(plan: Plan, loaded: Loaded, seed: int, settings: TwinSettings) -> Night:
    """Carry out the plan (see ``variants.without_end``) on a twin of that seed."""
    with _no_garbage_collection():
        return _play(plan, loaded, seed, settings)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A night makes many objects that live as long as it does, and its twin ends them all at once: nothing to look for.

    Scanning them would be a tenth of the night's time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _play(plan: Plan, loaded: Loaded, seed: int, settings: TwinSettings) -> Night:
    inventory = loaded.base.inventory
    kernel = Kernel(plan.window.opens_ms if plan.window is not None else inventory.taken_ms)
    twin = Twin(loaded, plan.timings, seed, kernel, settings)
    notebook = _Notebook(kernel.now_ms())
    world = RunWorld(
        api=twin.api,
        runtime=kernel,
        reboot=twin.reboot if plan.purpose == "reboot" else None,
        journal=MemoryJournal(),
        entropy=twin.entropy,
        on_entry=notebook.take,
        host="twin",
        process="rehearsal",
    )
    options = RunOptions(without_rehearsal="this is the rehearsal", hold_for_ms=0, pause_for_ms=0, felt_every_ms=0)

    async def main() -> tuple[str, str]:
        result = await kernel.deadline(_LONGEST_MS, lambda: carry_out(plan, RUN_ID, world, options))
        return result.state, result.reason

    try:
        state, reason = kernel.run(main())
    except (Deadlock, DeadlineExceeded) as error:
        state, reason = "held", f"the run came to no end: {error}"
    except ShipkeeperError as error:
        state, reason = "failed", error.message
    night = _night(plan, seed, twin, notebook, state, reason)
    twin.close()
    return night


def _night(plan: Plan, seed: int, twin: Twin, notebook: _Notebook, state: str, reason: str) -> Night:
    measured = twin.measure()
    ready = {node.name: node.ready_ms for node in measured.nodes if node.ready_ms}
    marks = []
    for name in (name for batch in plan.batches for name in batch):
        steps = notebook.done
        marks.append(
            NodeMarks(
                name,
                steps.get(f"{name}/cordon", _NEVER),
                steps.get(f"{name}/drain", _NEVER),
                ready[name] - notebook.start_ms if name in ready else _NEVER,
                steps.get(f"{name}/serves", _NEVER),
                steps.get(f"{name}/settle", _NEVER),
            )
        )
    return Night(
        seed=seed,
        state=state,
        reason=reason,
        duration_ms=twin.kernel.now_ms() - notebook.start_ms,
        nodes=tuple(marks),
        workloads=measured.workloads,
        obstacles=_obstacles(plan, twin, notebook, state, reason),
        notes=measured.notes,
        digest=twin.digest(),
    )


class _Notebook:
    """What a night's journal says that the forecast needs; the entries themselves are not kept."""

    def __init__(self, start_ms: int) -> None:
        self.start_ms = start_ms
        self.done: dict[str, int] = {}
        self.pods: dict[tuple[str, str], PodOutcome] = {}
        """(step, pod) of pods that did not go."""
        self.steps: dict[str, StepOutcome] = {}
        """Steps that ended, and not well."""
        self.gates: dict[str, GateRead] = {}
        """The newest reading of a step's gate, while it is not open."""
        self.held: StateChanged | None = None

    def take(self, entry: Entry) -> None:
        """Read one entry."""
        event = entry.event
        if isinstance(event, StepOutcome):
            if event.state == "done":
                self.done[event.step] = entry.at_ms - self.start_ms
                self.steps.pop(event.step, None)
                self.gates.pop(event.step, None)
            else:
                self.steps[event.step] = event
        elif isinstance(event, PodOutcome):
            key = (event.step, event.pod)
            if event.result in ("blocked", "stuck", "failed"):
                self.pods[key] = event
            else:
                self.pods.pop(key, None)
        elif isinstance(event, GateRead):
            if event.state == "open":
                self.gates.pop(event.step, None)
            else:
                self.gates[event.step] = event
        elif isinstance(event, StateChanged):
            self.held = event if event.state in ("held", "paused", "failed") else None


def _obstacles(plan: Plan, twin: Twin, notebook: _Notebook, state: str, reason: str) -> tuple[Obstacle, ...]:
    """What stopped which node, most telling first: pods, then pods that may not be moved, then gates, then words."""
    waiting = Waiting(twin)
    found = {
        Obstacle(_node(step), pod, rule, words + waiting.behind(pod))
        for (step, pod), outcome in notebook.pods.items()
        for rule, words in (_rule(outcome),)
    }
    told = {item.node for item in found}
    for step, gate in notebook.gates.items():
        node = _node(step)
        if node in told or (state == "done" and step not in notebook.steps):
            continue
        told.add(node)
        forbidden = _forbidden(plan, twin, node) if step.endswith("/drain") else []
        words = gate.reason or gate.reading
        found.update(forbidden or [Obstacle(node, "", gate.gate, words + waiting.of_workload_in(words))])
    for step, outcome in notebook.steps.items():
        if _node(step) not in told:
            told.add(_node(step))
            found.add(Obstacle(_node(step), "", step.rsplit("/", 1)[-1], outcome.reason))
    if state != "done" and not found:
        why = notebook.held.reason if notebook.held is not None and notebook.held.reason else reason
        found.add(Obstacle("", "", state, why))
    return tuple(sorted(found))


def _forbidden(plan: Plan, twin: Twin, node: str) -> list[Obstacle]:
    """Pods of the node that the plan does not allow to be moved."""
    pods = twin.world.pods
    rows = twin.world.occupancy.on_node[twin.world.base.node_index[node]]
    found = sort_pods([pods.materialise(row) for row in rows], plan.drain_policy, twin.kernel.now_ms())
    words = {
        "empty-dir": "keeps data in an emptyDir; --delete-emptydir-data lets it go",
        "unmanaged": "has no controller and would not come back; --allow-unmanaged lets it go",
    }
    return [
        Obstacle(node, f"{item.pod.namespace}/{item.pod.name}", item.reason, words.get(item.reason, item.reason))
        for item in found.blocked
    ]


def _node(step: str) -> str:
    return step.rsplit("/", 1)[0] if "/" in step else ""


def _rule(outcome: PodOutcome) -> tuple[str, str]:
    """(rule, reason): the executor writes ``rule: words``."""
    rule, colon, words = outcome.reason.partition(": ")
    return (rule, words) if colon and " " not in rule else (outcome.result, outcome.reason)
