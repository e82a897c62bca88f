"""Change logs and release notes: what they say between two versions, by headings and words.

A change log is prose. What is found here is shown to people with its line; what cannot be found is unknown, and never
taken for nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

from msgspec import Struct

from shipkeeper.model.errors import BadInput
from shipkeeper.model.version import Version


class Note(Struct, frozen=True, kw_only=True):
    """One thing that a change log says. ``kind``: breaking | removed | deprecated | migration | security |
    developer-notice | administrator-notice.
    """

    kind: str
    line: int
    text: str
    version: str = ""


class ChangelogReading(Struct, frozen=True, kw_only=True):
    """What was read. ``versions`` are the sections between the two; ``gaps`` what could not be read, in words."""

    notes: tuple[Note, ...] = ()
    versions: tuple[str, ...] = ()
    vulnerabilities: tuple[str, ...] = ()
    """Identifiers that it says are mended (CVE-…, GHSA-…)."""
    gaps: tuple[str, ...] = ()
    clean: bool = False
    """It says in so many words that nothing in it breaks anything."""


class _Section(Struct):
    version: Version | None
    first: int
    lines: list[str]


_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
_UNDERLINE = re.compile(r"^(=+|-+)\s*$")
_VERSION = re.compile(r"(?<![\w.])v?\d+\.\d+(?:\.\d+)?(?:[-+.][0-9A-Za-z.+-]*[0-9A-Za-z])?(?![\w])")
_FENCE = re.compile(r"^\s*(```|~~~)")
_ALERT = re.compile(r"^\s*>\s*\[!(\w+)\]\s*(.*)$")
_IDS = re.compile(r"\b(CVE-\d{4}-\d{4,7}|GHSA(?:-[23456789cfghjmpqrvwx]{4}){3})\b", re.IGNORECASE)
_NOTHING = re.compile(
    r"\b(?:no|not? any|without(?: any)?|zero)\s+(?:known\s+)?(?:breaking|backwards?[- ]incompatible)\s+changes?\b"
    r"|\bnot a breaking change\b|\bnon-breaking\b|\bbreaking changes?\s*:?\s*(?:none|n/a|nothing)\b",
    re.IGNORECASE,
)
_EMPTY = re.compile(r"^\W*(?:none|n/a|nothing|-)\W*$", re.IGNORECASE)
_FIX = re.compile(r"^\[?(?:bug)?fix\b", re.IGNORECASE)
_BULLET = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")

_WORDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "breaking",
        re.compile(
            r"\bBREAKING\b|\bbreaking[- ]chang|\bbackwards?[- ]incompatib|\bincompatible chang"
            r"|^\s*[-*]?\s*\w+(\([^)]*\))?!:",
            re.IGNORECASE,
        ),
    ),
    ("migration", re.compile(r"\bmigrat(?:e|ion|ing)\b|\bmanual (?:step|action|intervention)|\baction required", re.I)),
    (
        "removed",
        re.compile(r"\bremov(?:e|ed|es|al)\b|\bdropp?ed support|\bdrops? support|\bno longer (?:support|avail)", re.I),
    ),
    ("deprecated", re.compile(r"\bdeprecat", re.IGNORECASE)),
    (
        "security",
        re.compile(r"\bsecurity (?:fix|patch|advis|vulnerab|release|update)|\bvulnerabilit|\bCVE-\d|\bGHSA-", re.I),
    ),
)
_HEADS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("developer-notice", re.compile(r"application developer|\bdeveloper notice", re.IGNORECASE)),
    ("administrator-notice", re.compile(r"platform administrator|\badministrator notice", re.IGNORECASE)),
    ("breaking", re.compile(r"breaking|incompatible|backwards?[- ]compat", re.IGNORECASE)),
    ("security", re.compile(r"\bsecurity\b|vulnerabilit", re.IGNORECASE)),
    ("removed", re.compile(r"\bremoved?\b|\bremovals?\b", re.IGNORECASE)),
    ("deprecated", re.compile(r"\bdeprecat", re.IGNORECASE)),
    ("fixed", re.compile(r"^\W*(?:bug ?)?fix(?:e[sd])?\b", re.IGNORECASE)),
    (
        "migration",
        re.compile(r"\bmigrat|\bupgrad(?:e|ing) (?:note|guide|instruction|step)|urgent upgrade", re.IGNORECASE),
    ),
)
"""Kinds that a heading gives to everything below it."""

_LONGEST = 240


def read_changelog(
    text: str, after: Version | None, upto: Version | None, parse: Callable[[str], Version]
) -> ChangelogReading:
    """What a change log says of versions after one up to another one.

    ``parse`` reads a version of the component's scheme, and raises BadInput for a text that is none.
    """
    if not text.strip():
        return ChangelogReading(gaps=("the change log is empty",))
    if "\0" in text:
        return ChangelogReading(gaps=("the change log is not text",))
    sections = _sections(text, parse)
    chosen, gaps = _between(sections, after, upto)
    notes = [note for section in chosen for note in _notes(section)]
    said = "\n".join(line for section in chosen for line in section.lines)
    if chosen and not notes and not any(line.strip() for section in chosen for line in section.lines):
        gaps = (*gaps, "its sections for these versions are empty")
    return ChangelogReading(
        notes=tuple(notes),
        versions=tuple(section.version.text for section in chosen if section.version is not None),
        vulnerabilities=tuple(sorted({found.upper() for found in _IDS.findall(said)})),
        gaps=gaps,
        clean=bool(_NOTHING.search(said)) and not any(note.kind == "breaking" for note in notes),
    )


def _sections(text: str, parse: Callable[[str], Version]) -> list[_Section]:
    """The text cut at headings that name a version. What stands before the first has none.

    Most versions have headings of one level; deeper ones are about something else (``### Needs etcd 3.5.1``).
    """
    lines = _unfenced(text.splitlines())
    heads: dict[int, tuple[Version, int]] = {}
    for number in range(1, len(lines) + 1):
        title, depth = _title(lines, number)
        version = _version(title, parse) if title else None
        if version is not None:
            heads[number] = (version, depth)
    levels = Counter(depth for _, depth in heads.values())
    level = max(levels, key=lambda depth: (levels[depth], -depth), default=0)
    sections = [_Section(None, 1, [])]
    for number, line in enumerate(lines, 1):
        version, depth = heads.get(number, (None, 0))
        if version is not None and depth <= level:
            sections.append(_Section(version, number, []))
        sections[-1].lines.append(line)
    return sections


def _unfenced(lines: list[str]) -> list[str]:
    """The lines, with those of code blocks emptied."""
    found, fenced = [], False
    for line in lines:
        edge = _FENCE.match(line)
        fenced = fenced != bool(edge)
        found.append("" if fenced or edge else line)
    return found


def _title(lines: list[str], number: int) -> tuple[str, int]:
    """(title, level) of a heading in that line; an empty title for none."""
    line = lines[number - 1]
    heading = _HEADING.match(line)
    if heading:
        return heading[2], len(heading[1])
    below = lines[number] if number < len(lines) else ""
    if line.strip() and len(line) < 120 and _UNDERLINE.match(below) and len(below.strip()) >= 3:
        return line.strip(), 1 if below[0] == "=" else 2
    if re.fullmatch(r"\*\*[^*]+\*\*:?\s*", line):
        return line.strip().strip("*: "), 6
    return "", 7


def _version(title: str, parse: Callable[[str], Version]) -> Version | None:
    plain = re.sub(r"\]\([^)]*\)", "]", title)
    for found in _VERSION.finditer(plain):
        try:
            return parse(found[0])
        except BadInput:
            continue
    return None


def _between(
    sections: list[_Section], after: Version | None, upto: Version | None
) -> tuple[list[_Section], tuple[str, ...]]:
    """The sections of interest, and what is missing of them."""
    named = [section for section in sections if section.version is not None]
    if not named:
        return sections, ("it has no headings with versions: all of it was read, whichever versions it is about",)
    if after is None or upto is None:
        return named, ("the versions are not known: all of it was read",)
    try:
        chosen = [one for one in named if one.version is not None and after < one.version <= upto]
        known = {one.version for one in named}
    except BadInput:
        return named, ("its versions cannot be put in order: all of it was read",)
    if upto in known or any(one.version is not None and _covers(one.version, upto) for one in named):
        chosen = [one for one in named if one in chosen or (one.version is not None and _covers(one.version, upto))]
        return chosen, ()
    told = f"it has no section for {upto.text}"
    newest = max((one.version for one in named if one.version is not None), default=None)
    if newest is not None and newest < upto:
        told += f"; it ends with {newest.text}"
    return chosen, (told,)


def _covers(section: Version, wanted: Version) -> bool:
    """Whether a heading such as ``v1.15`` is about all of that minor."""
    return len(section.numbers) == 2 and section.minor_key == wanted.minor_key


def _notes(section: _Section) -> Iterator[Note]:
    """What the section's items say by their words, or by the heading that they stand under."""
    version = section.version.text if section.version is not None else ""
    under = ""
    depth = 7
    for offset, words, level in _items(section.lines):
        if level:
            if offset or section.version is None:
                under, depth = (_head(words), level) if level <= depth or not under else (under, depth)
            continue
        if _EMPTY.match(words) or _NOTHING.search(words):
            continue
        found = _said(words)
        if under == "breaking" and found in ("", "removed", "deprecated", "migration"):
            found = under
        if under == "developer-notice" and found in ("", "migration", "removed"):
            found = under
        if (under == "fixed" or _FIX.match(words)) and found != "breaking":
            found = found if found == "security" else ""  # a leak that was removed is no loss
        elif not found:
            found = under
        if found:
            yield Note(kind=found, line=section.first + offset, text=_short(words), version=version)


def _items(lines: list[str]) -> Iterator[tuple[int, str, int]]:
    """(line, text, level): headings with their level, and items or paragraphs, put back on one line, with 0."""
    open_at, parts = 0, list[str]()
    for offset, line in enumerate(lines):
        title, level = _title(lines, offset + 1)
        alert = _ALERT.match(line)
        words = line.strip(" >\t")
        begins = bool(_BULLET.match(line.lstrip("> ")))
        if parts and (title or alert or begins or not words):
            yield open_at, " ".join(parts), 0
            parts = []
        if title or alert:
            yield offset, title or (alert[2] if alert else ""), level if title else 6
        elif words and not _UNDERLINE.match(line):
            open_at = open_at if parts else offset
            parts.append(_BULLET.sub("", words))
    if parts:
        yield open_at, " ".join(parts), 0


def _said(line: str) -> str:
    return next((kind for kind, pattern in _WORDS if pattern.search(line)), "")


def _head(title: str) -> str:
    return next((kind for kind, pattern in _HEADS if pattern.search(title)), "")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
