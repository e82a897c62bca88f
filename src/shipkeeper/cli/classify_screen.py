"""How a class is shown to people: the answer, what decides it, what else was found, and what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipkeeper.app.updates import OpenUpdates
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.output import markdown_table
from shipkeeper.model.change_class import ChangeClass, Evidence
from shipkeeper.model.platform import NoticePolicy
from shipkeeper.model.words import count

if TYPE_CHECKING:
    from rich.console import Console

_MEANS = {
    "security-patch": "a small change that mends a vulnerability; developers will not notice",
    "minor": "developers will not notice",
    "major": "developers may notice",
    "unknown": "whether developers notice is not known, so it is treated as major",
}
_STYLES = {"major": "bold yellow", "unknown": "magenta", "minor": "bold", "security-patch": "bold green"}
_CRITICAL = {"yes": "bold red", "ask": "yellow", "no": ""}
_HEADERS = ["WEIGHT", "REACHES", "USED", "INPUT", "WHAT"]
_ROWS = 25


def draw(console: Console, found: ChangeClass, notices: NoticePolicy, whole: bool) -> None:
    """The whole answer."""
    head = f"{found.component} {found.from_version} → {found.to_version}: "
    console.print(head, end="", markup=False, soft_wrap=True)
    console.print(found.kind.upper(), end="", style=_STYLES[found.kind], markup=False)
    console.print(f", {_MEANS[found.kind]}", markup=False, soft_wrap=True)
    say(console, "notice    ", _notice(found, notices))
    critical = found.critical
    say(console, "critical  ", f"{critical.answer.upper()}: {critical.reason}", _CRITICAL[critical.answer])
    if critical.question:
        say(console, "          ", critical.question)
    console.print("\nWhy", style="bold")
    for reason in found.reasons:
        say(console, f"  {'●' if reason.decides else '○'} ", f"{reason.text} ({reason.source})")
        for line in reason.evidence:
            say(console, "      ", line)
    _evidence(console, found, whole)
    if found.unknown:
        console.print("\nNot known", style="bold")
        for gap in found.unknown:
            effect = f"; {gap.effect}" if gap.effect else ""
            say(console, "  ? ", f"{gap.text}{effect}" + (f". To know it: {gap.how}" if gap.how else ""))


def _evidence(console: Console, found: ChangeClass, whole: bool) -> None:
    if not found.evidence:
        return
    telling = [one for one in found.evidence if one.used != "no" and one.weight != "note"]
    shown = found.evidence if whole else telling[:_ROWS]
    console.print("\nEvidence", style="bold")
    rows = [[one.weight, one.reach, one.used, one.source, _what(one)] for one in shown]
    styles = {(i, 0): "red" for i, one in enumerate(shown) if one.weight == "breaking" and one.used != "no"}
    show_columns(console, _HEADERS, rows, whole=(0, 1, 2, 3), last_below=True, styles=styles)
    left = len(found.evidence) - len(shown)
    if left:
        say(console, "", f"and {left} more that matter less or hit nothing: --all shows them, -o json has every key")


def _what(one: Evidence) -> str:
    place = f" {one.path}" if one.path and one.path != "$" else ""
    hit = f" [{'; '.join(one.affected)}]" if one.affected else ""
    return f"{one.object}{place}: {one.text}{hit}"


def _notice(found: ChangeClass, notices: NoticePolicy) -> str:
    if found.notice == "emergency":
        declared = f" (declared: {found.critical.emergency})" if found.critical.emergency else ""
        return f"emergency: due at once, outside windows, once two people have declared it{declared}"
    if found.notice == "kubernetes-minor":
        lead = notices.kubernetes_minor or "nobody has decided how long (notices: kubernetesMinor)"
        return f"Kubernetes minor: developers look at the APIs that they use, before that: {lead}"
    lead = notices.major if found.notice == "major" else notices.minor
    return f"{found.notice}: developers are told {lead} before"


def markdown(found: ChangeClass, notices: NoticePolicy) -> str:
    """The same for a pull request."""
    lines = [
        f"# {found.component} {found.from_version} → {found.to_version}: {found.kind}",
        "",
        f"{_MEANS[found.kind].capitalize()}.",
        "",
        f"- Notice: {_notice(found, notices)}",
        f"- Critical: {found.critical.answer}: {found.critical.reason}",
        *([f"- Question: {found.critical.question}"] if found.critical.question else []),
        "",
        "## Why",
        "",
    ]
    for reason in found.reasons:
        lines.append(
            f"- {'**' if reason.decides else ''}{reason.text}{'**' if reason.decides else ''} ({reason.source})"
        )
        lines += [f"  - {line}" for line in reason.evidence]
    if found.evidence:
        rows = [[one.weight, one.reach, one.used, one.source, _what(one)] for one in found.evidence]
        lines += ["", "## Evidence", "", markdown_table([name.capitalize() for name in _HEADERS], rows)]
    if found.unknown:
        lines += ["", "## Not known", ""]
        lines += [
            f"- {gap.text}" + (f"; {gap.effect}" if gap.effect else "") + (f" ({gap.how})" if gap.how else "")
            for gap in found.unknown
        ]
    return "\n".join(lines)


_UPDATE_HEADERS = ["DEPENDENCY", "FROM", "TO", "CLASS", "WAITS", "BRANCH"]


def _update_rows(found: OpenUpdates) -> list[list[str]]:
    return [
        [
            one.dependency,
            one.current or "?",
            one.proposed or "?",
            one.change.kind,
            count(one.days, "day"),
            one.branch,
        ]
        for one in found.items
    ]


def draw_updates(console: Console, found: OpenUpdates) -> None:
    """What waits, the oldest first."""
    if not found.items:
        say(console, "", "No update waits as a branch.")
        return
    styles = {(i, 3): _STYLES[one.change.kind] for i, one in enumerate(found.items)}
    show_columns(console, _UPDATE_HEADERS, _update_rows(found), whole=(0, 1, 2, 3), styles=styles)
    console.print()
    say(console, "", "Classes are by the versions alone: shipkeeper classify --component looks at what changes.")


def updates_markdown(found: OpenUpdates) -> str:
    """The same as a table."""
    return markdown_table([name.capitalize() for name in _UPDATE_HEADERS], _update_rows(found))
