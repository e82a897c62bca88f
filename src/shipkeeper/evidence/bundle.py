"""What ``evidence write`` puts into its folder: the page, the Markdown and the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shipkeeper import __version__
from shipkeeper.evidence.html import html
from shipkeeper.evidence.markdown import markdown
from shipkeeper.evidence.recalled import recalled
from shipkeeper.evidence.record import encode, make
from shipkeeper.evidence.report import Report, build
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.run import ChecklistRead
from shipkeeper.ports.journal import Entry, Signer

PAGE, TEXT, RECORD = "index.html", "report.md", "record.json"


def report_of(chains: Mapping[str, Sequence[Entry]], forecast: Forecast | None, zone: str) -> Report:
    """The report over a run's chain (the first) and the chains of its checklists. Raises Failed (no-run-start)."""
    own, *others = chains.values()
    beside = [(entry.at_ms, entry.event) for chain in others for entry in chain]
    lists = [(at_ms, event) for at_ms, event in beside if isinstance(event, ChecklistRead)]
    return build(own, forecast, lists, zone, recalled(next(iter(chains)), beside))


def render(
    chains: Mapping[str, Sequence[Entry]], forecast: Forecast | None, zone: str, written_ms: int, version: str
) -> dict[str, bytes]:
    """The files that people read. The same arguments give the same bytes."""
    report = report_of(chains, forecast, zone)
    return {
        PAGE: html(report, written_ms, version).encode(),
        TEXT: markdown(report, written_ms, version).encode(),
    }


def write(
    chains: Mapping[str, Sequence[Entry]],
    forecast: Forecast | None,
    *,
    zone: str,
    written_ms: int,
    signer: Signer | None,
    version: str = __version__,
) -> dict[str, bytes]:
    """All files by name. ``chains``: the run's own first; ``zone``: the reader's, empty for the window's."""
    shown = zone or report_of(chains, forecast, zone).axis.zone
    files = render(chains, forecast, shown, written_ms, version)
    record = make(chains, forecast, files, zone=shown, written_ms=written_ms, version=version, signer=signer)
    return files | {RECORD: encode(record)}
