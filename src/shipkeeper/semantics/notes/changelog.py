"""Change logs in Markdown: the part about one release, and in it notices, headings and their items.

Two shapes are common. *Keep a Changelog* and its kin have a heading a release and headings below it; the change logs of
Compliant Kubernetes and Welkin have notices in block quotes besides. What fits neither is kept whole and said to be so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from shipkeeper.model.errors import BadInput
from shipkeeper.model.notes import NoteSection, ReleaseNotes, SectionKind
from shipkeeper.model.version import Version, parse_version

_HEADING = re.compile(r"^(?P<level>#{1,6})\s+(?P<text>.+?)\s*#*\s*$")
_UNDERLINED = re.compile(r"^(=+|-+)\s*$")
_VERSION = re.compile(
    r"^(?:\[?(?:release|version)\s+)?[\[(]?(?:[a-z][\w./]*[-/@ ])?(?P<version>v?\d+\.\d+[0-9A-Za-z.+_-]*)",
    re.IGNORECASE | re.ASCII,
)
_DAY = re.compile(r"\b(?:20\d\d)-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])\b")
_BULLET = re.compile(r"^(?P<indent>\s*)(?:[-*+]|\d+[.)])\s+(?P<text>.*)$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_NOTICE = re.compile(r"^\*\*(?P<title>[^*]+?)\*\*:?\s*$")

_KINDS: tuple[tuple[SectionKind, re.Pattern[str]], ...] = (
    ("administrator", re.compile(r"\b(platform administrator|operator|administrator)\b", re.IGNORECASE)),
    ("developer", re.compile(r"\b(application developer|end.?user|user.facing)\b", re.IGNORECASE)),
    ("security", re.compile(r"\b(security|vulnerabilit|CVE)", re.IGNORECASE)),
    ("breaking", re.compile(r"\b(breaking|removed|removals?|deprecat|urgent upgrade|upgrade notes?)", re.IGNORECASE)),
    ("highlight", re.compile(r"\b(highlights?|release notes?|notable|what'?s new|known issues?)\b", re.IGNORECASE)),
)


class _Line(NamedTuple):
    text: str
    heading: str = ""
    level: int = 0


def read_changelog(text: str, version: Version, path: str, read_at: str) -> ReleaseNotes:
    """The notes of one release. When its part cannot be found or taken apart, the whole text is kept and said so."""
    if not text.strip():
        return ReleaseNotes(version=version.text, state="missing", path=path, read_at=read_at, why="the file is empty")
    part = release_part(text, version)
    if part is None:
        if not release_versions(text, version.scheme):
            why = "no heading in it names a release: it could not be taken apart"
            return _unparsed(version, path, read_at, text, why)
        return ReleaseNotes(
            version=version.text,
            state="missing",
            path=path,
            read_at=read_at,
            why=f"the change log has no heading for {version}: what changed in it is not known",
        )
    sections = tuple(sections_of(part))
    day = _DAY.search("\n".join(part.splitlines()[:6]))
    if not sections and _rest(part):
        return _unparsed(version, path, read_at, part, "the part about it has no headings with items")
    return ReleaseNotes(
        version=version.text,
        state="read",
        path=path,
        read_at=read_at,
        released=day[0] if day else "",
        sections=sections,
        why="" if sections else "the change log has a heading for it and nothing below",
    )


def _unparsed(version: Version, path: str, read_at: str, text: str, why: str) -> ReleaseNotes:
    return ReleaseNotes(version=version.text, state="unparsed", path=path, read_at=read_at, text=text, why=why)


def release_versions(text: str, scheme: str) -> tuple[Version, ...]:
    """The releases that headings name, in the order of the text."""
    return tuple(found for line in _lines(text) if (found := _heading_version(line, scheme)) is not None)


def release_part(text: str, version: Version) -> str | None:
    """The lines from a release's heading to that of the next one. None when no heading names it."""
    kept: list[str] | None = None
    for line in _lines(text):
        named = _heading_version(line, version.scheme)
        if named is not None:
            if kept is not None and named != version:
                break
            if named == version:
                kept = kept or []
        if kept is not None:
            kept.append(line.text)
    return "\n".join(kept) if kept is not None else None


def sections_of(part: str) -> Iterable[NoteSection]:
    """Notices and headings with their items. Text before the first heading counts as a highlight."""
    title, kind = "", "highlight"
    blocks: dict[tuple[str, str], list[str]] = {}
    quoted = False
    for line in list(_lines(part))[1:]:
        in_quote = line.text.lstrip().startswith(">")
        body = re.sub(r"^\s*> ?", "", line.text) if in_quote else line.text
        if quoted and not in_quote and line.text.strip():
            title, kind = "", "highlight"
        quoted = in_quote or (quoted and not line.text.strip())
        if line.heading:
            title, kind, quoted = line.heading, kind_of_section(line.heading), False
        elif in_quote and (notice := _NOTICE.match(body.strip())):
            title, kind = notice["title"].strip(), kind_of_section(notice["title"])
        elif in_quote and re.match(r"^\[!\w+\]\s*$", body.strip()):
            continue
        elif body.strip():
            blocks.setdefault((title, kind), []).append(body)
    for (title, kind), lines in blocks.items():
        items = tuple(_items(lines))
        if items:
            yield NoteSection(title=title, kind=kind, items=items)  # type: ignore[arg-type]


def kind_of_section(title: str) -> SectionKind:
    """Whom or what a heading is about."""
    return next((kind for kind, pattern in _KINDS if pattern.search(title)), "change")


def _items(lines: Iterable[str]) -> Iterable[str]:
    """Bullets with what is indented below them; lines outside bullets as items of their own."""
    item: list[str] = []
    top: int | None = None
    for line in lines:
        if re.match(r"^\s*(<!--.*-->|-{3,}|Released \d{4}-\d\d-\d\d)\s*$", line):
            continue
        bullet = _BULLET.match(line)
        indent = len(bullet["indent"]) if bullet else 0
        if bullet and (top is None or indent <= top):
            if item:
                yield _joined(item)
            top, item = indent, [bullet["text"]]
        else:
            item.append(line.strip())
    if item:
        yield _joined(item)


def _joined(lines: list[str]) -> str:
    return re.sub(r"\s*<br\s*/?>\s*", "\n", "\n".join(lines)).strip()


def _rest(part: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith(("#", "<!--")) for line in part.splitlines()[1:])


def _heading_version(line: _Line, scheme: str) -> Version | None:
    if not line.heading or line.level > 3:
        return None
    match = _VERSION.match(line.heading)
    if match is None:
        return None
    text = match["version"].rstrip(".-_+")
    for written in (text, f"{text}.0"):  # the first release of a minor is often called by the minor
        try:
            return parse_version(written, scheme)
        except BadInput:
            continue
    return None


def _lines(text: str) -> Iterable[_Line]:
    """Lines with the headings among them: ``#`` or underlined, and not inside a code block."""
    rows = text.splitlines()
    fenced = False
    for number, row in enumerate(rows):
        if _FENCE.match(row):
            fenced = not fenced
        match = None if fenced else _HEADING.match(row)
        below = rows[number + 1] if number + 1 < len(rows) else ""
        if match:
            yield _Line(row, _plain(match["text"]), len(match["level"]))
        elif not fenced and row.strip() and _UNDERLINED.match(below) and _VERSION.match(_plain(row.strip())):
            yield _Line(row, _plain(row.strip()), 1 if below.startswith("=") else 2)
        else:
            yield _Line(row)


def _plain(text: str) -> str:
    """A heading without links and emphasis."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"[*`]|^\[(?=v?\d)|(?<=\d)\]", "", text).strip()
