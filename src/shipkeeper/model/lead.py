"""How long beforehand people are told, in the words of a calendar."""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta

from msgspec import Struct

from shipkeeper.model.errors import BadInput
from shipkeeper.model.time import instant, load_zone, moment

_PART = re.compile(r"(\d+)\s*(months?|mo|weeks?|w|days?|d)")


class Lead(Struct, frozen=True, order=True):
    """A time before something: calendar months and days. ``2 months`` before 31 December is 31 October."""

    months: int = 0
    days: int = 0

    def before(self, at_ms: int, zone: str) -> int:
        """The same time of day that long before, in that zone; a day that a month lacks becomes its last."""
        local = moment(at_ms, zone).replace(tzinfo=None)
        year, month = divmod(local.year * 12 + local.month - 1 - self.months, 12)
        day = min(local.day, calendar.monthrange(year, month + 1)[1])
        shifted = local.replace(year=year, month=month + 1, day=day) - timedelta(days=self.days)
        return _instant(shifted, zone)

    def after(self, at_ms: int, zone: str) -> int:
        """The earliest time whose ``before`` is not earlier than ``at_ms``: when something announced now may begin."""
        local = moment(at_ms, zone).replace(tzinfo=None) + timedelta(days=self.days)
        year, month = divmod(local.year * 12 + local.month - 1 + self.months, 12)
        day = min(local.day, calendar.monthrange(year, month + 1)[1])
        found = _instant(local.replace(year=year, month=month + 1, day=day), zone)
        while self.before(found, zone) < at_ms:
            found = _instant(moment(found, zone).replace(tzinfo=None) + timedelta(days=1), zone)
        return found

    def __str__(self) -> str:
        parts = []
        if self.months:
            parts.append(f"{self.months} month{'s' if self.months > 1 else ''}")
        weeks, days = divmod(self.days, 7)
        if weeks and not days:
            parts.append(f"{weeks} week{'s' if weeks > 1 else ''}")
        elif self.days:
            parts.append(f"{self.days} day{'s' if self.days > 1 else ''}")
        return " and ".join(parts) or "no time"


def parse_lead(text: str) -> Lead:
    """Read ``2 months``, ``4 weeks``, ``10 days``, ``1 month 2 weeks``, ``28d``. Raises BadInput."""
    stripped = text.strip().lower()
    rest = re.sub(r"[\s,]|\band\b", "", _PART.sub("", stripped))
    parts = _PART.findall(stripped)
    if rest or not parts:
        raise BadInput(f"{text!r} is not a time in months, weeks or days", hint="write it like 2 months, 4 weeks, 10d")
    months = sum(int(number) for number, unit in parts if unit.startswith("mo"))
    days = sum(int(number) * (7 if unit.startswith("w") else 1) for number, unit in parts if unit[0] in "wd")
    return Lead(months=months, days=days)


def _instant(local: datetime, zone: str) -> int:
    """The later reading where the clock shows a time twice; where it shows it never, the time after the jump."""
    return max(instant(local.replace(tzinfo=load_zone(zone), fold=fold)) for fold in (0, 1))
