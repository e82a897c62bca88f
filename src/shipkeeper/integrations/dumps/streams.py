"""Compressed files as plain byte streams, unpacked piece by piece under a meter."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

from shipkeeper.integrations.dumps.limits import Limits, Meter
from shipkeeper.model.errors import BadInput, Location

PIECE = 1 << 18
_XZ_MEMORY = 512 << 20
_GZIP, _XZ = b"\x1f\x8b", b"\xfd7zXZ\x00"


class Source(Protocol):
    """Anything with ``read``."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to that many bytes; empty at the end."""


class Stream:
    """A metered byte stream with a look at what comes next. Every failure to unpack is BadInput."""

    def __init__(self, source: Source, name: str, meter: Meter) -> None:
        self._source = source
        self._name = name
        self._ahead = b""
        self.meter = meter

    def peek(self, size: int) -> bytes:
        """The next bytes, without taking them; fewer at the end."""
        while len(self._ahead) < size:
            piece = self._next(PIECE)
            if not piece:
                break
            self._ahead += piece
        return self._ahead[:size]

    def read(self, size: int) -> bytes:
        """Up to that many bytes; empty at the end."""
        if self._ahead:
            piece, self._ahead = self._ahead[:size], self._ahead[size:]
            return piece
        return self._next(size)

    def take(self, size: int) -> bytes:
        """Exactly that many bytes. Raises BadInput when the stream ends before."""
        pieces = []
        left = size
        while left:
            piece = self.read(min(left, PIECE))
            if not piece:
                raise self.cut_off()
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def skip(self, size: int) -> None:
        """Pass over that many bytes. Raises BadInput when the stream ends before."""
        left = size
        while left:
            piece = self.read(min(left, PIECE))
            if not piece:
                raise self.cut_off()
            left -= len(piece)

    def drain(self) -> None:
        """Read to the end, so that the packer's own checksum is checked."""
        while self.read(PIECE):
            pass

    def cut_off(self) -> BadInput:
        """The error for a stream that ends too early."""
        return BadInput(
            "the archive ends before its last member does: it was cut off",
            hint="copy it again and compare sizes",
            location=Location(self._name),
        )

    def _next(self, size: int) -> bytes:
        try:
            piece = self._source.read(size)
        except EOFError as error:
            raise self.cut_off() from error
        except (lzma.LZMAError, zlib.error, OSError) as error:
            raise BadInput(
                f"the archive cannot be unpacked: {error}",
                hint="copy it again and compare checksums",
                location=Location(self._name),
            ) from error
        self.meter.unpacked(len(piece))
        return piece


class _XzSource:
    """xz with a bound on the decoder's memory, which a hostile header could otherwise ask for."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = self._new()
        self._started = False

    @staticmethod
    def _new() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    def read(self, size: int = -1, /) -> bytes:
        while True:
            packed = b""
            if self._decoder.eof:
                packed = (self._decoder.unused_data or self._file.read(PIECE)).lstrip(b"\0")  # stream padding
                if not packed:
                    return b""
                self._decoder = self._new()
            elif self._decoder.needs_input:
                packed = self._file.read(PIECE)
                if not packed:
                    raise EOFError
            piece = self._decoder.decompress(packed, size)
            if piece:
                return piece


def is_packed(file: BinaryIO) -> bool:
    """Whether the file starts as gzip or xz does; it is left at its start."""
    head = file.read(len(_XZ))
    file.seek(0)
    return head.startswith((_GZIP, _XZ))


def open_stream(file: BinaryIO, name: str, limits: Limits) -> Stream:
    """A stream over a file, unpacking gzip or xz when its first bytes say so."""
    head = file.read(len(_XZ))
    file.seek(0)
    packed: Callable[[], int] | None = file.tell
    source: Source
    if head.startswith(_GZIP):
        source = gzip.GzipFile(fileobj=file)
    elif head.startswith(_XZ):
        source = _XzSource(file)
    else:
        source, packed = file, None
    return Stream(source, name, Meter(limits, name, packed))
