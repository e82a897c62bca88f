"""The night as one self-contained SVG: P50 solid, what P95 adds pale, times with zone, readable without colour."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from msgspec import Struct

from shipkeeper.model.forecast import Forecast, NodeForecast
from shipkeeper.model.plan import Plan
from shipkeeper.model.time import format_duration, format_seconds
from shipkeeper.model.words import count
from shipkeeper.rehearsal.aggregate import usable_ms
from shipkeeper.rehearsal.gantt import axis_name, phases, short, span_ms, start_of, ticks

_LABEL, _CHART, _RIGHT, _TOP, _ROW, _BAR = 190, 760, 30, 118, 26, 14
_LOOKS = {
    "drain": ("#b3541e", "drain", "6 3"),
    "reboot": ("#1f2933", "reboot", ""),
    "serves": ("#2a6f97", "serves", "2 2"),
    "well": ("#3f8f5f", "workloads well", "10 2"),
}
"""Colour, word and stroke of each part; the stroke tells them apart where colours don't."""

_STYLE = (
    "text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2933}"
    ".t{font-size:17px;font-weight:600}.s{fill:#52606d}.g{stroke:#d5dbe1}.e{stroke:#9b1c1c;stroke-width:2}"
    ".n{font-size:12px}.bg{fill:#fff}"
    "@media(prefers-color-scheme:dark){.bg{fill:#12181f}text{fill:#e4e9ee}.s{fill:#a8b3be}.g{stroke:#2f3a45}}"
)


class _Scale(Struct, frozen=True):
    """Milliseconds to pixels."""

    span: int

    def x(self, at_ms: int) -> float:
        return round(_LABEL + at_ms * _CHART / self.span, 1)

    def width(self, start_ms: int, end_ms: int) -> float:
        return round(max(0, end_ms - start_ms) * _CHART / self.span, 1)


def draw(forecast: Forecast, plan: Plan) -> str:
    """The chart as an SVG document."""
    usable = usable_ms(plan)
    span = span_ms(forecast) * 103 // 100
    if usable is not None and usable < 3 * span:
        span = max(span, usable * 103 // 100)
    scale = _Scale(span)
    bottom = _TOP + _ROW * len(forecast.nodes)
    height = bottom + 46
    width = _LABEL + _CHART + _RIGHT
    title = _title(forecast, plan)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(_description(forecast))}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="bg" width="{width}" height="{height}"/>',
        f'<text class="t" x="16" y="30">{escape(title)}</text>',
        f'<text class="s" x="16" y="52">{escape(_subtitle(forecast))}</text>',
        *_legend(),
        *_axis(scale, plan, bottom),
    ]
    if usable is not None and usable <= span:
        parts.extend(_end(scale, usable, bottom))
    for row, node in enumerate(forecast.nodes):
        parts.extend(_node(scale, node, _TOP + row * _ROW))
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _title(forecast: Forecast, plan: Plan) -> str:
    words = {"fits": "fits", "does-not-fit": "does not fit", "blocked": "is blocked"}
    what = count(len(forecast.nodes), "node")
    name = plan.cluster.name or "the cluster"
    fits = words.get(forecast.verdict, forecast.verdict)
    if plan.window is None and forecast.verdict == "fits":
        fits = "goes through (the plan has no window)"
    return f"Rehearsal of {what} of {name}: {fits}"


def _subtitle(forecast: Forecast) -> str:
    took = forecast.duration_seconds
    return (
        f"{forecast.seeds} seeds · P50 {format_seconds(took.p50)} · P95 {format_seconds(took.p95)} · no schedule under "
        f"{format_seconds(forecast.lower_bound_seconds.value)} ({forecast.lower_bound_seconds.binding})"
    )


def _description(forecast: Forecast) -> str:
    sentences = ["Solid bars are medians, pale extensions the 95th percentile."]
    for node in forecast.nodes:
        parts = [f"{_LOOKS[phase.name][1]} until {_from_start(phase.end_ms)}" for phase in phases(node)]
        sentences.append(f"{node.name}: {', '.join(parts) if parts else 'not reached'}.")
    return " ".join(sentences)


def _legend() -> Iterator[str]:
    x = 16.0
    for colour, word, dash in _LOOKS.values():
        yield _bar(x, 66, 26, colour, dash)
        yield f'<text class="n" x="{x + 32}" y="78">{word}</text>'
        x += 52 + 7 * len(word)
    yield f'<rect x="{x}" y="66" width="26" height="{_BAR}" fill="#7b8794" opacity=".3"/>'
    yield f'<text class="n" x="{x + 32}" y="78">until P95</text>'


def _axis(scale: _Scale, plan: Plan, bottom: int) -> Iterator[str]:
    yield f'<text class="n s" x="16" y="{_TOP - 10}">{escape(axis_name(plan))}</text>'
    for tick in ticks(scale.span, start_of(plan), axis_name(plan), 9):
        x = scale.x(tick.at_ms)
        yield f'<line class="g" x1="{x}" y1="{_TOP - 4}" x2="{x}" y2="{bottom}"/>'
        yield f'<text class="n s" x="{x}" y="{_TOP - 10}" text-anchor="middle">{escape(tick.label)}</text>'


def _end(scale: _Scale, usable: int, bottom: int) -> Iterator[str]:
    x = scale.x(usable)
    yield f'<line class="e" x1="{x}" y1="{_TOP - 4}" x2="{x}" y2="{bottom}"/>'
    yield f'<text class="n" x="{x}" y="{bottom + 16}" text-anchor="end">window&#8217;s end minus reserve</text>'


def _node(scale: _Scale, node: NodeForecast, y: int) -> Iterator[str]:
    yield f'<text class="n" x="16" y="{y + 16}">{escape(short(node.name, 25))}<title>{escape(node.name)}</title></text>'
    found = phases(node)
    if not found:
        yield f'<text class="n s" x="{_LABEL}" y="{y + 16}">not reached in most seeds</text>'
        return
    last = found[-1]
    if last.late_ms > last.end_ms:
        colour = _LOOKS[last.name][0]
        x, late = scale.x(last.end_ms), scale.width(last.end_ms, last.late_ms)
        yield f'<rect x="{x}" y="{y + 5}" width="{late}" height="{_BAR}" fill="{colour}" opacity=".3"/>'
    for phase in found:
        colour, word, dash = _LOOKS[phase.name]
        label = f"{node.name}: {word}, {_from_start(phase.start_ms)} to {_from_start(phase.end_ms)} after the start"
        label += f", by P95 until {_from_start(phase.late_ms)}"
        width = max(1.0, scale.width(phase.start_ms, phase.end_ms))
        yield _bar(scale.x(phase.start_ms), y + 5, width, colour, dash, label)


def _bar(x: float, y: int, width: float, colour: str, dash: str, label: str = "") -> str:
    """A filled bar; a dashed line along its foot tells the part without colour."""
    title = f"<title>{escape(label)}</title>" if label else ""
    line = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<g><rect x="{x}" y="{y}" width="{width}" height="{_BAR}" fill="{colour}">{title}</rect>'
        f'<line x1="{x}" y1="{y + _BAR + 1.5}" x2="{round(x + width, 1)}" y2="{y + _BAR + 1.5}" stroke="{colour}" '
        f'stroke-width="3"{line}/></g>'
    )


def _from_start(at_ms: int) -> str:
    return format_duration(at_ms)
