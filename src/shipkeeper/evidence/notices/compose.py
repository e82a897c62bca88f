"""From facts to a message: the variables of the templates, and the parts that each reader gets."""

from __future__ import annotations

from typing import Any

from shipkeeper.evidence.impact import roughly
from shipkeeper.evidence.notices import words
from shipkeeper.evidence.notices.render import Templates
from shipkeeper.evidence.notices.telling import Telling, for_readers
from shipkeeper.evidence.words import clean, long_date
from shipkeeper.model.notices import Message
from shipkeeper.model.words import count


def compose(
    kind: str,
    audience: str,
    telling: Telling,
    templates: Templates,
    *,
    team: str = "",
    namespaces: tuple[str, ...] = (),
    without: frozenset[str] = frozenset(),
) -> Message:
    """Write one notice.

    ``namespaces``: a team's, told of what is theirs alone; ``without``: what other teams are told of on channels of
    their own. Users are told of everything. Raises BadInput, with file and line, for a template that does not work.
    """
    seen = telling if audience == "users" else for_readers(telling, namespaces, without)
    subject, body = templates.render(kind, audience, variables(kind, audience, seen, team))
    return Message(kind=kind, audience=audience, team=team, subject=subject, body=body)


def variables(kind: str, audience: str, telling: Telling, team: str = "") -> dict[str, Any]:
    """What templates may use; ``docs/reference/notice-templates.md`` tells of each."""
    window, zone, impact = telling.window, telling.zone, telling.impact
    return {
        "kind": kind,
        "audience": audience,
        "team": team,
        "name": telling.name,
        "when": words.period(window, zone),
        "when_short": words.short_period(window, zone),
        "timed": window is not None,
        "opens": words.time_of_day(window.opens_ms, zone) if window else "",
        "closes": words.time_of_day(window.closes_ms, zone) if window else "",
        "day": long_date(window.opens_ms, zone) if window else "",
        "deed": words.deed(telling.purpose, telling.machines, telling.max_parallel, telling.name, audience),
        "takes": roughly(impact.seconds) if impact is not None and impact.seconds else "",
        "what": telling.what,
        "headline": words.headline(impact),
        "known": impact is not None,
        "interruptions": tuple(words.felt(one, audience) for one in impact.interruptions) if impact else (),
        "weakened": tuple(words.weak(one) for one in impact.weakened) if impact else (),
        "holding": impact.holding if impact else (),
        "measured": impact is not None and any(one.measured for one in impact.interruptions),
        "rehearsed": count(impact.seeds, "time") if impact else "",
        "apis": telling.apis or (),
        "apis_known": telling.apis is not None and not telling.unseen,
        "unseen": telling.unseen,
        "contacts": words.whom_to_call(telling.contacts),
        "reminder": telling.reminder,
        "rule": telling.rule,
        "dates": tuple(words.period(date, zone) for date in telling.dates),
        "until": clean(telling.until),
    }
