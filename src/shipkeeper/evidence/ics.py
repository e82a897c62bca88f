"""iCalendar (RFC 5545): what every calendar program reads. Instants are written in UTC, whole days as dates.

UTC instants need no time zone definitions in the file, and mean the same hour in every program, whatever it thinks of
a zone's summer time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from msgspec import Struct

from shipkeeper.model.time import moment

WIDTH = 75
"""Octets a line may have; longer ones are folded."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Event(Struct, frozen=True, kw_only=True):
    """One entry. ``days`` (first and last, both whole) instead of ``span_ms`` (begin and end) makes it all-day.

    ``uid`` stays the same for the same thing, so that importing again changes entries instead of doubling them.
    ``busy`` False: it takes nobody's time.
    """

    uid: str
    summary: str
    span_ms: tuple[int, int] | None = None
    days: tuple[date, date] | None = None
    description: str = ""
    location: str = ""
    categories: tuple[str, ...] = ()
    status: str = "CONFIRMED"
    busy: bool = True
    sequence: int | None = None
    """How often it was changed: a calendar program takes the entry with the highest."""


def uid_of(*parts: str) -> str:
    """The UID of what these words name. They may hold anything; a digest holds only what every program takes."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:32] + "@shipkeeper"


def write_calendar(events: Sequence[Event], name: str, stamp_ms: int, method: str = "PUBLISH") -> str:
    """The calendar file's text. ``stamp_ms``: when it was made; without a ``name`` it is no calendar of its own.

    ``method``: what is to be done with the entries (RFC 5546), such as PUBLISH or CANCEL.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//shipkeeper//calendar//EN",
        "CALSCALE:GREGORIAN",
        f"METHOD:{method}",
    ]
    if name:
        lines += [f"NAME:{_text(name)}", f"X-WR-CALNAME:{_text(name)}"]
    for event in events:
        lines.extend(_event(event, stamp_ms))
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _event(event: Event, stamp_ms: int) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(event.uid)}"
    yield f"DTSTAMP:{_utc(stamp_ms)}"
    if event.days is not None:
        first, last = event.days
        yield f"DTSTART;VALUE=DATE:{first:%Y%m%d}"
        yield f"DTEND;VALUE=DATE:{last + timedelta(days=1):%Y%m%d}"
    elif event.span_ms is not None:
        yield f"DTSTART:{_utc(event.span_ms[0])}"
        yield f"DTEND:{_utc(event.span_ms[1])}"
    else:
        raise ValueError(f"{event.uid} has no time")
    if event.sequence is not None:
        yield f"SEQUENCE:{event.sequence}"
    yield f"SUMMARY:{_text(event.summary)}"
    if event.description:
        yield f"DESCRIPTION:{_text(event.description)}"
    if event.location:
        yield f"LOCATION:{_text(event.location)}"
    if event.categories:
        yield "CATEGORIES:" + ",".join(_text(category) for category in event.categories)
    yield f"STATUS:{event.status}"
    yield f"TRANSP:{'OPAQUE' if event.busy else 'TRANSPARENT'}"
    yield "END:VEVENT"


def _utc(at_ms: int) -> str:
    """To the second, as the format has no fractions."""
    return moment(at_ms).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    """Escaped; line breaks of every kind become the format's own, other control characters go."""
    plain = _CONTROL.sub("", "\n".join(value.strip().splitlines()))
    escaped = plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\n", "\\n")


def _folded(line: str) -> str:
    """The line, folded between characters so that no part has more than 75 octets."""
    parts, part, size = [], "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > WIDTH:
            parts.append(part)
            part, size = "", 1  # the blank that marks a continuation
        part += character
        size += octets
    return "\r\n ".join([*parts, part])
