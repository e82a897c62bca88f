"""National holidays, from the ``holidays`` library where it is installed; else it is said that they are not known."""

from __future__ import annotations

import importlib
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from shipkeeper.app.platform_file import Parsed
from shipkeeper.app.platform_yaml import Path as KeyPath
from shipkeeper.model.calendar import freeze_span
from shipkeeper.model.errors import BadInput
from shipkeeper.model.platform import Environment, Platform
from shipkeeper.model.time import moment
from shipkeeper.model.workdays import ClosedDays

INSTALL = "pip install 'shipkeeper[holidays]'"
_LANGUAGE = "en_US"
"""Of the holidays' names: left to itself the library takes the terminal's, and the calendars of two people differ."""


def closed_days(platform: Platform, environment: Environment | None, first_ms: int, last_ms: int) -> ClosedDays:
    """Days in that time on which nobody works there: weekends, national holidays, closed freezes.

    Raises BadInput for a part of a country that the holidays library does not know.
    """
    found = national_of(platform, environment, first_ms, last_ms)
    own: dict[date, str] = {}
    for freeze in platform.freezes + (environment.freezes if environment is not None else ()):
        if freeze.closed:
            begins_ms, ends_ms = freeze_span(freeze, platform.zone)
            zone = freeze.zone or platform.zone
            day, until = moment(begins_ms, zone).date(), moment(ends_ms - 1, zone).date()
            while day <= until:
                own[day] = freeze.name
                day += timedelta(days=1)
    return found.with_days(own)


def check_countries(parsed: Parsed, at_ms: int) -> tuple[str, ...]:
    """What cannot be known of the holidays of the countries that a platform file names.

    Raises BadInput with its place for a part of a country that there is not.
    """
    platform, unknown = parsed.platform, []
    places: list[tuple[str, KeyPath]] = [(platform.country, ("country",))]
    places += [(env.country, ("environments", i, "country")) for i, env in enumerate(platform.environments)]
    year = moment(at_ms, platform.zone).year
    for country, path in places:
        if country:
            try:
                unknown.append(national(country, year, year + 1).unknown)
            except BadInput as error:
                raise BadInput(
                    error.message, location=parsed.places.get(path), why=error.why, hint=error.hint
                ) from error
    return tuple(dict.fromkeys(text for text in unknown if text))


def national_of(platform: Platform, environment: Environment | None, first_ms: int, last_ms: int) -> ClosedDays:
    """The environment's national holidays in that time. Raises as ``closed_days``."""
    country = (environment.country if environment is not None else "") or platform.country
    first, last = moment(first_ms, platform.zone).date(), moment(last_ms, platform.zone).date()
    return national(country, first.year, last.year)


@lru_cache(maxsize=32)
def national(country: str, first_year: int, last_year: int) -> ClosedDays:
    """The holidays and the weekend of a country. ``unknown`` of the answer says why they are not known."""
    if not country:
        return ClosedDays(unknown="national holidays are not counted: the platform file names no country")
    library = _library()
    if library is None:
        return ClosedDays(
            unknown=f"national holidays of {country} are not known: the holidays library is not installed ({INSTALL})"
        )
    code, _, part = country.partition("-")
    try:
        years = range(first_year, last_year + 1)
        found = library.country_holidays(code, subdiv=part or None, years=years, language=_LANGUAGE)
    except NotImplementedError:
        known = library.list_supported_countries(include_aliases=True)
        if code not in known:
            return ClosedDays(unknown=f"national holidays of {country} are not known: the library has none of {code}")
        raise BadInput(
            f"{country!r} is no part of a country whose holidays are known",
            object="country",
            why="working days are counted by national holidays",
            hint=f"parts of {code}: {', '.join(known[code]) or 'none; write ' + code}",
        ) from None
    days = {day: str(name) for day, name in found.items()}
    return ClosedDays(days, frozenset(found.weekend))


def _library() -> Any:
    try:
        return importlib.import_module("holidays")
    except ImportError:
        return None
