"""The window as a calendar entry (iCalendar, RFC 5545), for those who plan by their calendar."""

from __future__ import annotations

from shipkeeper.model.notices import CANCELLED, FIRST, REMINDER, Message
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.time import moment

_WIDTH = 75
"""Octets a line may have; longer ones are folded."""


def invitation(message: Message, window: PlanWindow | None, uid: str, stamp_ms: int) -> str:
    """An event that all messages of one maintenance share by ``uid``; the one that cancels takes it away.

    Empty for a message that moves nothing in a calendar, and where there is no window.
    """
    cancels = message.kind == CANCELLED
    if window is None or not (cancels or message.kind in (*FIRST, REMINDER)):
        return ""
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//shipkeeper//notices//EN",
        f"METHOD:{'CANCEL' if cancels else 'PUBLISH'}",
        "BEGIN:VEVENT",
        f"UID:{uid}@shipkeeper",
        f"DTSTAMP:{_utc(stamp_ms)}",
        f"DTSTART:{_utc(window.opens_ms)}",
        f"DTEND:{_utc(window.closes_ms)}",
        f"SEQUENCE:{1 if cancels else 0}",
        f"STATUS:{'CANCELLED' if cancels else 'CONFIRMED'}",
        f"SUMMARY:{_text(message.subject)}",
        f"DESCRIPTION:{_text(message.body)}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return "".join(_folded(line) for line in lines)


def _utc(at_ms: int) -> str:
    return moment(at_ms).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    escaped = value.strip().replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\n", "\\n")


def _folded(line: str) -> str:
    """The line, folded between characters so that no part has more than 75 octets."""
    parts: list[str] = []
    part = ""
    for character in line:
        if len((part + character).encode()) > _WIDTH - (1 if parts else 0):
            parts.append(part)
            part = ""
        part += character
    return "\r\n ".join([*parts, part]) + "\r\n"
