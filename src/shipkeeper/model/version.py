"""Versions: how each kind of software writes them, and which of two comes later.

A version belongs to a scheme. Inside one scheme the order is total, so that lists sort the same way everywhere;
between schemes there is none, and asking for it is an error. Sources of the rules: Semantic Versioning 2.0.0
(section 11) for ``semver`` and ``helm``; for the others the tags their projects publish, because what follows the
hyphen there is as often a build of the release (``v2.16.0-ck8s1``, ``v1.33.4-gke.1``) as something before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

from shipkeeper.model.errors import BadInput

Chunk = tuple[int, int, str]
"""A piece that compares: ``(0, number, "")`` or ``(1, 0, word)``, so that numbers come before words."""

_NUMBERS = r"(?P<numbers>\d+(?:\.\d+)*)"
_PRE_WORDS = r"(?:alpha|beta|rc|cr|pre|preview|dev|nightly|snapshot)"


class Version(Struct, frozen=True, eq=False):
    """A version as written, and what its place in the order follows from.

    ``==`` means the same place in the same scheme: ``26.1`` and ``26.1.0`` of Keycloak are equal, and so are two
    builds of one semantic version. Whoever needs the writing compares ``text``.
    """

    text: str
    scheme: str
    numbers: tuple[int, ...]
    pre: tuple[Chunk, ...] = ()
    """What makes it come before its numbers: alpha, beta, rc; empty for a release."""
    build: tuple[Chunk, ...] = ()
    """What makes it come after its numbers: a distribution's own build of the release."""
    build_pre: tuple[Chunk, ...] = ()
    """Pre-release of that build (``+rke2r1-rc1``)."""
    distribution: str = ""
    """Whose build it is (``k3s``, ``gke``), without its number; a commit hash stays part of the name."""
    variant: str = ""
    """A special edition beside the path of releases (``upcloud``); empty on the path."""

    @property
    def major(self) -> int:
        """First number."""
        return self.numbers[0]

    @property
    def minor(self) -> int:
        """Second number; 0 where the text has none."""
        return self.numbers[1] if len(self.numbers) > 1 else 0

    @property
    def patch(self) -> int:
        """Third number; 0 where the text has none."""
        return self.numbers[2] if len(self.numbers) > 2 else 0

    @property
    def is_prerelease(self) -> bool:
        """Whether it comes before a release: alpha, beta, rc, and the like."""
        return bool(self.pre or self.build_pre)

    @property
    def minor_key(self) -> tuple[int, int]:
        """What counts as one minor: (major, minor). For ``ck8s`` that of upstream, in ``calver`` a month."""
        return (self.major, self.minor)

    def is_newer_than(self, other: Version) -> bool | None:
        """Whether it comes later in meaning; None where the writing cannot tell.

        It cannot between two editions beside each other, nor between builds of one release by different
        distributions, nor between builds named by a commit hash. ``<`` still sorts those, the same way each time.
        """
        if self.variant != other.variant:
            return None
        mine, theirs = self._place(other), other._place(self)
        if mine[:3] == theirs[:3] and self.distribution and other.distribution:
            return mine > theirs if self.distribution == other.distribution else None
        return mine > theirs

    def _place(self, other: Version) -> _Place:
        if self.scheme != other.scheme:
            raise BadInput(
                f"{self.text} ({self.scheme}) and {other.text} ({other.scheme}) have no order between them",
                code="version-schemes-differ",
                object=self.text,
                why="each scheme has its own rules for what comes later; comparing across two would be a guess",
                hint="read both versions with the same scheme",
            )
        return self._order()

    def _order(self) -> _Place:
        numbers = self.numbers
        while len(numbers) > 1 and not numbers[-1]:
            numbers = numbers[:-1]
        return _Place(numbers, not self.pre, self.pre, self.build, not self.build_pre, self.build_pre, self.variant)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return self.scheme == other.scheme and self._order() == other._order()

    def __ne__(self, other: object) -> bool:
        # Struct's own would compare identities.
        same = self.__eq__(other)
        return same if same is NotImplemented else not same

    def __hash__(self) -> int:
        return hash((self.scheme, self._order()))

    def __lt__(self, other: Version) -> bool:
        return self._place(other) < other._place(self)

    def __le__(self, other: Version) -> bool:
        return self._place(other) <= other._place(self)

    def __gt__(self, other: Version) -> bool:
        return self._place(other) > other._place(self)

    def __ge__(self, other: Version) -> bool:
        return self._place(other) >= other._place(self)

    def __str__(self) -> str:
        return self.text


class _Place(NamedTuple):
    """What the order goes by, most significant first."""

    numbers: tuple[int, ...]
    is_release: bool
    pre: tuple[Chunk, ...]
    build: tuple[Chunk, ...]
    is_built: bool
    build_pre: tuple[Chunk, ...]
    variant: str


def parse_version(text: str, scheme: str) -> Version:
    """Read a version of a scheme. Raises BadInput for an unknown scheme, and for a text that is not one of it."""
    reader = _READERS.get(scheme)
    if reader is None:
        raise BadInput(
            f"there is no version scheme called {scheme!r}",
            code="unknown-version-scheme",
            object=scheme,
            hint=f"use one of: {', '.join(SCHEMES)}",
        )
    stripped = text.strip()
    version = reader(stripped) if len(stripped) <= _LONGEST else None
    if version is None:
        shown = stripped if len(stripped) <= _LONGEST else f"{stripped[:_LONGEST]}…"
        raise BadInput(
            f"{shown!r} is not a version of scheme {scheme}",
            code="not-a-version",
            object=shown,
            why="what cannot be read cannot be put in order, and no path leads from or to it",
            hint=f"write it like {EXAMPLES[scheme]}, or choose another scheme: {', '.join(SCHEMES)}",
        )
    return version


def find_version(text: str, scheme: str) -> Version | None:
    """The version, or None where ``parse_version`` refuses the text or the scheme."""
    try:
        return parse_version(text, scheme)
    except BadInput:
        return None


def guess_version(text: str) -> Version | None:
    """Read a version of a scheme not known: the one its writing shows, else ``semver``, else ``loose``; None if none.

    Three bare numbers do not tell Kubernetes from anything else: whoever knows the component names the scheme.
    """
    stripped = text.strip()
    if len(stripped) > _LONGEST:
        return None
    for shows, scheme in _SHOWN:
        if shows.search(stripped):
            version = _READERS[scheme](stripped)
            if version is not None:
                return version
    return _semver(stripped) or _loose(stripped)


_LONGEST = 128
"""Characters. Nobody writes longer versions, and numbers of thousands of digits only cost time."""

_SHOWN = (
    (re.compile(r"-ck8s\d"), "ck8s"),
    (re.compile(r"\+(?:rke2r|k3s|k0s)|-(?:eks-|gke\.|aliyun|tke)"), "kubernetes"),
    (re.compile(r"^(?:19|20)\d\d[.-]"), "calver"),
)

_SEMVER = re.compile(
    r"v?(?P<numbers>(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*))"
    r"(?:-(?P<pre>(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
_HELM = re.compile(
    r"v?(?P<numbers>\d+(?:\.\d+){0,2})(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:[+_][0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
_KUBERNETES = re.compile(
    rf"v?(?P<numbers>\d+\.\d+(?:\.\d+)?)(?:-(?P<pre>{_PRE_WORDS}[.\d]*))?"
    r"(?P<build>[-+][0-9A-Za-z]+?(?:[.+_-][0-9A-Za-z]+?)*?)?(?:-(?P<build_pre>(?:alpha|beta|rc)[.\d]*))?",
    re.ASCII,
)
_KUBESPRAY = re.compile(rf"v?(?P<numbers>\d+\.\d+\.\d+)(?:-(?P<pre>{_PRE_WORDS}[.\d]*))?", re.ASCII)
_CK8S = re.compile(
    rf"v?(?P<numbers>\d+\.\d+\.\d+)(?:-(?P<pre>{_PRE_WORDS}[.\d]*))?"
    r"(?:-(?P<build>ck8s\d+))?(?:-(?P<variant>[a-z][a-z0-9-]*))?",
    re.ASCII,
)
_KEYCLOAK = re.compile(
    rf"v?(?P<numbers>\d+\.\d+(?:\.\d+)?)(?:[.-](?P<pre>{_PRE_WORDS}[.\d]*)|\.Final)?"
    r"(?P<build>-\d+|\.redhat-\d+)?",
    re.ASCII | re.IGNORECASE,
)
_CALVER = re.compile(
    rf"v?(?:(?P<numbers>(?:\d{{4}}|\d\d)[.-]\d{{1,2}}(?:[.-]\d+){{0,2}})|(?P<day>\d{{8}}))"
    rf"(?:[.-]?(?P<pre>{_PRE_WORDS}[.\d]*))?",
    re.ASCII,
)
_HASH = re.compile(r"(?<![0-9A-Za-z])(?=[0-9]*[a-f])[0-9a-f]{7,40}(?![0-9A-Za-z])", re.ASCII)
_LOOSE = re.compile(
    rf"v?{_NUMBERS}(?:[-._~+]?(?P<pre>{_PRE_WORDS}(?:[._-]?\d+)*)|(?P<build>[-+_~]?[0-9A-Za-z][0-9A-Za-z.+~_-]*))?",
    re.ASCII | re.IGNORECASE,
)


def _semver(text: str) -> Version | None:
    match = _SEMVER.fullmatch(text)
    return match and Version(text, "semver", _numbers(match["numbers"]), pre=_identifiers(match["pre"]))


def _helm(text: str) -> Version | None:
    match = _HELM.fullmatch(text)
    return match and Version(text, "helm", _numbers(match["numbers"]), pre=_identifiers(match["pre"]))


def _kubernetes(text: str) -> Version | None:
    match = _KUBERNETES.fullmatch(text)
    if not match:
        return None
    return Version(
        text, "kubernetes", _numbers(match["numbers"]), pre=_natural(match["pre"]), build=_natural(match["build"]),
        build_pre=_natural(match["build_pre"]), distribution=_distribution(match["build"]),
    )  # fmt: skip


def _kubespray(text: str) -> Version | None:
    match = _KUBESPRAY.fullmatch(text)
    return match and Version(text, "kubespray", _numbers(match["numbers"]), pre=_natural(match["pre"]))


def _ck8s(text: str) -> Version | None:
    match = _CK8S.fullmatch(text)
    if not match:
        return None
    return Version(
        text, "ck8s", _numbers(match["numbers"]), pre=_natural(match["pre"]), build=_natural(match["build"]),
        distribution=_distribution(match["build"]), variant=match["variant"] or "",
    )  # fmt: skip


def _keycloak(text: str) -> Version | None:
    match = _KEYCLOAK.fullmatch(text)
    if not match:
        return None
    return Version(
        text, "keycloak", _numbers(match["numbers"]), pre=_natural(match["pre"]), build=_natural(match["build"]),
        distribution=_distribution(match["build"]),
    )  # fmt: skip


def _calver(text: str) -> Version | None:
    match = _CALVER.fullmatch(text)
    if not match:
        return None
    day = match["day"]
    numbers = (
        (int(day[:4]), int(day[4:6]), int(day[6:])) if day else tuple(map(int, re.split("[.-]", match["numbers"])))
    )
    if not 1 <= numbers[1] <= 12 or (day and not 1 <= numbers[2] <= 31):
        return None
    return Version(text, "calver", numbers, pre=_natural(match["pre"]))


def _loose(text: str) -> Version | None:
    match = _LOOSE.fullmatch(text)
    if not match:
        return None
    return Version(
        text, "loose", _numbers(match["numbers"]), pre=_natural(match["pre"]), build=_natural(match["build"]),
        distribution=_distribution(match["build"]),
    )  # fmt: skip


_READERS: dict[str, Callable[[str], Version | None]] = {
    "semver": _semver,
    "kubernetes": _kubernetes,
    "kubespray": _kubespray,
    "ck8s": _ck8s,
    "keycloak": _keycloak,
    "helm": _helm,
    "calver": _calver,
    "loose": _loose,
}
SCHEMES = tuple(_READERS)
EXAMPLES = {
    "semver": "1.18.2 or v1.19.0-rc.1",
    "kubernetes": "v1.33.4, 1.33, v1.33.4+rke2r1 or v1.33.0-rc.1",
    "kubespray": "v2.29.0",
    "ck8s": "v2.29.0-ck8s1 or v0.50.1",
    "keycloak": "26.1 or 26.1.0",
    "helm": "3.2.0 or 1.4.0-beta.2",
    "calver": "2025.10.1, 24.04 or 2025-10-01",
    "loose": "7.8.4 or 1.2.3-4",
}


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def _identifiers(text: str | None) -> tuple[Chunk, ...]:
    """Pre-release identifiers as semantic versioning has them: dotted; all digits are a number, the rest is ASCII."""
    if not text:
        return ()
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in text.split("."))


def _natural(text: str | None) -> tuple[Chunk, ...]:
    """Pieces in the order people count in: ``rc2`` comes before ``rc10``. Case and separators do not matter."""
    pieces = re.findall(r"\d+|[a-z]+", (text or "").lower())
    return tuple((0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in pieces)


def _distribution(build: str | None) -> str:
    """The name between a build's numbers; all of it where a commit hash is in it.

    Bare numbers and single letters (OpenSSL's ``1.1.1w``) share the name ``build``.
    """
    if not build or _HASH.search(build):
        return (build or "").lower()
    name = re.sub(r"^[\d.]+|[.\d-]+$", "", build.lower().lstrip("-+._~"))
    return name if len(name) > 1 else "build"
