"""A dump as named pieces, whatever it is packed in. Nothing is ever unpacked to disk."""

from __future__ import annotations

import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol

from shipkeeper.integrations.dumps.limits import Limits, Meter, too_big
from shipkeeper.integrations.dumps.streams import PIECE, is_packed, open_stream
from shipkeeper.integrations.dumps.tarball import BLOCK, is_tar
from shipkeeper.integrations.dumps.tarball import members as tar_members
from shipkeeper.model.errors import BadInput, Location

Packing = Literal["folder", "tar", "zip", "file"]


class Content(Protocol):
    """What a piece's bytes come from."""

    def read(self) -> bytes:
        """All of it."""


class Piece:
    """One regular file of a dump. ``path`` is relative, with forward slashes; ``read`` works until the next piece."""

    def __init__(self, path: str, size: int, mtime_ms: int, read: Callable[[], bytes]) -> None:
        self.path = path
        self.size = size
        self.mtime_ms = mtime_ms
        self.read = read


class Dump:
    """A dump on disk. ``pieces`` may be walked more than once; each walk reads the archive anew."""

    def __init__(self, path: str, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        self.packing = _packing(path)

    def pieces(self) -> Iterator[Piece]:
        """Every regular file, folders in name order, archives in their own. Raises BadInput for a broken archive."""
        walk = {"folder": self._folder, "tar": self._tar, "zip": self._zip, "file": self._file}[self.packing]
        for piece in walk():
            safe = _safe(piece.path)
            if safe is not None:
                piece.path = safe
                yield piece

    def _folder(self) -> Iterator[Piece]:
        meter = Meter(self.limits, self.path)
        for folder, folders, files in os.walk(self.path, followlinks=False, onerror=_cannot_list):
            folders.sort()
            for name in sorted(files):
                path = os.path.join(folder, name)
                facts = os.lstat(path)
                if stat.S_ISREG(facts.st_mode):
                    meter.member()
                    inside = os.path.relpath(path, self.path).replace(os.sep, "/")
                    yield Piece(inside, facts.st_size, facts.st_mtime_ns // 1_000_000, self._reader(path, inside))

    def _reader(self, path: str, inside: str) -> Callable[[], bytes]:
        def read() -> bytes:
            try:
                with open(path, "rb") as file:
                    if is_packed(file):
                        return self._gather(open_stream(file, self.place(inside), self.limits).read, inside)
                    size = os.fstat(file.fileno()).st_size
                    if size > self.limits.member:
                        raise too_big(self.place(inside), size, self.limits)
                    return file.read(self.limits.member)
            except OSError as error:
                raise BadInput(
                    f"it cannot be read: {error.strerror or error}", location=Location(self.place(inside))
                ) from error

        return read

    def _gather(self, take: Callable[[int], bytes], inside: str) -> bytes:
        data = bytearray()
        while piece := take(PIECE):
            data += piece
            if len(data) > self.limits.member:
                raise too_big(self.place(inside), len(data), self.limits)
        return bytes(data)

    def _tar(self) -> Iterator[Piece]:
        with open(self.path, "rb") as file:
            for member in tar_members(open_stream(file, self.path, self.limits), self.path):
                yield Piece(member.path, member.size, member.mtime_ms, self._bounded(member.path, member.size, member))

    def _bounded(self, inside: str, size: int, content: Content) -> Callable[[], bytes]:
        def read() -> bytes:
            if size > self.limits.member:
                raise too_big(self.place(inside), size, self.limits)
            return content.read()

        return read

    def _zip(self) -> Iterator[Piece]:
        with open(self.path, "rb") as file, self._unzipping(), zipfile.ZipFile(file) as archive:
            meter = Meter(self.limits, self.path, lambda: os.path.getsize(self.path))
            for info in archive.infolist():
                meter.member()
                if info.is_dir() or stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
                    continue
                yield Piece(info.filename, info.file_size, 0, self._zip_reader(archive, info, meter))

    def _zip_reader(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, meter: Meter) -> Callable[[], bytes]:
        def read() -> bytes:
            with self._unzipping(), archive.open(info) as content:

                def take(size: int) -> bytes:
                    piece = content.read(size)
                    meter.unpacked(len(piece))
                    return piece

                return self._gather(take, info.filename)

        return read

    @contextmanager
    def _unzipping(self) -> Iterator[None]:
        try:
            yield
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError) as error:
            raise BadInput(
                f"the zip archive cannot be unpacked: {error}", hint="copy it again", location=Location(self.path)
            ) from error

    def _file(self) -> Iterator[Piece]:
        facts = os.stat(self.path)
        name = Path(self.path).name
        yield Piece(name, facts.st_size, facts.st_mtime_ns // 1_000_000, self._reader(self.path, name))

    def place(self, inside: str) -> str:
        """How errors name a piece: the dump, then the path inside it."""
        readable = inside.encode("utf-8", "replace").decode()
        return self.path if self.packing == "file" else f"{self.path}: {readable}"


def _packing(path: str) -> Packing:
    """What the path is, by its content. Raises BadInput when there is nothing to read."""
    try:
        facts = os.stat(path)
        if stat.S_ISDIR(facts.st_mode):
            return "folder"
        if not stat.S_ISREG(facts.st_mode):
            raise BadInput("this is neither a file nor a folder", location=Location(path))
        with open(path, "rb") as file:
            if file.read(4) in (b"PK\x03\x04", b"PK\x05\x06"):
                return "zip"
            file.seek(0)
            return "tar" if is_tar(open_stream(file, path, Limits()).peek(BLOCK)) else "file"
    except OSError as error:
        raise BadInput(
            f"it cannot be read: {error.strerror or error}",
            hint="--from takes a saved inventory, or a dump as folder, archive, JSON or YAML file",
            location=Location(path),
        ) from error


def _safe(path: str) -> str | None:
    """A member's path with its leading dots and slashes off; None for one that climbs out with ``..``.

    Nothing is written, so such a member could do no harm; it cannot be where it says either.
    """
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    return None if not parts or ".." in parts else "/".join(parts)


def _cannot_list(error: OSError) -> None:
    raise BadInput(
        f"a folder of the dump cannot be listed: {error.strerror or error}",
        why="what lies in it would be missing without a word",
        location=Location(str(error.filename)),
    )
