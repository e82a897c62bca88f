"""The retrospective as Markdown, for a wiki or a merge request. Says what the page says."""

from __future__ import annotations

from shipkeeper.evidence.html import sign
from shipkeeper.evidence.markdown import retrospective, table, text
from shipkeeper.evidence.retro import Retro


def retro_markdown(retro: Retro) -> str:
    """The whole page."""
    lines = [
        f"# Retrospective: {text(retro.title)}",
        "",
        f"{sign(retro.outcome)} **{retro.outcome}** · {retro.run} · {text(retro.sentence)}",
        "",
    ]
    if retro.recorded is not None:
        lines += retrospective(retro.recorded, retro.zone)
    lines += _facts(retro)
    if retro.recorded is None:
        lines += _questions(retro)
    return "\n".join(lines) + "\n"


def _facts(retro: Retro) -> list[str]:
    compared = ((row.what, row.predicted, row.actual, row.within) for row in retro.compared)
    lines = ["## Predicted and actual", "", *table(("What", "Predicted", "Actual", "As predicted"), compared)]
    lines += ["### What went another way", ""]
    rows = [(d.at, d.what, d.predicted, d.actual, d.by) for d in retro.deviations]
    lines += table(("When", "What", "Predicted", "Actual", "By"), rows) if rows else ["Nothing did.", ""]
    lines += ["### What held it", ""]
    held = [(g.at, g.gate, g.step or "the run", g.state, g.reason or g.reading) for g in retro.held]
    none = ["No gate was ever closed or unknown.", ""]
    lines += table(("When", "Gate", "For", "State", "Why"), held) if held else none
    lines += ["### What each workload felt", ""]
    heads = ("Workload", "Without a ready pod", "Predicted", "Pods evicted", "As predicted")
    felt = [
        (f"{w.kind} {w.namespace}/{w.name}", w.downtime, w.downtime_predicted, w.evictions, w.within)
        for w in retro.workloads
    ]
    return [*lines, *(table(heads, felt) if felt else ["No workload was touched, or none was sampled.", ""])]


def _questions(retro: Retro) -> list[str]:
    well, improve, actions = retro.questions
    rows = [(row.text, row.owner, row.due_on) for row in retro.proposals]
    return [
        "## Three questions, with a start from the record",
        "",
        f"### 1. {well}",
        "",
        *(f"- {text(line)}" for line in retro.went_well),
        "- ",
        "",
        f"### 2. {improve}",
        "",
        *(f"- {text(line)}" for line in retro.to_improve),
        "- ",
        "",
        f"### 3. {actions}",
        "",
        *table(("Action", "Who", "By when"), [*rows, ("", "", "")]),
    ]
