"""Files that somebody gave us: read as hostile input, wherever they are packed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol


class Piece(Protocol):
    """One regular file. ``path`` is relative, with forward slashes."""

    path: str
    size: int

    def read(self) -> bytes:
        """Its content; works until the next piece is asked for."""


class Reading(Protocol):
    """How files are unpacked and parsed: bounded in size, depth and number. Everything raises BadInput."""

    def pieces(self, path: str) -> Iterator[Piece]:
        """The files of a folder or an archive on disk."""

    def unpack(self, data: bytes, place: str) -> Iterator[Piece]:
        """The files of an archive that stood inside another one."""

    def documents(self, data: bytes, place: str) -> Iterator[Any]:
        """The documents of a YAML or JSON text as plain values."""
