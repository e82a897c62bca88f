"""Prove a run: read its journal, compare it with its forecast, write what people read and auditors verify."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from shipkeeper.app.state import State, read_forecast, write_atomically
from shipkeeper.evidence.bundle import PAGE, RECORD, TEXT, report_of, write
from shipkeeper.evidence.chains import after_chain, before_chain
from shipkeeper.evidence.report import Report
from shipkeeper.evidence.verify import Verification, verify
from shipkeeper.journal.keys import Ed25519Signer, load_or_make, read_public
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.errors import BadInput, Failed, UsageProblem
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.run import RunStarted
from shipkeeper.model.time import load_zone
from shipkeeper.ports.journal import Entry, Journal

LARGEST_RECORD = 1 << 30
"""A record file above this is not read: no run writes one."""


class Kept(Struct, frozen=True):
    """A run as state has it. ``chains``: its own first. ``other_forecast``: state holds another than it ran with."""

    run: str
    chains: dict[str, tuple[Entry, ...]]
    forecast: Forecast | None
    other_forecast: bool = False


class Evidence(Struct, frozen=True):
    """What was written."""

    run: str
    files: tuple[Path, ...]
    head: str
    key_id: str
    report: Report
    other_forecast: bool = False


def prove(state: State, run: str, out: Path, now_ms: int, *, zone: str = "", forecast_path: str = "") -> Evidence:
    """Write ``index.html``, ``report.md`` and ``record.json`` of a run into the folder ``out``, signed.

    ``zone`` is the reader's IANA zone, empty for the window's. Raises UsageProblem for an unknown run, Failed when the
    journal is broken or the folder cannot be written, BadInput for a forecast that cannot be read.
    """
    if zone:
        load_zone(zone)
    kept = read_run(state, run, forecast_path)
    signer = load_or_make(state.key_path)
    files = write(kept.chains, kept.forecast, zone=zone, written_ms=now_ms, signer=signer)
    paths = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (PAGE, TEXT, RECORD):
            write_atomically(out / name, files[name], mode=0o644)
            paths.append(out / name)
    except OSError as error:
        raise Failed(
            f"the evidence cannot be written to {out}: {error.strerror}",
            object=str(out),
            hint="name another folder with --out DIR",
        ) from error
    own = kept.chains[kept.run]
    return Evidence(
        run=kept.run,
        files=tuple(paths),
        head=f"{kept.run} {own[-1].seq} {own[-1].hash}",
        key_id=signer.key_id,
        report=report_of(kept.chains, kept.forecast, zone),
        other_forecast=kept.other_forecast,
    )


def show(state: State, run: str, *, zone: str = "", forecast_path: str = "") -> Report:
    """The report of a run, without writing anything. Raises as ``prove``."""
    if zone:
        load_zone(zone)
    kept = read_run(state, run, forecast_path)
    return report_of(kept.chains, kept.forecast, zone)


def read_run(state: State, run: str, forecast_path: str = "") -> Kept:
    """A run's chains and the forecast it ran with. Raises as ``prove``."""
    journal = open_journal(state)
    try:
        name = find_run(journal, run)
        own = journal.read(name)
        plan_digest = own[0].event.plan.digest if own and isinstance(own[0].event, RunStarted) else ""
        chains = {name: own}
        for chain in (before_chain(plan_digest), after_chain(name)):
            entries = journal.read(chain)
            if entries:
                chains[chain] = entries
    finally:
        journal.close()
    forecast = read_forecast(Path(forecast_path)) if forecast_path else state.find_forecast(plan_digest)
    if forecast is not None and not _ran_with(own, forecast):
        if forecast_path:
            raise BadInput(
                f"{forecast_path} is not the forecast that {name} ran with",
                object=name,
                why="comparing a run with another forecast would say that it went as predicted when it did not",
                hint="leave --forecast out, or name the file that the run was started with",
            )
        return Kept(run=name, chains=chains, forecast=None, other_forecast=True)
    return Kept(run=name, chains=chains, forecast=forecast)


def verify_path(path: Path, key_path: str = "", expect_head: str = "") -> Verification:
    """Verify a folder that ``prove`` wrote, or a ``record.json`` alone.

    Raises BadInput when there is nothing to read or the key is none; a broken record is an answer, no error.
    """
    key = read_public(Path(key_path)) if key_path else None
    try:
        if not path.is_dir():
            return verify(_bounded(path), None, key, expect_head)
        if not (path / RECORD).is_file():
            raise BadInput(
                f"there is no {RECORD} in {path}",
                object=str(path),
                hint="name a folder that was written with: shipkeeper evidence write RUN --out DIR",
            )
        data = _bounded(path / RECORD)
        beside = {
            file.name: _bounded(file) for file in sorted(path.iterdir()) if file.is_file() and file.name != RECORD
        }
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", object=str(path)) from error
    return verify(data, beside, key, expect_head)


def export_key(state: State, out: str) -> Ed25519Signer:
    """Write the public key (PEM) for whoever verifies; the key pair is made when there is none. Raises Failed."""
    signer = load_or_make(state.key_path)
    if out:
        try:
            write_atomically(Path(out), signer.public_pem(), mode=0o644)
        except OSError as error:
            raise Failed(f"{out} cannot be written: {error.strerror}", object=out) from error
    return signer


def open_journal(state: State) -> SqliteJournal:
    """The journal of a state folder. Raises UsageProblem when there is none yet."""
    if not state.journal_path.exists():
        raise UsageProblem(
            f"there is no journal in {state.folder}",
            code="no-journal",
            object=str(state.journal_path),
            hint="name the state folder of the run with --state DIR or $SHIPKEEPER_STATE",
        )
    return SqliteJournal(state.journal_path)


def find_run(journal: Journal, run: str) -> str:
    """The run of that id, or the only one whose id begins so. Raises UsageProblem naming those there are."""
    known = journal.runs()
    if run in known:
        return run
    begins = [name for name in known if run and name.startswith(run)]
    if len(begins) == 1:
        return begins[0]
    close = begins or difflib.get_close_matches(run, known, n=3) or list(known[-3:])
    raise UsageProblem(
        f"{run!r} could be any of {', '.join(begins)}" if begins else f"there is no run called {run!r}",
        code="no-such-run",
        object=run,
        hint=f"known: {', '.join(close)}" if close else "this journal has no run yet",
    )


def _ran_with(entries: Sequence[Entry], forecast: Forecast) -> bool:
    """Whether the run's start names this forecast; a run that names none is compared with what is there."""
    event = entries[0].event if entries else None
    if not isinstance(event, RunStarted) or forecast.plan_digest != event.plan.digest:
        return False
    return event.forecast_digest in ("", forecast.digest(), forecast.trace_digest)


def _bounded(path: Path) -> bytes:
    if path.stat().st_size > LARGEST_RECORD:
        raise BadInput(f"{path} is larger than 1 GiB; no run writes that much", object=str(path))
    return path.read_bytes()
