"""``shipkeeper due`` as a person and a program use it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from shipkeeper.app.inventory_file import save
from shipkeeper.app.state import State
from shipkeeper.cli.main import main
from shipkeeper.journal.sqlite import SqliteJournal
from tests.builders import inventory, nodes
from tests.due.test_due import AT, _night

PLATFORM = """
zone: Europe/Stockholm
environments:
  - name: production
    clusters: [{name: test}]
    windows:
      - name: monthly
        rrule: FREQ=MONTHLY;BYDAY=1TU
        start: 22:00
        duration: 7h
        zone: Europe/Stockholm
        agreedBy: [owners]
        agreedUntil: 2027-06-30
done: {keycloak: 2026-09-02, hsm-audit-log: 2026-11-16, kubernetes: 2026-08-11}
"""
TIME = "2026-11-21T09:00:00+01:00"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHIPKEEPER_STATE", str(tmp_path / "state"))
    (tmp_path / "shipkeeper.yaml").write_text(PLATFORM)
    save(inventory(*nodes(2)), tmp_path / "prod.inv")
    return tmp_path


def run(*args: str):
    return CliRunner().invoke(main, ["due", "--at", TIME, *args], prog_name="shipkeeper")


@pytest.mark.requirement("R-B1")
def test_json_has_the_promised_keys(folder):
    result = run("-o", "json", "--from", "prod.inv")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["kind"] == "DueList"
    keys = {"task", "level", "cadence", "needsWindow", "impact", "lastDone", "nextDue", "state", "reason", "owner"}
    assert all(keys <= item.keys() for item in found["items"])
    states = {item["id"]: item["state"] for item in found["items"]}
    assert (states["kubernetes"], states["keycloak"], states["hsm-audit-log"]) == ("overdue", "due", "ok")


def test_the_table_is_read_in_three_seconds(folder):
    result = run("--from", "prod.inv")
    for told in (
        "next window Tue 1 Dec 22:00–05:00",
        "agreed by owners until 2027-06-30",
        "OVERDUE",
        "11 Aug",
        "1 overdue",
    ):
        assert told in result.stdout


def test_a_program_can_ask_whether_work_is_due(folder):
    assert run("--exit-code").exit_code == 3
    (folder / "shipkeeper.yaml").write_text("done: {}\n")
    assert run("--exit-code").exit_code == 0, "what is only unknown is not work due"
    assert run().exit_code == 0


def test_what_runs_did_is_taken_from_the_journal(folder):
    inv = inventory(*nodes(2))
    state = State.open(folder / "state")
    journal = SqliteJournal(state.journal_path)
    for entry in _night(inv, ["n1", "n2"], AT - 3_600_000 * 24):
        journal.append(entry.run, entry.at_ms, [entry.event])
    journal.close()
    items = {item["id"]: item for item in json.loads(run("-o", "json", "--from", "prod.inv").stdout)["items"]}
    assert items["node-os"]["lastDone"].startswith("2026-11-20")
    assert items["node-os"]["state"] == "ok"


def test_markdown_is_a_table(folder):
    assert "| Keycloak upgrades | Quarterly | 15–30 minutes |" in run("-o", "markdown").stdout
