"""Everything there is to read before a hop: release notes and migration documents, as they were at its release."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from shipkeeper.model.errors import BadInput
from shipkeeper.model.notes import HopNotes, MigrationDocument, MigrationStep, ReleaseNotes
from shipkeeper.model.paths import Hop
from shipkeeper.model.version import Version, parse_version
from shipkeeper.ports.repository import Repository, TreeFile
from shipkeeper.semantics.notes.changelog import read_changelog
from shipkeeper.semantics.notes.documents import checklist_of, commands_of, only_from, risks_of, starts_wrong
from shipkeeper.semantics.notes.folders import fit, read_folder

MIGRATION = "migration"
TEMPLATE = "00-template.sh"
"""Lies in every folder as a pattern to copy; the tools that run the folder skip it."""

_PHASES = ("prepare", "apply")


def changelog_paths(version: Version) -> tuple[str, ...]:
    """Where change logs of a release are kept, the most particular first."""
    minor, patch = f"{version.major}.{version.minor}", f"{version.major}.{version.minor}.{version.patch}"
    particular = [f"{folder}/{name}.md" for folder in ("changelog", "changelogs") for name in (patch, minor)]
    particular += [f"CHANGELOG/CHANGELOG-{minor}.md", f"changelogs/CHANGELOG-{minor}.md"]
    return (*particular, "CHANGELOG.md", "Changelog.md", "changelog.md", "docs/CHANGELOG.md", "CHANGES.md", "NEWS.md")


class _Read:
    """Files that were read for a hop, for its digest."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], str] = {}

    def add(self, read_at: str, path: str, data: bytes) -> str:
        """Note a file; its text, with a mark where it is not UTF-8."""
        self.files[(read_at, path)] = hashlib.sha256(data).hexdigest()
        return data.decode("utf-8", errors="replace")

    def digest(self, notes: Iterable[ReleaseNotes]) -> str:
        """SHA-256 over every file, with where it was read, and over what was not there."""
        listed = [[at, path, digest] for (at, path), digest in sorted(self.files.items())]
        states = [[note.version, note.state] for note in notes]
        return "sha256:" + hashlib.sha256(json.dumps([listed, states]).encode()).hexdigest()


def notes_from_checkout(component: str, scheme: str, hop: Hop, repository: Repository) -> HopNotes:
    """What a git checkout says about a hop, read at the tag of its target, and of what it passes over at theirs."""
    tags = tags_by_version(repository, scheme)
    target, start = (parse_version(text, scheme) for text in (hop.to_version, hop.from_version))
    passed = tuple(parse_version(item.version, scheme) for item in hop.skipped)
    read = _Read()
    tag = tags.get(target, "")
    notes = tuple(_release(version, tag, tags.get(version, ""), repository, read) for version in (*passed, target))
    unknown = [f"{note.version}: {note.why}" for note in notes if note.why]
    migrations: tuple[MigrationDocument, ...] = ()
    if tag:
        migrations = tuple(_migrations(start, target, passed, tag, repository, read))
    unknown += [f"{found.folder}: {problem}" for found in migrations for problem in found.problems]
    return HopNotes(
        component=component,
        from_version=hop.from_version,
        to_version=hop.to_version,
        source=repository.place,
        notes=notes,
        migrations=migrations,
        migration="found" if migrations else "none" if tag else "unknown",
        digest=read.digest(notes) if read.files else "",
        unknown=tuple(unknown),
    )


def notes_from_files(component: str, scheme: str, hop: Hop, files: Mapping[str, bytes]) -> HopNotes:
    """What files given by a person say about a hop. Whether there is a migration document, they do not tell."""
    read = _Read()
    texts = {name: read.add(name, name, data) for name, data in files.items()}
    versions = [parse_version(text, scheme) for text in (*(item.version for item in hop.skipped), hop.to_version)]
    notes = tuple(
        _best(version, [read_changelog(t, version, name, name) for name, t in texts.items()]) for version in versions
    )
    return HopNotes(
        component=component,
        from_version=hop.from_version,
        to_version=hop.to_version,
        source=", ".join(files),
        notes=notes,
        digest=read.digest(notes) if read.files else "",
        unknown=tuple(f"{note.version}: {note.why}" for note in notes if note.why),
    )


def tags_by_version(repository: Repository, scheme: str) -> dict[Version, str]:
    """Version → tag. Tags that are no version of the scheme are no releases, and left out."""
    found: dict[Version, str] = {}
    for tag in repository.tags():
        try:
            found.setdefault(parse_version(tag.name, scheme), tag.name)
        except BadInput:
            continue
    return found


def read_files(paths: Sequence[str]) -> dict[str, bytes]:
    """The files' bytes by name. Raises BadInput for one that cannot be read."""
    found = {}
    for name in paths:
        try:
            found[name] = Path(name).expanduser().read_bytes()
        except OSError as error:
            raise BadInput(f"{name} cannot be read: {error.strerror}", object=name) from error
    return found


def _release(version: Version, tag: str, own: str, repository: Repository, read: _Read) -> ReleaseNotes:
    """A release's notes at the hop's tag; where that has none, at the release's own."""
    found: list[ReleaseNotes] = []
    for at in dict.fromkeys(filter(None, (tag, own))):
        for path in changelog_paths(version):
            data = repository.read(f"refs/tags/{at}", path)
            if data is None:
                continue
            note = read_changelog(read.add(at, path, data), version, path, at)
            if note.state == "read":
                return note
            found.append(note)
    if not tag and not own:
        why = f"{repository.place} has no tag for it"
        return ReleaseNotes(version=version.text, state="missing", why=why)
    return _best(version, found)


def _best(version: Version, found: Sequence[ReleaseNotes]) -> ReleaseNotes:
    """What was taken apart, else what can at least be read whole, else why there is nothing."""
    for state in ("read", "unparsed", "missing"):
        for note in found:
            if note.state == state:
                return note
    return ReleaseNotes(version=version.text, state="missing", why="no change log was found: what changed is not known")


def _migrations(
    start: Version, target: Version, passed: tuple[Version, ...], tag: str, repository: Repository, read: _Read
) -> Iterable[MigrationDocument]:
    folders: dict[str, list[TreeFile]] = {}
    for file in repository.files(f"refs/tags/{tag}", MIGRATION):
        parts = file.path.split("/")
        if len(parts) > 2:
            folders.setdefault(parts[1], []).append(file)
    for name, files in sorted(folders.items()):
        span = read_folder(name)
        fits = fit(span, start, target, passed) if span is not None else None
        if fits is None:
            continue
        texts = {f.path: _text(f, tag, repository, read) for f in files if f.path.endswith((".md", ".sh"))}
        documents = tuple(path for path in texts if path.endswith(".md"))
        text = "\n\n".join(texts[path] for path in documents)
        scripts = (f for f in files if f.path.endswith(".sh") and not f.path.endswith(f"/{TEMPLATE}"))
        steps = tuple(sorted((_step(file, name, texts[file.path], read, tag) for file in scripts), key=_order))
        allowed = only_from(text)
        problems = [f"{step.path} is not executable: the run would end there" for step in steps if not step.executable]
        problems.extend(filter(None, [starts_wrong(start, allowed)]))
        if not documents:
            problems.append("it has scripts and no document that explains them")
        yield MigrationDocument(
            folder=f"{MIGRATION}/{name}",
            read_at=tag,
            written_for=name,
            fit=fits,
            documents=documents,
            text=text,
            only_from=allowed,
            checklist=checklist_of(text),
            commands=commands_of(text),
            steps=steps,
            problems=tuple(problems),
        )


def _text(file: TreeFile, tag: str, repository: Repository, read: _Read) -> str:
    return read.add(tag, file.path, repository.read(f"refs/tags/{tag}", file.path) or b"")


def _step(file: TreeFile, folder: str, script: str, read: _Read, tag: str) -> MigrationStep:
    inner = file.path.removeprefix(f"{MIGRATION}/{folder}/")
    phase, _, name = inner.rpartition("/")
    return MigrationStep(
        phase=phase if phase in _PHASES else "loose",
        name=name,
        path=file.path,
        digest="sha256:" + read.files[(tag, file.path)],
        executable=file.executable or phase not in _PHASES,
        risks=risks_of(script),
    )


def _order(step: MigrationStep) -> tuple[int, str]:
    """Phases in their order; in a phase by full name, as the shell sorts: number prefixes collide."""
    return ({"prepare": 0, "apply": 1}.get(step.phase, 2), step.path)
