"""Any edit of a record is found offline, and what cannot be told without a key or a head is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.evidence.bundle import PAGE, RECORD, TEXT, write
from shipkeeper.evidence.chains import after_chain, before_chain
from shipkeeper.evidence.record import FileDigest, RecordFile, decode, digest_of, encode, sha256
from shipkeeper.evidence.verify import Verification, verify
from shipkeeper.journal.chain import next_entries
from shipkeeper.journal.keys import Ed25519Signer, load_or_make, read_public
from shipkeeper.journal.memory import MemoryJournal
from shipkeeper.model.run import ChecklistRead, Noted, decode_event
from shipkeeper.ports.journal import Entry
from tests.evidence.sample_run import (
    OPENS_MS,
    RUN,
    before_list,
    held_night,
    journal_of,
    night,
    sample_forecast,
    sample_plan,
)

PLAN = sample_plan()
FORECAST = sample_forecast(PLAN)


class Keys:
    def __init__(self, folder: Path) -> None:
        self.signer: Ed25519Signer = load_or_make(folder / "signing.key")
        (folder / "pub.pem").write_bytes(self.signer.public_pem())
        self.public: Ed25519PublicKey = read_public(folder / "pub.pem")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory.mktemp("stranger"))


def chains(signer: Ed25519Signer | None) -> dict[str, tuple[Entry, ...]]:
    lists = MemoryJournal()
    before = before_chain(PLAN.digest)
    lists.append(before, OPENS_MS - 3_600_000, [ChecklistRead(when="before", items=before_list())])
    return {RUN: journal_of(night(PLAN, forecast_digest=FORECAST.digest()), signer), before: lists.read(before)}


def folder(signer: Ed25519Signer | None, whole: dict[str, tuple[Entry, ...]] | None = None) -> dict[str, bytes]:
    return write(whole or chains(signer), FORECAST, zone="", written_ms=OPENS_MS + 86_400_000, signer=signer)


def look(files: dict[str, bytes], keys: Keys | None = None, head: str = "") -> Verification:
    return verify(files[RECORD], files, keys.public if keys else None, head)


def reasons(found: Verification) -> list[str]:
    return [f"{check.what}: {check.detail}" for check in found.checks if check.state == "broken"]


@pytest.mark.requirement("R-J1")
def test_a_whole_record_holds_and_nothing_stays_unproven(keys: Keys) -> None:
    files = folder(keys.signer)
    entries = chains(keys.signer)[RUN]
    found = look(files, keys, f"{RUN} {entries[-2].seq} {entries[-2].hash}")
    assert found.verdict == "holds", reasons(found)
    assert found.unproven == (), "with the key and the newest head there is nothing left to doubt"
    assert found.records == len(entries)


def test_without_key_and_head_it_says_what_stays_unproven(keys: Keys) -> None:
    found = verify(folder(keys.signer)[RECORD])
    assert found.verdict == "holds"
    said = " | ".join(found.unproven)
    for word in ("who wrote the record", "--key", "--expect-head", "were not looked at"):
        assert word in said, f"the reader is not told about {word!r}"


@given(st.data())
def test_any_changed_byte_is_found(keys: Keys, data: st.DataObject) -> None:
    files = folder(keys.signer)
    content = bytearray(files[RECORD])
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    assert verify(bytes(content)).verdict == "broken", f"byte {place} was changed and nobody noticed, without a key"


def test_an_edited_record_is_not_said_to_be_signed(keys: Keys) -> None:
    files = folder(keys.signer)
    edited = files[RECORD].replace(b'"zone":"Europe/Stockholm"', b'"zone":"Europe/Amsterdam"', 1)
    assert edited != files[RECORD]
    broken = reasons(verify(edited, files, keys.public, ""))
    assert any(text.startswith("the whole record is signed with the key given: ") for text in broken), broken


@given(st.data())
def test_any_cut_is_found(keys: Keys, data: st.DataObject) -> None:
    content = folder(keys.signer)[RECORD]
    short = content[: data.draw(st.integers(0, len(content) - 1))]
    assert verify(short).verdict == "broken"


def mended(record: RecordFile, **changes: Any) -> bytes:
    """The record with changes, its digest made to fit again: what somebody without the key can do."""
    changed = msgspec.structs.replace(record, signature=None, **changes)
    return encode(msgspec.structs.replace(changed, digest=digest_of(changed)))


@given(st.data())
def test_records_dropped_or_moved_are_found_without_a_key(keys: Keys, data: st.DataObject) -> None:
    record = decode(folder(keys.signer)[RECORD])
    entries = list(record.chains[0].entries)
    first = data.draw(st.integers(0, len(entries) - 2))
    second = data.draw(st.integers(0, len(entries) - 1).filter(lambda n: n != first))
    if data.draw(st.booleans()):
        del entries[first]
        if data.draw(st.booleans()):  # numbered again, so that no gap shows
            entries = [msgspec.structs.replace(one, seq=seq) for seq, one in enumerate(entries, start=1)]
    else:
        entries[first], entries[second] = entries[second], entries[first]
    own = msgspec.structs.replace(record.chains[0], entries=tuple(entries))
    found = verify(mended(record, chains=(own, *record.chains[1:])))
    assert any(reason.startswith(f"chain {RUN}") for reason in reasons(found)), "the chain itself must tell"


@given(st.data())
def test_an_edited_event_is_found_without_a_key(keys: Keys, data: st.DataObject) -> None:
    record = decode(folder(keys.signer)[RECORD])
    entries = list(record.chains[0].entries)
    place = data.draw(st.integers(0, len(entries) - 1))
    field, value = data.draw(
        st.sampled_from([("at_ms", 1), ("event", msgspec.Raw(b'{"event":"noted","topic":"x","text":"fine"}'))])
    )
    entries[place] = msgspec.structs.replace(entries[place], **{field: value})
    own = msgspec.structs.replace(record.chains[0], entries=tuple(entries))
    found = verify(mended(record, chains=(own, *record.chains[1:])))
    assert any(f"seq {place + 1}" in reason for reason in reasons(found)), "the place is named"


def forged(whole: dict[str, tuple[Entry, ...]], keep: int, add: str = "") -> dict[str, tuple[Entry, ...]]:
    """The run's chain made anew over its first ``keep`` events, with a note added."""
    events = [(entry.at_ms, entry.event) for entry in whole[RUN][:keep]]
    if add:
        events.append((events[-1][0], Noted(topic="forged", text=add)))
    made: list[Entry] = []
    for at_ms, event in events:
        made += [entry for entry, _ in next_entries(RUN, len(made), made[-1].hash if made else "", at_ms, (event,))]
    return whole | {RUN: tuple(made)}


def test_a_record_rewritten_from_beginning_to_end_needs_the_key(keys: Keys, stranger: Keys) -> None:
    whole = chains(keys.signer)
    unsigned = folder(None, forged(whole, 20, "all went well"))
    assert look(unsigned).verdict == "holds", "a fresh chain is whole in itself; that is what the key is for"
    assert look(unsigned, keys).verdict == "broken", "a stripped signature must not pass"
    resigned = folder(stranger.signer, forged(whole, 20, "all went well"))
    assert look(resigned, keys).verdict == "broken", "somebody else's signature must not pass"
    assert look(resigned, None, whole[RUN][-1].hash).verdict == "broken", "the head from outside finds it without a key"


def test_a_cut_tail_needs_the_head(keys: Keys) -> None:
    whole = chains(keys.signer)
    head = f"{RUN} {whole[RUN][-1].seq} {whole[RUN][-1].hash}"
    cut = folder(keys.signer, whole | {RUN: whole[RUN][:30]})
    found = look(cut, keys)
    assert found.verdict == "holds", "this is what an honest copy, written after record 30, looks like"
    assert any("An older copy, signed at its time, would pass too" in text for text in found.unproven)
    found = look(cut, keys, head)
    assert found.verdict == "broken", "the newest record on the Lease is not in the file"
    assert any("tail was cut off" in reason for reason in reasons(found))


def test_records_after_the_head_are_named(keys: Keys) -> None:
    whole = chains(keys.signer)
    found = look(folder(keys.signer), None, whole[RUN][9].hash)
    assert found.verdict == "holds"
    assert any(f"the {len(whole[RUN]) - 10} records after" in text for text in found.unproven)


@pytest.mark.parametrize("head", ["run-other 3 " + "ab" * 32, "ab" * 32])
def test_a_head_of_something_else_is_refused(keys: Keys, head: str) -> None:
    assert look(folder(keys.signer), keys, head).verdict == "broken"


@pytest.mark.parametrize("name", [PAGE, TEXT])
def test_an_edited_page_is_found_even_when_its_digest_was_mended(keys: Keys, name: str) -> None:
    files = folder(keys.signer)
    painted = files | {name: files[name].replace(b"z1-worker-2", b"z9-worker-9")}
    assert painted[name] != files[name]
    found = look(painted)
    assert reasons(found) == [f"{name}: it was changed after it was written"]
    record = decode(files[RECORD])
    digests = tuple(FileDigest(name=file.name, sha256=sha256(painted[file.name])) for file in record.files)
    found = look(painted | {RECORD: mended(record, files=digests)})
    assert reasons(found) == [f"{name}: it does not say what the record says"]


def test_a_missing_page_and_a_strange_file_are_named(keys: Keys) -> None:
    files = folder(keys.signer)
    found = look({name: data for name, data in files.items() if name != PAGE} | {"notes.txt": b"x"})
    assert reasons(found) == [f"{PAGE}: it is missing"]
    assert any("notes.txt" in text for text in found.unproven)


def test_a_chain_that_does_not_belong_is_found(keys: Keys) -> None:
    whole = chains(keys.signer)
    other = MemoryJournal()
    other.append(after_chain("run-other"), OPENS_MS, [ChecklistRead(when="after", items=before_list())])
    found = look(folder(keys.signer, whole | {after_chain("run-other"): other.read(after_chain("run-other"))}), keys)
    assert any("no chain of this run" in reason for reason in reasons(found))


@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    assert verify(data).verdict == "broken"


@pytest.mark.parametrize(
    "data", [b"null", b"[]", b"{}", b'{"kind":"Record"}', b'{"run":' + b"[" * 5000, b"\xff\xfe", "ü".encode("utf-16")]
)
def test_files_that_are_no_record_get_an_answer(data: bytes) -> None:
    found = verify(data)
    assert found.verdict == "broken"
    assert found.checks[0].detail


def test_the_record_holds_the_events_as_they_were(keys: Keys) -> None:
    entries = chains(keys.signer)[RUN]
    record = decode(folder(keys.signer)[RECORD])
    assert [decode_event(bytes(one.event)) for one in record.chains[0].entries] == [entry.event for entry in entries]


def test_the_same_record_gives_the_same_bytes(keys: Keys) -> None:
    held = {RUN: journal_of(held_night(PLAN), keys.signer)}
    first, second = (write(held, None, zone="", written_ms=OPENS_MS, signer=keys.signer) for _ in range(2))
    assert first == second, "a page that changes from one writing to the next cannot be compared"
    assert look(first, keys).verdict == "holds"


def test_what_a_forger_wrote_cannot_paint_the_terminal(keys: Keys) -> None:
    record = decode(folder(keys.signer)[RECORD])
    painted = msgspec.structs.replace(record.chains[0], id="\x1b[2K\x1b[32mall holds\x1b[0m")
    found = verify(mended(record, run=painted.id, chains=(painted, *record.chains[1:])))
    assert found.verdict == "broken"
    assert "\x1b" not in found.run + "".join(c.what + c.detail for c in found.checks) + "".join(found.unproven)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"kind":"Record"', b'"kind": "Record"'),
        (
            b'{"apiVersion":"shipkeeper/v1alpha1","kind":"Record"',
            b'{"kind":"Record","apiVersion":"shipkeeper/v1alpha1"',
        ),
        (b'"zone":"Europe/Stockholm"', b'"zone":"UTC","zone":"Europe/Stockholm"'),
        (b'"run":"run-7f3a"', b'"run":"\\u0072un-7f3a"'),
        (b'"prev":""', b'"prev":"" '),
    ],
)
def test_bytes_that_mean_the_same_are_not_the_same(keys: Keys, old: bytes, new: bytes) -> None:
    """Another reader may take the other of two equal keys: the file is what was written, or it is broken."""
    files = folder(keys.signer)
    assert old in files[RECORD]
    found = verify(files[RECORD].replace(old, new, 1), None, keys.public)
    assert found.verdict == "broken", f"{new!r} passed for {old!r}"
    assert "line" in found.checks[0].detail, "the place is named"


@pytest.mark.parametrize("more", [b"\n", b" ", b"{}"])
def test_nothing_may_be_added_behind_the_record(keys: Keys, more: bytes) -> None:
    assert verify(folder(keys.signer)[RECORD] + more, None, keys.public).verdict == "broken"
