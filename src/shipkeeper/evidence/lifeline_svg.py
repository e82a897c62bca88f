"""The end-of-life chart as one self-contained SVG: what runs, until when it is supported, and where today is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from html import escape

from msgspec import Struct

from shipkeeper.assessment.due.lifelines import Lifeline
from shipkeeper.model.words import count

_LABEL, _CHART, _RIGHT, _TOP, _ROW, _BAR = 250, 720, 110, 116, 24, 12
BEHIND_DAYS, AHEAD_DAYS = 270, 550
"""How far back and ahead the axis reaches: last year's ends are seen, and a year and a half to plan."""
_ENDED, _SOON, _WELL, _UNKNOWN = "#9b1c1c", "#b3541e", "#2a6f97", "#7b8794"
_SOON_DAYS = 120

_STYLE = (
    "text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2933}"
    ".t{font-size:17px;font-weight:600}.s{fill:#52606d}.g{stroke:#d5dbe1}.now{stroke:#1f2933;stroke-width:2}"
    ".w{stroke:#3f8f5f;stroke-dasharray:2 3}.n{font-size:12px}.bg{fill:#fff}"
    "@media(prefers-color-scheme:dark){.bg{fill:#12181f}text{fill:#e4e9ee}.s{fill:#a8b3be}.g{stroke:#2f3a45}"
    ".now{stroke:#e4e9ee}}"
)


class _Scale(Struct, frozen=True):
    """Days to pixels, cut at the chart's edges."""

    first: date
    last: date

    def x(self, day: date) -> float:
        day = min(max(day, self.first), self.last)
        return round(_LABEL + (day - self.first).days * _CHART / (self.last - self.first).days, 1)


def draw_lifelines(lines: Sequence[Lifeline], today: date, windows: Sequence[date], name: str) -> str:
    """The chart as an SVG document. ``windows`` are the days on which agreed windows open."""
    scale = _Scale(today - timedelta(days=BEHIND_DAYS), today + timedelta(days=AHEAD_DAYS))
    bottom = _TOP + _ROW * max(1, len(lines))
    height, width = bottom + 40, _LABEL + _CHART + _RIGHT
    ended = sum(line.state == "ended" for line in lines)
    title = f"Support of what runs in {name}, as of {today:%-d %B %Y}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(" ".join(_sentence(line) for line in lines))}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="bg" width="{width}" height="{height}"/>',
        f'<text class="t" x="16" y="30">{escape(title)}</text>',
        f'<text class="s" x="16" y="52">{escape(_subtitle(lines, ended))}</text>',
        *_legend(),
        *_axis(scale, bottom),
    ]
    for day in windows:
        if scale.first <= day <= scale.last:
            x = scale.x(day)
            parts.append(
                f'<line class="w" x1="{x}" y1="{_TOP}" x2="{x}" y2="{bottom}"><title>window {day}</title></line>'
            )
    for row, line in enumerate(lines):
        parts.extend(_line(scale, line, today, _TOP + row * _ROW))
    x = scale.x(today)
    parts += [
        f'<line class="now" x1="{x}" y1="{_TOP - 6}" x2="{x}" y2="{bottom}"/>',
        f'<text class="n" x="{x}" y="{bottom + 16}" text-anchor="middle">today</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _subtitle(lines: Sequence[Lifeline], ended: int) -> str:
    unknown = sum(not line.ends and line.state != "ended" for line in lines)
    parts = [count(len(lines), "version"), f"{ended} out of support"]
    if unknown:
        parts.append(f"{unknown} without a known date")
    return " · ".join(parts)


def _legend() -> Iterator[str]:
    x = 16.0
    for colour, word, dash in (
        (_WELL, "supported", ""),
        (_SOON, f"ends within {_SOON_DAYS} days", ""),
        (_ENDED, "out of support", "3 2"),
        (_UNKNOWN, "reckoned or not known", "8 3"),
    ):
        yield f'<rect x="{x}" y="66" width="26" height="{_BAR}" fill="{colour}"/>'
        if dash:
            yield (
                f'<line x1="{x}" y1="{66 + _BAR + 2}" x2="{x + 26}" y2="{66 + _BAR + 2}" stroke="{colour}" '
                f'stroke-width="3" stroke-dasharray="{dash}"/>'
            )
        yield f'<text class="n" x="{x + 32}" y="77">{escape(word)}</text>'
        x += 52 + 7 * len(word)
    yield f'<line class="w" x1="{x + 8}" y1="64" x2="{x + 8}" y2="80"/>'
    yield f'<text class="n" x="{x + 16}" y="77">window</text>'


def _axis(scale: _Scale, bottom: int) -> Iterator[str]:
    day = scale.first.replace(day=1)
    while day <= scale.last:
        if day >= scale.first and (day.month - 1) % 3 == 0:
            x = scale.x(day)
            label = f"{day:%b %Y}" if day.month == 1 else f"{day:%b}"
            yield f'<line class="g" x1="{x}" y1="{_TOP - 4}" x2="{x}" y2="{bottom}"/>'
            yield f'<text class="n s" x="{x}" y="{_TOP - 10}" text-anchor="middle">{label}</text>'
        day = (day + timedelta(days=32)).replace(day=1)


def _line(scale: _Scale, line: Lifeline, today: date, y: int) -> Iterator[str]:
    label = f"{line.name} {line.version}"
    shown = label if len(label) <= 34 else label[:33] + "…"
    yield f'<text class="n" x="16" y="{y + 14}">{escape(shown)}<title>{escape(label)}</title></text>'
    begin = scale.x(date.fromisoformat(line.released)) if line.released else float(_LABEL)
    if not line.ends:
        words = "out of support, when is not published" if line.state == "ended" else "no date is known"
        colour = _ENDED if line.state == "ended" else _UNKNOWN
        yield f'<text class="n" style="fill:{colour}" x="{_LABEL + 4}" y="{y + 14}">{escape(words)}</text>'
        return
    ends = date.fromisoformat(line.ends)
    over = ends < today
    colour, dash = _look(line, ends, today)
    stop = scale.x(ends)
    tip = f"<title>{escape(_sentence(line))}</title>"
    width = max(1.5, round(stop - begin, 1))
    yield f'<rect x="{round(stop - width, 1)}" y="{y + 4}" width="{width}" height="{_BAR}" fill="{colour}">{tip}</rect>'
    if dash:
        yield (
            f'<line x1="{round(stop - width, 1)}" y1="{y + 4 + _BAR + 2}" x2="{stop}" y2="{y + 4 + _BAR + 2}" '
            f'stroke="{colour}" stroke-width="3" stroke-dasharray="{dash}"/>'
        )
    if over:
        # How long it has run without support: an open bar until today.
        yield (
            f'<rect x="{stop}" y="{y + 4}" width="{max(0.0, round(scale.x(today) - stop, 1))}" height="{_BAR}" '
            f'fill="none" stroke="{colour}" stroke-dasharray="3 2">{tip}</rect>'
        )
    text = f"{'about ' if line.expected else ''}{ends:%-d %b %Y}"
    yield f'<text class="n" x="{max(stop, scale.x(today) if over else stop) + 6}" y="{y + 14}">{escape(text)}</text>'


def _look(line: Lifeline, ends: date, today: date) -> tuple[str, str]:
    """(colour, stroke): the stroke tells kinds apart where colours don't."""
    if ends < today and not line.expected:
        return _ENDED, "3 2"
    if line.kind != "date":
        return _UNKNOWN, "8 3"
    return (_SOON, "") if (ends - today).days <= _SOON_DAYS else (_WELL, "")


def _sentence(line: Lifeline) -> str:
    return f"{line.name} {line.version}: {line.reason or 'nothing is known of its support'}."
