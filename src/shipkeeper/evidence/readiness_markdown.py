"""The readiness report as Markdown. Says what the page says."""

from __future__ import annotations

from shipkeeper.evidence.html import sign
from shipkeeper.evidence.markdown import code, text
from shipkeeper.evidence.readiness import SECTIONS, SHOWN, TITLES, Item, Readiness, of_section, tally


def readiness_markdown(found: Readiness) -> str:
    """The whole report."""
    lines = [
        f"# Readiness of {text(found.cluster or 'this cluster')}: {found.verdict.replace('-', ' ')}",
        "",
        f"{text(found.sentence)} As of {text(found.taken_at)}.",
    ]
    for section in SECTIONS:
        items = of_section(found.items, section)
        lines += ["", f"## {TITLES[section]}: {tally(items)}", ""]
        for item in items:
            lines += _item(item)
    return "\n".join(lines) + "\n"


def _item(item: Item) -> list[str]:
    lines = [f"- {sign(item.state)} **{item.state}** {text(item.text)}: {text(item.reading)}"]
    if item.state in ("ok", "not-applicable"):
        return lines
    lines += [f"  - {text(object)}" for object in item.objects[:SHOWN]]
    if more := len(item.objects[SHOWN:]) + item.more:
        lines.append(f"  - and {more} more")
    if item.consequence:
        lines.append(f"  - {'so' if item.state == 'unmet' else 'if not'}: {text(item.consequence)}")
    if item.how:
        lines.append(f"  - how: {code(item.how)}")
    return lines
