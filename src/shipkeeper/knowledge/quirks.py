"""What goes wrong with versions of a component, and on the way between two: what to refuse, and what to do first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from shipkeeper.knowledge.documents import check_format, check_sources, decode, wrong
from shipkeeper.knowledge.numbering import Numbers, numbers_of, reaches
from shipkeeper.knowledge.sources import Source
from shipkeeper.model.record import Record

Kind = Literal["refuse", "step", "know"]
Role = Literal["installed", "target", "crossed", "upgrade", "unknown"]
"""installed, target: the version itself is concerned. crossed: the way passes the version at which it changed.
upgrade: every upgrade is concerned. unknown: a version is not known, so it may be concerned.
"""


class Quirk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to know. Where it holds: in ``versions``, from ``since`` until before ``before``; when a way passes one
    of ``crosses``; at every ``upgrade`` (whose target is in the range, where there is one).
    """

    id: str
    product: str
    kind: Kind
    """refuse: no plan goes there. step: something has to be done. know: somebody has to know it."""
    what: str
    consequence: str
    step: str
    source: str
    versions: tuple[str, ...] = ()
    since: str = ""
    before: str = ""
    crosses: tuple[str, ...] = ()
    upgrade: bool = False


class QuirkFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of quirks."""

    format: int
    kind: str
    issued: str
    sources: dict[str, Source]
    quirks: tuple[Quirk, ...]


class QuirkHit(Record, frozen=True, kw_only=True):
    """A quirk that concerns what was asked about."""

    id: str
    product: str
    kind: str
    role: str
    at: str
    """The version it is about: the one that runs, the target, or the one that is crossed."""
    what: str
    consequence: str
    step: str
    source: str
    retrieved: str


def read_quirks(data: bytes, name: str) -> QuirkFile:
    """Read a quirks file. Raises BadInput with the place of the mistake."""
    file = decode(data, QuirkFile, name)
    check_format(file.format, file.kind, "quirks", name)
    check_quirks(file.quirks, file.sources, name)
    return file


def check_quirks(quirks: Iterable[Quirk], sources: Iterable[str], name: str) -> None:
    """Raise BadInput for a quirk that can never hold, and for a bound that is no version."""
    seen: set[str] = set()
    known = set(sources)
    for quirk in quirks:
        check_sources([(f"the quirk {quirk.id!r}", quirk.source)], known, name)
        if quirk.id in seen:
            raise wrong(name, f"the quirk {quirk.id!r} is there twice")
        seen.add(quirk.id)
        bounds = [*quirk.versions, *quirk.crosses, *filter(None, (quirk.since, quirk.before))]
        if not bounds and not quirk.upgrade:
            ways = "versions, since, before, crosses or upgrade"
            raise wrong(name, f"the quirk {quirk.id!r} does not say where it holds: {ways}")
        for bound in bounds:
            if not numbers_of(bound):
                raise wrong(name, f"the quirk {quirk.id!r} has the bound {bound!r}, which is no version")


def merge_quirks(known: Iterable[Quirk], own: Iterable[Quirk]) -> tuple[Quirk, ...]:
    """The known quirks, each replaced by the user's of the same id, then the user's further ones."""
    rows = {quirk.id: quirk for quirk in known}
    rows.update({quirk.id: quirk for quirk in own})
    return tuple(rows.values())


class Quirks:
    """Quirks, with what finds those that concern a version or a way."""

    def __init__(self, rows: Iterable[Quirk], sources: dict[str, Source]) -> None:
        self.rows = tuple(rows)
        self._sources = sources

    def sources(self) -> dict[str, Source]:
        """Every source, by its name."""
        return dict(self._sources)

    def of(self, product: str) -> tuple[Quirk, ...]:
        """Everything known of a product."""
        return tuple(row for row in self.rows if row.product == product)

    def between(self, product: str, version: str, target: str = "") -> tuple[QuirkHit, ...]:
        """What concerns a version that runs and, with a target, the way there: refusals first, then steps.

        An empty ``version`` is one that is not known: what may then be crossed is there, with the role ``unknown``.
        """
        found = [hit for row in self.of(product) for hit in self._hits(row, version, target)]
        order: Sequence[str] = ("refuse", "step", "know")
        return tuple(sorted(found, key=lambda hit: (order.index(hit.kind), numbers_of(hit.at), hit.id)))

    def _hits(self, row: Quirk, version: str, target: str) -> Iterable[QuirkHit]:
        here, there = numbers_of(version), numbers_of(target)
        same = here == there
        if here and _holds(row, here) and not row.upgrade:
            yield self._hit(row, "installed", version)
        if there and not same and _holds(row, there):
            yield self._hit(row, "upgrade" if row.upgrade else "target", target)
        for bound in row.crosses:
            passed = numbers_of(bound)
            if there and reaches(there, passed) and not (here and reaches(here, passed)):
                yield self._hit(row, "crossed" if here else "unknown", bound)

    def _hit(self, row: Quirk, role: Role, at: str) -> QuirkHit:
        source = self._sources[row.source]
        return QuirkHit(
            id=row.id,
            product=row.product,
            kind=row.kind,
            role=role,
            at=at,
            what=row.what,
            consequence=row.consequence,
            step=row.step,
            source=source.cite(),
            retrieved=source.retrieved,
        )


def _holds(row: Quirk, version: Numbers) -> bool:
    """Whether a version is in the quirk's range. A quirk about upgrades without a range holds for every version."""
    if any(numbers_of(one) == version for one in row.versions):
        return True
    if row.since or row.before:
        after = not row.since or reaches(version, numbers_of(row.since))
        return after and (not row.before or not reaches(version, numbers_of(row.before)))
    return row.upgrade and not row.versions
