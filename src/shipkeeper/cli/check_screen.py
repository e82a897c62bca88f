"""Findings for people: consequence first, the fix beside it, and one line that sums the nodes up."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from shipkeeper.assessment.check import Findings
from shipkeeper.cli.output import markdown_table
from shipkeeper.model.findings import SEVERITIES, Finding, Rule
from shipkeeper.model.words import count

if TYPE_CHECKING:
    from rich.console import Console

SIGNS = {"error": "✗", "unknown": "?", "warning": "!", "info": "·"}
_STYLES = {"error": "bold red", "unknown": "bold magenta", "warning": "yellow", "info": "dim"}
_SHORT = {
    "PodDisruptionBudget": "PDB",
    "PersistentVolumeClaim": "PVC",
    "HorizontalPodAutoscaler": "HPA",
    "ValidatingWebhookConfiguration": "ValidatingWebhook",
    "MutatingWebhookConfiguration": "MutatingWebhook",
}
_FOLD_FROM = 6
_SHOWN = 4
_NAMED = 8
_INDENT = 11


def draw(console: Console, findings: Findings, *, whole: bool, exit_code: int) -> None:
    """Write the findings. Without ``whole``: no info, and many findings of one rule folded into a few."""
    width = console.width
    for (severity, rule), group in groupby(findings.items, key=lambda item: (item.severity, item.rule)):
        items = list(group)
        if severity == "info" and not whole:
            continue
        shown = items if whole or len(items) < _FOLD_FROM else items[:_SHOWN]
        for item in shown:
            _draw_one(console, item, width)
        if len(shown) < len(items):
            _draw_rest(console, severity, rule, items[len(shown) :], width)
    notes = findings.count("info")
    hints = [f"{count(notes, 'note')} not shown: --all"] if notes and not whole else []
    if findings.items:
        hints.append(f"what a rule means: shipkeeper check --explain {findings.items[0].rule}")
    if hints:
        console.print(" · ".join(hints), style="dim", markup=False)
    console.print(closing(findings), end="")
    console.print(f"   exit {exit_code}", style="dim")


def closing(findings: Findings) -> str:
    """``12 nodes: 9 drain clean, 1 blocked, 1 with downtime, 1 unknown``."""
    nodes = findings.nodes
    parts = [f"{nodes.clean} drain{'s' if nodes.clean == 1 else ''} clean"]
    for number, words in ((nodes.blocked, "blocked"), (nodes.downtime, "with downtime"), (nodes.unknown, "unknown")):
        if number:
            parts.append(f"{number} {words}")
    return f"{count(nodes.total, 'node')}: " + ", ".join(parts)


def markdown(findings: Findings) -> str:
    """All findings as a table, worst first."""
    rows = [
        [
            f"{SIGNS[item.severity]} {item.severity}",
            label(item),
            item.message,
            item.consequence,
            item.fix,
            f"`{item.rule}`",
        ]
        for item in findings.items
    ]
    head = ["severity", "object", "what", "consequence", "fix", "rule"]
    counts = ", ".join(f"{findings.count(severity)} {severity}" for severity in SEVERITIES)
    table = markdown_table(head, rows) if rows else "Nothing found."
    return f"# Check\n\n{closing(findings)}\n\n{counts}\n\n{table}"


def explained(rule: Rule) -> list[str]:
    """A rule's words, line by line."""
    return [
        f"{rule.id}: {rule.title}",
        "",
        rule.explanation,
        "",
        f"Fix: {rule.fix}",
        f"Needs: {', '.join(rule.needs) or 'nothing in particular'}",
        f"Source: {rule.source}",
    ]


def rules_document(rules: Iterable[Rule]) -> str:
    """Every rule's words as one Markdown page; ``docs/reference/rules.md`` is this, and a test compares them."""
    parts = [
        "# Rules of `check`",
        "",
        "What each rule looks for, what it means for a maintenance, and how to mend it."
        " `shipkeeper check --explain RULE` tells the same for one rule;"
        " this page is what `shipkeeper check --explain all -o markdown` writes.",
        "",
        "Severities, worst first: `error` stops a drain or loses work, `unknown` is a question that could not be"
        " answered because something could not be read, `warning` is felt by somebody, `info` is worth knowing."
        " By default an `error` or an `unknown` makes `check` exit with 5.",
    ]
    for rule in sorted(rules, key=lambda rule: rule.id):
        needs = ", ".join(f"`{need}`" for need in rule.needs) or "whatever the rules need"
        parts += [
            "",
            f"## {rule.id}",
            "",
            f"**{rule.title}.**",
            "",
            rule.explanation,
            "",
            f"- Fix: {rule.fix}",
            f"- Reads: {needs}",
            f"- Source: {rule.source}",
        ]
    return "\n".join(parts)


def label(item: Finding) -> str:
    """The object as people write it: ``PDB team-7/ledger``."""
    what = item.object
    kind = _SHORT.get(what.kind, what.kind)
    return f"{kind} {what.namespace}/{what.name}" if what.namespace else f"{kind} {what.name}"


def _draw_one(console: Console, item: Finding, width: int) -> None:
    from rich.text import Text

    joint = "; " if ": " in item.message else ": "
    head = f"{label(item)}  {item.message}{joint}{item.consequence}"
    lines = list(_wrapped(head, width))
    first = Text(f"{SIGNS[item.severity]} {item.severity}".ljust(_INDENT), style=_STYLES[item.severity])
    console.print(first.append(lines[0], style="default"))
    for line in lines[1:]:
        console.print(" " * _INDENT + line, markup=False)
    name, text = ("fix", f"{item.fix}  · {item.rule}") if item.fix else ("rule", item.rule)
    for number, line in enumerate(_wrapped(text, width, _INDENT + 6)):
        start = name.ljust(6) if number == 0 else " " * 6
        console.print(" " * _INDENT + start + line, style="dim", markup=False)


def _draw_rest(console: Console, severity: str, rule: str, rest: Sequence[Finding], width: int) -> None:
    names = [label(item) for item in rest]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    text = f"{len(rest)} more of {rule} (--all shows them): {', '.join(names[:_NAMED])}{more}"
    for number, line in enumerate(_wrapped(text, width)):
        start = f"{SIGNS[severity]} {severity}".ljust(_INDENT) if number == 0 else " " * _INDENT
        console.print(start + line, style=_STYLES[severity] if number == 0 else "", markup=False)


def _wrapped(text: str, width: int, indent: int = _INDENT) -> Iterator[str]:
    """Lines that fit; words such as commands to paste are never broken in two."""
    yield from textwrap.wrap(text, max(40, width - indent), break_long_words=False, break_on_hyphens=False) or [""]
