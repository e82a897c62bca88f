"""The report as Markdown, for a merge request, a wiki or a ticket. Says what the page says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from shipkeeper import __version__
from shipkeeper.evidence.checklists import by_cluster
from shipkeeper.evidence.html import sign
from shipkeeper.evidence.recalled import Recalled
from shipkeeper.evidence.report import Report
from shipkeeper.evidence.rows import Fact, GateRow
from shipkeeper.evidence.words import clean, date_and_clock
from shipkeeper.model.errors import BadInput
from shipkeeper.model.run import ChecklistItem
from shipkeeper.model.time import parse_instant

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def markdown(report: Report, written_ms: int, version: str = __version__) -> str:
    """The whole report. ``written_ms`` and ``version`` are part of it, so the same record gives the same bytes."""
    zone = report.axis.zone
    lines = [
        f"# {text(report.title)}",
        "",
        f"{sign(report.outcome)} **{report.outcome}** · {report.run} · {text(report.sentence)}",
        "",
        "## What was done, and why",
        "",
        *facts(report.summary),
        *(f"- {text(reason)}" for reason in report.why),
        "",
        "### What the plan allowed",
        "",
        *facts(report.allowed),
        "## Who agreed, approved and was told",
        "",
        *table(("When", "Who", "What", "Reason or note"), ((p.at, p.who, p.what, p.reason) for p in report.people)),
        *_left(report),
        *_night(report),
        *_felt(report),
        "## Checklist before",
        "",
        *checklist(report.before, zone),
        "## Checklist after",
        "",
        *checklist(report.after, zone),
        "## Gates",
        "",
        *_gates(report.gates),
        *_retrospective(report),
        *_verify(report),
        f"Plan {code(report.plan_digest)}. Written {date_and_clock(written_ms, zone)} by shipkeeper {version}.",
    ]
    return "\n".join(lines) + "\n"


def text(value: str) -> str:
    """Text that means nothing to Markdown or HTML."""
    return _SPECIAL.sub(r"\\\1", clean(value)).replace("&", "&amp;")


def code(value: str) -> str:
    """Text between as many backticks as it needs."""
    shown = clean(value)
    ticks = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table and a blank line; a dash for an empty cell."""
    lines = ["| " + " | ".join(headers) + " |", "|" + "---|" * len(headers)]
    lines += ["| " + " | ".join(text(value) or "–" for value in row) + " |" for row in rows]
    return [*lines, ""]


def facts(rows: Sequence[Fact]) -> list[str]:
    """Labels and values as a table without words in its head."""
    return table(("", ""), ((row.label, row.value) for row in rows)) if rows else []


def checklist(items: Sequence[ChecklistItem], zone: str) -> list[str]:
    """Boxes as Markdown writes them: ticked when done; a heading for each cluster where there are several."""
    if not items:
        return ["None is in the record.", ""]
    lines: list[str] = []
    sections = by_cluster(items)
    for cluster, rows in sections.items():
        if len(sections) > 1:
            lines += [f"### {text(cluster)}", ""]
        for item in rows:
            lines += _box(item, zone, len(sections) > 1)
        lines.append("")
    return lines


def _box(item: ChecklistItem, zone: str, named: bool) -> list[str]:
    box = "x" if item.state == "done" else " "
    where = f" ({text(item.cluster)})" if item.cluster and not named else ""
    mark = "" if item.state in ("done", "open") else f" **{item.state}**"
    lines = [f"- [{box}] {text(item.text)}{where}{mark}"]
    who = " · ".join(part for part in (text(item.by), text(_at(item.at, zone))) if part)
    if item.reading or who:
        lines.append("  " + " — ".join(part for part in (text(item.reading), who) if part))
    if item.how and item.state != "not-applicable":
        lines.append(f"  {code(item.how)}")
    return lines


def _at(at: str, zone: str) -> str:
    try:
        return date_and_clock(parse_instant(at), zone) if at else ""
    except BadInput:
        return at


def _left(report: Report) -> list[str]:
    lines = ["## What is left to do", ""]
    if not report.left:
        return [*lines, "Nothing that the record knows of.", ""]
    headers = ("What", "Why", "Command", "Who", "By when")
    return [*lines, *table(headers, ((r.what, r.why, r.command, r.owner, r.due) for r in report.left))]


def _night(report: Report) -> list[str]:
    headers = ("Node", "State", "From", "Drain", "Reboot", "In all", "Predicted", "Boot id", "Proof that it serves")
    rows = ((n.name, n.state, n.began, n.drain, n.reboot, n.took, n.predicted, n.boot, n.proof) for n in report.nodes)
    lines = ["## The night: forecast and actual", "", *table(headers, rows)]
    lines += ["## What went another way than predicted", ""]
    found = ((d.at, d.what, d.predicted, d.actual, d.by) for d in report.deviations)
    if report.deviations:
        lines += table(("When", "What", "Predicted", "Actual", "By"), found)
    else:
        lines += ["Nothing did.", ""]
    if report.noted:
        noted = [(row.at, row.about, row.text) for row in report.noted]
        lines += ["### What the run noted", "", *table(("When", "About", "What"), noted)]
    return lines


def _felt(report: Report) -> list[str]:
    lines = ["## What each workload felt", ""]
    if report.workloads:
        headers = (
            "Workload", "Without a ready pod, measured", "Modelled", "Below full strength, measured", "Modelled",
            "Pods evicted", "As predicted",
        )  # fmt: skip
        rows = (
            (
                f"{w.kind} {w.namespace}/{w.name}", w.downtime, w.downtime_predicted, w.degraded, w.degraded_predicted,
                w.evictions, w.within,
            )
            for w in report.workloads
        )  # fmt: skip
        lines += [*table(headers, rows), "As the run sampled readiness: an interruption between two samples is not in"]
        lines += ["these figures.", ""]
    else:
        lines += ["No workload was touched, or none was sampled.", ""]
    if report.assumed:
        lines += ["### What the forecast rested on", "", *facts(report.assumed)]
    return lines


def _gates(rows: Sequence[GateRow]) -> list[str]:
    if not rows:
        return ["No gate was read.", ""]
    return table(
        ("When", "Gate", "For", "State", "Reading", "Reason"),
        (
            (
                row.at, row.gate, row.step or "the run",
                f"{sign(row.state, 'gate')} {row.state}" + (f" (read {row.times} times)" if row.times > 1 else ""),
                row.reading, row.reason,
            )
            for row in rows
        ),
    )  # fmt: skip


def _retrospective(report: Report) -> list[str]:
    worse = [
        f"- {text(d.what)}: {text(d.actual)}" + (f" ({text(d.by)})" if d.by else "")
        for d in report.deviations
        if d.worse
    ]
    return [
        "## Retrospective",
        "",
        "### What went as planned",
        "",
        *(f"- {text(line)}" for line in report.as_predicted),
        "",
        "### What did not",
        "",
        *(worse or ["Nothing that the record knows of."]),
        "",
        *(_blank() if report.retrospective is None else retrospective(report.retrospective, report.axis.zone)),
    ]


def retrospective(found: Recalled, zone: str) -> list[str]:
    """What people put on record when they looked back."""
    actions = [(row.text, row.owner, row.due_on, row.id) for row in found.actions]
    return [
        "### What people said",
        "",
        f"Recorded {date_and_clock(found.at_ms, zone)} by {text(found.by)}."
        + (f" Present: {text(', '.join(found.present))}." if found.present else ""),
        "",
        "What went well:",
        "",
        *([f"- {text(line)}" for line in found.went_well] or ["Nobody said."]),
        "",
        "What is to improve:",
        "",
        *([f"- {text(line)}" for line in found.to_improve] or ["Nobody said."]),
        "",
        "### What we change",
        "",
        *(table(("Action", "Who", "By when", "Id"), actions) if actions else ["Nothing was decided.", ""]),
    ]


def _blank() -> list[str]:
    """Room to write in, until it is on record."""
    return [
        "### What we change",
        "",
        "| Action | Who | By when |",
        "|---|---|---|",
        *("|  |  |  |" for _ in range(4)),
        "",
    ]


def _verify(report: Report) -> list[str]:
    if report.key_id:
        signed = f"The chain is signed up to record {report.signed_seq}, with the Ed25519 key {code(report.key_id)}."
    else:
        signed = (
            "The chain is not signed: whoever can write this folder can replace all of it, and only a head kept"
            " elsewhere would show that."
        )
    return [
        "## How to verify this page",
        "",
        f"This page shows {report.records} records of `record.json`, which lies beside it. Each record carries the"
        f" SHA-256 of the one before it. The newest is number {report.head_seq}: {code(report.head)}.",
        "",
        signed,
        "",
        *(f"- {text(row.label)}: {code(row.value)}" for row in report.commands),
        "",
    ]
