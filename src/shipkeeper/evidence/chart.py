"""The night as a chart: one row a node, the forecast pale behind, what happened solid in front. Inline SVG.

Phases differ by pattern as well as by colour, so that a print in grey and a colour-blind reader lose nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from shipkeeper.evidence.rows import ChartRow, Span
from shipkeeper.evidence.words import clean, seconds
from shipkeeper.model.record import Record
from shipkeeper.model.time import HOUR, MINUTE, SECOND, moment

WORDS = {
    "drain": "pods leave",
    "reboot": "reboots",
    "serves": "is proven to serve",
    "settle": "workloads get well",
}
_TICKS_MS = (
    10 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
    HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 48 * HOUR, 168 * HOUR,
)  # fmt: skip
_CROWDED = 40
_LABEL_WIDTH = 168
_TOP = 26

STYLE = """
.chart{--ink:#1b2733;--soft:#5c6b7a;--grid:#d8dee5;--drain:#b35900;--reboot:#1f3a8a;--serves:#0b7285;--settle:#3b7a2a;
font:12px/1.2 system-ui,sans-serif;display:block;max-width:100%;height:auto}
@media (prefers-color-scheme:dark){.chart{--ink:#e6edf3;--soft:#9aa7b4;--grid:#38424d;--drain:#f0a45d;--reboot:#8fb0ff;
--serves:#5fd3e3;--settle:#9be07f}}
.chart text{fill:var(--ink)}.chart .soft{fill:var(--soft)}.chart .grid{stroke:var(--grid)}
.chart .end{stroke:var(--ink);stroke-dasharray:4 3}
.chart .drain{color:var(--drain)}.chart .reboot{color:var(--reboot)}
.chart .serves{color:var(--serves)}.chart .settle{color:var(--settle)}
.chart .pale{fill:currentColor;opacity:.25}.chart .solid{stroke:currentColor;stroke-width:1}
@media print{.chart{--ink:#000;--soft:#444;--grid:#bbb;
--drain:#b35900;--reboot:#1f3a8a;--serves:#0b7285;--settle:#3b7a2a}}
"""


class Axis(Record, frozen=True, kw_only=True):
    """The chart's time: epoch milliseconds of its zero, of the newest record, of the window's end, and the zone."""

    began_ms: int
    ends_ms: int
    closes_ms: int | None
    zone: str


def svg(rows: Sequence[ChartRow], axis: Axis, width: int = 1040, name: str = "chart", alone: bool = False) -> str:
    """The chart as one SVG element, ``width`` CSS pixels wide.

    Below 600 a row's name stands above its bars. ``name`` keeps the patterns' ids apart from those of another chart on
    the same page. ``alone``: carries its own style, to be saved as a file.
    """
    narrow = width < 600
    left = 4 if narrow else _LABEL_WIDTH
    bar = 18 if len(rows) <= _CROWDED else 10
    step = bar + (22 if narrow else 8)
    length = max((span.end for row in rows for span in (*row.forecast, *row.actual)), default=1.0) * 1.02 or 1.0
    scale = (width - left - 8) / length
    height = _TOP + step * len(rows) + 8
    parts = [
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-label="{escape(_aria(rows, axis))}">',
        f"<style>{STYLE}</style>" if alone else "",
        _patterns(name),
        *_grid(axis, length, scale, left, width, height, 4 if narrow else 9),
    ]
    for index, row in enumerate(rows):
        top = _TOP + index * step
        shown = clean(row.name)
        most = 44 if narrow else 24
        label = shown if len(shown) <= most else shown[: most - 1] + "…"
        place = (
            f'x="{left}" y="{top + 11}"' if narrow else f'x="{left - 8}" y="{top + bar / 2 + 4:g}" text-anchor="end"'
        )
        parts.append(f"<g><title>{escape(_tooltip(row))}</title><text {place}>{escape(label)}</text>")
        y = top + (15 if narrow else 0)
        parts += [_bar(span, left, scale, y, bar, "pale", name) for span in row.forecast]
        inner = bar // 2
        parts += [_bar(span, left, scale, y + (bar - inner) / 2, inner, "solid", name) for span in row.actual]
        parts.append("</g>")
    parts.append("</svg>")
    return "".join(parts)


def legend(name: str = "legend") -> str:
    """What the patterns mean, as a small inline SVG for each phase with its words. Carries its own patterns."""
    items = [
        f'<svg class="chart" width="0" height="0" style="position:absolute" aria-hidden="true">{_patterns(name)}</svg>'
    ]
    for phase, words in WORDS.items():
        swatch = (
            f'<svg class="chart" width="28" height="12" aria-hidden="true"><g class="{phase}">'
            f'<rect class="solid" x="1" y="1" width="26" height="10" fill="{_fill(phase, name)}"/></g></svg>'
        )
        items.append(f"<span>{swatch} {escape(words)}</span>")
    return "".join(items)


def _patterns(name: str) -> str:
    lines = '<path d="M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2" stroke="currentColor" stroke-width="2"/>'
    dots = '<circle cx="2" cy="2" r="1.3" fill="currentColor"/>'
    return (
        "<defs>"
        f'<pattern id="{name}-drain" width="6" height="6" patternUnits="userSpaceOnUse"'
        f' style="color:var(--drain)">{lines}</pattern>'
        f'<pattern id="{name}-serves" width="4" height="4" patternUnits="userSpaceOnUse"'
        f' style="color:var(--serves)">{dots}</pattern>'
        "</defs>"
    )


def _fill(phase: str, name: str) -> str:
    """Hatched while pods leave, solid while it reboots, dotted until proven, hollow while workloads get well."""
    return {"drain": f"url(#{name}-drain)", "serves": f"url(#{name}-serves)", "settle": "none"}.get(
        phase, "currentColor"
    )


def _bar(span: Span, left: float, scale: float, y: float, height: float, look: str, name: str) -> str:
    x, wide = left + span.begin * scale, max((span.end - span.begin) * scale, 0.75)
    fill = f' fill="{_fill(span.phase, name)}"' if look == "solid" else ""
    dashed = ' stroke-dasharray="3 2"' if span.open else ""
    phase = span.phase if span.phase in WORDS else "reboot"
    return (
        f'<g class="{phase}"><rect class="{look}" x="{x:.2f}" y="{y:.1f}" width="{wide:.2f}"'
        f' height="{height:g}"{fill}{dashed}/></g>'
    )


def _grid(axis: Axis, length: float, scale: float, left: int, width: int, height: int, most: int) -> list[str]:
    wanted = length * SECOND / most
    every = next((tick for tick in _TICKS_MS if tick >= wanted), _TICKS_MS[-1])
    offset = moment(axis.began_ms, axis.zone).utcoffset()
    shift = round(offset.total_seconds() * SECOND) if offset else 0
    first = -(-(axis.began_ms + shift) // every) * every - shift
    form = "%H:%M:%S" if every < MINUTE else "%H:%M" if every < 24 * HOUR else "%d.%m."
    parts = []
    at_ms = first
    while (at_ms - axis.began_ms) / SECOND <= length:
        x = left + (at_ms - axis.began_ms) / SECOND * scale
        anchor = "start" if x < left + 24 else "end" if x > width - 32 else "middle"
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="18" y2="{height - 6}"/>')
        words = moment(at_ms, axis.zone).strftime(form)
        parts.append(f'<text class="soft" x="{x:.1f}" y="12" text-anchor="{anchor}">{words}</text>')
        at_ms += every
    if axis.closes_ms is not None and 0 < (axis.closes_ms - axis.began_ms) / SECOND <= length:
        x = left + (axis.closes_ms - axis.began_ms) / SECOND * scale
        parts.append(f'<line class="end" x1="{x:.1f}" x2="{x:.1f}" y1="18" y2="{height - 6}"/>')
        parts.append(f'<text x="{x - 4:.1f}" y="{height - 8}" text-anchor="end">window closes</text>')
    return parts


def _tooltip(row: ChartRow) -> str:
    said = [f"{WORDS.get(span.phase, span.phase)} {seconds(span.end - span.begin)}" for span in row.actual]
    forecast = f"; forecast {seconds(row.forecast[-1].end - row.forecast[0].begin)}" if row.forecast else ""
    return clean(f"{row.name}: {', '.join(said) or 'nothing happened'}{forecast}")


def _aria(rows: Sequence[ChartRow], axis: Axis) -> str:
    begun = moment(axis.began_ms, axis.zone).strftime("%H:%M %Z")
    return f"Timeline of {len(rows)} nodes from {begun}: forecast pale, actual solid. The table below has the figures."
