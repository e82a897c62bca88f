"""An inventory as a file: small, checked, and private to its owner.

Layout: 8 bytes magic, 2 bytes version, 8 bytes length of the rest, 32 bytes SHA-256 of it, then zlib-compressed
msgpack. Numbers are big-endian; pods are stored as columns of little-endian 64-bit integers.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.app.inventory_diff import diff
from shipkeeper.app.state import write_atomically
from shipkeeper.model.errors import BadInput, Failed, Location
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.pods import PodShape
from shipkeeper.model.refs import OwnerRef
from shipkeeper.model.table import PodTable, RareFields

__all__ = ["diff", "is_saved_inventory", "load", "save"]

MAGIC = b"\x89SKINV\r\n"
VERSION = 2
"""1: up to what plans need of Kubernetes itself. 2: also the platform on it (releases, CRDs, operators' objects)."""
_HEAD = struct.Struct(">8sHQ32s")
_LARGEST = 4 << 30
_NUMBER = "<i8"


class _Pods(Struct, frozen=True):
    columns: dict[str, bytes]
    names: list[str]
    uids: list[str]
    namespaces: list[str]
    nodes: list[str]
    shapes: list[PodShape]
    owners: list[OwnerRef]
    rare: dict[int, RareFields]


def save(inventory: Inventory, path: str | Path) -> None:
    """Write the inventory, readable by its owner only; a crash leaves the old file or the new one.

    Raises Failed when the file cannot be written.
    """
    packed = zlib.compress(_ENCODER.encode(inventory), 6)
    head = _HEAD.pack(MAGIC, VERSION, len(packed), hashlib.sha256(packed).digest())
    try:
        write_atomically(Path(path), head + packed)
    except OSError as error:
        raise Failed(f"the inventory cannot be written to {path}: {error.strerror or error}") from error


def is_saved_inventory(path: str | Path) -> bool:
    """Whether the file starts as a saved inventory does."""
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def load(path: str | Path) -> Inventory:
    """Read a saved inventory. Raises BadInput naming the file and what is wrong with it."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise _unusable(path, f"it cannot be read: {error.strerror or error}") from error
    if len(data) < _HEAD.size or not data.startswith(MAGIC):
        raise _unusable(path, "it is not a saved inventory")
    _, version, length, digest = _HEAD.unpack_from(data)
    if version > VERSION:
        raise _unusable(path, f"it is of version {version}, and this Shipkeeper reads up to {VERSION}", newer=True)
    packed = memoryview(data)[_HEAD.size :]
    if len(packed) != length:
        wrong = "it was cut off" if len(packed) < length else "something was added to it"
        raise _unusable(path, f"it should hold {length} bytes after its head, and holds {len(packed)}: {wrong}")
    if hashlib.sha256(packed).digest() != digest:
        raise _unusable(path, "its checksum does not hold: it was damaged or edited")
    try:
        inventory = _DECODER.decode(_unpack(packed, path))
        return inventory if version > 1 else _without_platform(inventory)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise _unusable(path, f"its content makes no sense: {error}") from error


def _without_platform(inventory: Inventory) -> Inventory:
    """What was saved before the platform's objects were read: they are unknown, not absent."""
    from shipkeeper.app.survey_platform import not_asked

    gaps = not_asked("the file was saved by an older Shipkeeper, which did not read them")
    return replace(inventory, missing=(*inventory.missing, *gaps))


def _unpack(packed: memoryview, path: str | Path) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(packed, _LARGEST)
    except zlib.error as error:
        raise _unusable(path, f"it cannot be unpacked: {error}") from error
    if not unpacker.eof:
        raise _unusable(path, f"it unpacks to more than {_LARGEST} bytes, or is cut off")
    return content


def _unusable(path: str | Path, what: str, newer: bool = False) -> BadInput:
    hint = "update Shipkeeper" if newer else "make it again: shipkeeper survey --save FILE"
    return BadInput(what, why="nothing of it was used", hint=hint, location=Location(str(path)))


def _to_plain(value: Any) -> Any:
    if not isinstance(value, PodTable):
        raise TypeError(f"an inventory holds no {type(value).__name__}")
    return _Pods(
        columns={name: values.astype(_NUMBER).tobytes() for name, values in sorted(value.columns.items())},
        names=list(value.names),
        uids=list(value.uids),
        namespaces=list(value.namespaces),
        nodes=list(value.nodes),
        shapes=list(value.shapes),
        owners=list(value.owners),
        rare=value.rare,
    )


def _from_plain(wanted: type, value: Any) -> PodTable:
    """Rebuild the table, checking all that a column could point outside of. Raises ValueError."""
    pods = msgspec.convert(value, _Pods)
    columns = {name: np.frombuffer(raw, dtype=_NUMBER).astype(np.int64) for name, raw in pods.columns.items()}
    rows = len(pods.names)
    if set(columns) != set(_EMPTY.columns):
        raise ValueError(f"the columns of pods are {', '.join(sorted(columns))}")
    if len(pods.uids) != rows or any(len(values) != rows for values in columns.values()):
        raise ValueError("the columns of pods differ in length")
    for name, known, least in (
        ("namespace", len(pods.namespaces), 0),
        ("node", len(pods.nodes), -1),
        ("shape", len(pods.shapes), 0),
        ("owner", len(pods.owners), -1),
        ("phase", 5, 0),
    ):
        values = columns[name]
        if rows and (values.min() < least or values.max() >= known):
            raise ValueError(f"column {name} of pods points outside its values")
    if any(not 0 <= row < rows for row in pods.rare):
        raise ValueError("a pod outside the table has rare fields")
    return PodTable(columns, pods.names, pods.uids, pods.namespaces, pods.nodes, pods.shapes, pods.owners, pods.rare)


_EMPTY = PodTable.of(())
_ENCODER = msgspec.msgpack.Encoder(enc_hook=_to_plain)
_DECODER = msgspec.msgpack.Decoder(Inventory, dec_hook=_from_plain)
