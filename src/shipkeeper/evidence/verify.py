"""Verify a record offline: find any edit, and say exactly what stays unproven."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from itertools import pairwise

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shipkeeper import __version__
from shipkeeper.evidence.bundle import PAGE, RECORD, TEXT, render
from shipkeeper.evidence.chains import after_chain, before_chain
from shipkeeper.evidence.record import RecordFile, decode, digest_of, encode, record_bytes, sha256
from shipkeeper.evidence.words import clean
from shipkeeper.journal.chain import verified
from shipkeeper.journal.heads import head_bytes, signature_of
from shipkeeper.journal.keys import holds, key_id
from shipkeeper.model.errors import ShipkeeperError
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.record import Record
from shipkeeper.model.run import HeadSigned, RunStarted
from shipkeeper.ports.journal import Entry


class Check(Record, frozen=True, kw_only=True):
    """One thing that was checked. ``state``: holds | broken."""

    what: str
    state: str
    detail: str = ""


class Verification(Record, frozen=True, kw_only=True):
    """What was found. ``verdict``: holds | broken. ``unproven`` says, in words, what nobody can tell from this."""

    run: str
    verdict: str
    records: int
    head: str
    checks: tuple[Check, ...]
    unproven: tuple[str, ...]


class _Broken(Exception):
    """A check failed; its words are what a person reads."""


class _Findings:
    """Collects checks; one that breaks does not hide the others."""

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.unproven: list[str] = []

    def run(self, what: str, check: Callable[[], str]) -> bool:
        """Do a check; it returns what it saw, or raises."""
        try:
            self.checks.append(Check(what=what, state="holds", detail=check()))
        except _Broken as error:
            self.checks.append(Check(what=what, state="broken", detail=str(error)))
        except ShipkeeperError as error:
            self.checks.append(Check(what=what, state="broken", detail=error.message))
        return self.checks[-1].state == "holds"

    def told(self) -> tuple[Check, ...]:
        """The checks, harmless to a terminal: the file under suspicion chose some of the words."""
        return tuple(Check(what=clean(c.what), state=c.state, detail=clean(c.detail)) for c in self.checks)


def verify(
    data: bytes,
    files: Mapping[str, bytes] | None = None,
    key: Ed25519PublicKey | None = None,
    expect_head: str = "",
) -> Verification:
    """Verify ``record.json`` (``data``) and the files beside it.

    ``files`` None: only the record is at hand. ``key``: the public key whose holder must have signed it.
    ``expect_head``: the head kept outside, as on the cluster's Lease (``RUN SEQ HASH``, or the hash alone).
    Never raises for a bad record: that is its answer.
    """
    findings = _Findings()
    read: list[RecordFile] = []
    findings.run("the file is a record, byte for byte as it is written", lambda: _form(data, read))
    if not read:
        return Verification(run="", verdict="broken", records=0, head="", checks=findings.told(), unproven=())
    record = read[0]
    findings.run("its digest fits its content", lambda: _digest(record))
    chains: dict[str, tuple[Entry, ...]] = {}
    for chain in record.chains:
        findings.run(f"chain {chain.id}", lambda chain=chain: _chain(record, chain.id, chains))  # type: ignore[misc]
    entries = chains.get(record.run, ())
    if entries:
        findings.run("it begins with the run's start, and the plan in it is the one agreed", lambda: _plan(entries))
    findings.run("the chains are the run's own and its checklists'", lambda: _names(record, entries))
    forecast: list[Forecast | None] = []
    findings.run("the forecast belongs to the plan", lambda: _forecast(record, entries, forecast, findings))
    _files(findings, record, files, chains, forecast)
    _signatures(findings, record, entries, key)
    _head(findings, record, entries, expect_head, key is not None)
    broken = any(check.state == "broken" for check in findings.checks)
    return Verification(
        run=clean(record.run),
        verdict="broken" if broken else "holds",
        records=len(entries),
        head=entries[-1].hash if entries else "",
        checks=findings.told(),
        unproven=tuple(clean(text) for text in findings.unproven),
    )


def _form(data: bytes, read: list[RecordFile]) -> str:
    record = decode(data)
    read.append(record)
    again = encode(record)
    if again != data:
        place = next(
            (i for i, (a, b) in enumerate(zip(again, data, strict=False)) if a != b), min(len(again), len(data))
        )
        raise _Broken(f"it differs from what it should be at byte {place} (line {data[:place].count(10) + 1})")
    return f"{len(data)} bytes"


def _digest(record: RecordFile) -> str:
    if digest_of(record) != record.digest:
        raise _Broken("something in the file was changed after it was written")
    return f"SHA-256 {record.digest}"


def _chain(record: RecordFile, name: str, chains: dict[str, tuple[Entry, ...]]) -> str:
    found = [chain for chain in record.chains if chain.id == name]
    if len(found) > 1:
        raise _Broken("it is there twice")
    entries = verified(name, found[0].rows())
    if not entries:
        raise _Broken("it has no record")
    times = [entry.at_ms for entry in entries]
    chains[name] = entries
    back = sum(1 for earlier, later in pairwise(times) if later < earlier)
    moved = f"; the clock went back {back} times between records" if back else ""
    return f"{len(entries)} records, head {entries[-1].hash}{moved}"


def _plan(entries: tuple[Entry, ...]) -> str:
    event = entries[0].event
    if not isinstance(event, RunStarted):
        raise _Broken("the first record is not a run's start")
    event.plan.verify()
    for entry in entries:
        if isinstance(entry.event, RunStarted) and entry.event.plan.digest != event.plan.digest:
            raise _Broken(f"record {entry.seq} goes on with another plan")
    return f"plan {event.plan.digest}"


def _names(record: RecordFile, entries: tuple[Entry, ...]) -> str:
    names = [chain.id for chain in record.chains]
    event = entries[0].event if entries else None
    digest = event.plan.digest if isinstance(event, RunStarted) else ""
    allowed = {record.run, before_chain(digest), after_chain(record.run)}
    if not names or names[0] != record.run:
        raise _Broken("the run's own chain does not come first")
    strangers = [name for name in names if name not in allowed]
    if strangers:
        raise _Broken(f"{', '.join(strangers)} is no chain of this run")
    return ", ".join(names)


def _forecast(record: RecordFile, entries: tuple[Entry, ...], out: list[Forecast | None], findings: _Findings) -> str:
    try:
        forecast = msgspec.json.decode(record.forecast, type=Forecast | None)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _Broken(f"it cannot be read: {error}") from error
    out.append(forecast)
    if forecast is None:
        return "there is none in the record"
    event = entries[0].event if entries else None
    if isinstance(event, RunStarted):
        if forecast.plan_digest != event.plan.digest:
            raise _Broken("it is of another plan")
        if event.forecast_digest and event.forecast_digest not in (forecast.digest(), forecast.trace_digest):
            raise _Broken("it is not the one that the run recorded at its start")
        if event.forecast_digest != forecast.digest():
            known = "only the digest of its trace" if event.forecast_digest else "no digest of it"
            findings.unproven.append(
                f"that every figure of the forecast is the one the run was accepted with: the run recorded {known}"
            )
    return f"of {forecast.made_at}"


def _files(
    findings: _Findings,
    record: RecordFile,
    files: Mapping[str, bytes] | None,
    chains: Mapping[str, tuple[Entry, ...]],
    forecast: list[Forecast | None],
) -> None:
    if files is None:
        findings.unproven.append(f"that {PAGE} and {TEXT} say what the record says: they were not looked at")
        return
    whole = len(chains) == len(record.chains) and len(forecast) == 1 and record.run in chains
    rendered: dict[str, bytes] = {}
    if whole and record.version == __version__:
        ordered = {chain.id: chains[chain.id] for chain in record.chains}
        try:
            rendered = render(ordered, forecast[0], record.zone, record.written_ms, record.version)
        except ShipkeeperError as error:
            findings.unproven.append(f"that {PAGE} and {TEXT} follow from the record: {error.message}")
    elif whole:
        findings.unproven.append(
            f"that {PAGE} and {TEXT} follow from the record: they were written by release {record.version}, this is"
            f" {__version__}; only their digests were compared"
        )

    def check(name: str) -> str:
        said = next((file.sha256 for file in record.files if file.name == name), "")
        if name not in files:
            raise _Broken("it is missing")
        if sha256(files[name]) != said:
            raise _Broken("it was changed after it was written")
        if rendered and rendered[name] != files[name]:
            raise _Broken("it does not say what the record says")
        return "as written" + (", and what the record gives when it is written again" if rendered else "")

    for name in sorted({PAGE, TEXT} | {file.name for file in record.files}):
        findings.run(name, lambda name=name: check(name))  # type: ignore[misc]
    strangers = sorted(set(files) - {file.name for file in record.files} - {RECORD})
    if strangers:
        findings.unproven.append(f"anything about files that the record does not know: {', '.join(strangers)}")


def _signatures(
    findings: _Findings, record: RecordFile, entries: tuple[Entry, ...], key: Ed25519PublicKey | None
) -> None:
    heads = [(entry.seq, entry.event) for entry in entries if isinstance(entry.event, HeadSigned)]
    if heads:
        findings.run("signed heads name records of this chain", lambda: _heads_fit(entries, heads))
    if key is None:
        signed = f"it says that key {record.signature.key_id} signed it" if record.signature else "it is not signed"
        findings.unproven.append(
            f"who wrote the record: {signed}, and no key was given. Somebody who rewrote all of it with a fresh chain"
            " would not be found (--key pub.pem)"
        )
        return
    findings.run("the whole record is signed with the key given", lambda: _record_signed(record, key))
    mine = [(seq, head) for seq, head in heads if head.key_id == key_id(key)]
    if mine:
        findings.run("the run signed its heads with the key given", lambda: _heads_signed(record, mine, key))
    others = sorted({head.key_id for _, head in heads} - {key_id(key)})
    if others:
        findings.unproven.append(f"heads signed with other keys ({', '.join(others)}): those keys were not given")


def _heads_fit(entries: tuple[Entry, ...], heads: list[tuple[int, HeadSigned]]) -> str:
    for seq, head in heads:
        if not 0 < head.seq < seq or entries[head.seq - 1].hash != head.head:
            raise _Broken(f"record {seq} names a head that is not in this chain")
    return f"{len(heads)}, the last of record {heads[-1][1].seq}"


def _record_signed(record: RecordFile, key: Ed25519PublicKey) -> str:
    if record.signature is None:
        raise _Broken("it carries no signature")
    if record.signature.key_id != key_id(key):
        raise _Broken(f"it names key {record.signature.key_id}, and the one given is {key_id(key)}")
    try:
        signature = base64.b64decode(record.signature.signature, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _Broken("its signature is no base64") from error
    if not holds(key, signature, record_bytes(record.run, digest_of(record))):
        raise _Broken("its signature is not that key's over this content")
    return f"key {key_id(key)}"


def _heads_signed(record: RecordFile, heads: list[tuple[int, HeadSigned]], key: Ed25519PublicKey) -> str:
    for seq, head in heads:
        if not holds(key, signature_of(head), head_bytes(record.run, head.seq, head.head)):
            raise _Broken(f"the signature in record {seq} is not that key's")
    return f"{len(heads)} heads, up to record {heads[-1][1].seq}"


def _head(findings: _Findings, record: RecordFile, entries: tuple[Entry, ...], expect_head: str, keyed: bool) -> None:
    if not expect_head:
        older = " An older copy, signed at its time, would pass too" if keyed else ""
        findings.unproven.append(
            f"that nothing is missing at the end: no head from outside was given.{older} (--expect-head, from the"
            " annotation on the cluster's Lease)"
        )
        return
    words = expect_head.split()
    wanted = words[-1].lower() if words else ""

    def check() -> str:
        if len(words) > 1 and words[0] != record.run:
            raise _Broken(f"that head is of {words[0]}, and this record is of {record.run}")
        seq = next((entry.seq for entry in entries if entry.hash == wanted), 0)
        if not seq or (len(words) == 3 and words[1] != str(seq)):
            raise _Broken("the head is not in this chain: its tail was cut off, or all of it was rewritten")
        return f"record {seq} of {len(entries)}"

    if findings.run("the head from outside is in the chain", check):
        seq = next(entry.seq for entry in entries if entry.hash == wanted)
        after = len(entries) - seq
        trailing = after and not (after == 1 and isinstance(entries[-1].event, HeadSigned))
        if trailing:
            by = "rest on the signature alone" if keyed else "rest on nothing from outside"
            findings.unproven.append(f"the {after} records after the head from outside: they {by}")
