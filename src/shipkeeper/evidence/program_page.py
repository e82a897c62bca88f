"""A programme as Markdown for a pull request, as a Mermaid chart, and as a timeline in SVG."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from shipkeeper.evidence.words import clean
from shipkeeper.model.plan import Estimate
from shipkeeper.model.program import Program, Slot, Work
from shipkeeper.model.time import SECOND, format_duration, iso, moment, parse_instant
from shipkeeper.model.words import count

_LABEL, _CHART, _RIGHT, _TOP, _ROW, _BAR = 300, 640, 40, 92, 24, 13
_COLOURS = {"os": "#b3541e", "kubernetes": "#1f2933", "system-pods": "#2a6f97"}
_STYLE = (
    "text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2933}"
    ".t{font-size:17px;font-weight:600}.s{fill:#52606d}.g{stroke:#d5dbe1}.n{font-size:12px}.bg{fill:#fff}"
    ".r{fill:#7b8794;opacity:.25}"
    "@media(prefers-color-scheme:dark){.bg{fill:#12181f}text{fill:#e4e9ee}.s{fill:#a8b3be}.g{stroke:#2f3a45}}"
)


def title_of(work: Work) -> str:
    """``Keycloak 26.1.0 → 26.4.5``."""
    if work.to_version:
        return f"{work.component} {work.from_version} → {work.to_version}"
    return work.component


def window_words(slot: Slot, zone: str) -> str:
    """``Tuesday 1 December 2026, 22:00 to 05:00``; what needs no window says so."""
    if slot.window is None:
        return f"Any time, {slot.environment}: needs no window"
    opens, closes = moment(slot.window.opens_ms, zone), moment(slot.window.closes_ms, zone)
    return f"{opens:%A %-d %B %Y}, {opens:%H:%M} to {closes:%H:%M} ({slot.environment}, window {slot.name})"


def lasts(estimate: Estimate) -> str:
    """``15 to 30 min (declared)``."""
    return f"{_minutes(estimate.p50)} to {_minutes(estimate.p95)} ({estimate.source})"


def _minutes(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else format_duration(minutes * 60 * SECOND)


def markdown(program: Program) -> str:
    """The whole programme, each window on a page of its own: order, steps by hand, and the contingency."""
    lines = [
        f"# Maintenance programme of {clean(program.platform)}",
        "",
        f"Made {program.created_at}, {program.digest}",
        "",
    ]
    if program.late:
        lines += ["## Late", "", *(f"- {line}" for line in program.late), ""]
    for slot in program.slots:
        if slot.works:
            lines += _slot_page(slot, program)
    if program.unplaced:
        lines += ["## In no window", ""]
        lines += [f"- {title_of(program.work(one.work))}: {one.why}" for one in program.unplaced]
        lines.append("")
    if program.doubts:
        lines += ["## Not known", "", *(f"- {clean(doubt)}" for doubt in program.doubts), ""]
    return "\n".join(lines).rstrip() + "\n"


def _slot_page(slot: Slot, program: Program) -> list[str]:
    works = [program.work(id) for id in slot.works]
    lines = [f"## {window_words(slot, program.zone)}", ""]
    if slot.usable_seconds is not None:
        lines += [
            f"{count(len(works), 'piece')} of work, up to {_minutes(slot.planned_seconds)} of "
            f"{_minutes(slot.usable_seconds)} without the reserve.",
            "",
        ]
    lines += [
        "| # | what | class | lasts | people may notice | needed by | approvals |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, work in enumerate(works, start=1):
        notice = "; ".join(f"{impact.text} ({impact.label})" for impact in work.impacts)
        cells = (
            str(number),
            f"{title_of(work)} ({work.cluster})",
            work.change,
            lasts(work.estimate_seconds),
            notice,
            work.needed_by[:10] or "–",
            ", ".join(work.approvals) or "–",
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines.append("")
    for number, work in enumerate(works, start=1):
        lines += _work_page(number, work)
    return [*lines, *contingency(slot, program)]


def _work_page(number: int, work: Work) -> Iterator[str]:
    yield f"### {number}. {title_of(work)} in {work.cluster}"
    yield ""
    if work.reason:
        yield f"Why: {clean(work.reason)}."
        yield ""
    yield f"Class: {work.change} ({'; '.join(work.change_why)})."
    yield ""
    for step in work.steps:
        mark = " **From here on only forward.**" if step.final else ""
        yield f"- [ ] **{step.phase}** {clean(step.text)}. {step.why[0].upper()}{step.why[1:]}.{mark}"
        yield ""
        yield "  ```console"
        for line in step.manual:
            yield f"  $ {line}" if not line.startswith("POST ") else f"  {line}"
        yield "  ```"
        yield f"  Go on when: {clean(step.seen)}." + (f" If not: {clean(step.forward)}." if step.forward else "")
        yield ""


def contingency(slot: Slot, program: Program) -> list[str]:
    """The page for when it goes wrong: who decides what at which time, what has no way back, and whom to call."""
    if slot.window is None:
        return []
    mine = [point for point in program.contingency if point.window_opens == slot.window.opens_at]
    if not mine:
        return []
    lines = ["### If it goes wrong", "", "| latest | decide | if not | no way back from |", "|---|---|---|---|"]
    for point in mine:
        at = moment(parse_instant(point.at), program.zone)
        cells = (f"{at:%a %H:%M}", point.question, point.otherwise, point.final or "–")
        lines.append(f"| {' | '.join(clean(cell) for cell in cells)} |")
    called = "; ".join(program.contacts or ("nobody is named",))
    return [*lines, "", f"In doubt: stop at the next safe point, and call. {called}", ""]


def mermaid(program: Program) -> str:
    """A Gantt chart in Mermaid, which forges draw in a pull request."""
    lines = [
        "gantt",
        f"    title Maintenance of {_plain(program.platform)}",
        "    dateFormat YYYY-MM-DDTHH:mm",
        "    axisFormat %d %b %H:%M",
    ]
    for slot in program.slots:
        if slot.window is None or not slot.works:
            continue
        opens = moment(slot.window.opens_ms, program.zone)
        lines.append(f"    section {slot.environment} {opens:%-d %b %Y}")
        at_ms = slot.window.opens_ms
        for id in slot.works:
            work = program.work(id)
            minutes = max(1, round(work.estimate_seconds.p95 / 60))
            begins = moment(at_ms, program.zone)
            name = f"{_plain(title_of(work))} {_plain(work.cluster)}"
            lines.append(f"    {name} :{begins:%Y-%m-%dT%H:%M}, {minutes}m")
            at_ms += round(work.estimate_seconds.p95 * SECOND)
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Mermaid takes colons, semicolons and hashes for its own."""
    return clean(text).replace(":", " ").replace(";", " ").replace("#", " ").replace("→", "to")


def svg(program: Program) -> str:
    """The windows as one self-contained SVG: each with its work in order, usual lengths solid, long ones pale."""
    rows = [(slot, id) for slot in program.slots if slot.window is not None and slot.works for id in ("", *slot.works)]
    height = _TOP + _ROW * max(1, len(rows)) + 24
    width = _LABEL + _CHART + _RIGHT
    title = f"Maintenance of {program.platform}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(_described(program))}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="bg" width="{width}" height="{height}"/>',
        f'<text class="t" x="16" y="30">{escape(title)}</text>',
        '<text class="s" x="16" y="52">solid: usual length; pale: until the 95th percentile; grey: the reserve</text>',
        *_legend(),
    ]
    y = _TOP
    for slot in program.slots:
        if slot.window is not None and slot.works:
            parts.extend(_slot_rows(slot, program, y))
            y += _ROW * (len(slot.works) + 1)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend() -> Iterator[str]:
    x = 16.0
    for word, colour in _COLOURS.items():
        yield f'<rect x="{x}" y="64" width="22" height="{_BAR}" fill="{colour}"/>'
        yield f'<text class="n" x="{x + 28}" y="75">{word}</text>'
        x += 52 + 7 * len(word)


def _slot_rows(slot: Slot, program: Program, y: int) -> Iterator[str]:
    window = slot.window
    if window is None or slot.usable_seconds is None:
        return
    length = (window.closes_ms - window.opens_ms) / SECOND
    opens = moment(window.opens_ms, program.zone)
    head = f"{opens:%a %-d %b %Y %H:%M} · {slot.environment}"
    yield f'<text class="n" font-weight="600" x="16" y="{y + 15}">{escape(head)}</text>'
    yield f'<line class="g" x1="{_LABEL}" y1="{y + 11}" x2="{_LABEL + _CHART}" y2="{y + 11}"/>'
    reserve = _LABEL + slot.usable_seconds * _CHART / length
    foot = y + _ROW * (len(slot.works) + 1)
    yield (
        f'<rect class="r" x="{reserve:.1f}" y="{y + 4}" width="{_LABEL + _CHART - reserve:.1f}" '
        f'height="{foot - y - 8}"><title>reserve</title></rect>'
    )
    at = 0.0
    for number, id in enumerate(slot.works, start=1):
        work = program.work(id)
        top = y + _ROW * number
        x, late = _LABEL + at * _CHART / length, work.estimate_seconds.p95 * _CHART / length
        usual = work.estimate_seconds.p50 * _CHART / length
        colour = _COLOURS[work.content]
        label = f"{title_of(work)} ({work.cluster})"
        shown = label if len(label) <= 44 else label[:43] + "…"
        yield f'<text class="n" x="28" y="{top + 15}">{escape(shown)}<title>{escape(label)}</title></text>'
        box = f'x="{x:.1f}" y="{top + 5}" height="{_BAR}" fill="{colour}"'
        yield f'<rect {box} width="{max(1.5, late):.1f}" opacity=".3"/>'
        tip = escape(f"{label}: {lasts(work.estimate_seconds)}")
        yield f'<rect {box} width="{max(1.5, usual):.1f}"><title>{tip}</title></rect>'
        at += work.estimate_seconds.p95


def _described(program: Program) -> str:
    sentences = []
    for slot in program.slots:
        if slot.window is not None and slot.works:
            named = ", ".join(title_of(program.work(id)) for id in slot.works)
            sentences.append(f"{iso(slot.window.opens_ms, program.zone)}, {slot.environment}: {named}.")
    return " ".join(sentences) or "Nothing is planned."
