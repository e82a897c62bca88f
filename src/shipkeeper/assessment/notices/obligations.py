"""From an occasion and the platform file to everything that somebody has to be told. Nothing is read or sent here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.model.declared_people import NoticePolicy, Scope
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.lead import Lead, parse_lead
from shipkeeper.model.notices import (
    AGREEMENT,
    ANNOUNCEMENT,
    CANCELLED,
    DONE,
    KUBERNETES_MINOR,
    MAJOR,
    OVERRUN,
    REMINDER,
    START,
    Obligation,
    Occasion,
)
from shipkeeper.model.platform import Platform
from shipkeeper.model.time import DAY

UNKNOWN = "unknown"
"""A class that could not be told: people are told as of a major change, which is the longest."""

_APPLY: Mapping[str, tuple[str, ...]] = {
    "": ("minor",),
    "security-patch": ("minor",),
    "minor": ("minor",),
    "major": ("minor", "major"),
    "kubernetes-minor": ("minor", "kubernetes_minor"),
    UNKNOWN: ("minor", "major"),
}
"""Class of change → the settings of ``notices`` whose time developers are given; of several the longest wins."""

_KIND = {"major": MAJOR, UNKNOWN: MAJOR, "kubernetes-minor": KUBERNETES_MINOR}
_WRITTEN = {"kubernetes_minor": "kubernetesMinor"}
_EVERYBODY = ("major", "kubernetes-minor", UNKNOWN)
"""Classes that developers are told of wherever their applications run."""


class _Reader(Struct, frozen=True):
    """An audience, or a team of it with channels of its own."""

    audience: str
    channels: tuple[str, ...]
    team: str = ""
    namespaces: tuple[str, ...] = ()
    problem: str = ""
    mend: str = ""


class _Due(Struct, frozen=True):
    at_ms: int | None
    lead: str
    because: str
    problem: str = ""
    mend: str = ""


def touched(forecast: Forecast) -> frozenset[str]:
    """Namespaces in which a rehearsal evicted anything, or took it below full strength."""
    return frozenset(
        one.namespace
        for one in forecast.workloads
        if one.evictions > 0 or one.downtime_seconds.p95 > 0 or one.degraded_seconds.p95 > 0
    )


def obligations(occasion: Occasion, platform: Platform, agreed: bool | None = None) -> tuple[Obligation, ...]:
    """Everything that has to be told of this occasion, in the order in which it falls due.

    ``agreed``: whether there is an agreement to its window; False adds the request for one.
    """
    policy = platform.notices
    found = []
    if agreed is False:
        found += [_simple(reader, AGREEMENT) for reader in _developers(occasion, platform)]
    users = _audience(platform, "users") if occasion.production else []
    for reader in (*users, *_developers(occasion, platform)):
        found += [*_first(occasion, policy, reader), *_reminder(occasion, policy, reader), *_later(occasion, reader)]
    return tuple(found)


def agreement_requests(platform: Platform, production: bool = True) -> tuple[Obligation, ...]:
    """Whom a recurring window is put to: those whose work depends on it, users and developers alike."""
    everybody = Occasion(place="", zone=platform.zone)
    users = _audience(platform, "users") if production else []
    readers = (*users, *_developers(everybody, platform))
    return tuple(_simple(reader, AGREEMENT) for reader in readers)


def settings_of(change: str) -> tuple[str, ...]:
    """The settings of ``notices`` whose time developers are given before a change of that class."""
    return _APPLY.get(change, _APPLY[UNKNOWN])


def earliest_opening(change: str, policy: NoticePolicy, now_ms: int, zone: str) -> int:
    """The earliest opening of a window with such a change, were users and developers told now.

    Times that nobody has decided are left out: whoever asks says that themselves.
    """
    texts = (policy.users, *(getattr(policy, name) for name in settings_of(change)))
    return max((parse_lead(text).after(now_ms, zone) for text in texts if text), default=now_ms)


def longest(leads: Sequence[tuple[str, Lead]], opens_ms: int, zone: str) -> tuple[int, str, Lead]:
    """(due, setting, lead) of the one that falls due first: two months may be more or less than nine weeks."""
    return min((lead.before(opens_ms, zone), name, lead) for name, lead in leads)


def _first(occasion: Occasion, policy: NoticePolicy, reader: _Reader) -> list[Obligation]:
    """The first word: for developers one a kind of change, all by the longest time that any of them asks for."""
    if reader.audience == "users":
        kinds, due = [ANNOUNCEMENT], _due(occasion, {"users": policy.users})
    else:
        changes = (occasion.change, *occasion.also)
        wanted = dict.fromkeys(name for change in changes for name in settings_of(change))
        told = dict.fromkeys(_KIND.get(one, ANNOUNCEMENT if one in _APPLY else MAJOR) for one in changes)
        kinds = [kind for kind in told if kind != ANNOUNCEMENT] or [ANNOUNCEMENT]
        due = _due(occasion, {name: getattr(policy, name) for name in wanted})
    return [
        replace(
            made,
            due_ms=due.at_ms,
            lead=due.lead,
            because=due.because,
            required=occasion.window is not None,
            problem=made.problem or due.problem,
            mend=made.mend or due.mend,
        )
        for made in (_simple(reader, kind) for kind in kinds)
    ]


def _due(occasion: Occasion, settings: Mapping[str, str]) -> _Due:
    """When the longest of these settings falls due; with none of them, before it begins."""
    if settings.get("kubernetes_minor", "decided") == "":
        return _Due(
            None,
            "",
            "notices.kubernetesMinor",
            "nobody has decided how long before another minor of Kubernetes developers are told:"
            " notices.kubernetesMinor is empty",
            "set notices.kubernetesMinor in the platform file, such as 4 weeks: the number is yours",
        )
    leads = [(name, parse_lead(text)) for name, text in settings.items() if text]
    if occasion.window is None:
        return _Due(None, "", "")
    if not leads:
        return _Due(occasion.window.opens_ms, "", "")
    due_ms, name, lead = longest(leads, occasion.window.opens_ms, occasion.zone)
    return _Due(due_ms, str(lead), f"notices.{_written(name)}")


def _reminder(occasion: Occasion, policy: NoticePolicy, reader: _Reader) -> list[Obligation]:
    if not policy.reminder or occasion.window is None:
        return []
    lead = parse_lead(policy.reminder)
    due_ms = lead.before(occasion.window.opens_ms, occasion.zone)
    return [
        replace(
            _simple(reader, REMINDER),
            due_ms=due_ms,
            from_ms=due_ms - DAY,
            lead=str(lead),
            because="notices.reminder",
            required=True,
        )
    ]


def _later(occasion: Occasion, reader: _Reader) -> list[Obligation]:
    """What is told when it happens: nothing of it is due before, and none of it keeps a window shut."""
    window = occasion.window
    opens, closes = (window.opens_ms, window.closes_ms) if window else (None, None)
    times = {START: opens, OVERRUN: closes, DONE: None, CANCELLED: None}
    return [replace(_simple(reader, kind), from_ms=from_ms) for kind, from_ms in times.items()]


def _simple(reader: _Reader, kind: str) -> Obligation:
    return Obligation(
        kind=kind,
        audience=reader.audience,
        team=reader.team,
        namespaces=reader.namespaces,
        channels=reader.channels,
        problem=reader.problem,
        mend=reader.mend,
    )


def _audience(platform: Platform, audience: str) -> list[_Reader]:
    """The audience as a whole. Channels that are declared to be none say that there is nobody."""
    channels = platform.notices.channels.get(audience)
    if channels is None and not (platform.environments or platform.channels):
        return [_Reader(audience, ())]  # without a platform file nobody can be told by us
    if channels is None:
        return [
            _Reader(
                audience,
                (),
                problem=f"nobody has said how {audience} are told: notices.channels.{audience} is not set",
                mend=f"set notices.channels.{audience}; [] says that there are none",
            )
        ]
    return [_Reader(audience, channels)] if channels else []


def _developers(occasion: Occasion, platform: Platform) -> list[_Reader]:
    """The teams whose namespaces are touched and that have channels of their own, and the audience's channels."""
    changes = {occasion.change, *occasion.also}
    concerned = None if changes & set(_EVERYBODY) or changes - set(_APPLY) else occasion.namespaces
    teams = _teams(platform.scope, concerned)
    whole = _audience(platform, "developers")
    told = {namespace for team in teams for namespace in team.namespaces}
    if teams and concerned and concerned <= told and any(reader.problem for reader in whole):
        whole = []  # everybody who is touched is told on a channel of their own
    return [*teams, *whole]


def _teams(scope: Iterable[Scope], concerned: frozenset[str] | None) -> list[_Reader]:
    """Owners with channels of their own that are concerned; one with several entries is told once."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for entry in scope:
        if entry.channels and (concerned is None or concerned & set(entry.namespaces)):
            found.setdefault((entry.owner or entry.component, entry.channels), []).extend(entry.namespaces)
    return [
        _Reader("developers", channels, team, tuple(dict.fromkeys(namespaces)))
        for (team, channels), namespaces in found.items()
    ]


def _written(name: str) -> str:
    return _WRITTEN.get(name, name)
