"""APIs of Kubernetes that are removed in a minor, and what to use instead."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from shipkeeper.knowledge.documents import check_format, check_sources, decode, wrong
from shipkeeper.knowledge.sources import Source
from shipkeeper.model.hops import ApiRemoval
from shipkeeper.semantics.skew import minor_of

Minor = tuple[int, int]


class Removal(Struct, frozen=True, array_like=True):
    """A kind that an API server no longer serves from a minor on. Minors like ``1.25``; empty: not known."""

    api_version: str
    """``policy/v1beta1``; ``v1`` for the core group."""
    kind: str
    plural: str
    introduced: str
    deprecated: str
    removed: str
    replacement: str
    """apiVersion to use instead; empty: there is none."""
    replacement_kind: str
    replacement_since: str
    """The minor from which the replacement is served; empty: from before the oldest minor looked at."""
    basis: str
    """marker: Kubernetes' own lifecycle marker; changelog: its changelog; gone: the kind is no longer in its API
    module, so it was removed in that minor at the latest."""

    @property
    def group(self) -> str:
        """API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """API version without its group."""
        return self.api_version.rpartition("/")[2]


class RemovalFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of removed APIs."""

    format: int
    kind: str
    issued: str
    source: str
    sources: dict[str, Source]
    newest: str
    """The newest minor whose removals are known as they came; later ones as they are announced."""
    rows: tuple[Removal, ...]


class Replacement(Struct, frozen=True):
    """What to use instead of a removed kind, and from which minor on (empty: long before)."""

    api_version: str
    kind: str
    since: str


def read_removals(data: bytes, name: str) -> RemovalFile:
    """Read a file of removed APIs. Raises BadInput with the place of the mistake."""
    file = decode(data, RemovalFile, name)
    check_format(file.format, file.kind, "removals", name)
    check_sources([("the file", file.source)], file.sources, name)
    _check_minor(file.newest, "the newest minor", name)
    for row in file.rows:
        whose = f"{row.api_version} {row.kind}"
        _check_minor(row.removed, f"the removal of {whose}", name)
        for minor in filter(None, (row.introduced, row.deprecated, row.replacement_since)):
            _check_minor(minor, whose, name)
    return file


def merge_removals(known: Iterable[Removal], own: Iterable[Removal], name: str) -> tuple[Removal, ...]:
    """The known rows, each replaced by the user's of the same kind, then the user's further ones."""
    rows = {(row.api_version, row.kind): row for row in known}
    for row in own:
        _check_minor(row.removed, f"the removal of {row.api_version} {row.kind}", name)
        rows[row.api_version, row.kind] = row
    return tuple(rows.values())


def _check_minor(text: str, whose: str, name: str) -> None:
    if minor_of(text) is None:
        raise wrong(name, f"{whose} has the minor {text!r}, which is none; write it like 1.25")


class Removals:
    """Removed APIs, with what finds one."""

    def __init__(self, rows: Iterable[Removal], newest: str, source: Source) -> None:
        self.rows = tuple(rows)
        self.newest = newest
        self.source = source
        self._by_kind = {(row.api_version, row.kind): row for row in self.rows}
        self._by_resource = {(row.group, row.version, row.plural): row for row in self.rows}

    def find(self, api_version: str, kind: str) -> Removal | None:
        """The removal of a kind, or None when nothing is known of one."""
        return self._by_kind.get((api_version, kind))

    def find_resource(self, group: str, version: str, resource: str) -> Removal | None:
        """The removal of a resource by its plural, as metrics name it."""
        return self._by_resource.get((group, version, resource))

    def is_removed_in(self, row: Removal, minor: str) -> bool:
        """Whether that minor no longer serves it. False too for a minor that cannot be read."""
        at = minor_of(minor)
        return at is not None and _of(row.removed) <= at

    def is_deprecated_in(self, row: Removal, minor: str) -> bool:
        """Whether it is deprecated in that minor."""
        at = minor_of(minor)
        return at is not None and bool(row.deprecated) and _of(row.deprecated) <= at

    def removed_between(self, from_minor: str, to_minor: str) -> tuple[Removal, ...]:
        """What ``from_minor`` still serves and ``to_minor`` no longer does, earliest removal first.

        Minors or whole versions. Raises ValueError when one cannot be read.
        """
        start, end = _of(from_minor), _of(to_minor)
        found = [row for row in self.rows if start < _of(row.removed) <= end]
        return tuple(sorted(found, key=lambda row: (_of(row.removed), row.api_version, row.kind)))

    def replacement_of(self, api_version: str, kind: str, at: str = "") -> Replacement | None:
        """What to use instead in a minor (default: the newest known), following replacements that are removed too."""
        minor = at or self.newest
        found: Replacement | None = None
        row = self.find(api_version, kind)
        for _ in self.rows:
            if row is None or not row.replacement:
                break
            found = Replacement(row.replacement, row.replacement_kind, row.replacement_since)
            row = self.find(row.replacement, row.replacement_kind)
            if row is None or not self.is_removed_in(row, minor):
                return found
            found = None
        return found

    def announced(self) -> tuple[ApiRemoval, ...]:
        """Every removal as the hops of a path take it."""
        return tuple(
            ApiRemoval(
                group=row.group,
                version=row.version,
                removed_in=row.removed,
                kind=row.kind,
                resource=row.plural,
                replacement=f"{row.replacement} {row.replacement_kind}".strip(),
                source=self.source.cite(),
            )
            for row in self.rows
        )

    def knows(self, minor: str) -> bool:
        """Whether that minor's removals are known as they came, and not only as they were announced."""
        return _of(minor) <= _of(self.newest)


def _of(minor: str) -> Minor:
    found = minor_of(minor)
    if found is None:
        raise ValueError(f"{minor!r} is no minor of Kubernetes")
    return found
