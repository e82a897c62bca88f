"""Times, lengths and headlines in a reader's words."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.evidence.impact import Impact, Interruption, roughly
from shipkeeper.evidence.words import clean, long_date
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.platform import Person
from shipkeeper.model.time import moment
from shipkeeper.model.words import count

_MOST_NAMES = 3
_SHORT_SECONDS = 300


def period(window: PlanWindow | None, zone: str) -> str:
    """``Tuesday 1 December 2026, 22:00 to 05:00 CET the next day``; in words where there is no window."""
    if window is None:
        return "at a time that we still have to tell you"
    opens, closes = moment(window.opens_ms, zone), moment(window.closes_ms, zone)
    begin = f"{long_date(window.opens_ms, zone)}, {opens:%H:%M}"
    first, last = zone_name(window.opens_ms, zone), zone_name(window.closes_ms, zone)
    begin += f" {first}" if first != last else ""
    if closes.date() == opens.date():
        return f"{begin} to {closes:%H:%M} {last}"
    if (closes.date() - opens.date()).days == 1:
        return f"{begin} to {closes:%H:%M} {last} the next day"
    return f"{begin} to {long_date(window.closes_ms, zone)}, {closes:%H:%M} {last}"


def short_period(window: PlanWindow | None, zone: str) -> str:
    """``Tuesday 1 December 2026, 22:00–05:00 CET``, for a subject; the text has the day of the end."""
    if window is None:
        return "at a time still to be told"
    opens, closes = moment(window.opens_ms, zone), moment(window.closes_ms, zone)
    if (closes.date() - opens.date()).days > 1:
        return period(window, zone)
    first, last = zone_name(window.opens_ms, zone), zone_name(window.closes_ms, zone)
    return (
        f"{long_date(window.opens_ms, zone)}, {opens:%H:%M}{'' if first == last else ' ' + first}–{closes:%H:%M} {last}"
    )


def zone_name(at_ms: int, zone: str) -> str:
    """``CET``; ``UTC+03`` where the zone has no letters of its own."""
    name = moment(at_ms, zone).strftime("%Z")
    return f"UTC{name}" if name[:1] in "+-" else name


def time_of_day(at_ms: int, zone: str) -> str:
    """``05:00 CET``."""
    return f"{moment(at_ms, zone):%H:%M} {zone_name(at_ms, zone)}"


def headline(impact: Impact | None) -> str:
    """The few words of a subject that say how bad it is."""
    if impact is None:
        return "interruptions are possible"
    if not impact.interruptions:
        return "no interruption expected"
    names = list(dict.fromkeys(item.name.partition(" (")[0] for item in impact.interruptions))
    longest = max(item.seconds for item in impact.interruptions)
    length = "short interruptions" if longest <= _SHORT_SECONDS else f"interruptions of up to {roughly(longest)}"
    if len(names) <= _MOST_NAMES:
        return f"{length} to {listed(names)} only"
    return f"{length} to {count(len(names), 'service')}"


def deed(purpose: str, machines: int, max_parallel: int, name: str, audience: str) -> str:
    """What is done, as the end of a sentence: ``we restart 3 servers of the platform Harbour, one after another``."""
    many = count(machines, "server" if audience == "users" else "node")
    turn = "one after another" if max_parallel == 1 else f"at most {max_parallel} at a time"
    if purpose == "reboot":
        return f"we restart {many} of {name}, {turn}"
    if purpose == "none":
        return f"we empty {many} of {name}, {turn}, and take them back into use"
    return f"we work on {name}"


def felt(item: Interruption, audience: str) -> str:
    """One interruption as a line of a list, with what else is known of it, each figure called what it is."""
    length = roughly(item.seconds)
    times = "" if item.times <= 1 else f" in all, in up to {item.times} interruptions"
    if audience == "users":
        line = f"{item.name}: not available for up to {length}{times}"
    else:
        line = f"{item.object}: no ready replica for about {length}{times} ({count(item.times, 'eviction')})"
    more = []
    if item.declared:
        more.append(f"those who run it say: {item.declared}")
    if item.measured:
        more.append(f"measured: {item.measured}")
    return line + "".join(f"; {words}" for words in more)


def weak(item: Interruption) -> str:
    """A workload that is below full strength for a while."""
    return f"{item.object}: for about {roughly(item.seconds)} ({count(item.times, 'eviction')})"


def whom_to_call(contacts: Sequence[Person]) -> str:
    """Names and ways to reach them; empty where nobody is named."""
    return clean("; ".join(f"{one.name}, {one.contact}" if one.contact else one.name for one in contacts))


def listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


_EVERY = {"DAILY": "every day", "WEEKLY": "every week", "MONTHLY": "every month", "YEARLY": "every year"}
_DAYS = {
    "MO": "Monday", "TU": "Tuesday", "WE": "Wednesday", "TH": "Thursday", "FR": "Friday", "SA": "Saturday",
    "SU": "Sunday",
}  # fmt: skip
_NTH = {"1": "first", "2": "second", "3": "third", "4": "fourth", "5": "fifth", "-1": "last"}


def recurrence(rrule: str) -> str:
    """``every month on the first Tuesday``; empty for a rule that is not so simple: its dates tell."""
    parts = dict(part.split("=", 1) for part in rrule.upper().removeprefix("RRULE:").split(";") if "=" in part)
    every, days = _EVERY.get(parts.pop("FREQ", "")), parts.pop("BYDAY", "")
    if every is None or parts:
        return ""
    if not days:
        return every
    names = []
    for day in days.split(","):
        nth, name = day[:-2], _DAYS.get(day[-2:], "")
        if not name or (nth and nth not in _NTH):
            return ""
        names.append(f"the {_NTH[nth]} {name}" if nth else name)
    return f"{every} on {listed(names)}"
