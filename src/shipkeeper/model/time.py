"""Instants and durations: integer milliseconds inside, words and ISO 8601 at the edges."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shipkeeper.model.errors import BadInput

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|d|h|m|s)")
_UNIT_MS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_duration(text: str) -> int:
    """Read ``90s``, ``1h30m``, ``2d`` or a bare number of seconds into milliseconds.

    Raises BadInput when the text is empty, negative or not fully understood.
    """
    stripped = text.strip()
    if re.fullmatch(r"\d+(?:\.\d+)?", stripped):
        return round(float(stripped) * SECOND)
    total = 0
    position = 0
    for match in _DURATION_PART.finditer(stripped):
        if match.start() != position:
            break
        total += round(float(match.group(1)) * _UNIT_MS[match.group(2)])
        position = match.end()
    if not stripped or position != len(stripped):
        raise BadInput(
            f"{text!r} is not a duration",
            hint="write it like 90s, 10m, 1h30m or 2d",
        )
    return total


def format_duration(duration_ms: int) -> str:
    """Write milliseconds the way a tired person reads them: ``0 s``, ``45 s``, ``2m10s``, ``3h05m``, ``2d4h``."""
    sign = "-" if duration_ms < 0 else ""
    seconds = (abs(duration_ms) + 500) // SECOND
    if seconds < 60:
        return f"{sign}{seconds} s"
    minutes, second = divmod(seconds, 60)
    if minutes < 60:
        return f"{sign}{minutes}m{second:02d}s" if second else f"{sign}{minutes}m"
    hours, minute = divmod(minutes, 60)
    if hours < 48:
        return f"{sign}{hours}h{minute:02d}m"
    days, hour = divmod(hours, 24)
    return f"{sign}{days}d{hour}h" if hour else f"{sign}{days}d"


def format_seconds(seconds: float) -> str:
    """The same of a length in seconds, as plans and forecasts give it."""
    return format_duration(round(seconds * SECOND))


def instant(when: datetime) -> int:
    """Turn an aware datetime into epoch milliseconds."""
    return (when - _EPOCH) // timedelta(milliseconds=1)


def moment(at_ms: int, zone: str = "UTC") -> datetime:
    """Turn epoch milliseconds into an aware datetime in a named zone. Raises BadInput for an unknown zone."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(load_zone(zone))


def load_zone(name: str) -> tzinfo:
    """Find an IANA zone. Raises BadInput when there is none of that name."""
    if name in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(
            f"there is no time zone called {name!r}",
            hint="use an IANA name such as Europe/Stockholm or UTC",
        ) from error


def parse_instant(text: str) -> int:
    """Read an RFC 3339 timestamp, as the Kubernetes API writes it, into epoch milliseconds.

    Raises BadInput when it is not one, or carries no offset.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is not an RFC 3339 timestamp") from error
    if when.tzinfo is None:
        raise BadInput(f"{text!r} carries no time zone", hint="add Z or an offset such as +01:00")
    return instant(when)


def iso(at_ms: int, zone: str = "UTC") -> str:
    """Write epoch milliseconds as RFC 3339, to the second, or to the millisecond where there is a fraction."""
    when = moment(at_ms, zone)
    text = when.isoformat(timespec="milliseconds" if at_ms % SECOND else "seconds")
    return text.replace("+00:00", "Z") if isinstance(when.tzinfo, timezone) else text
