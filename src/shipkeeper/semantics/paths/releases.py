"""What is known of a component's releases, in the shape that path rules ask about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from shipkeeper.model.paths import Release
from shipkeeper.model.version import Version

Minor = tuple[int, int]


class Known:
    """The releases that can be stops: in order, each version once, without pre-releases and special editions.

    ``partial``: the list holds the newest release of each minor and no others, so that one that is not in it may exist.
    """

    def __init__(self, releases: Iterable[Release], *, partial: bool = False) -> None:
        self.partial = partial
        self.all = tuple(releases)
        kept: dict[Version, Release] = {}
        for release in self.all:
            if not release.version.is_prerelease and not release.version.variant:
                kept.setdefault(release.version, release)
        self.path = tuple(sorted(kept.values(), key=lambda release: release.version))
        self._by_version = {release.version: release for release in self.all} | kept
        self._minors: dict[Minor, list[Release]] = {}
        for release in self.path:
            self._minors.setdefault(release.version.minor_key, []).append(release)
        self.minors = tuple(self._minors)
        """Minors that have a release, in order."""

    def get(self, version: Version) -> Release | None:
        """The release of that version, pre-releases and editions included; None when there is none."""
        return self._by_version.get(version)

    def of_minor(self, minor: Minor) -> tuple[Release, ...]:
        """Releases of a minor, oldest version first."""
        return tuple(self._minors.get(minor, ()))

    def between(self, start: Version, target: Version) -> tuple[Release, ...]:
        """Releases after ``start`` up to and including ``target``; the target also when it is a pre-release."""
        found = [release for release in self.path if start < release.version <= target]
        last = self.get(target)
        if last is not None and (not found or found[-1].version != target):
            found.append(last)
        return tuple(found)

    def late_after(self, release: Release) -> Release | None:
        """The first release of the next minor, when it came out before this one. None: this one is not late.

        By the day on record; releases of one day, and releases without a day, are not late. A partial list does not
        tell: its first release of a minor is the newest.
        """
        if self.partial:
            return None
        minor = release.version.minor_key
        following = next((later for later in self.minors if later > minor), None)
        if following is None:
            return None
        dated = [other for other in self._minors[following] if other.released_ms is not None]
        first = min(dated, key=lambda other: other.released_ms or 0, default=None)
        if first is None or release.released_ms is None or first.released_ms is None:
            return None
        return first if release.released_ms > first.released_ms else None


def day(release: Release | None) -> str:
    """The day of a release as YYYY-MM-DD in UTC, empty when it is not known."""
    if release is None or release.released_ms is None:
        return ""
    return datetime.fromtimestamp(release.released_ms / 1000, UTC).date().isoformat()


def follows(earlier: Minor, later: Minor) -> bool:
    """Whether a minor comes right after another by number: the next one, or the first of the next major."""
    return later in ((earlier[0], earlier[1] + 1), (earlier[0] + 1, 0))
