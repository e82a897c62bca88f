"""What a platform file may say about people: channels, notices, escalation, environments that follow each other."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from shipkeeper.app.platform_yaml import FieldCheck, Path, Reading
from shipkeeper.knowledge.countries import COUNTRIES
from shipkeeper.model.calendar import local_moment
from shipkeeper.model.declared_people import CHANNEL_KINDS, SECRET_URL, Channel
from shipkeeper.model.declared_windows import CHANGES, CONTENTS, Freeze
from shipkeeper.model.errors import BadInput
from shipkeeper.model.lead import Lead, parse_lead
from shipkeeper.model.platform import Platform
from shipkeeper.model.time import parse_duration

AUDIENCES = ("users", "developers")
SEVERITIES = ("critical", "high", "medium", "low")
EXPOSURES = ("internet", "internal", "none")
TLS = ("starttls", "tls", "none")
LEAST_MAJOR = Lead(months=1)
_COUNTRY = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "email": ("to", "server", "sender"),
    "slack": ("url",),
    "teams": ("url",),
    "mattermost": ("url",),
    "webhook": ("url",),
    "github-issue": ("project", "token"),
    "gitlab-issue": ("project", "token"),
    "statuspage": ("project", "token"),
}


def _one_of(words: Sequence[str]) -> FieldCheck:
    def check(value: str) -> None:
        if value and value not in words:
            raise BadInput(f"{value!r} is not known here", hint=f"one of {', '.join(words)}")

    return check


def _each_of(words: Sequence[str]) -> FieldCheck:
    def check(values: Sequence[str]) -> None:
        for index, value in enumerate(values):
            if value not in words:
                raise BadInput(f"{value!r} is not known here", object=str(index), hint=f"any of {', '.join(words)}")

    return check


def _reference(value: str) -> None:
    if value and not _REFERENCE.fullmatch(value):
        # Not repeated: it may be the secret itself.
        raise BadInput(
            "this must be a reference to a secret, not a value",
            why="the platform file is committed",
            hint="write env:NAME or file:/path",
        )


def _country(value: str) -> None:
    if not value:
        return
    if not _COUNTRY.fullmatch(value):
        raise BadInput(f"{value!r} is no country code", hint="write it like SE, or DE-BY for a part of a country")
    code = value.partition("-")[0]
    if code not in COUNTRIES:
        raise BadInput(f"there is no country {code!r}", hint="write its ISO 3166-1 code: SE, DE, KE, GB…")


def _lead(value: str) -> None:
    if value:
        parse_lead(value)


def _major(value: str) -> None:
    lead = parse_lead(value)
    if lead.months < LEAST_MAJOR.months and lead.days < 31:
        raise BadInput(
            f"{value!r} is less than a month",
            why="developers need at least a month to make ready for what they will notice",
            hint="write 1 month or more; two are usual",
        )


def _deadlines(values: Mapping[str, str]) -> None:
    for key, text in values.items():
        if key not in SEVERITIES:
            raise BadInput(f"{key!r} is no severity", object=key, hint=f"one of {', '.join(SEVERITIES)}")
        try:
            parse_duration(text)
        except BadInput as error:
            raise BadInput(error.message, object=key, hint=error.hint) from error


def _maybe_duration(value: str) -> None:
    if value:
        parse_duration(value)


def _maybe_date(value: str) -> None:
    if value:
        try:
            date.fromisoformat(value)
        except ValueError as error:
            raise BadInput(f"{value!r} is not a date", hint="write it like 2026-12-02") from error


def _dates(values: Sequence[str]) -> None:
    for index, value in enumerate(values):
        try:
            date.fromisoformat(value)
        except ValueError as error:
            raise BadInput(f"{value!r} is not a date", object=str(index), hint="write it like 2026-12-24") from error


def _not_negative(value: int) -> None:
    if value < 0:
        raise BadInput(f"{value} cannot be less than 0")


PEOPLE_CHECKS: dict[tuple[str, str], FieldCheck] = {
    ("Platform", "country"): _country,
    ("Platform", "patch_deadlines"): _deadlines,
    ("Environment", "country"): _country,
    ("Environment", "skew"): _not_negative,
    ("WindowRule", "agreed_on"): _maybe_date,
    ("WindowRule", "content"): _each_of(CONTENTS),
    ("WindowRule", "except_on"): _dates,
    ("Freeze", "begins"): local_moment,
    ("Freeze", "ends"): local_moment,
    ("Freeze", "allows"): _each_of(CHANGES),
    ("Objectives", "rpo"): _maybe_duration,
    ("Objectives", "retention"): _maybe_duration,
    ("Objectives", "rto"): _maybe_duration,
    ("Objectives", "decided_on"): _maybe_date,
    ("Component", "exposure"): _one_of(EXPOSURES),
    ("Channel", "kind"): _one_of(CHANNEL_KINDS),
    ("Channel", "token"): _reference,
    ("Channel", "password"): _reference,
    ("Channel", "tls"): _one_of(TLS),
    ("NoticePolicy", "users"): _lead,
    ("NoticePolicy", "minor"): _lead,
    ("NoticePolicy", "major"): _major,
    ("NoticePolicy", "kubernetes_minor"): _lead,
    ("NoticePolicy", "reminder"): _lead,
}
"""Checks of single values, by struct and field."""


def check_people(platform: Platform, reading: Reading) -> None:
    """Checks that look at more than one value; mistakes are noted with their places."""
    for index, channel in enumerate(platform.channels):
        for field, message, hint in _channel_faults(channel):
            reading.add(message, reading.at(("channels", index, field)), hint=hint)
    names = [channel.name for channel in platform.channels]
    for audience, wanted in platform.notices.channels.items():
        path: Path = ("notices", "channels", audience)
        if audience not in AUDIENCES:
            reading.add(f"{audience!r} is no audience", reading.at(path), hint=f"one of {', '.join(AUDIENCES)}")
        _known(reading, path, wanted, names)
    for index, scope in enumerate(platform.scope):
        _known(reading, ("scope", index, "channels"), scope.channels, names)
    for where, freezes in _freezes(platform):
        for index, freeze in enumerate(freezes):
            _freeze(reading, (*where, index), freeze)
    follows = {env.name: env.follows for env in platform.environments}
    for index, env in enumerate(platform.environments):
        if env.follows and env.follows not in follows:
            _no_such(reading, ("environments", index, "follows"), env.follows, list(follows), "environment")
        if not env.clusters:
            reading.add(
                f"environment {env.name!r} has no cluster",
                reading.at(("environments", index, "clusters")),
                hint="list its clusters, or leave the environment out",
            )
    _circles(
        reading,
        "environments",
        "follows",
        [env.name for env in platform.environments],
        {name: followed or "" for name, followed in follows.items()},
    )
    turns_to = {person.name: person.escalate_to for person in platform.people}
    _circles(reading, "people", "escalateTo", [person.name for person in platform.people], turns_to)
    owners = {scope.owner: scope.escalate_to for scope in platform.scope if scope.owner and scope.escalate_to}
    _circles(reading, "scope", "escalateTo", [scope.owner for scope in platform.scope], owners)


def _channel_faults(channel: Channel) -> Iterator[tuple[str, str, str]]:
    """(field, message, hint) of what a channel's kind makes wrong."""
    for field in _NEEDS.get(channel.kind, ()):
        if not getattr(channel, field):
            yield field, f"channel {channel.name!r} of kind {channel.kind} lacks {field!r}", f"add {field}: …"
    if channel.kind in SECRET_URL and channel.url and not _REFERENCE.fullmatch(channel.url):
        yield (
            "url",
            f"the address of {channel.name!r} is a secret: whoever has it can write there",
            "write env:NAME or file:/path, and keep the address there",
        )
    if channel.kind == "email" and channel.user:
        if not channel.password:
            yield (
                "password",
                f"channel {channel.name!r} has a user and no password",
                "add password: env:NAME or file:/path",
            )
        if channel.tls == "none":
            yield "tls", f"channel {channel.name!r} would send its password unencrypted", "set tls to starttls or tls"
    if channel.kind == "email":
        for address in (*channel.to, channel.sender):
            if address and not _ADDRESS.fullmatch(address):
                yield "to", f"{address!r} is no e-mail address", "write it like platform@example.net"


def _known(reading: Reading, path: Path, wanted: Sequence[str], names: list[str]) -> None:
    for index, name in enumerate(wanted):
        if name not in names:
            _no_such(reading, (*path, index), name, names, "channel")


def _no_such(reading: Reading, path: Path, name: str, names: Sequence[str], what: str) -> None:
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(names) or 'none'}"
    reading.add(f"there is no {what} called {name!r}", reading.at(path), hint=hint)


def _freezes(platform: Platform) -> Iterator[tuple[Path, tuple[Freeze, ...]]]:
    yield ("freezes",), platform.freezes
    for index, env in enumerate(platform.environments):
        yield ("environments", index, "freezes"), env.freezes


def _freeze(reading: Reading, path: Path, freeze: Freeze) -> None:
    try:
        begins, ends = local_moment(freeze.begins), local_moment(freeze.ends)
    except BadInput:
        return  # said where it stands
    if ends < begins:
        reading.add(f"freeze {freeze.name!r} ends before it begins", reading.at((*path, "ends")))


def _circles(reading: Reading, section: str, field: str, names: Sequence[str], leads_to: Mapping[str, str]) -> None:
    """Note every circle once, at the first of its members."""
    told: set[str] = set()
    for index, name in enumerate(names):
        way = [name]
        while (following := leads_to.get(way[-1], "")) and following not in way:
            way.append(following)
        if following and following == name and name not in told:
            told.update(way)
            reading.add(
                f"{' → '.join([*way, name])} goes round in a circle",
                reading.at((section, index, field)),
                why="nobody would be first, or last",
                hint=f"take {field} off one of them",
            )
