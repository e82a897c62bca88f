"""How instants and lengths of time are written for people, and names from a cluster made harmless."""

from __future__ import annotations

import unicodedata

from shipkeeper.model.time import format_seconds, moment


def clock(at_ms: int, zone: str) -> str:
    """Time of day with seconds and zone: ``23:10:02 CET``."""
    return moment(at_ms, zone).strftime("%H:%M:%S %Z")


def date_and_clock(at_ms: int, zone: str) -> str:
    """Date and time with zone: ``Tue 1 Dec 2026 23:10:02 CET``."""
    when = moment(at_ms, zone)
    return f"{_DAYS[when.weekday()]} {when.day} {_MONTHS[when.month - 1]} {when.year} {when.strftime('%H:%M:%S %Z')}"


def day_and_clock(at_ms: int, zone: str) -> str:
    """Day and time to the minute with zone: ``1 Dec 23:10 CET``."""
    when = moment(at_ms, zone)
    return f"{when.day} {_MONTHS[when.month - 1]} {when.strftime('%H:%M %Z')}"


def long_date(at_ms: int, zone: str) -> str:
    """Weekday and date in full: ``Tuesday 1 December 2026``."""
    when = moment(at_ms, zone)
    return f"{_LONG_DAYS[when.weekday()]} {when.day} {_LONG_MONTHS[when.month - 1]} {when.year}"


def seconds(value: float) -> str:
    """A length given in seconds, as people read it; under ten seconds with a tenth."""
    if 0 < abs(value) < 10 and value != int(value):
        return f"{value:.1f} s"
    return format_seconds(value)


def clean(text: str) -> str:
    """The text without control and direction characters: what a cluster says goes to terminals and pages."""
    return "".join(" " if c in "\r\n\t" else c for c in text if c in "\r\n\t" or unicodedata.category(c)[0] != "C")


# Not strftime's: its names follow the machine's locale, and the same record must give the same page everywhere.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LONG_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_MONTHS = tuple(name[:3] for name in _LONG_MONTHS)
