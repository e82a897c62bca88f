"""Local dates and times as instants, where the clock is turned too."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from shipkeeper.model.declared_windows import Freeze
from shipkeeper.model.errors import BadInput
from shipkeeper.model.time import instant, load_zone


def exists(local: datetime, zone: tzinfo) -> bool:
    """Whether a wall clock in that zone ever shows this time."""
    there_and_back = local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    return there_and_back == local


def local_instant(local: datetime, zone: tzinfo, *, later: bool) -> int:
    """The instant of a local time. One that happens twice: the later or the earlier. One that the clock jumps over:
    the moment after the jump.
    """
    first, second = (instant(local.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if exists(local, zone):
        return max(first, second) if later else min(first, second)
    # Search the jump: the first existing local minute after the written one, seconds dropped.
    probe = local.replace(second=0)
    while not exists(probe, zone):
        probe += timedelta(minutes=1)
    return instant(probe.replace(tzinfo=zone))


def local_moment(text: str) -> datetime:
    """A local date or date and time, without zone. Raises BadInput."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is not a date", hint="write it like 2026-12-20 or 2026-12-20T18:00") from error
    if found.tzinfo is not None:
        raise BadInput(f"{text!r} carries an offset", hint="name the zone instead")
    return found


def is_date(text: str) -> bool:
    """Whether it names a whole day."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def freeze_span(freeze: Freeze, zone_name: str) -> tuple[int, int]:
    """First instant of a freeze and the first after it. Where the clock is turned, the longer reading holds."""
    zone = load_zone(freeze.zone or zone_name)
    begins, ends = local_moment(freeze.begins), local_moment(freeze.ends)
    if is_date(freeze.ends):
        ends = datetime.combine(ends.date() + timedelta(days=1), time())
    return local_instant(begins, zone, later=False), local_instant(ends, zone, later=True)
