"""``record.json``: every journal entry of a run, so that whoever has the file can verify it offline.

The file is canonical: decoding and encoding it again gives the same bytes, so a changed byte shows wherever it is.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from shipkeeper.model.errors import BadInput
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.record import API_VERSION
from shipkeeper.model.run import encode_event
from shipkeeper.ports.journal import Entry, Signer

FORMAT = "shipkeeper-record-1"


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Base of the file's parts: unknown keys are errors."""


class Recorded(Part, frozen=True, kw_only=True):
    """One entry. ``event`` is kept as the bytes that its hash covers."""

    seq: int
    at_ms: int
    prev: str
    hash: str
    event: msgspec.Raw


class Chain(Part, frozen=True, kw_only=True):
    """One chain: the run's own first, then those of its checklists."""

    id: str
    entries: tuple[Recorded, ...]

    def rows(self) -> list[tuple[int, int, bytes, str, str]]:
        """What ``journal.chain.verified`` checks."""
        return [(e.seq, e.at_ms, bytes(e.event), e.prev, e.hash) for e in self.entries]


class FileDigest(Part, frozen=True, kw_only=True):
    """A file written beside the record."""

    name: str
    sha256: str


class Signature(Part, frozen=True, kw_only=True):
    """Ed25519 over ``record_bytes``, base64."""

    key_id: str
    signature: str


class RecordFile(Part, frozen=True, kw_only=True):
    """The file. ``digest`` is SHA-256 over every byte before its own line."""

    api_version: str = API_VERSION
    kind: str = "Record"
    format: str = FORMAT
    run: str
    zone: str
    written_ms: int
    version: str
    forecast: msgspec.Raw
    chains: tuple[Chain, ...]
    files: tuple[FileDigest, ...]
    digest: str = ""
    signature: Signature | None = None


def make(
    chains: Mapping[str, Sequence[Entry]],
    forecast: Forecast | None,
    files: Mapping[str, bytes],
    *,
    zone: str,
    written_ms: int,
    version: str,
    signer: Signer | None,
) -> RecordFile:
    """Put the record together and sign it where there is a signer. The first chain is the run's own."""
    unsigned = RecordFile(
        run=next(iter(chains)),
        zone=zone,
        written_ms=written_ms,
        version=version,
        forecast=msgspec.Raw(_canonical(forecast)),
        chains=tuple(
            Chain(id=run, entries=tuple(_recorded(entry) for entry in chain)) for run, chain in chains.items()
        ),
        files=tuple(FileDigest(name=name, sha256=sha256(data)) for name, data in sorted(files.items())),
    )
    digest = sha256(_body(unsigned))
    signature = None
    if signer is not None:
        made = signer.sign(record_bytes(unsigned.run, digest))
        signature = Signature(key_id=signer.key_id, signature=base64.b64encode(made).decode())
    return msgspec.structs.replace(unsigned, digest=digest, signature=signature)


def encode(record: RecordFile) -> bytes:
    """The file's bytes: compact JSON, one entry a line."""
    digest, signature = msgspec.json.encode(record.digest), msgspec.json.encode(record.signature)
    return _body(record) + b'"digest":' + digest + b',\n"signature":' + signature + b"}\n"


def decode(data: bytes) -> RecordFile:
    """Read the file. Raises BadInput when it is not one, or of a layout this release does not know."""
    try:
        record = msgspec.json.decode(data, type=RecordFile)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(
            f"this is not a record: {error}", hint="write one with: shipkeeper evidence write RUN --out DIR"
        ) from error
    if (record.api_version, record.kind, record.format) != (API_VERSION, "Record", FORMAT):
        raise BadInput(
            f"this is a {record.kind} of format {record.format!r}, and this release reads {FORMAT!r}",
            hint="use the release that wrote it, or a newer one",
        )
    return record


def digest_of(record: RecordFile) -> str:
    """The digest that the content calls for."""
    return sha256(_body(record))


def record_bytes(run: str, digest: str) -> bytes:
    """What the record's signature covers."""
    return msgspec.json.encode([FORMAT, run, digest])


def sha256(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _canonical(forecast: Forecast | None) -> bytes:
    """Read back once, so that figures are written as they will be whenever they are written again."""
    read_back = msgspec.json.decode(msgspec.json.encode(forecast), type=Forecast | None)
    return msgspec.json.encode(read_back, order="deterministic")


def _recorded(entry: Entry) -> Recorded:
    event = msgspec.Raw(encode_event(entry.event))
    return Recorded(seq=entry.seq, at_ms=entry.at_ms, prev=entry.prev, hash=entry.hash, event=event)


def _body(record: RecordFile) -> bytes:
    """Everything before the line of the digest."""
    head = {
        "apiVersion": record.api_version,
        "kind": record.kind,
        "format": record.format,
        "run": record.run,
        "zone": record.zone,
        "writtenMs": record.written_ms,
        "version": record.version,
    }
    chains = b",\n".join(
        b'{"id":' + msgspec.json.encode(chain.id) + b',"entries":[\n'
        + b",\n".join(msgspec.json.encode(entry) for entry in chain.entries)
        + b"\n]}"
        for chain in record.chains
    )  # fmt: skip
    return b"".join(
        (
            msgspec.json.encode(head)[:-1],
            b',\n"forecast":',
            bytes(record.forecast),
            b',\n"chains":[\n',
            chains,
            b'\n],\n"files":',
            msgspec.json.encode(record.files),
            b",\n",
        )
    )
