"""Dotted numbers, for facts that are about lines and ranges whatever the scheme of the versions is."""

from __future__ import annotations

import re

Numbers = tuple[int, ...]

_NUMBERS = re.compile(r"\d+(?:\.\d+)*", re.ASCII)


def numbers_of(text: str) -> Numbers:
    """The dotted numbers a version or line begins with: ``v1.34.4+k3s1`` gives (1, 34, 4); () when it has none."""
    found = _NUMBERS.search(text)
    return tuple(map(int, found[0].split("."))) if found else ()


def belongs(version: Numbers, line: Numbers) -> bool:
    """Whether a version is of a line: 1.34.4 is of 1.34, and of 1."""
    return bool(line) and version[: len(line)] == line


def reaches(version: Numbers, bound: Numbers) -> bool:
    """Whether a version is at or after a bound: 26 and 26.0 reach 26.0, 25.9 does not. A bare 26 stands for 26.0."""
    size = max(len(version), len(bound))
    return version + (0,) * (size - len(version)) >= bound + (0,) * (size - len(bound))
