"""What people are told of a maintenance: to users in plain words, to developers with the names of what is theirs.

The first sentence says whether the reader has to do anything. Figures come from the rehearsal and say so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shipkeeper.evidence.impact import Impact, Interruption, roughly
from shipkeeper.evidence.words import clean, count, long_date
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Person
from shipkeeper.model.record import Record
from shipkeeper.model.time import DAY, iso, moment

AUDIENCES = ("users", "developers")
KINDS = ("announcement", "reminder", "start", "overrun", "done", "cancelled")
BLANK = "[time]"
"""What a person fills in: nobody knows it beforehand."""
_MOST_NAMES = 3
_NOTHING_TO_DO = "You do not have to do anything."


class Notice(Record, frozen=True, kw_only=True):
    """One message. ``send`` says when, in words; ``send_at`` is RFC 3339 where the time is known."""

    kind: str
    audience: str
    subject: str
    body: str
    send: str
    send_at: str = ""


class Telling(Record, frozen=True, kw_only=True):
    """What the words are made of. ``name``: how the platform is called; ``contacts``: whom to call."""

    plan: Plan
    impact: Impact | None
    name: str
    zone: str
    contacts: tuple[Person, ...] = ()


def compose(kind: str, audience: str, telling: Telling) -> Notice:
    """Write one notice. Raises KeyError for a kind or audience that there is not."""
    subject, paragraphs = _WRITERS[kind](telling, audience)
    send, send_ms = _when(kind, telling)
    return Notice(
        kind=kind,
        audience=audience,
        subject=clean(subject),
        body="\n\n".join(paragraphs) + "\n",
        send=send,
        send_at=iso(send_ms, telling.zone) if send_ms is not None else "",
    )


def period(telling: Telling) -> str:
    """``Tuesday 1 December 2026, 22:00 to 05:00 CET (the next morning)``; in words where the plan has no window."""
    window, zone = telling.plan.window, telling.zone
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


def zone_name(at_ms: int, zone: str) -> str:
    """``CET``; ``UTC+03`` where the zone has no letters of its own."""
    name = moment(at_ms, zone).strftime("%Z")
    return f"UTC{name}" if name[:1] in "+-" else name


def _short_period(telling: Telling) -> str:
    """``Tuesday 1 December 2026, 22:00–05:00 CET``, for a subject; the text has the day of the end."""
    window, zone = telling.plan.window, telling.zone
    if window is None:
        return "at a time still to be told"
    opens, closes = moment(window.opens_ms, zone), moment(window.closes_ms, zone)
    if (closes.date() - opens.date()).days > 1:
        return period(telling)
    first, last = zone_name(window.opens_ms, zone), zone_name(window.closes_ms, zone)
    return (
        f"{long_date(window.opens_ms, zone)}, {opens:%H:%M}{'' if first == last else ' ' + first}–{closes:%H:%M} {last}"
    )


def _announcement(telling: Telling, audience: str) -> tuple[str, list[str]]:
    subject = f"Planned maintenance {_short_period(telling)}: {_headline(telling)}"
    return subject, [
        _to_do(telling, audience),
        _what(telling, audience),
        *_effects(telling, audience),
        *_ending(telling),
    ]


def _reminder(telling: Telling, audience: str) -> tuple[str, list[str]]:
    subject = f"Reminder: maintenance {_short_period(telling)}: {_headline(telling)}"
    return subject, [
        _to_do(telling, audience),
        _what(telling, audience),
        *_effects(telling, audience),
        *_ending(telling),
    ]


def _start(telling: Telling, audience: str) -> tuple[str, list[str]]:
    window = telling.plan.window
    until = f", until {_time(window.closes_ms, telling)} at the latest" if window else ""
    return (
        f"Maintenance of {telling.name} has begun{until}: {_headline(telling)}",
        [_NOTHING_TO_DO, f"The maintenance that we announced has begun{until}.", *_effects(telling, audience),
         *_contact(telling), "We write again when it is over, and at once if it takes longer."],
    )  # fmt: skip


def _overrun(telling: Telling, audience: str) -> tuple[str, list[str]]:
    window = telling.plan.window
    planned = f" It was to be over at {_time(window.closes_ms, telling)}." if window else ""
    return (
        f"Maintenance of {telling.name} takes longer than planned: now expected to be over at {BLANK}",
        [_NOTHING_TO_DO, f"The maintenance takes longer than we planned.{planned} We now expect it to be over"
         f" at {BLANK}.", "We begin nothing new. We bring back what is away, and then stop.",
         *_effects(telling, audience), *_contact(telling), f"We write again at {BLANK}, or earlier when it is over."],
    )  # fmt: skip


def _done(telling: Telling, audience: str) -> tuple[str, list[str]]:
    return (
        f"Maintenance of {telling.name} is over",
        [_NOTHING_TO_DO, f"The maintenance that we announced for {period(telling)} is over. We checked that"
         " what was interrupted works again.", "If something does not work as it did before, please tell us.",
         *_contact(telling)],
    )  # fmt: skip


def _cancelled(telling: Telling, audience: str) -> tuple[str, list[str]]:
    return (
        f"Maintenance of {telling.name} is cancelled: {_short_period(telling)}",
        [_NOTHING_TO_DO, f"The maintenance that we announced for {period(telling)} does not take place."
         " Nothing will be interrupted.", "We write again when there is a new time.", *_contact(telling)],
    )  # fmt: skip


_WRITERS: dict[str, Callable[[Telling, str], tuple[str, list[str]]]] = {
    "announcement": _announcement,
    "reminder": _reminder,
    "start": _start,
    "overrun": _overrun,
    "done": _done,
    "cancelled": _cancelled,
}


def _headline(telling: Telling) -> str:
    """The few words of the subject that say how bad it is."""
    impact = telling.impact
    if impact is None:
        return "interruptions are possible"
    if not impact.interruptions:
        return "no interruption expected"
    names = list(dict.fromkeys(item.name for item in impact.interruptions))
    longest = max(item.seconds for item in impact.interruptions)
    length = "short interruptions" if longest <= 300 else f"interruptions of up to {roughly(longest)}"
    if len(names) <= _MOST_NAMES:
        return f"{length} to {_listed(names)} only"
    return f"{length} to {count(len(names), 'service')}"


def _to_do(telling: Telling, audience: str) -> str:
    impact = telling.impact
    if audience == "developers" and impact is not None and impact.interruptions:
        return (
            "You have to do something only if what is listed below is yours and must not be interrupted: run more than"
            " one copy of it, on different nodes, before the maintenance begins."
        )
    return _NOTHING_TO_DO


def _what(telling: Telling, audience: str) -> str:
    plan = telling.plan
    machines = count(len(plan.nodes), "server" if audience == "users" else "node")
    turn = "one after another" if plan.max_parallel == 1 else f"at most {plan.max_parallel} at a time"
    if plan.purpose == "reboot":
        deed = f"we restart {machines} of {telling.name}, {turn}"
    else:
        deed = f"we empty {machines} of {telling.name}, {turn}, and take them back into use"
    window = plan.window
    text = f"{period(telling)}: {deed}." if window else f"At a time that we still have to tell you, {deed}."
    if telling.impact is not None and telling.impact.seconds:
        text += f" We expect to need about {roughly(telling.impact.seconds)} of that time."
    return text


def _effects(telling: Telling, audience: str) -> list[str]:
    impact = telling.impact
    if impact is None:
        return ["What you may notice: we have not tried it out yet, so we cannot tell. Expect short interruptions."]
    if not impact.interruptions:
        said = ["What you may notice: nothing. Everything is expected to stay available."]
    else:
        lines = [f"- {_line(item, audience)}" for item in impact.interruptions]
        said = ["What you may notice:\n\n" + "\n".join(lines), "Everything else is expected to stay available."]
    if audience == "developers":
        if impact.weakened:
            lines = [f"- {_weak_line(item)}" for item in impact.weakened]
            said.append("Of that, with fewer ready replicas for a while:\n\n" + "\n".join(lines))
        if impact.holding:
            lines = [f"- {clean(text)}" for text in impact.holding]
            said.append("Holds the maintenance up, so please look at it before:\n\n" + "\n".join(lines))
        said.append(
            f"These figures are modelled: the maintenance was rehearsed {count(impact.seeds, 'time')} on a simulation,"
            " and they are met in 95 of 100 rehearsals."
        )
    else:
        said.append("We tried this out on a simulation. The times are those that we expect not to be exceeded.")
    return said


def _line(item: Interruption, audience: str) -> str:
    length = f"about {roughly(item.seconds)}"
    times = "" if item.times <= 1 else f" in all, in up to {item.times} interruptions"
    if audience == "users":
        return f"{item.name}: not available for up to {length.removeprefix('about ')}{times}"
    return f"{item.object}: no ready replica for {length}{times} ({count(item.times, 'eviction')})"


def _weak_line(item: Interruption) -> str:
    return f"{item.object}: for about {roughly(item.seconds)} ({count(item.times, 'eviction')})"


def _ending(telling: Telling) -> list[str]:
    return [*_contact(telling), "We write again when it begins and when it is over."]


def _contact(telling: Telling) -> list[str]:
    named = [f"{one.name}, {one.contact}" if one.contact else one.name for one in telling.contacts]
    if not named:
        return ["Questions, or something does not work: your usual contact."]
    return [f"Questions, or something does not work: {clean('; '.join(named))}."]


def _time(at_ms: int, telling: Telling) -> str:
    return f"{moment(at_ms, telling.zone):%H:%M} {zone_name(at_ms, telling.zone)}"


def _when(kind: str, telling: Telling) -> tuple[str, int | None]:
    """(in words, epoch milliseconds where known) of sending."""
    window = telling.plan.window
    opens = window.opens_ms if window else None
    closes = window.closes_ms if window else None
    return {
        "announcement": ("as soon as the window is agreed", None),
        "reminder": ("the day before", opens - DAY if opens is not None else None),
        "start": ("when it begins", opens),
        "overrun": ("when it is not over at the window's end", closes),
        "done": ("when the checklist after is done", None),
        "cancelled": ("when it is called off", None),
    }[kind]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
