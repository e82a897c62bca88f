"""All knowledge behind one door: what ships with this version, what was installed since, what the user knows better.

A section is read when it is first asked for: ``due`` must not pay for what it does not need.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache, cached_property
from importlib.resources import files

import msgspec

from shipkeeper.knowledge.exploited import Exploited, KnownExploited, read_catalogue
from shipkeeper.knowledge.own import SOURCE, OwnFacts, quirk_rows, removal_rows, support_rows
from shipkeeper.knowledge.products import Identified, Products, check_products, merge_products, read_products
from shipkeeper.knowledge.quirks import QuirkHit, Quirks, check_quirks, merge_quirks, read_quirks
from shipkeeper.knowledge.removals import Removals, merge_removals, read_removals
from shipkeeper.knowledge.sources import Source
from shipkeeper.knowledge.support import Support, SupportDates, check_support, merge_support, read_support

BUNDLED = ("products", "support", "removals", "quirks")
"""Sections that ship with Shipkeeper."""
EXPLOITED = "exploited"
"""A section that an update may bring, and that never ships: it would be old before it is installed."""
SECTIONS = (*BUNDLED, EXPLOITED)


class _Issued(msgspec.Struct, frozen=True):
    """The day of a section's file; the rest is skipped."""

    issued: str = ""


class Knowledge:
    """Facts by section.

    ``installed``: sections of an update, as bytes, and ``installed_from`` the file they are from. ``own``: the user's
    facts, ``own_from`` their file. ``exploited``: a catalogue that the user gives, before the installed one.
    """

    def __init__(
        self,
        installed: Mapping[str, bytes] | None = None,
        installed_from: str = "",
        own: OwnFacts | None = None,
        own_from: str = "",
        exploited: KnownExploited | None = None,
    ) -> None:
        self._installed = dict(installed or {})
        self._installed_from = installed_from
        self._own = own
        self.own_from = own_from
        self._given = exploited

    @property
    def has_own_catalogue(self) -> bool:
        """Whether the user gave a catalogue of exploited vulnerabilities themselves."""
        return self._given is not None

    def section(self, name: str) -> tuple[bytes, str]:
        """A section's bytes and the file they are from: the installed one, else the one that ships."""
        if name in self._installed:
            return self._installed[name], f"{self._installed_from} ({name})"
        return _shipped(name), f"{name}.json"

    def is_installed(self, name: str) -> bool:
        """Whether the section is from an update and not the one that ships."""
        return name in self._installed

    @cached_property
    def products(self) -> Products:
        """Products and how they are recognised."""
        rows = read_products(*self.section("products")).products
        if self._own is not None:
            rows = merge_products(rows, self._own.products)
            check_products(rows, self.own_from)
        return Products(rows)

    @cached_property
    def support(self) -> SupportDates:
        """Support dates."""
        file = read_support(*self.section("support"))
        rows, sources = file.products, dict(file.sources)
        if self._own is not None:
            sources = self._with_own(sources)
            rows = merge_support(rows, support_rows(self._own))
            check_support(rows, sources, self.own_from)
        return SupportDates(rows, sources)

    @cached_property
    def removals(self) -> Removals:
        """Removed APIs of Kubernetes."""
        file = read_removals(*self.section("removals"))
        rows = file.rows
        if self._own is not None:
            rows = merge_removals(rows, removal_rows(self._own), self.own_from)
        return Removals(rows, file.newest, file.sources[file.source])

    @cached_property
    def quirks(self) -> Quirks:
        """What is known to go wrong with versions and on the way between them."""
        file = read_quirks(*self.section("quirks"))
        rows, sources = file.quirks, dict(file.sources)
        if self._own is not None:
            sources = self._with_own(sources)
            rows = merge_quirks(rows, quirk_rows(self._own))
            check_quirks(rows, sources, self.own_from)
        return Quirks(rows, sources)

    @cached_property
    def exploited(self) -> KnownExploited:
        """Vulnerabilities known to be exploited; empty, and then nothing is known, when nobody gave a catalogue."""
        if self._given is not None:
            return self._given
        if EXPLOITED in self._installed:
            return read_catalogue(self._installed[EXPLOITED], f"{self._installed_from} ({EXPLOITED})")
        return KnownExploited()

    def identify_image(self, image: str) -> Identified | None:
        """What an image is; None: no product known here."""
        return self.products.identify_image(image)

    def identify_chart(self, name: str) -> str | None:
        """The product that a chart of that name installs; None: no product known here."""
        return self.products.identify_chart(name)

    def support_of(self, product: str, version: str, on: date) -> Support:
        """Until when a version is supported, as it looks on that day."""
        return self.support.of(product, version, on)

    def quirks_for(self, product: str, version: str, target: str = "") -> tuple[QuirkHit, ...]:
        """What concerns a version that runs and, with a target, the way there."""
        return self.quirks.between(product, version, target)

    def is_known_exploited(self, cve: str, on: date) -> Exploited:
        """Whether a vulnerability is known to be exploited: yes, no, or unknown."""
        return self.exploited.ask(cve, on)

    def _with_own(self, sources: Mapping[str, Source]) -> dict[str, Source]:
        return {**sources, SOURCE: self._own.cited()} if self._own is not None else dict(sources)


def issued_on(data: bytes) -> str:
    """The day a section's file was made (YYYY-MM-DD); empty when it does not say."""
    try:
        return msgspec.json.decode(data, type=_Issued).issued
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


def worth_using(installed: Mapping[str, bytes]) -> dict[str, bytes]:
    """Installed sections that are not older than what ships: an upgrade may have brought newer facts than an update."""
    return {
        name: data
        for name, data in installed.items()
        if name not in BUNDLED or issued_on(data) >= issued_on(_shipped(name))
    }


def _shipped(name: str) -> bytes:
    return files("shipkeeper.knowledge").joinpath(f"data/{name}.json").read_bytes()


@cache
def bundled() -> Knowledge:
    """What ships with this version, without updates and without a user's own facts."""
    return Knowledge()
