"""What a run tells its journal, and what people are shown of it.

Each event is one record. Intents are written before the effect they announce (promise P4).
"""

from __future__ import annotations

import msgspec

from shipkeeper.model.book import BookEvent
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.labels import Selector
from shipkeeper.model.plan import Plan
from shipkeeper.model.record import NamedObject, Record


class RunStarted(Record, frozen=True, kw_only=True, tag="run-started", tag_field="event"):
    """A process took the run up, or went on with it (``resumed``)."""

    plan: Plan
    by: str
    """Identity the API server reports for us."""
    cluster: ClusterIdentity
    forecast_digest: str = ""
    without_rehearsal: str = ""
    host: str = ""
    resumed: bool = False


class BudgetKnown(Record, frozen=True, kw_only=True):
    """A budget whose spec people agreed to: what tells a changed, added or deleted one, and the pods it covered."""

    namespace: str
    name: str
    uid: str
    generation: int
    selector: Selector | None = None


class ErrorKnown(Record, frozen=True, kw_only=True):
    """An error that ``check`` finds, and that was there when people agreed to the run."""

    rule: str
    object: NamedObject


class BaselineTaken(Record, frozen=True, kw_only=True, tag="baseline-taken", tag_field="event"):
    """What later changes are judged against, also by a process that resumes the run. The newest one counts.

    Taken before the first node, and again when a person approves what has changed since (``reason``).
    ``errors`` None: nobody checks.
    """

    reason: str
    budgets: tuple[BudgetKnown, ...] = ()
    errors: tuple[ErrorKnown, ...] | None = None


class GateRead(Record, frozen=True, kw_only=True, tag="gate-read", tag_field="event"):
    """A gate was read. ``state``: open | closed | unknown; only open lets the step go on."""

    gate: str
    step: str = ""
    state: str
    reading: str
    reason: str = ""


class StepIntent(Record, frozen=True, kw_only=True, tag="step-intent", tag_field="event"):
    """What is about to be done. ``pods`` lists a drain's (UID, namespace/name); ``boot_id`` is from before a reboot."""

    step: str
    attempt: int
    action: str
    target: str
    pods: tuple[tuple[str, str], ...] = ()
    boot_id: str = ""
    token: str = ""
    detail: dict[str, str] = {}


class PodOutcome(Record, frozen=True, kw_only=True, tag="pod-outcome", tag_field="event"):
    """One pod of a drain. ``result``: evicted | gone | blocked | stuck | failed | left."""

    step: str
    uid: str
    pod: str
    workload: str
    result: str
    reason: str = ""
    waited_seconds: float = 0


class StepOutcome(Record, frozen=True, kw_only=True, tag="step-outcome", tag_field="event"):
    """How a step ended. ``state`` is done | skipped | held | failed."""

    step: str
    state: str
    reason: str = ""
    readings: dict[str, str] = {}


class Noted(Record, frozen=True, kw_only=True, tag="noted", tag_field="event"):
    """Something observed that a reader of the record should know: a deviation, a world that moved, a retry."""

    topic: str
    text: str
    step: str = ""
    object: str = ""


class Decided(Record, frozen=True, kw_only=True, tag="decided", tag_field="event"):
    """A person's word: approve | pause | resume | abort | reboot-done; and release, of a node once the run is over.

    ``by`` is the API server's name for them.

    ``message`` is its id in the inbox: a word that is on record is not taken twice. ``answers``: steps whose holds it
    was given to; none for one that came before anybody waited.
    """

    decision: str
    by: str
    step: str = ""
    reason: str = ""
    message: int = 0
    answers: tuple[str, ...] = ()


class StateChanged(Record, frozen=True, kw_only=True, tag="state-changed", tag_field="event"):
    """The run's state, with the reason, and what a person can do as commands to paste.

    ``step`` and ``gate``: which step waits, and at which gate, where it is a gate that holds it.
    """

    state: str
    reason: str
    object: str = ""
    why: str = ""
    will_do: str = ""
    commands: tuple[str, ...] = ()
    step: str = ""
    gate: str = ""


class ChecklistItem(Record, frozen=True, kw_only=True):
    """One box. ``state``: done | open | failed | unknown | not-applicable; ``how`` is the manual command."""

    id: str
    text: str
    cluster: str = ""
    state: str = "open"
    reading: str = ""
    by: str = ""
    at: str = ""
    how: str = ""


class ChecklistRead(Record, frozen=True, kw_only=True, tag="checklist-read", tag_field="event"):
    """A checklist as it was read: ``when`` is before or after."""

    when: str
    items: tuple[ChecklistItem, ...]


class WorkloadFelt(Record, frozen=True, kw_only=True, tag="workload-felt", tag_field="event"):
    """What one workload went through during one node's step, as the run sampled it. Seconds."""

    step: str
    kind: str
    namespace: str
    name: str
    downtime_seconds: float
    degraded_seconds: float
    evictions: int


class NodeLeft(Record, frozen=True, kw_only=True, tag="node-left", tag_field="event"):
    """State a node was left in when the run stopped, and what to do next."""

    node: str
    state: str
    next: str


class RunEnded(Record, frozen=True, kw_only=True, tag="run-ended", tag_field="event"):
    """The run's end. ``state`` is done | failed | aborted | interrupted | held."""

    state: str
    reason: str
    seconds: float


class HeadSigned(Record, frozen=True, kw_only=True, tag="head-signed", tag_field="event"):
    """The chain's head at a stop-safe point, signed (Ed25519, base64)."""

    seq: int
    head: str
    signature: str
    key_id: str


RunEvent = (
    RunStarted
    | BaselineTaken
    | GateRead
    | StepIntent
    | PodOutcome
    | StepOutcome
    | Noted
    | Decided
    | StateChanged
    | ChecklistRead
    | WorkloadFelt
    | NodeLeft
    | RunEnded
    | HeadSigned
    | BookEvent
)

_DECODER: msgspec.json.Decoder[RunEvent] = msgspec.json.Decoder(RunEvent)
_ENCODER = msgspec.json.Encoder(order="deterministic")


def encode_event(event: RunEvent) -> bytes:
    """Canonical JSON of an event; the journal's hash chain covers these bytes."""
    return _ENCODER.encode(event)


def decode_event(data: bytes) -> RunEvent:
    """Read an event back. Raises msgspec.DecodeError or ValidationError when it is not one."""
    return _DECODER.decode(data)


class StepStatus(Record, frozen=True, kw_only=True):
    """A step in ``status``. ``state``: pending | running | done | skipped | held | failed."""

    id: str
    state: str = "pending"
    attempts: int = 0
    reason: str = ""


class LeftNode(Record, frozen=True, kw_only=True):
    """A node that a stopped run left not done, in ``status``. ``next`` is the command for it; empty: none is needed."""

    node: str
    state: str
    next: str = ""


class RunStatus(Record, frozen=True, kw_only=True):
    """A run in ``status`` and ``runs``.

    ``state``: waiting | running | paused | held | interrupted | done | failed | aborted.
    """

    id: str
    plan_digest: str
    state: str
    started_at: str = ""
    ended_at: str = ""
    steps: tuple[StepStatus, ...] = ()
    journal_head: str = ""
    reason: str = ""
    commands: tuple[str, ...] = ()
    left: tuple[LeftNode, ...] = ()
