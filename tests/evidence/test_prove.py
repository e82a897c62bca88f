"""From a state folder to a folder of evidence and back, as the command line does it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shipkeeper.app.state import State
from shipkeeper.cli.main import main
from shipkeeper.evidence.chains import before_chain
from shipkeeper.journal.heads import sign_head
from shipkeeper.journal.keys import load_or_make
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.run import ChecklistRead, RunEnded
from tests.evidence.sample_run import OPENS_MS, RUN, before_list, night, sample_forecast, sample_plan

PLAN = sample_plan()


def shipkeeper(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


@pytest.fixture
def state(tmp_path: Path) -> State:
    """A state folder after the night: journal, forecast, checklist before, signed heads."""
    made = State.open(tmp_path / "state")
    forecast = sample_forecast(PLAN)
    made.keep_forecast(forecast)
    journal = SqliteJournal(made.journal_path)
    signer = load_or_make(made.key_path)
    journal.append(before_chain(PLAN.digest), OPENS_MS, [ChecklistRead(when="before", items=before_list())])
    for at_ms, event in night(PLAN, forecast_digest=forecast.digest()):
        journal.append(RUN, at_ms, [event])
        if isinstance(event, RunEnded):
            journal.append(RUN, at_ms, [sign_head(signer, RUN, *journal.head(RUN))])
    journal.close()
    return made


@pytest.mark.requirement("R-J1")
def test_evidence_is_written_and_verifies_with_nothing_left_unproven(state: State, tmp_path: Path) -> None:
    out, pem = tmp_path / "report", tmp_path / "pub.pem"
    written = shipkeeper("evidence", "write", RUN, "--out", str(out), "--state", str(state.folder), "-o", "json")
    assert written.exit_code == 0, written.stderr
    document = json.loads(written.stdout)
    assert document["kind"] == "Evidence"
    assert sorted(path.name for path in out.iterdir()) == ["index.html", "record.json", "report.md"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o644 for path in out.iterdir()), "people must be able to read it"
    assert shipkeeper("evidence", "key", "--out", str(pem), "--state", str(state.folder)).exit_code == 0
    verified = shipkeeper(
        "evidence", "verify", str(out), "--key", str(pem), "--expect-head", document["head"], "-o", "json"
    )
    assert verified.exit_code == 0, verified.output
    found = json.loads(verified.stdout)
    assert found["verdict"] == "holds"
    assert found["unproven"] == []
    record_only = shipkeeper("evidence", "verify", str(out / "record.json"))
    assert "? unproven" in record_only.stdout, "without key and head it must say what nobody can tell"
    assert "BROKEN" not in record_only.stdout


def test_a_broken_record_exits_1_and_says_where(state: State, tmp_path: Path) -> None:
    out = tmp_path / "report"
    shipkeeper("evidence", "write", RUN, "--out", str(out), "--state", str(state.folder))
    record = out / "record.json"
    record.write_bytes(record.read_bytes().replace(b"rehearsal read, go", b"rehearsal read, no"))
    result = shipkeeper("evidence", "verify", str(out))
    assert result.exit_code == 1
    assert "seq 4" in result.stdout, "the edited record is named"
    assert "BROKEN" in result.stdout


def test_markdown_and_json_say_the_same(state: State) -> None:
    shown = shipkeeper("evidence", "show", RUN, "--state", str(state.folder), "-o", "markdown")
    assert shown.exit_code == 0, shown.stderr
    document = json.loads(shipkeeper("evidence", "show", RUN, "--state", str(state.folder), "-o", "json").stdout)
    assert document["kind"] == "Report"
    for row in document["deviations"]:
        assert row["what"].split(":")[0] in shown.stdout
    assert document["head"] in shown.stdout


def test_a_prefix_names_a_run_and_a_wrong_name_is_helped(state: State, tmp_path: Path) -> None:
    out = str(tmp_path / "report")
    assert shipkeeper("evidence", "write", "run-7", "--out", out, "--state", str(state.folder)).exit_code == 0
    wrong = shipkeeper("evidence", "write", "run-9", "--out", out, "--state", str(state.folder))
    assert wrong.exit_code == 2
    assert RUN in wrong.stderr, "the reader is told which runs there are"


def test_a_state_folder_without_a_journal_is_said(tmp_path: Path) -> None:
    result = shipkeeper("evidence", "write", RUN, "--out", str(tmp_path / "o"), "--state", str(tmp_path / "s"))
    assert result.exit_code == 2
    assert "there is no journal" in result.stderr
    assert not (tmp_path / "s" / "journal.db").exists(), "looking must not make an empty journal"


def test_a_newer_forecast_in_state_is_not_taken_for_the_one_it_ran_with(state: State, tmp_path: Path) -> None:
    import msgspec

    newer = msgspec.structs.replace(sample_forecast(PLAN), seeds=5, trace_digest="sha256:" + "34" * 32)
    state.keep_forecast(newer)
    out = tmp_path / "report"
    result = shipkeeper("evidence", "write", RUN, "--out", str(out), "--state", str(state.folder))
    assert result.exit_code == 0
    assert "not the one this run was started with" in result.stderr
    path = state.forecast_path(PLAN.digest)
    refused = shipkeeper(
        "evidence", "write", RUN, "--out", str(out), "--state", str(state.folder), "--forecast", str(path)
    )
    assert refused.exit_code == 2


@pytest.mark.parametrize("path", ["absent", "empty"])
def test_verify_of_nothing_says_so(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    result = shipkeeper("evidence", "verify", str(tmp_path / path))
    assert result.exit_code == 2
    assert "error:" in result.stderr
