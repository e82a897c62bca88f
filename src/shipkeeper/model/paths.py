"""Upgrade paths: which releases stand between two versions, by which rule, and why each is there."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from shipkeeper.model.record import Record
from shipkeeper.model.version import Version

Direction = Literal["forwards", "backwards", "same", "unknown"]
HopKind = Literal["build", "patch", "minor", "major"]


class Release(Struct, frozen=True):
    """A release that exists. ``released_ms`` is None where its day is not known."""

    version: Version
    released_ms: int | None = None
    tag: str = ""
    """The git tag, where it is written differently from the version."""


class PathPolicy(Struct, frozen=True, kw_only=True):
    """A rule about the way from one version to a later one. Data; ``knowledge/paths`` has those that are known."""

    id: str
    title: str
    rule: str
    """The rule in one sentence."""
    sources: tuple[str, ...]
    """Keys of the file's sources."""
    stops: Literal["every-release", "newest-of-minor", "target"]
    """Stop at each release, at the newest of each minor passed through, or nowhere on the way."""
    aliases: tuple[str, ...] = ()
    scheme: str = ""
    """How versions under it are written; empty: the component says."""
    next_minor_only: bool = False
    """Minors follow one another by number; one that has no release ends the path."""
    own_minor_first: bool = False
    """Before its minor is left, the newest patch of it is taken."""
    any_patch: bool = False
    """On the way, any other patch of a minor would do as well."""
    may_skip_late: bool = False
    """A patch released after the next minor was may be left out, if asked for (option ``skip-late``)."""
    needs_releases: bool = True
    """False: minors can be counted without a list of releases; what the list lacks is flagged and not forbidden."""
    tolerates_minors: int = 1
    """How many minors in one step the software itself accepts, where that is more than the rule does."""
    tolerance: str = ""
    """Who says so, in a sentence."""
    remark: str = ""
    """What is wrong or contradictory in the source, said wherever it matters."""
    remark_when: Literal["", "always", "late"] = ""


class Skipped(Record, frozen=True, kw_only=True):
    """A release that a hop passes over, and why it may."""

    version: str
    released: str = ""
    why: str


class PathFlag(Record, frozen=True, kw_only=True):
    """Something about a hop that a person should look at before it."""

    code: str
    text: str


class Moved(Record, frozen=True, kw_only=True):
    """A component that a release installs, before and after a hop. Empty: not told, which is not the same as absent."""

    name: str
    before: str
    after: str
    direction: Direction


class Hop(Record, frozen=True, kw_only=True):
    """One upgrade of the path. Dates are YYYY-MM-DD, empty when not known."""

    from_version: str
    to_version: str
    kind: HopKind
    why: str
    released: str = ""
    tag: str = ""
    skipped: tuple[Skipped, ...] = ()
    alternatives: tuple[str, ...] = ()
    """Other releases that the policy allows in place of this one."""
    may_skip: str = ""
    """Why this hop may be left out, with the option that does so; empty when it may not."""
    flags: tuple[PathFlag, ...] = ()
    components: tuple[Moved, ...] = ()
    """What the release installs in another version than the one before."""


class OtherPath(Record, frozen=True, kw_only=True):
    """Another way to the same version: by an option of the policy, or by another policy of the component."""

    by: str
    stops: tuple[str, ...]
    why: str


class UpgradePath(Record, frozen=True, kw_only=True):
    """The way from one version to another. No hops: already there."""

    component: str
    policy: str
    title: str
    rule: str
    sources: tuple[str, ...]
    from_version: str
    to_version: str
    scheme: str
    skip_late: bool = False
    hops: tuple[Hop, ...] = ()
    alternatives: tuple[OtherPath, ...] = ()
    remarks: tuple[str, ...] = ()
    releases: str = ""
    """Where the list of releases is from, and of when."""

    @property
    def stops(self) -> tuple[str, ...]:
        """The versions reached, in order."""
        return tuple(hop.to_version for hop in self.hops)


class Broken(Record, frozen=True, kw_only=True):
    """A rule that a proposed path breaks, and where."""

    rule: str
    """downgrade | no-order | unknown-version | minor-skipped | patch-skipped | not-newest | variant | prerelease."""
    version: str
    text: str
