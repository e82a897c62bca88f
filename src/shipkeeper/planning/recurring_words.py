"""A recurring window in a person's words: ``first Tuesday 22:00 7h``, ``every Sunday 02:00 4h``."""

from __future__ import annotations

import re
from typing import NamedTuple

from shipkeeper.model.errors import BadInput
from shipkeeper.model.time import parse_duration

_ORDINALS = {"first": "1", "1st": "1", "second": "2", "2nd": "2", "third": "3", "3rd": "3", "fourth": "4", "4th": "4"}
_DAYS = {"mon": "MO", "tue": "TU", "wed": "WE", "thu": "TH", "fri": "FR", "sat": "SA", "sun": "SU"}
_WORDS = re.compile(
    r"(?P<which>\w+)\s+(?P<day>[a-z]+)\s+(?:at\s+)?(?P<start>\d{1,2}:\d{2})\s+(?:for\s+)?(?P<length>\S+)"
)
_FORM = 'write it like "first Tuesday 22:00 7h", "last Sunday 02:00 4h" or "every Wednesday 21:00 3h"'


class Recurring(NamedTuple):
    """What a window rule of the platform file takes."""

    rrule: str
    start: str
    duration: str


def parse_recurring(text: str) -> Recurring:
    """Read it. Raises BadInput when it is not understood."""
    match = _WORDS.fullmatch(text.strip().lower())
    if match is None:
        raise BadInput(f"the window {text!r} is not understood", hint=_FORM)
    day = _DAYS.get(match["day"][:3])
    hours, minutes = map(int, match["start"].split(":"))
    if day is None or hours > 23 or minutes > 59:
        raise BadInput(f"{match['day'] if day is None else match['start']!r} in {text!r} is not understood", hint=_FORM)
    if parse_duration(match["length"]) <= 0:
        raise BadInput(f"the window {text!r} has no length", hint=_FORM)
    which = match["which"]
    if which in ("every", "each"):
        rrule = f"FREQ=WEEKLY;BYDAY={day}"
    elif which == "last":
        rrule = f"FREQ=MONTHLY;BYDAY=-1{day}"
    elif which in _ORDINALS:
        rrule = f"FREQ=MONTHLY;BYDAY={_ORDINALS[which]}{day}"
    else:
        raise BadInput(f"{which!r} in {text!r} is not understood", hint=_FORM)
    return Recurring(rrule, f"{hours:02}:{minutes:02}", match["length"])
