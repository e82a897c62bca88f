"""The report of a run, as values: every writer (page, Markdown, JSON) says the same."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.evidence.chart import Axis
from shipkeeper.evidence.checklists import in_order
from shipkeeper.evidence.compare import (
    INFORMATION,
    Deviation,
    NoteRow,
    WorkloadRow,
    deviations,
    note_rows,
    run_seconds,
    spread,
    workload_rows,
)
from shipkeeper.evidence.left import LeftRow, left_to_do
from shipkeeper.evidence.recalled import Recalled
from shipkeeper.evidence.rows import (
    ChartRow,
    Fact,
    GateRow,
    NodeRow,
    PersonRow,
    chart_rows,
    gate_rows,
    node_rows,
    people,
)
from shipkeeper.evidence.story import Story, latest_items, tell
from shipkeeper.evidence.words import clean, clock, date_and_clock, seconds
from shipkeeper.execution.marks import HEAD
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.record import Record
from shipkeeper.model.run import ChecklistItem, ChecklistRead
from shipkeeper.model.words import count
from shipkeeper.ports.journal import Entry

_OUTCOMES = {
    "done": "Done",
    "failed": "Failed",
    "aborted": "Aborted by a person",
    "interrupted": "Interrupted; it can be resumed",
    "held": "Held; it waits for a person",
    "paused": "Paused by a person",
    "running": "Still running",
    "waiting": "Waiting for its window",
}


class Report(Record, frozen=True, kw_only=True):
    """Everything a reader is told. All texts are final; times carry their zone."""

    run: str
    plan_digest: str
    title: str
    outcome: str
    """A run state: done, held, …"""
    sentence: str
    summary: tuple[Fact, ...]
    why: tuple[str, ...]
    allowed: tuple[Fact, ...]
    people: tuple[PersonRow, ...]
    before: tuple[ChecklistItem, ...]
    after: tuple[ChecklistItem, ...]
    axis: Axis
    chart: tuple[ChartRow, ...]
    nodes: tuple[NodeRow, ...]
    gates_not_open: tuple[GateRow, ...]
    gates: tuple[GateRow, ...]
    deviations: tuple[Deviation, ...]
    noted: tuple[NoteRow, ...]
    workloads: tuple[WorkloadRow, ...]
    assumed: tuple[Fact, ...]
    left: tuple[LeftRow, ...]
    as_predicted: tuple[str, ...]
    records: int
    head_seq: int
    head: str
    signed_seq: int
    key_id: str
    commands: tuple[Fact, ...]
    retrospective: Recalled | None = None
    """What people put on record afterwards; None until they have."""


def build(
    entries: Sequence[Entry],
    forecast: Forecast | None,
    lists: Sequence[tuple[int, ChecklistRead]] = (),
    zone: str = "",
    retrospective: Recalled | None = None,
) -> Report:
    """Make the report of one run from its entries, which were verified when they were read.

    ``forecast`` is what the run was compared with (None: it ran without a rehearsal); ``lists`` are checklist
    readings from outside the run's own chain; ``zone`` is the reader's, else the window's. ``retrospective``: what
    people said afterwards.
    Raises Failed (code no-run-start).
    """
    story = tell(entries)
    if not zone:
        zone = story.plan.window.zone if story.plan.window else "UTC"
    readings = sorted([*lists, *story.lists], key=lambda pair: pair[0])
    after = in_order("after", latest_items(readings, "after"))
    found = deviations(story, forecast, zone)
    gates = gate_rows(story, zone)
    signed = story.heads[-1][1] if story.heads else None
    return Report(
        run=story.run,
        plan_digest=story.plan.digest,
        title=_title(story),
        outcome=story.state,
        sentence=_sentence(story),
        summary=_summary(story, forecast, zone),
        why=_why(story),
        allowed=_allowed(story),
        people=people(story, readings, zone),
        before=in_order("before", latest_items(readings, "before")),
        after=after,
        axis=Axis(
            began_ms=story.began_ms,
            ends_ms=story.ended_ms or story.last_ms,
            closes_ms=story.plan.window.closes_ms if story.plan.window else None,
            zone=zone,
        ),
        chart=chart_rows(story, forecast),
        nodes=node_rows(story, forecast, zone),
        gates_not_open=tuple(row for row in gates if row.state != "open"),
        gates=gates,
        deviations=found,
        noted=note_rows(story, zone, lambda topic: topic in INFORMATION),
        workloads=workload_rows(story, forecast),
        assumed=_assumed(forecast),
        left=left_to_do(story, after),
        as_predicted=_as_predicted(story, forecast, found),
        records=len(entries),
        head_seq=entries[-1].seq,
        head=entries[-1].hash,
        signed_seq=signed.seq if signed else 0,
        key_id=signed.key_id if signed else "",
        commands=_commands(story.run),
        retrospective=retrospective,
    )


def _assumed(forecast: Forecast | None) -> tuple[Fact, ...]:
    rested_on = (*forecast.assumptions, *forecast.measurements) if forecast else ()
    return tuple(Fact(label=one.what, value=f"{one.value} ({one.source})") for one in rested_on)


def _title(story: Story) -> str:
    cluster = story.plan.cluster.name or story.plan.cluster.uid or "a cluster"
    what = "Reboot" if story.plan.purpose == "reboot" else "Drain"
    return clean(f"{what} of {count(len(story.plan.nodes), 'node')} of {cluster}")


def _sentence(story: Story) -> str:
    done = sum(1 for node in story.plan.nodes if story.mark(node.name, "settle") is not None)
    reason = (story.ended.reason if story.ended else "") or (story.states[-1][1].reason if story.states else "")
    outcome = _OUTCOMES.get(story.state, story.state)
    text = f"{outcome}: {done} of {count(len(story.plan.nodes), 'node')} done in {seconds(run_seconds(story))}."
    return clean(f"{text} {reason}." if reason and story.state != "done" else text)


def _summary(story: Story, forecast: Forecast | None, zone: str) -> tuple[Fact, ...]:
    plan, started = story.plan, story.started[0][1]
    window = "none: the plan has no window"
    if plan.window is not None:
        window = (
            f"{date_and_clock(plan.window.opens_ms, zone)} to {date_and_clock(plan.window.closes_ms, zone)},"
            f" of which {seconds(plan.reserve_seconds)} reserve"
        )
    facts = [
        ("Cluster", f"{plan.cluster.name or 'unnamed'} ({plan.cluster.server_version or 'version not told'})"),
        ("Cluster's id", f"{plan.cluster.uid or 'not told'} (UID of namespace kube-system)"),
        ("Window", window),
        ("Effects from", date_and_clock(story.began_ms, zone)),
        ("Until", date_and_clock(story.ended_ms or story.last_ms, zone)),
        ("Took", seconds(run_seconds(story))),
        ("Predicted", _predicted(forecast, started.without_rehearsal)),
        ("Order", f"{plan.order}, at most {count(plan.max_parallel, 'node')} at a time"),
        ("Carried out by", f"{started.by}, from {started.host or 'a host not told'}"),
    ]
    if len(story.started) > 1:
        again = ", ".join(clock(at_ms, zone) for at_ms, _ in story.started[1:])
        facts.append(("Resumed", f"{count(len(story.started) - 1, 'time')} ({again})"))
    return tuple(Fact(label=label, value=clean(value)) for label, value in facts)


def _predicted(forecast: Forecast | None, without: str) -> str:
    if forecast is None:
        return f"nothing: run without a rehearsal, because {without}" if without else "the forecast is not at hand"
    verdict = forecast.verdict.replace("-", " ") + (", as far as was known" if forecast.doubts else "")
    return f"{verdict}, {spread(forecast.duration_seconds)} over {count(forecast.seeds, 'seed')}"


def _why(story: Story) -> tuple[str, ...]:
    reasons = list(dict.fromkeys(step.plan.why for step in story.steps.values() if step.plan.action == "reboot"))
    return tuple(clean(text) for text in (*story.plan.notes, *(f"reboot: {text}" for text in reasons if text)))


def _allowed(story: Story) -> tuple[Fact, ...]:
    policy, reboot = story.plan.drain_policy, story.plan.reboot
    grace = policy.grace_period_seconds
    facts = [
        ("When a drain is blocked", policy.on_blocked),
        ("emptyDir data deleted in", ", ".join(policy.delete_empty_dir_data) or "no namespace"),
        ("Pods without a controller evicted", ", ".join(policy.allow_unmanaged) or "none"),
        ("Grace period", "each pod's own" if grace is None else f"at most {grace} s"),
        ("Nodes cordoned by others", "included" if policy.include_cordoned else "left out"),
        ("Control-plane nodes", "included, alone and last" if policy.allow_control_plane else "left out"),
        ("A person confirms", "every node" if policy.confirm == "each" else "nothing in between"),
        ("Rebooted with", f"{reboot.driver}: {' '.join(reboot.argv)}" if reboot.argv else reboot.driver),
    ]
    return tuple(Fact(label=label, value=clean(value)) for label, value in facts)


def _as_predicted(story: Story, forecast: Forecast | None, found: Sequence[Deviation]) -> tuple[str, ...]:
    steps = [step for step in story.steps.values() if step.state == "done"]
    off = {one.what.split(":")[0] for one in found if one.worse}
    said = [f"{len([s for s in steps if s.plan.id not in off])} of {count(len(story.steps), 'step')} went as planned"]
    if forecast is not None and story.state == "done" and run_seconds(story) <= forecast.duration_seconds.p95:
        said.append(f"the run took {seconds(run_seconds(story))}, inside its forecast")
    window = story.plan.window
    if window is not None and story.state == "done" and story.last_ms <= window.closes_ms:
        said.append(f"it ended {seconds((window.closes_ms - story.last_ms) / 1000)} before the window closed")
    stuck = [pod for step in story.steps.values() for pod in step.pods if pod.result not in ("evicted", "gone")]
    moved = sum(len(step.pods) for step in story.steps.values())
    if moved and not stuck:
        said.append(f"all {count(moved, 'pod')} left their nodes through the eviction API")
    return tuple(said)


def _commands(run: str) -> tuple[Fact, ...]:
    return (
        Fact(
            label="Nothing in this folder was edited, and the chain holds",
            value="shipkeeper evidence verify DIR",
        ),
        Fact(
            label="It was written by the holder of the key",
            value="shipkeeper evidence verify DIR --key pub.pem",
        ),
        Fact(
            label="Its tail was not cut off",
            value="shipkeeper evidence verify DIR --key pub.pem --expect-head HASH",
        ),
        Fact(
            label="Where HASH comes from: the annotation on the cluster's Lease",
            value=f"kubectl get lease -A -o yaml | grep {HEAD}",
        ),
        Fact(label="The same run, as the journal has it", value=f"shipkeeper runs status {run}"),
    )
