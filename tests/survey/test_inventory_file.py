"""A saved inventory comes back whole, or not at all."""

from __future__ import annotations

import hashlib
import stat
import struct
import zlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shipkeeper.app.inventory_file import MAGIC, VERSION, load, save
from shipkeeper.app.survey import load_inventory
from shipkeeper.model.errors import BadInput, Failed
from shipkeeper.model.inventory import Inventory
from tests.builders import budget, daemonset, deployment, inventory, nodes
from tests.survey.inventories import inventories, same

HEAD = struct.Struct(">8sHQ32s")
relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def sample() -> Inventory:
    return inventory(*nodes(3), deployment(on=("n1", "n2")), daemonset(on=("n1", "n2", "n3")), budget(min_available=1))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "night.inv"
    save(sample(), path)
    return path


@pytest.mark.requirement("R-A2")
@relaxed
@given(inventories())
def test_every_inventory_comes_back_as_it_was(tmp_path: Path, whole: Inventory) -> None:
    path = tmp_path / "x.inv"
    save(whole, path)
    assert same(load(path), whole)


@pytest.mark.requirement("R-A2")
def test_an_older_file_is_read_and_what_it_lacks_is_unknown_not_absent(tmp_path: Path, saved: Path) -> None:
    data = saved.read_bytes()
    old = msgspec.msgpack.decode(zlib.decompress(data[HEAD.size :]))
    new = {"releases", "flux", "crds", "backups", "certificates", "policies", "images", "node_facts"}
    packed = zlib.compress(msgspec.msgpack.encode({key: value for key, value in old.items() if key not in new}))
    path = tmp_path / "old.inv"
    path.write_bytes(HEAD.pack(MAGIC, 1, len(packed), hashlib.sha256(packed).digest()) + packed)
    found = load(path)
    assert len(found.pods) == len(sample().pods)
    for field in new:
        assert found.missing_in(field), f"an old file says nothing of {field}, and that must not read as: there is none"
    assert not load(saved).missing, "a file of today tells itself what it could not read"


def test_the_same_inventory_is_the_same_bytes(tmp_path: Path, saved: Path) -> None:
    save(load(saved), tmp_path / "again.inv")
    assert (tmp_path / "again.inv").read_bytes() == saved.read_bytes()


def test_only_its_owner_may_read_it(saved: Path) -> None:
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600


def test_nothing_is_left_beside_it(tmp_path: Path, saved: Path) -> None:
    assert list(tmp_path.iterdir()) == [saved]
    with pytest.raises(Failed, match="cannot be written"):
        save(sample(), tmp_path / "no-such-folder" / "x.inv")


def test_any_file_name_will_do(tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    save(sample(), path)
    assert same(load_inventory(str(path)), sample())


@relaxed
@given(share=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_one_wrong_byte_is_found(saved: Path, share: float, flip: int) -> None:
    data = bytearray(saved.read_bytes())
    data[int(len(data) * share)] ^= flip
    broken = saved.with_name("broken.inv")
    broken.write_bytes(bytes(data))
    with pytest.raises(BadInput) as caught:
        load(broken)
    assert caught.value.location is not None
    assert caught.value.location.file == str(broken)


@relaxed
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_cut_file_is_found(saved: Path, share: float) -> None:
    data = saved.read_bytes()
    cut = saved.with_name("cut.inv")
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BadInput, match=r"cut off|not a saved inventory"):
        load(cut)


def test_something_after_the_end_is_found(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes() + b"x")
    with pytest.raises(BadInput, match="should hold"):
        load(saved)


def seal(content: bytes, version: int = VERSION, compress: bool = True) -> bytes:
    packed = zlib.compress(content) if compress else content
    return HEAD.pack(MAGIC, version, len(packed), hashlib.sha256(packed).digest()) + packed


def test_a_newer_file_says_so(saved: Path) -> None:
    saved.write_bytes(seal(b"", VERSION + 1))
    with pytest.raises(BadInput, match=f"version {VERSION + 1}") as caught:
        load(saved)
    assert "update" in caught.value.hint


def test_a_file_of_something_else_says_so(saved: Path) -> None:
    for data in (b"", b"\x89PNG", b"{}" * 100):
        saved.write_bytes(data)
        with pytest.raises(BadInput, match="not a saved inventory"):
            load(saved)
    with pytest.raises(BadInput, match="cannot be read"):
        load(saved.with_name("nowhere"))


def test_a_well_sealed_file_with_foreign_content_is_refused(saved: Path) -> None:
    for content in (b"", b"\xc0", msgspec.msgpack.encode({"source": 1}), msgspec.msgpack.encode([1, 2])):
        saved.write_bytes(seal(content))
        with pytest.raises(BadInput, match="makes no sense"):
            load(saved)
    saved.write_bytes(seal(b"not zlib", compress=False))
    with pytest.raises(BadInput, match="cannot be unpacked"):
        load(saved)


def _content(path: Path) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.msgpack.decode(zlib.decompress(path.read_bytes()[HEAD.size :]))
    return decoded


def _column(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}q", *values)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ({"columns": {"node": _column(0)}}, "the columns of pods are"),
        ({"names": ["one"]}, "differ in length"),
        ({"uids": []}, "differ in length"),
        ({"rare": {99: {}}}, "outside the table"),
        ({"rare": {-1: {}}}, "outside the table"),
        ({"nodes": ["only"]}, "column node"),
        ({"shapes": []}, "column shape"),
        ({"namespaces": []}, "column namespace"),
        ({"owners": []}, "column owner"),
        ({"names": 5}, "names"),
    ],
)
def test_columns_that_point_outside_are_refused(saved: Path, spoil: dict[str, Any], told: str) -> None:
    content = _content(saved)
    content["pods"] |= spoil
    saved.write_bytes(seal(msgspec.msgpack.encode(content)))
    with pytest.raises(BadInput, match=told):
        load(saved)


def test_columns_of_odd_bytes_are_refused(saved: Path) -> None:
    content = _content(saved)
    content["pods"]["columns"]["phase"] = b"123"
    saved.write_bytes(seal(msgspec.msgpack.encode(content)))
    with pytest.raises(BadInput, match="makes no sense"):
        load(saved)
