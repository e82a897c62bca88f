"""Rows of the report: people, nodes, gates, and what the chart draws."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from shipkeeper.evidence.compare import spread
from shipkeeper.evidence.story import Story
from shipkeeper.evidence.words import clean, clock, date_and_clock, seconds
from shipkeeper.model.forecast import Forecast, NodeForecast
from shipkeeper.model.record import Record, Spread
from shipkeeper.model.run import ChecklistRead


class Fact(Record, frozen=True, kw_only=True):
    """A label and what stands beside it."""

    label: str
    value: str


class PersonRow(Record, frozen=True, kw_only=True):
    """Somebody's word or act, and when."""

    at: str
    who: str
    what: str
    reason: str = ""


class Span(Record, frozen=True, kw_only=True):
    """A stretch of one phase, in seconds from the run's beginning."""

    phase: str
    begin: float
    end: float
    open: bool = False
    """It had not ended when the record ended."""


class ChartRow(Record, frozen=True, kw_only=True):
    """A node in the chart: what was forecast (P50) and what was."""

    name: str
    forecast: tuple[Span, ...] = ()
    actual: tuple[Span, ...] = ()


class NodeRow(Record, frozen=True, kw_only=True):
    """A node in the report's table."""

    name: str
    zone: str
    state: str
    began: str
    drain: str
    reboot: str
    took: str
    predicted: str
    pods: int
    boot: str
    """Boot id before → after."""
    proof: str
    """What proved that it serves again."""


class GateRow(Record, frozen=True, kw_only=True):
    """A gate's reading."""

    at: str
    gate: str
    step: str
    state: str
    reading: str
    reason: str = ""
    times: int = 1


def people(story: Story, lists: Sequence[tuple[int, ChecklistRead]], zone: str) -> tuple[PersonRow, ...]:
    """Who started, decided and ticked, oldest first. Names are what the API server, or a tick, said."""
    rows: list[tuple[int, PersonRow]] = []
    for at_ms, started in story.started:
        what = "resumed the run" if started.resumed else "started the run"
        reason = f"without a rehearsal: {started.without_rehearsal}" if started.without_rehearsal else ""
        rows.append((at_ms, PersonRow(at=date_and_clock(at_ms, zone), who=started.by, what=what, reason=reason)))
    for at_ms, decided in story.decisions:
        what = f"{decided.decision} {decided.step}".strip()
        rows.append(
            (at_ms, PersonRow(at=date_and_clock(at_ms, zone), who=decided.by, what=what, reason=clean(decided.reason)))
        )
    seen: set[tuple[str, str, str, str]] = set()
    for at_ms, read in lists:
        for item in read.items:
            key = (read.when, item.cluster, item.id, item.at)
            if item.by and item.by != "shipkeeper" and key not in seen:
                seen.add(key)
                what = f"ticked “{item.text}” ({read.when})"
                rows.append(
                    (
                        at_ms,
                        PersonRow(at=date_and_clock(at_ms, zone), who=item.by, what=what, reason=clean(item.reading)),
                    )
                )
    rows.sort(key=lambda row: row[0])
    return tuple(row for _, row in rows)


def gate_rows(story: Story, zone: str) -> tuple[GateRow, ...]:
    """Every gate's readings in order; a reading that did not change is one row with how often it was read."""
    return tuple(
        GateRow(
            at=clock(seen.first_ms, zone) + (f"–{clock(seen.last_ms, zone)}" if seen.last_ms > seen.first_ms else ""),
            gate=seen.event.gate,
            step=seen.event.step,
            state=seen.event.state,
            reading=clean(seen.event.reading),
            reason=clean(seen.event.reason),
            times=seen.times,
        )
        for seen in story.gates
    )


def node_rows(story: Story, forecast: Forecast | None, zone: str) -> tuple[NodeRow, ...]:
    """Every planned node, in the plan's order."""
    predicted = {node.name: node for node in (forecast.nodes if forecast else ())}
    rows = []
    for node in story.plan.nodes:
        steps = {step.plan.action: step for step in story.of_node(node.name)}
        begun = [step.began_ms for step in steps.values() if step.began_ms is not None]
        done_ms = story.mark(node.name, "settle")
        reboot, drain = steps.get("reboot"), steps.get("drain")
        before = reboot.boot_before if reboot and reboot.boot_before else node.boot_id
        rows.append(
            NodeRow(
                name=node.name,
                zone=node.zone,
                state=_state([step.state for step in steps.values()]),
                began=clock(min(begun), zone) if begun else "",
                drain=seconds(drain.seconds) if drain and drain.seconds is not None else "",
                reboot=seconds(reboot.seconds) if reboot and reboot.seconds is not None else "",
                took=seconds((done_ms - min(begun)) / 1000) if done_ms is not None and begun else "",
                predicted=_predicted(predicted.get(node.name)),
                pods=len(drain.pods) if drain else 0,
                boot=clean(reboot.readings.get("boot", "") if reboot else "") or clean(before),
                proof=clean(steps["serves"].readings.get("proof", "") if "serves" in steps else ""),
            )
        )
    return tuple(rows)


def chart_rows(story: Story, forecast: Forecast | None) -> tuple[ChartRow, ...]:
    """What the chart draws: every planned node, forecast at P50 and actual."""
    predicted = {node.name: node for node in (forecast.nodes if forecast else ())}
    return tuple(
        ChartRow(
            name=node.name,
            forecast=_forecast_spans(predicted[node.name]) if node.name in predicted else (),
            actual=_actual_spans(story, node.name),
        )
        for node in story.plan.nodes
    )


def _forecast_spans(node: NodeForecast) -> tuple[Span, ...]:
    marks = (
        ("drain", node.cordoned),
        ("reboot", node.drained),
        ("serves" if node.serves is not None else "settle", node.ready),
        ("settle", node.serves),
        ("", node.done),
    )
    known = [(phase, mark.p50) for phase, mark in marks if mark is not None]
    return tuple(Span(phase=phase, begin=begin, end=end) for (phase, begin), (_, end) in pairwise(known) if end > begin)


def _actual_spans(story: Story, node: str) -> tuple[Span, ...]:
    merged = {"cordon": "drain", "uncordon": "settle"}
    now = [
        (step.plan.action, step.began_ms, step.ended_ms) for step in story.of_node(node) if step.began_ms is not None
    ]
    spans: list[Span] = []
    for action, began_ms, ended_ms in (*story.given_back.get(node, ()), *now):
        phase = merged.get(action, action)
        end_ms = ended_ms if ended_ms is not None else story.last_ms
        begin, end = (began_ms - story.began_ms) / 1000, (end_ms - story.began_ms) / 1000
        if spans and spans[-1].phase == phase and begin - spans[-1].end < 1:
            begin = spans.pop().begin
        spans.append(Span(phase=phase, begin=begin, end=end, open=ended_ms is None))
    return tuple(spans)


def _state(states: list[str]) -> str:
    if all(state == "done" for state in states):
        return "done"
    for word in ("failed", "held", "running"):
        if word in states:
            return word
    if all(state in ("done", "skipped") for state in states):
        return "skipped"
    return "not started" if all(state == "pending" for state in states) else "not finished"


def _predicted(node: NodeForecast | None) -> str:
    if node is None or node.done is None or node.cordoned is None:
        return ""
    return spread(
        Spread(
            p50=node.done.p50 - node.cordoned.p50,
            p95=max(node.done.p95 - node.cordoned.p95, node.done.p50 - node.cordoned.p50),
        )
    )
