"""Until when what runs is supported, as lines on a time axis: the facts under the end-of-life chart."""

from __future__ import annotations

from collections.abc import Iterable

from shipkeeper.assessment.due.upkeep import Upkeep
from shipkeeper.model.record import Record


class Lifeline(Record, frozen=True, kw_only=True):
    """One version that runs. Dates are YYYY-MM-DD, empty when not known.

    ``kind``: date (published), policy (reckoned by the project's rule), unknown. ``ends`` may lie in the past.
    """

    product: str
    name: str
    version: str
    kind: str
    state: str
    released: str = ""
    active_until: str = ""
    """End of active support: security fixes only from then on."""
    ends: str = ""
    expected: bool = False
    """``ends`` is a forecast from the pace of releases."""
    reason: str = ""


def lifelines(upkeep: Iterable[Upkeep]) -> tuple[Lifeline, ...]:
    """A line for each version of each product, what ends first on top; what has no date comes last."""
    lines = [
        Lifeline(
            product=one.running.product,
            name=one.running.name,
            version=version,
            kind=support.kind,
            state=support.state,
            released=support.released,
            active_until=support.eoas,
            ends=support.eol or support.expected,
            expected=not support.eol and bool(support.expected),
            reason=support.reason,
        )
        for one in upkeep
        for version, support in one.supports
    ]
    return tuple(sorted(lines, key=lambda line: (line.ends or "9999", line.name.lower(), line.version)))
