"""Files that a person gives a verb besides the cluster: charts, definitions, manifests, change logs."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from shipkeeper.integrations.dumps.limits import Limits
from shipkeeper.integrations.dumps.members import Dump
from shipkeeper.integrations.dumps.streams import open_stream
from shipkeeper.integrations.dumps.tarball import members
from shipkeeper.integrations.dumps.yaml_objects import yaml_nodes
from shipkeeper.model.errors import BadInput, Location
from shipkeeper.ports.files import Piece
from shipkeeper.semantics.wire.reader import malformed

_MIB = 1 << 20
LIMITS = Limits(unpacked=256 * _MIB, member=32 * _MIB, members=20_000, ratio_from=32 * _MIB)
"""A chart or a set of manifests is a few megabytes."""
_DOCUMENTS = (".yaml", ".yml", ".json")
_BOM = b"\xef\xbb\xbf"


class GivenFiles:
    """``ports.files.Reading``: bounded, never unpacked to disk, never followed out of where it began."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits

    def pieces(self, path: str) -> Iterator[Piece]:
        """See ports.files.Reading."""
        yield from Dump(path, self._limits).pieces()

    def unpack(self, data: bytes, place: str) -> Iterator[Piece]:
        """See ports.files.Reading."""
        for member in members(open_stream(io.BytesIO(data), place, self._limits), place):
            if ".." not in member.path.split("/"):
                yield member

    def documents(self, data: bytes, place: str, *, by_hand: bool = False) -> Iterator[Any]:
        """See ports.files.Reading. ``by_hand``: a person wrote it, and a key given twice is a mistake."""
        text = data.removeprefix(_BOM)
        if text.lstrip()[:1] in (b"{", b"["):
            try:
                yield msgspec.json.decode(text)
                return
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                if place.endswith(".json"):
                    raise malformed(error, text, place, "the document") from error
        for node in yaml_nodes(text, place, self._limits, whole=True, by_hand=by_hand):
            yield node.value


def read_objects(path: str, reading: GivenFiles | None = None) -> list[tuple[Mapping[str, Any], Location]]:
    """Every Kubernetes object in a file, folder or archive, lists taken apart, with where it is. Raises BadInput."""
    reading = reading or GivenFiles()
    found: list[tuple[Mapping[str, Any], Location]] = []
    single = Path(path).is_file()
    for piece in reading.pieces(path):
        if not single and not piece.path.endswith(_DOCUMENTS):
            continue
        place = path if single and piece.path == Path(path).name else f"{path}: {piece.path}"
        for document in reading.documents(piece.read(), place):
            found.extend((item, Location(place)) for item in _objects(document, place))
    return found


def _objects(document: Any, place: str) -> Iterator[Mapping[str, Any]]:
    """The document itself, or the items of a list, which learn their kind from it where they don't tell."""
    if document is None:
        return
    if isinstance(document, list):
        for item in document:
            yield from _objects(item, place)
        return
    if not isinstance(document, Mapping) or "kind" not in document:
        raise BadInput(
            "this is no Kubernetes object",
            location=Location(place),
            hint="give YAML or JSON as kubectl get -o yaml, helm template or a chart's crds folder has it",
        )
    if "items" not in document or not str(document["kind"]).endswith("List"):
        yield document
        return
    kind = str(document["kind"]).removesuffix("List")
    head = {"apiVersion": document.get("apiVersion"), "kind": kind} if kind else {}
    for item in document["items"] or ():
        yield from _objects({**head, **item} if isinstance(item, Mapping) else item, place)
