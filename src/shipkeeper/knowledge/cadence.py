"""How often a task recurs, as words that a program can reckon with.

Words with a period: daily, weekly, monthly, quarterly, yearly. Words without one: as released, on advisory, as needed,
automatic. A cadence is one of them or several: ``monthly or on advisory``, ``daily (automatic)``.
"""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime, time, timedelta
from typing import Literal

from shipkeeper.model.errors import BadInput
from shipkeeper.model.schedule import Task
from shipkeeper.model.time import instant, load_zone, moment

Word = Literal[
    "daily", "weekly", "monthly", "quarterly", "yearly", "as released", "on advisory", "as needed", "automatic"
]
PERIODIC: tuple[Word, ...] = ("daily", "weekly", "monthly", "quarterly", "yearly")
WORDS: tuple[Word, ...] = (*PERIODIC, "as released", "on advisory", "as needed", "automatic")

_MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
_DAYS = {"daily": 1, "weekly": 7}
_SAID: tuple[tuple[str, Word], ...] = (
    (r"(?:every |each )?da(?:ily|y)\b", "daily"),
    (r"(?:every |each )?week(?:ly)?\b", "weekly"),
    (r"(?:every |each )?month(?:ly)?\b", "monthly"),
    (r"(?:every |each )?quarter(?:ly)?\b", "quarterly"),
    (r"(?:every |each )?(?:year(?:ly)?|annual(?:ly)?)\b", "yearly"),
    (r"(?:as|when) released\b", "as released"),
    (r"on (?:a |an |new )?(?:[a-z]+ )?advisor(?:y|ies)\b", "on advisory"),
    (r"(?:as|when) needed\b", "as needed"),
    (r"automatic(?:ally)?\b", "automatic"),
)


def parse_cadence(text: str) -> tuple[Word, ...]:
    """Read a cadence in words, in the order written. Raises BadInput when a part says none of the known words.

    What stands in parentheses or after ``by`` is a remark, unless it is itself a known word.
    """
    found: list[Word] = []
    for part in re.split(r"\s+or\s+|\s*,\s*|\s*/\s*", text.strip().lower()):
        head, _, remark = part.partition("(")
        words = _words(head) or _words(part)
        if not words:
            raise BadInput(
                f"the cadence {text!r} is not understood at {part!r}", hint=f"known words: {', '.join(WORDS)}"
            )
        found.extend(words)
        found.extend(word for word in _words(remark))
    return tuple(dict.fromkeys(found))


def _words(text: str) -> list[Word]:
    stripped = text.strip(" )(")
    return [word for pattern, word in _SAID if re.match(pattern, stripped)]


def recurs(task: Task) -> tuple[Word, ...]:
    """The task's cadence in words. Raises BadInput when its text is not understood."""
    return parse_cadence(" or ".join(task.recurs) if task.recurs else task.cadence)


def due_after(done_ms: int, word: Word, zone: str) -> int:
    """When a periodic task last done then is due again: the same wall clock time on the due day, in that zone.

    A month later from the 31st is the last day of a shorter month. Raises ValueError for a word without a period.
    """
    local = moment(done_ms, zone)
    if word in _DAYS:
        day = local.date() + timedelta(days=_DAYS[word])
    elif word in _MONTHS:
        day = add_months(local.date(), _MONTHS[word])
    else:
        raise ValueError(f"{word} has no period")
    return instant(datetime.combine(day, local.time().replace(fold=0), load_zone(zone)))


def add_months(day: date, months: int) -> date:
    """The same day some months later, or the last day of a month that is too short."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def day_start(day: date, zone: str) -> int:
    """The beginning of a local day, epoch milliseconds."""
    return instant(datetime.combine(day, time(), load_zone(zone)))
