"""Change logs and release notes: what they say between two versions, by headings and words.

A change log is prose. What is found here is shown to people with its line; what cannot be found is unknown, and never
taken for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.model.notes import NoteSection
from shipkeeper.model.version import Version
from shipkeeper.semantics.notes.changelog import read_changelog, release_part, release_versions


class Note(Struct, frozen=True, kw_only=True):
    """One thing that a change log says. ``kind``: breaking | removed | removed-inside | deprecated | migration |
    security | developer-notice | administrator-notice. Removed inside: nothing that anybody uses is named.
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
    lacks: str = ""
    """In words, that it has no section for the version to go to; another change log may have it."""
    clean: bool = False
    """It says in so many words that nothing in it breaks anything."""


_FENCE = re.compile(r"^\s*(```|~~~)")
_IDS = re.compile(r"\b(CVE-\d{4}-\d{4,7}|GHSA(?:-[23456789cfghjmpqrvwx]{4}){3})\b", re.IGNORECASE)
_NOTHING = re.compile(
    r"\b(?:no|not? any|without(?: any)?|zero)\s+(?:known\s+)?(?:breaking|backwards?[- ]incompatible)\s+changes?\b"
    r"|\bnot a breaking change\b|\bnon-breaking\b|\bbreaking changes?\s*:?\s*(?:none|n/a|nothing)\b",
    re.IGNORECASE,
)
_EMPTY = re.compile(r"^\W*(?:none|n/a|nothing|-)\W*$", re.IGNORECASE)
_USED = re.compile(
    r"`|--\w|\b(?:flags?|options?|parameters?|arguments?|fields?|settings?|values?|keys?|env(?:ironment)?|APIs?|CRDs?|"
    r"resources?|kinds?|endpoints?|support|commands?|CLI|charts?|images?|versions?|metrics?|labels?|annotations?|roles?|"
    r"permissions?|defaults?|features?|gates?|plugins?|integrations?|providers?|webhooks?|polic(?:y|ies)|rules?|ports?|"
    r"formats?|protocols?|interfaces?|deprecated)\b",
    re.IGNORECASE,
)
"""Words for what people use: without any of them, what was removed was inside."""
_FIX = re.compile(r"^\[?(?:bug)?fix\b", re.IGNORECASE)
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


def read_for_class(text: str, path: str, after: Version | None, upto: Version | None) -> ChangelogReading:
    """What a change log says of the versions after one, up to another one."""
    if not text.strip():
        return ChangelogReading(gaps=(f"{path} is empty",))
    if "\0" in text:
        return ChangelogReading(gaps=(f"{path} is not text",))
    plain = _without_code(text)
    if after is None or upto is None:
        return _whole(plain, path, f"which versions are meant is not known: all of {path} was read")
    named = release_versions(plain, upto.scheme)
    if not named:
        return _whole(plain, path, f"{path} has no headings with versions: all of it was read")
    chosen = [version for version in dict.fromkeys(named) if after < version and _reaches(version, upto)]
    notes: list[Note] = []
    said: list[str] = []
    gaps: list[str] = []
    lacks = ""
    for version in chosen:
        part = read_changelog(plain, version, path, "")
        if part.state != "read":
            notes.extend(_notes_of_text(part.text, version.text))
            gaps.append(f"{path}, {version.text}: {part.why}; its words were read all the same")
        elif not part.sections:
            gaps.append(f"{path}, {version.text}: {part.why}")
        notes.extend(_notes(part.sections, version.text))
        said.append(release_part(plain, version) or "")
    if not any(_reaches(version, upto) and not version < upto for version in chosen):
        newest = max(named)
        ends = f"; it ends with {newest.text}" if newest < upto else ""
        lacks = f"{path} has no section for {upto.text}{ends}"
    found = _reading(notes, "\n".join(said), tuple(version.text for version in chosen), gaps, plain)
    return replace(found, lacks=lacks)


def _reaches(version: Version, upto: Version) -> bool:
    """Whether a section is about that version or one before it; one of a minor (``v1.15``) is about all of it."""
    return version <= upto or (len(version.numbers) == 2 and version.minor_key == upto.minor_key)


def _whole(text: str, path: str, gap: str) -> ChangelogReading:
    return _reading(list(_notes_of_text(text, "")), text, (), [gap], text)


def _reading(notes: list[Note], said: str, versions: tuple[str, ...], gaps: list[str], text: str) -> ChangelogReading:
    lines = text.splitlines()
    return ChangelogReading(
        notes=tuple(replace(note, line=_line(note, lines), text=_short(note.text)) for note in notes),
        versions=versions,
        vulnerabilities=tuple(sorted({found.upper() for found in _IDS.findall(said)})),
        gaps=tuple(gaps),
        clean=bool(_NOTHING.search(said)) and not any(note.kind == "breaking" for note in notes),
    )


def _notes_of_text(text: str, version: str) -> Iterator[Note]:
    """Of a text that has no sections: by its words alone."""
    paragraphs = re.split(r"\n\s*\n|\n(?=\s*(?:[-*+]|\d+[.)])\s)", text)
    items = tuple(re.sub(r"^\s*(?:[-*+]|\d+[.)]|#+)\s+", "", part).strip() for part in paragraphs)
    yield from _notes((NoteSection(title="", kind="change", items=items),), version)


def _notes(sections: Iterable[NoteSection], version: str) -> Iterator[Note]:
    """What items say by their words, or by the heading that they stand under."""
    for section in sections:
        under = _head(section.title)
        for item in section.items:
            if not item or _EMPTY.match(item) or _NOTHING.search(item):
                continue
            found, words = _said(item)
            if under == "breaking" and found in ("", "removed", "deprecated", "migration"):
                found = under
            if under in ("developer-notice", "administrator-notice") and found in ("", "migration", "removed"):
                found = under
            if (under == "fixed" or _FIX.match(item)) and found != "breaking":
                found = found if found == "security" else ""  # a leak that was removed is no loss
            elif not found:
                found = under
            if found == "removed" and under != "removed" and not _USED.search(words):
                found = "removed-inside"
            if found:
                yield Note(kind=found, line=0, text=words, version=version)


def _line(note: Note, lines: list[str]) -> int:
    """Where the item begins in the text; 0 where it was put together from pieces."""
    begins = note.text.splitlines()[0] if note.text else ""
    return next((number for number, line in enumerate(lines, 1) if begins and begins in line), 0)


def _without_code(text: str) -> str:
    """The text with the lines of its code blocks emptied."""
    found, fenced = [], False
    for line in text.splitlines():
        edge = _FENCE.match(line)
        fenced = fenced != bool(edge)
        found.append("" if fenced or edge else line)
    return "\n".join(found)


def _said(item: str) -> tuple[str, str]:
    """(kind by its words or empty, the item, or where it is long the sentence that says it)."""
    for kind, pattern in _WORDS:
        match = pattern.search(item)
        if match:
            if len(item) <= _LONGEST:
                return kind, item
            begins = max(item.rfind(". ", 0, match.start()), item.rfind("\n\n", 0, match.start())) + 1
            return kind, item[begins:].lstrip(" \n")
    return "", item


def _head(title: str) -> str:
    return next((kind for kind, pattern in _HEADS if pattern.search(title)), "")


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"
