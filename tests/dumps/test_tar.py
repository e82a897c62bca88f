"""Our tar reader against archives that the standard library and GNU tar's formats write."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.integrations.dumps.limits import Limits
from shipkeeper.integrations.dumps.streams import open_stream
from shipkeeper.integrations.dumps.tarball import is_tar, members
from shipkeeper.model.errors import BadInput
from tests.dumps.cluster import tar_bytes

letters = st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=("Cs", "Cc"))
parts = st.text(letters, min_size=1, max_size=60).filter(lambda part: part.strip("."))
names = st.lists(parts, min_size=1, max_size=5).map("/".join)
archives = st.dictionaries(names, st.binary(max_size=1_500), max_size=5)


def read(data: bytes) -> dict[str, bytes]:
    stream = open_stream(io.BytesIO(data), "x.tar", Limits())
    return {member.path: member.read() for member in members(stream, "x.tar")}


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
@given(files=archives)
def test_reads_every_name_and_every_byte(format: int, files: dict[str, bytes]) -> None:
    data = tar_bytes(files, format)
    assert read(data) == files
    assert is_tar(data[:512]) or not files


@given(files=archives, skip=st.booleans())
def test_members_passed_over_do_not_shift_the_next(files: dict[str, bytes], skip: bool) -> None:
    stream = open_stream(io.BytesIO(tar_bytes(files)), "x.tar", Limits())
    seen = []
    for i, member in enumerate(members(stream, "x.tar")):
        seen.append(member.path)
        if (i % 2 == 0) == skip:
            assert member.read() == files[member.path]
    assert seen == list(files)


def test_ustar_prefix_and_everything_that_is_no_file() -> None:
    packed = io.BytesIO()
    long = "/".join(["folder" * 8] * 4) + "/name.json"
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo("special")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo(long)
        info.size = 2
        archive.addfile(info, io.BytesIO(b"{}"))
    assert read(packed.getvalue()) == {long: b"{}"}


@given(cut=st.integers(min_value=0, max_value=5_000))
def test_a_cut_archive_is_never_taken_for_a_whole_one(cut: int) -> None:
    whole = tar_bytes({"a.json": b"x" * 700, "b.json": b"y" * 1_400})
    ends = len(whole.rstrip(b"\0")) // 512 * 512 + 512  # the block that holds the last content
    part = whole[: min(cut, ends)]
    with pytest.raises(BadInput, match="cut off"):
        read(part)


@given(position=st.integers(0, 511), value=st.integers(0, 255))
def test_a_header_with_a_wrong_byte_is_refused_or_harmless(position: int, value: int) -> None:
    data = bytearray(tar_bytes({"a.json": b"{}"}))
    same = data[position] == value
    data[position] = value
    try:
        found = read(bytes(data))
    except BadInput:
        return
    assert same or found in ({"a.json": b"{}"}, {}), "a damaged header gave other content"


def test_a_header_that_asks_for_memory_is_refused() -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 1 << 40
    with pytest.raises(BadInput, match="extended header"):
        read(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))


@pytest.mark.parametrize("records", [b"99 path=x\n", b"0 a=b\n", b"path=x\n", b"7 path\n", b"-5 path=x\n", b"5 =x\n\n"])
def test_records_that_do_not_add_up_are_refused(records: bytes) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, len(records)
    data = info.tobuf(tarfile.GNU_FORMAT) + records + bytes(-len(records) % 512) + tar_bytes({"a": b""})
    with pytest.raises(BadInput, match="extended header"):
        read(data)


def test_a_negative_size_is_refused() -> None:
    data = bytearray(tar_bytes({"a": b"{}"}))
    data[124:136] = b"\xff" * 12
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    with pytest.raises(BadInput, match="out of range"):
        read(bytes(data))


def test_gnu_sparse_files_are_passed_over_whole(tmp_path: Path) -> None:
    info = tarfile.TarInfo("sparse.json")
    info.size = 512
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[156:157], header[482] = b"S", 1
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    extension = bytearray(512)
    assert read(bytes(header) + bytes(extension) + b"x" * 512 + tar_bytes({"a": b"{}"})) == {"a": b"{}"}
