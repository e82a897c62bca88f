"""Release notes and migration documents, as they are shown to whoever reads them before an upgrade."""

from __future__ import annotations

from typing import Literal

from shipkeeper.model.record import Record

SectionKind = Literal["administrator", "developer", "security", "breaking", "highlight", "change"]
NotesState = Literal["read", "unparsed", "missing"]


class NoteSection(Record, frozen=True, kw_only=True):
    """One heading's or notice's items, as the project wrote them."""

    title: str
    kind: SectionKind
    items: tuple[str, ...]


class ReleaseNotes(Record, frozen=True, kw_only=True):
    """The notes of one release. ``unparsed`` and ``missing`` are no proof that there is nothing to know."""

    version: str
    state: NotesState
    path: str = ""
    read_at: str = ""
    """The tag it was read at, or the file given."""
    released: str = ""
    """The day the text itself names."""
    sections: tuple[NoteSection, ...] = ()
    text: str = ""
    """The whole text where it could not be taken apart."""
    why: str = ""


class Command(Record, frozen=True, kw_only=True):
    """A command of a migration document, with the headings it stands under."""

    under: str
    text: str
    disruptive: bool | None = None
    """What the headings say; None: nothing."""


class MigrationStep(Record, frozen=True, kw_only=True):
    """A script of a migration folder. ``phase``: prepare | apply | loose."""

    phase: str
    name: str
    path: str
    digest: str
    executable: bool = True
    risks: tuple[str, ...] = ()
    """destructive | crd | forced, by the commands in it."""


class MigrationDocument(Record, frozen=True, kw_only=True):
    """A migration folder that concerns a hop. ``fit``: exact | minor; minor: written for a neighbouring release."""

    folder: str
    read_at: str
    written_for: str
    fit: Literal["exact", "minor"]
    documents: tuple[str, ...] = ()
    text: str = ""
    only_from: tuple[str, ...] = ()
    """Versions that it says it starts from."""
    checklist: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()
    steps: tuple[MigrationStep, ...] = ()
    problems: tuple[str, ...] = ()


class HopNotes(Record, frozen=True, kw_only=True):
    """Everything there is to read before one hop, and what could not be found or taken apart."""

    component: str
    from_version: str
    to_version: str
    source: str
    """The checkout or files it was read from."""
    notes: tuple[ReleaseNotes, ...]
    migrations: tuple[MigrationDocument, ...] = ()
    migration: Literal["found", "none", "unknown"] = "unknown"
    """none: the target's tag has no document for this hop, which is a legal answer."""
    digest: str = ""
    """SHA-256 over every file read, with its path and tag: what an acknowledgement is about."""
    unknown: tuple[str, ...] = ()

    def of_kind(self, *kinds: SectionKind) -> tuple[tuple[str, str], ...]:
        """(version, item) of every section of those kinds, in the order of the releases."""
        return tuple(
            (notes.version, item)
            for notes in self.notes
            for section in notes.sections
            if section.kind in kinds
            for item in section.items
        )
