"""Reports and checklists as self-contained pages: no script, no external request, readable on a phone, in print."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from shipkeeper import __version__
from shipkeeper.evidence.chart import STYLE, legend, svg
from shipkeeper.evidence.checklists import by_cluster
from shipkeeper.evidence.readiness import SECTIONS, SHOWN, TITLES, Readiness, of_section, tally
from shipkeeper.evidence.report import Report
from shipkeeper.evidence.retro import Retro
from shipkeeper.evidence.rows import Fact
from shipkeeper.evidence.words import clean, date_and_clock, day_and_clock
from shipkeeper.model.errors import BadInput
from shipkeeper.model.run import ChecklistItem
from shipkeeper.model.time import parse_instant

SIGNS = {
    "good": ("✓", ("done", "yes", "ok", "ready")),
    "bad": ("✗", ("failed", "closed", "no", "aborted", "unmet", "not normal", "not ready")),
    "care": ("!", ("held", "unknown", "open", "paused", "interrupted", "not finished", "not predicted", "running")),
}
"""Class of a state → its sign and the states. A sign stands beside every colour."""


def html(report: Report, written_ms: int, version: str = __version__) -> str:
    """The page. ``written_ms`` and ``version`` are part of it, so the same record gives the same bytes."""
    zone = report.axis.zone
    page: str = (
        _environment(zone)
        .get_template("report.html.j2")
        .render(
            report=report,
            style=_style(),
            chart_wide=Markup(svg(report.chart, report.axis, 1040, "wide")),  # noqa: S704 svg() escapes what it is given
            chart_narrow=Markup(svg(report.chart, report.axis, 340, "narrow")),  # noqa: S704
            legend=Markup(legend()),  # noqa: S704
            written_ms=written_ms,
            version=version,
        )
    )
    return page


def checklist_html(
    title: str, sentence: str, when: str, items: Sequence[ChecklistItem], summary: Sequence[Fact], zone: str
) -> str:
    """A checklist as a page of its own."""
    page: str = (
        _environment(zone)
        .get_template("checklist.html.j2")
        .render(title=title, sentence=sentence, when=when, items=items, summary=summary, style=_style())
    )
    return page


def retro_html(retro: Retro) -> str:
    """The page that a team looks back with. The same retrospective gives the same bytes."""
    page: str = _environment(retro.zone).get_template("retro.html.j2").render(retro=retro, style=_style())
    return page


def readiness_html(found: Readiness, zone: str) -> str:
    """The readiness report as a page of its own."""
    sections = [(section, of_section(found.items, section)) for section in SECTIONS]
    template = _environment(zone).get_template("readiness.html.j2")
    page: str = template.render(found=found, sections=sections, titles=TITLES, shown=SHOWN, style=_style())
    return page


def sign(word: str, kind: str = "") -> str:
    """A sign for a state: ✓ ✗ ! or ·. An open box wants a person; an open gate (``kind`` gate) is as it should be."""
    return next((mark for name, (mark, _) in SIGNS.items() if name == _class(word, kind)), "·")


def _class(word: str, kind: str = "") -> str:
    if kind == "gate" and word == "open":
        return "good"
    return next((name for name, (_, words) in SIGNS.items() if word in words), "plain")


def _harmless(value: object) -> object:
    """Every text that goes into a page, whoever gave it; our own markup is left as it is."""
    return clean(value) if type(value) is str else value


@cache
def _style() -> Markup:
    sheet = files("shipkeeper.evidence").joinpath("templates/report.css").read_text(encoding="utf-8")
    return Markup(sheet + STYLE)  # noqa: S704 our own sheets


@cache
def _environment(zone: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("shipkeeper.evidence"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_harmless,
    )

    def at(text: str) -> str:
        try:
            return day_and_clock(parse_instant(text), zone) if text else ""
        except BadInput:
            return text

    environment.filters |= {
        "class": _class,
        "sign": sign,
        "by_cluster": by_cluster,
        "tally": tally,
        "at": at,
        "when": lambda at_ms: date_and_clock(at_ms, zone),
    }
    return environment
