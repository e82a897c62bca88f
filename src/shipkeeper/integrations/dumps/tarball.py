"""Tar archives as a stream of members, read one at a time and never written anywhere.

Written here because every field of a hostile header needs a bound: sizes of extended headers above all, which the
standard library reads into memory whole. Formats: POSIX ustar and pax, GNU with long names. Links, devices and
folders carry nothing for us and are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator

from shipkeeper.integrations.dumps.streams import Stream
from shipkeeper.model.errors import BadInput, Location

BLOCK = 512
_EMPTY = bytes(BLOCK)
_REGULAR = (b"0", b"\0", b"7")
_WITHOUT_DATA = (b"1", b"2", b"3", b"4", b"5", b"6")
_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL, _SPARSE = b"L", b"K", b"x", b"g", b"S"
_LONGEST_HEADER = 1 << 20


class TarMember:
    """A regular file in the archive; ``read`` works until the next member is asked for."""

    def __init__(self, stream: Stream, path: str, size: int, mtime_ms: int) -> None:
        self.path = path
        self.size = size
        self.mtime_ms = mtime_ms
        self._stream = stream
        self._left = size

    def read(self) -> bytes:
        """The content. Raises BadInput for a truncated archive."""
        data = self._stream.take(self._left)
        self._left = 0
        return data

    def pass_over(self) -> None:
        """Go to the end of the content and its padding."""
        self._stream.skip(self._left + -self.size % BLOCK)
        self._left = 0


def is_tar(head: bytes) -> bool:
    """Whether the first block is a tar header."""
    return len(head) == BLOCK and head[257:262] == b"ustar" and _checksum_holds(head)


def members(stream: Stream, name: str) -> Iterator[TarMember]:
    """The regular files of a tar stream, in their order. Raises BadInput for a broken or truncated archive."""
    path, size_override = "", -1
    while True:
        header = stream.take(BLOCK)
        if header == _EMPTY:
            stream.drain()
            return
        stream.meter.member()
        if not _checksum_holds(header):
            raise _broken(name, "a header's checksum does not hold")
        kind = header[156:157]
        size = _number(header[124:136], name)
        if kind in (_PAX, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK):
            content = _extended(stream, size, name)
            if kind == _PAX:
                path, size_override = _pax(content, path, size_override, name)
            elif kind == _LONG_NAME:
                path = _text(content)
            continue
        if size_override >= 0:
            size = size_override
        member = TarMember(stream, path or _name(header), size, 1_000 * _number(header[136:148], name))
        path, size_override = "", -1
        if kind in _WITHOUT_DATA:
            continue
        if kind == _SPARSE:
            _pass_sparse_headers(stream, header)
        if kind in _REGULAR:
            yield member
        member.pass_over()


def _extended(stream: Stream, size: int, name: str) -> bytes:
    if size > _LONGEST_HEADER:
        raise _broken(name, f"an extended header is {size} bytes long")
    content = stream.take(size)
    stream.skip(-size % BLOCK)
    return content


def _pass_sparse_headers(stream: Stream, header: bytes) -> None:
    more = header[482]
    while more:
        more = stream.take(BLOCK)[504]


def _pax(content: bytes, path: str, size: int, name: str) -> tuple[str, int]:
    """(path, size) from pax records, each ``<length> <key>=<value>`` and a newline; what they don't tell stays."""
    position = 0
    while position < len(content):
        digits, separator, _ = content[position : position + 16].partition(b" ")
        length = int(digits) if separator and digits.isdigit() else 0
        record = content[position + len(digits) + 1 : position + length - 1]
        key, equals, value = record.partition(b"=")
        if length < len(digits) + 4 or position + length > len(content) or not equals:
            raise _broken(name, "an extended header cannot be read")
        if key == b"path":
            path = _text(value)
        elif key == b"size" and value.isdigit() and len(value) < 20:
            size = int(value)
        position += length
    return path, size


def _name(header: bytes) -> str:
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    base = _text(header[:100])
    return f"{prefix}/{base}" if prefix else base


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")


def _number(field: bytes, name: str) -> int:
    """An octal number, or GNU's binary form for big ones."""
    if field[0] & 0x80:
        number = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        if field[0] & 0x40 or number >= 1 << 63:
            raise _broken(name, "a size is out of range")
        return number
    digits = field.strip(b" \0")
    try:
        return int(digits, 8) if digits else 0
    except ValueError as error:
        raise _broken(name, "a number in a header cannot be read") from error


def _checksum_holds(header: bytes) -> bool:
    digits = header[148:156].strip(b" \0")
    if not digits.isdigit() or not set(digits) <= set(b"01234567"):
        return False
    blanked = header[:148] + b" " * 8 + header[156:]
    told, unsigned = int(digits, 8), sum(blanked)
    # Some old tars summed signed bytes.
    return told == unsigned or told == unsigned - 256 * sum(byte > 127 for byte in blanked)


def _broken(name: str, what: str) -> BadInput:
    return BadInput(f"the tar archive is damaged: {what}", hint="copy it again", location=Location(name))
