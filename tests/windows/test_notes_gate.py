"""Gate notes-read: an upgrade's nodes do not begin before its notes were read and its problems talked over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from shipkeeper.app.standing import read_all
from shipkeeper.assessment.standing.notes import NAME, notes_read
from shipkeeper.assessment.standing.past import kind_of
from shipkeeper.assessment.standing.work import work_of
from shipkeeper.cli.main import main
from shipkeeper.knowledge.schedule import default_schedule
from shipkeeper.model.book import ConsultationClosed, NotesRead, ProblemFound
from shipkeeper.model.plan import UpgradeHop
from tests import builders as b
from tests.windows.test_standing_gates import NIGHTLY, Scene, platform

HOP = UpgradeHop(component="kubernetes", from_version="1.34.4", to_version="1.35.10")
HERE = {"component": "kubernetes", "hop_from": "1.34.4", "hop_to": "1.35.10"}
READ = NotesRead(**HERE, by="on-call", digest="sha256:1")
FOUND = ProblemFound(id="p1", **HERE, by="on-call", text="the log path changes", identity="on-call@host")
DEMO = Path(__file__).resolve().parents[2] / "src/shipkeeper/app/demo_platform"


def closed(by: str, decision: str = "proceed", identity: str = "") -> ConsultationClosed:
    return ConsultationClosed(problem="p1", by=by, decision=decision, text="looked at", identity=identity or by)


@pytest.mark.requirement("R-C6")
@pytest.mark.parametrize(
    ("book", "state", "why"),
    [
        ((), "closed", "nobody has read the notes of kubernetes 1.34.4 → 1.35.10"),
        ((READ,), "open", ""),
        ((replace(READ, hop_to="1.36.6"),), "closed", "nobody has read"),
        ((READ, FOUND), "closed", "nobody else has decided"),
        ((READ, FOUND, closed("on-call", identity="on-call@host")), "closed", "nobody else has decided"),
        ((READ, FOUND, closed("platform lead")), "open", ""),
        ((READ, FOUND, closed("platform lead", "do-not-proceed")), "closed", "decided not to proceed"),
    ],
)
def test_reading_and_a_second_person_open_it(book, state: str, why: str) -> None:
    reading = notes_read(HOP, book)
    assert (reading.gate, reading.state) == (NAME, state)
    assert why in reading.reason
    assert state == "open" or "shipkeeper upgrade " in reading.fix, "a closed gate tells nobody what to do"


def test_a_plan_that_only_patches_nodes_has_no_notes() -> None:
    assert notes_read(None, ()).is_open


def test_a_run_of_an_upgrade_is_held_until_its_notes_are_read(tmp_path: Path) -> None:
    scene = Scene(tmp_path, platform(NIGHTLY))
    plan = replace(scene.stage.plan, upgrade=HOP).sealed()
    readings = {r.gate: r for r in read_all(plan, scene.platform, scene.state, b.NOW)}
    assert readings[NAME].state == "closed"
    scene.book.write(b.NOW, [READ])
    readings = {r.gate: r for r in read_all(plan, scene.platform, scene.state, b.NOW)}
    assert readings[NAME].is_open


def test_an_upgrade_is_work_of_its_own_for_windows_and_staging(tmp_path: Path) -> None:
    """Restarting staging's nodes proves nothing about a Kubernetes minor."""
    plan = Scene(tmp_path, platform(NIGHTLY)).stage.plan
    hop = replace(plan, upgrade=HOP)
    assert work_of(plan, default_schedule()).content == ("os",)
    work = work_of(hop, default_schedule())
    assert (work.content, work.what) == (("kubernetes",), "1.34.4 → 1.35.10")
    assert kind_of(plan) != kind_of(hop)
    assert hop.sealed().digest != plan.sealed().digest


def test_the_plan_says_which_hop_it_is_for() -> None:
    words = ["plan", "nodes", "--from", str(DEMO / "platform.json.gz"), "--platform", str(DEMO / "shipkeeper.yaml")]
    words += ["--at", "2026-11-24T09:00:00Z", "--change", "kubernetes-minor", "-l", "pool=general"]
    told = CliRunner().invoke(main, [*words, "--upgrade", "kubernetes", "1.34.2", "1.35.10", "-o", "json"])
    assert told.exit_code == 0, told.output
    hop = json.loads(told.stdout)["upgrade"]
    assert hop == {"component": "kubernetes", "fromVersion": "1.34.2", "toVersion": "1.35.10"}
    refused = CliRunner().invoke(main, [*words, "--upgrade", "kubernetes", "1.34.2", "1.34.2"])
    assert refused.exit_code == 2
    assert "is no upgrade" in refused.stderr
