"""How facts look on a screen and in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from shipkeeper.app.knowledge_view import KnowledgeView, ProductView, SectionView
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.output import markdown_table
from shipkeeper.knowledge.support import Support

if TYPE_CHECKING:
    from rich.console import Console

_SECTIONS = ["SECTION", "FACTS", "ISSUED", "FROM", "OLDEST SOURCE", "PAST SHELF LIFE"]
_LINES = ["LINE", "RELEASED", "END OF LIFE", "STATE", "NEWEST", "HOW KNOWN"]
_STYLES = {"ended": "bold red", "security only": "yellow", "unknown": "magenta", "supported": ""}
_STATE = 3
_MOST_LINES = 12
_WAYS = {
    "images": "images",
    "imageNames": "image names",
    "charts": "charts",
    "apiGroups": "API groups",
    "node": "nodes that say",
}


def draw_overview(console: Console, view: KnowledgeView) -> None:
    """The sections as a table, then what else holds."""
    rows = [_section_row(item) for item in view.sections]
    show_columns(console, _SECTIONS, rows, whole=(0, 2, 3, 4), right=(1,), last_below=True)
    console.print()
    for label, text in _overview_lines(view):
        say(console, label, text)


def overview_markdown(view: KnowledgeView) -> str:
    """The same in Markdown."""
    table = markdown_table([head.capitalize() for head in _SECTIONS], [_section_row(item) for item in view.sections])
    return "\n".join(["# Knowledge", "", table, "", *(f"- {label}{text}" for label, text in _overview_lines(view))])


def _section_row(item: SectionView) -> list[str]:
    stale = "; ".join(item.stale[:3]) + (f" and {len(item.stale) - 3} more" if len(item.stale) > 3 else "")
    return [item.name, str(item.facts), item.issued or "–", item.origin, item.oldest_source or "–", stale or "none"]


def _overview_lines(view: KnowledgeView) -> list[tuple[str, str]]:
    lines = []
    if view.installed:
        lines.append(
            ("installed  ", f"{view.installed}, issued {view.installed_issued}, signed by {view.installed_key}")
        )
    if view.own:
        lines.append(("your own   ", view.own))
    lines.append(("products   ", ", ".join(view.products)))
    return lines


def draw_product(console: Console, view: ProductView, on: date) -> None:
    """Everything about a product, the version asked about first."""
    for label, text in _head(view):
        say(console, label, text)
    if view.support is not None:
        console.print()
        say(console, f"{view.version}  ", _support_words(view.support))
    for hit in view.hits:
        style = "bold red" if hit.kind == "refuse" else "yellow" if hit.kind == "step" else ""
        say(console, f"  {hit.kind:<7}", f"{hit.what} → {hit.consequence}. Do: {hit.step} ({hit.source})", style)
    if view.lines:
        console.print()
        rows = _line_rows(view.lines[:_MOST_LINES])
        styles = {(number, _STATE): _STYLES[row[_STATE]] for number, row in enumerate(rows)}
        show_columns(console, _LINES, rows, whole=(0, 1, 2, 3, 4), last_below=True, styles=styles)
        if len(view.lines) > _MOST_LINES:
            say(
                console,
                "",
                f"and {len(view.lines) - _MOST_LINES} older lines (-o json shows all), as of {on.isoformat()}",
            )
    if view.quirks and not view.hits:
        console.print()
        for quirk in view.quirks:
            where = ", ".join((*quirk.versions, *(f"to {bound}" for bound in quirk.crosses)))
            say(console, f"  {quirk.kind:<7}", f"{where + ': ' if where else ''}{quirk.what}")


def product_markdown(view: ProductView, on: date) -> str:
    """The same in Markdown."""
    parts = [f"# {view.name}", "", *(f"- {label.strip()}: {text}" for label, text in _head(view)[1:])]
    if view.support is not None:
        parts += ["", f"**{view.version}**: {_support_words(view.support)}"]
    if view.hits:
        rows = [[hit.kind, hit.what, hit.consequence, hit.step, hit.source] for hit in view.hits]
        parts += ["", markdown_table(["Kind", "What", "Consequence", "Do", "Source"], rows)]
    if view.lines:
        heads = [head.capitalize() for head in _LINES]
        parts += ["", f"As of {on.isoformat()}:", "", markdown_table(heads, _line_rows(view.lines))]
    if view.quirks and not view.hits:
        rows = [[quirk.kind, quirk.what, quirk.consequence, quirk.step] for quirk in view.quirks]
        parts += ["", markdown_table(["Kind", "What", "Consequence", "Do"], rows)]
    return "\n".join(parts)


def _head(view: ProductView) -> list[tuple[str, str]]:
    lines = [("", f"{view.name} ({view.id})"), ("level      ", view.level), ("versions   ", view.scheme)]
    lines += [("seen by    ", f"{_WAYS[way]}: {', '.join(names)}") for way, names in view.recognised_by.items()]
    if view.path_policies:
        told = f": {view.path_rule} ({'; '.join(view.path_sources)})" if view.path_rule else ""
        lines.append(("path       ", f"{', '.join(view.path_policies)}{told}"))
    lines += [("rule       ", view.rule)] if view.rule else []
    lines += [("remark     ", view.remark)] if view.remark else []
    lines += [("note       ", view.note)] if view.note else []
    return lines


def _support_words(support: Support) -> str:
    parts = [f"{support.state}: {support.reason}"]
    if support.expected:
        parts.append(f"expected to end about {support.expected}, by how often releases came")
    if support.latest:
        parts.append(f"newest of its line {support.latest} of {support.latest_released or 'unknown date'}")
    if support.source:
        parts.append(f"source: {support.source}{', past its shelf life' if support.stale else ''}")
    return "; ".join(parts)


def _line_rows(lines: Sequence[Support]) -> list[list[str]]:
    return [
        [
            line.cycle or line.version,
            line.released or "–",
            line.eol or (f"about {line.expected}" if line.expected else "–"),
            line.state,
            line.latest or "–",
            f"{line.kind}: {line.reason}",
        ]
        for line in lines
    ]


def say_bundle(console: Console, told: Mapping[str, Any]) -> None:
    """What became of a bundle."""
    title = f" ({told['title']})" if told["title"] else ""
    say(console, "", f"{told['name']}{title}: {told['result']}")
    say(console, "  issued  ", told["issued"])
    say(console, "  key     ", told["keyId"])
    if told["artefactDigest"]:
        say(console, "  digest  ", told["artefactDigest"])
    for section in told["sections"]:
        issued = f", issued {section['issued']}" if section["issued"] else ""
        say(console, f"  {section['name']:<10}", f"{section['bytes']} bytes{issued}")


def bundle_markdown(told: Mapping[str, Any]) -> str:
    """The same in Markdown."""
    rows = [[s["name"], s["issued"], str(s["bytes"]), s["sha256"]] for s in told["sections"]]
    head = f"**{told['name']}**: {told['result']}. Issued {told['issued']}, key `{told['keyId']}`."
    return "\n".join([head, "", markdown_table(["Section", "Issued", "Bytes", "SHA-256"], rows)])
