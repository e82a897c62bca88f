"""A git repository on this machine, read only: tags, and what files held at a tag."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Tag(NamedTuple):
    """A tag's full name under ``refs/tags/``, and when it was made: the tagger's date, else the commit's."""

    name: str
    at_ms: int


class Branch(NamedTuple):
    """A branch, local or of a remote (``origin/x``), and when its newest commit was made."""

    name: str
    at_ms: int
    commit: str
    subject: str


class TreeFile(NamedTuple):
    """A file at a commit."""

    path: str
    executable: bool
    size: int


class Divergence(NamedTuple):
    """Where two revisions parted (empty: nowhere), and the files that the second one changed since."""

    base: str
    paths: tuple[str, ...]


class Repository(Protocol):
    """Reads one checkout or bare repository. Nothing is fetched, nothing is written, no hook or filter runs."""

    @property
    def place(self) -> str:
        """Where it is, for messages."""

    def tags(self) -> tuple[Tag, ...]:
        """All tags. Raises Failed when git cannot tell."""

    def branches(self) -> tuple[Branch, ...]:
        """All branches, those of remotes included. Raises Failed when git cannot tell."""

    def files(self, revision: str, folder: str = "") -> tuple[TreeFile, ...]:
        """Files under a folder at a revision (``refs/tags/v1.2.3``), by path. Raises BadInput for no such revision."""

    def read(self, revision: str, path: str) -> bytes | None:
        """A file's bytes at a revision; None when there is none of that path.

        Raises BadInput for no such revision, and for a file that is larger than any text a person would read.
        """

    def changes(self, base: str, revision: str) -> Divergence:
        """What a branch changes against another one. Raises BadInput for no such revision, Failed where git fails."""
