"""What a team looks back at after a run: predicted against actual, what held it, and three questions with a start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shipkeeper.assessment.scope import owner_of
from shipkeeper.evidence.compare import Deviation, WorkloadRow
from shipkeeper.evidence.left import LeftRow
from shipkeeper.evidence.recalled import Recalled
from shipkeeper.evidence.report import Report
from shipkeeper.evidence.rows import GateRow
from shipkeeper.evidence.words import clean
from shipkeeper.model.platform import Platform
from shipkeeper.model.record import Record

QUESTIONS = ("What went well?", "What is to improve?", "Which actions make it so, who does them, and by when?")

MOST_WORKLOADS = 5
"""The hardest hit get a proposed action each; the table has them all."""


class Compared(Record, frozen=True, kw_only=True):
    """A figure as it was predicted and as it was. ``within``: yes | no | not predicted."""

    what: str
    predicted: str
    actual: str
    within: str


class Proposal(Record, frozen=True, kw_only=True):
    """An action that the record suggests. ``owner`` and ``due_on`` are empty where nothing tells."""

    text: str
    owner: str = ""
    due_on: str = ""


class Retro(Record, frozen=True, kw_only=True):
    """The page. ``went_well``, ``to_improve`` and ``proposals`` are what the record says, for people to mend."""

    run: str
    plan_digest: str
    title: str
    outcome: str
    sentence: str
    zone: str
    compared: tuple[Compared, ...]
    deviations: tuple[Deviation, ...]
    held: tuple[GateRow, ...]
    workloads: tuple[WorkloadRow, ...]
    left: tuple[LeftRow, ...]
    questions: tuple[str, ...]
    went_well: tuple[str, ...]
    to_improve: tuple[str, ...]
    proposals: tuple[Proposal, ...]
    recorded: Recalled | None = None


def look_back(report: Report, platform: Platform, due_on: str) -> Retro:
    """Make the page from a run's report. ``due_on``: by when an action should be done, such as the next window."""
    felt = tuple(row for row in report.workloads if row.within in ("no", "not predicted"))
    return Retro(
        run=report.run,
        plan_digest=report.plan_digest,
        title=report.title,
        outcome=report.outcome,
        sentence=report.sentence,
        zone=report.axis.zone,
        compared=tuple(_compared(report)),
        deviations=report.deviations,
        held=report.gates_not_open,
        workloads=report.workloads,
        left=report.left,
        questions=QUESTIONS,
        went_well=_went_well(report),
        to_improve=tuple(dict.fromkeys(_to_improve(report))),
        proposals=tuple(_proposals(report, felt, platform, due_on)),
        recorded=report.retrospective,
    )


def _compared(report: Report) -> Iterator[Compared]:
    facts = {fact.label: fact.value for fact in report.summary}
    late = any(row.what == "the whole run" and row.worse for row in report.deviations)
    known = "P50" in facts["Predicted"]
    yield Compared(
        what="The whole run",
        predicted=facts["Predicted"],
        actual=facts["Took"],
        within="not predicted" if not known else "no" if late or report.outcome != "done" else "yes",
    )
    slow = {row.what.split("/")[0] for row in report.deviations if row.worse and "/" in row.what}
    for node in report.nodes:
        if node.took:
            within = "not predicted" if not node.predicted else "no" if node.name in slow else "yes"
            yield Compared(what=node.name, predicted=node.predicted, actual=node.took, within=within)


def _went_well(report: Report) -> tuple[str, ...]:
    said = list(report.as_predicted)
    calm = [row for row in report.workloads if row.within == "yes"]
    if calm:
        said.append(f"{len(calm)} of {len(report.workloads)} workloads that were touched felt no more than predicted")
    if not report.gates_not_open and report.gates:
        said.append("no gate was ever closed or unknown")
    return tuple(said)


def _to_improve(report: Report) -> Iterator[str]:
    if report.outcome != "done":
        yield report.sentence
    for row in report.deviations:
        if row.worse:
            yield f"{row.what}: {row.actual}" + (f" ({row.by})" if row.by else "")
    for gate in report.gates_not_open:
        yield f"gate {gate.gate} held {gate.step or 'the run'} at {gate.at}: {gate.reason or gate.reading}"
    for left in report.left:
        yield left.what


def _proposals(report: Report, felt: Sequence[WorkloadRow], platform: Platform, due_on: str) -> Iterator[Proposal]:
    for row in felt[:MOST_WORKLOADS]:
        scope = owner_of(platform, row.namespace)
        predicted = f"; predicted {row.downtime_predicted}" if row.downtime_predicted else "; nothing was predicted"
        text = (
            f"{row.kind} {row.namespace}/{row.name} had no ready pod for {row.downtime}{predicted}:"
            " find out why, and give it a second replica or a longer notice"
        )
        yield Proposal(text=clean(text), owner=scope.owner if scope is not None else "", due_on=due_on)
    for step in report.deviations:
        if "/" in step.what and step.by and ":" not in step.what:
            verb = "find out why" if step.worse else "correct the estimate:"
            yield Proposal(text=clean(f"{verb} {step.what} took {step.actual} ({step.by})"), due_on=due_on)
    for gate in dict.fromkeys((gate.gate, gate.reason or gate.reading) for gate in report.gates_not_open):
        yield Proposal(text=clean(f"see to it that gate {gate[0]} is open next time: {gate[1]}"), due_on=due_on)
    for left in report.left:
        yield Proposal(text=clean(left.what + (f" ({left.why})" if left.why else "")), owner=left.owner, due_on=due_on)
