"""Names of migration folders: for which hop each was written.

Three forms are in use (Compliant Kubernetes, Welkin): ``v0.9.x-v0.10.x`` and ``v2.19.x-ck8sx-v2.20.x-ck8sx``, from one
release to another; ``v0.50``, to any release of a minor; ``v2.20.0-ck8s5``, to one release. A hyphen alone does not
part the two versions: it is in ``-ck8s1`` too.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from shipkeeper.model.version import Version

_ONE = r"v(?P<{0}major>\d+)\.(?P<{0}minor>\d+)(?:\.(?P<{0}patch>\d+|x))?(?:-ck8s(?P<{0}build>\d+|x))?"
_SPAN = re.compile(_ONE.format("a") + "-" + _ONE.format("b"), re.ASCII)
_SINGLE = re.compile(_ONE.format("b"), re.ASCII)

Fit = Literal["exact", "minor"]


class Pattern(NamedTuple):
    """A version with open places: None where any number fits."""

    major: int
    minor: int
    patch: int | None = None
    build: int | None = None

    def fits(self, version: Version) -> bool:
        """Whether a version is one of these."""
        return (
            version.minor_key == (self.major, self.minor)
            and self.patch in (None, version.patch)
            and self.build in (None, _build(version))
        )


class Span(NamedTuple):
    """From which releases to which a folder leads. ``start`` is None where the name tells the target only."""

    start: Pattern | None
    target: Pattern


def read_folder(name: str) -> Span | None:
    """What a folder's name says; None for folders that are no step of the path (templates, one-off migrations)."""
    match = _SPAN.fullmatch(name)
    if match:
        return Span(_pattern(match, "a"), _pattern(match, "b"))
    match = _SINGLE.fullmatch(name)
    return Span(None, _pattern(match, "b")) if match else None


def fit(span: Span, start: Version, target: Version, passed: tuple[Version, ...] = ()) -> Fit | None:
    """How a folder fits a hop that passes over ``passed``; None: it is about something else.

    ``exact``: from where the hop starts to where it ends. ``minor``: it leads to one of the releases on the way, or
    to the same minor; what it says concerns the hop, and was written for neighbours of its ends.
    """
    first, last = span.start, span.target
    on_the_way = any(last.fits(version) for version in (target, *passed))
    if first is None:
        if not on_the_way:
            return None
        return "exact" if last.fits(target) else "minor"
    if first.fits(start) and last.fits(target):
        return "exact"
    starts_late = (first.major, first.minor) >= start.minor_key
    same_minors = (first.major, first.minor) == start.minor_key and (last.major, last.minor) == target.minor_key
    if starts_late and on_the_way:
        return "minor"
    return "minor" if same_minors and start.minor_key != target.minor_key else None


def _pattern(match: re.Match[str], side: str) -> Pattern:
    def number(name: str) -> int | None:
        text = match[side + name]
        return int(text) if text and text != "x" else None

    return Pattern(int(match[side + "major"]), int(match[side + "minor"]), number("patch"), number("build"))


def _build(version: Version) -> int | None:
    numbers = [number for kind, number, _ in version.build if kind == 0]
    return numbers[-1] if numbers else None
