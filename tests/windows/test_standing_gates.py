"""The gates a run really passes: platform file, logbook and journal together, with the executor at work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.standing import RULES, keep_agreements, matter_of, read_all, standing_gates
from shipkeeper.app.state import State
from shipkeeper.evidence.chains import before_chain
from shipkeeper.evidence.checklist_box import OURS
from shipkeeper.evidence.checklists import known
from shipkeeper.execution.gates.catalogue import STANDING
from shipkeeper.execution.world import RunResult
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.book import EmergencyDeclared, Waived, WindowAgreed, WorkRecorded
from shipkeeper.model.errors import Refused
from shipkeeper.model.platform import ClusterConfig, Environment, Freeze, NoticePolicy, Platform, WindowRule
from shipkeeper.model.run import ChecklistItem, ChecklistRead, GateRead, StepIntent
from shipkeeper.model.time import DAY, HOUR, iso, moment
from tests import builders as b
from tests.execution.stage import Stage, window

OPENS = moment(b.NOW, "UTC")
NIGHTLY = WindowRule(
    name="nightly",
    rrule="FREQ=DAILY",
    start=f"{OPENS:%H:%M}",
    duration="8h",
    zone="UTC",
    agreed_by=("shop team",),
    agreed_on="2026-01-01",
)


def platform(*windows: WindowRule, **fields: Any) -> Platform:
    production = Environment(
        name="production", clusters=(ClusterConfig(name="p", uid="uid-p"),), windows=windows, follows="staging"
    )
    staging = Environment(name="staging", production=False, clusters=(ClusterConfig(name="s", uid="uid-s"),))
    nobody = NoticePolicy(channels={"users": (), "developers": ()})
    return Platform(**{"name": "shop", "environments": (staging, production), "notices": nobody, **fields})


class Scene:
    """A plan for production, a state folder, and what people said."""

    def __init__(self, folder: Path, declared: Platform, uid: str = "uid-p", **asked: Any) -> None:
        self.state = State(folder)
        self.platform = declared
        self.book = Logbook.of(self.state, declared)
        asked = {"window": window(lasts_ms=7 * HOUR)} | asked
        self.stage = Stage(more={"identity": replace(b.inventory().identity, uid=uid)}, **asked)
        self.subject = self.stage.plan.digest
        self.tick_everything()

    def tick_everything(self) -> None:
        """Every box of the list before is read and seen to."""
        at, plan = iso(b.NOW - HOUR), self.stage.plan
        items = [ChecklistItem(id=box, text=box, cluster="p", state="done", by=OURS, at=at) for box in known("before")]
        journal = SqliteJournal(self.state.journal_path)
        journal.append(before_chain(plan.digest), b.NOW - HOUR, [ChecklistRead(when="before", items=tuple(items))])
        journal.close()

    def readings(self) -> dict[str, tuple[str, str]]:
        found = read_all(self.stage.plan, self.platform, self.state, b.NOW)
        return {reading.gate: (reading.state, reading.reason or reading.reading) for reading in found}

    def play(self) -> RunResult:
        gates = standing_gates(self.stage.plan, self.platform, self.state)
        journal = SqliteJournal(self.state.journal_path)
        try:
            return self.stage.play(world=self.stage.world(standing=gates, journal=journal))
        finally:
            journal.close()


def staged(scene: Scene, days: int = 14) -> None:
    """Staging had its turn that long ago."""
    done_on = iso(b.NOW - days * DAY)[:10]
    record = WorkRecorded(runbook="node-os", component="nodes", by=("kim",), done_on=done_on, environment="staging")
    scene.book.write(b.NOW, [record])


def test_every_gate_that_is_described_is_built_and_the_other_way_round() -> None:
    assert list(RULES) == list(STANDING)


@pytest.mark.requirement("R-C3", "R-C7")
def test_an_agreed_window_after_staging_is_carried_out_with_its_readings_on_record(tmp_path: Path) -> None:
    scene = Scene(tmp_path, platform(NIGHTLY))
    staged(scene)
    result = scene.play()
    assert result.state == "done", result.reason
    journal = SqliteJournal(scene.state.journal_path)
    read = [entry.event for entry in journal.read(result.run_id) if isinstance(entry.event, GateRead)]
    journal.close()
    by_gate = {event.gate: event for event in read if event.gate in STANDING}
    assert set(by_gate) == set(STANDING)
    assert {event.state for event in by_gate.values()} == {"open"}
    assert "agreed by shop team on 2026-01-01" in by_gate["window-agreed"].reading


@pytest.mark.requirement("R-C3")
def test_production_before_staging_is_held_and_a_waiver_on_record_lets_it_go(tmp_path: Path) -> None:
    scene = Scene(tmp_path, platform(NIGHTLY))
    first = scene.play()
    assert (first.state, first.exit_code) == ("held", 4)
    assert first.reason.startswith("staging-first is closed")
    waiver = Waived(rule="staging-first", subject=scene.subject, reason="staging is being rebuilt", by="lead")
    scene.book.write(b.NOW, [waiver])
    assert scene.play().state == "done"


@pytest.mark.requirement("R-B3")
def test_an_emergency_opens_window_freeze_and_staging_but_no_gate_of_safety(tmp_path: Path) -> None:
    frozen = Freeze(name="sale", begins=iso(b.NOW - DAY)[:10], ends=iso(b.NOW + DAY)[:10])
    scene = Scene(tmp_path, platform(replace(NIGHTLY, agreed_by=()), freezes=(frozen,)))
    assert {gate for gate, (state, _) in scene.readings().items() if state == "closed"} == {
        "window-agreed",
        "not-frozen",
        "staging-first",
    }
    scene.book.write(
        b.NOW,
        [
            EmergencyDeclared(
                id="e-1",
                subject=scene.subject,
                reason="exploited in the wild",
                by="on-call",
                second="lead",
                identity="u1",
                second_identity="u2",
            )
        ],
    )
    readings = scene.readings()
    assert {state for state, _ in readings.values()} == {"open"}
    assert "exploited in the wild" in readings["staging-first"][1]
    # A budget that allows nothing holds all the same.
    blocked = Scene(tmp_path / "blocked", platform(NIGHTLY))
    blocked.stage = Stage(
        *b.nodes(2),
        b.deployment("web", on=("n1",)),
        b.budget("web", app="web", max_unavailable=0, healthy=1, expected=1, desired=1, allowed=0),
        window=window(lasts_ms=7 * HOUR),
    )
    gates = standing_gates(blocked.stage.plan, Platform(), blocked.state)
    held = blocked.stage.play(world=blocked.stage.world(standing=gates), hold_for_ms=HOUR)
    assert held.state == "held"
    assert "web" in held.reason


def test_without_a_platform_file_every_gate_is_open_and_says_why(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Platform(), window=None)
    readings = scene.readings()
    assert {state for state, _ in readings.values()} == {"open"}
    assert readings["window-agreed"][1] == "the platform file declares no environment"
    assert scene.play().state == "done"
    assert not (tmp_path / "journal.db").exists() or not scene.book.read()


def test_a_cluster_that_no_environment_names_is_unknown_and_holds(tmp_path: Path) -> None:
    scene = Scene(tmp_path, platform(NIGHTLY), uid="uid-elsewhere")
    state, reason = scene.readings()["window-agreed"]
    assert state == "unknown"
    assert "does not say which environment cluster" in reason
    result = scene.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert not scene.stage.of(StepIntent)


def test_a_run_on_staging_is_found_in_the_journal(tmp_path: Path) -> None:
    declared = platform(NIGHTLY)
    there = Scene(tmp_path, declared, uid="uid-s", window=None)
    assert there.play().state == "done"
    scene = Scene(tmp_path, declared)
    assert scene.readings()["staging-first"][0] == "closed", "it ended after the hour that is asked about"
    found = read_all(scene.stage.plan, declared, scene.state, b.NOW + 8 * DAY)
    reading = next(item for item in found if item.gate == "staging-first")
    assert reading.is_open, reading.reason
    assert "run-0001 on staging ended" in reading.reading


@pytest.mark.requirement("R-C7")
def test_a_window_that_was_changed_after_a_run_saw_it_asks_for_a_new_agreement(tmp_path: Path) -> None:
    scene = Scene(tmp_path, platform(NIGHTLY))
    keep_agreements(scene.stage.plan, scene.platform, scene.state, b.NOW)
    keep_agreements(scene.stage.plan, scene.platform, scene.state, b.NOW)
    assert len(scene.book.of_kind(WindowAgreed)) == 1, "kept once"
    scene.platform = platform(replace(NIGHTLY, duration="9h"))
    state, reason = scene.readings()["window-agreed"]
    assert state == "closed"
    assert "what was agreed by shop team on 2026-01-01 was another window" in reason


def test_a_waiver_for_the_day_of_the_opening_holds_until_the_night_is_over(tmp_path: Path) -> None:
    scene = Scene(tmp_path, platform(NIGHTLY))
    day = iso(b.NOW)[:10]
    waiver = Waived(rule="staging-first", subject=scene.subject, reason="rebuilt", by="lead", until=day)
    scene.book.write(b.NOW, [waiver])

    def at(at_ms: int) -> str:
        found = read_all(scene.stage.plan, scene.platform, scene.state, at_ms)
        return next(item.state for item in found if item.gate == "staging-first")

    assert at(b.NOW) == "open"
    assert at(b.NOW + DAY) == "open", "the same night, later"
    scene.book.write(b.NOW, [replace(waiver, until=iso(b.NOW - DAY)[:10])])
    assert at(b.NOW) == "open", "the longer of two counts"


@pytest.mark.parametrize(("role", "expected"), [("wc", "open"), ("sc", "closed")])
def test_staging_s_cluster_of_the_same_role_goes_first(tmp_path: Path, role: str, expected: str) -> None:
    there = ClusterConfig(name="s", uid="uid-s", role=role)
    other = ClusterConfig(name="s2", uid="uid-s2", role="wc" if role == "sc" else "sc")
    here = ClusterConfig(name="p", uid="uid-p", role="wc")
    declared = Platform(
        name="shop",
        environments=(
            Environment(name="staging", production=False, clusters=(there, other)),
            Environment(name="production", follows="staging", clusters=(here,), windows=(NIGHTLY,)),
        ),
    )
    assert Scene(tmp_path, declared, uid="uid-s", window=None).play().state == "done"
    scene = Scene(tmp_path, declared)
    found = read_all(scene.stage.plan, declared, scene.state, b.NOW + 8 * DAY)
    assert next(item.state for item in found if item.gate == "staging-first") == expected


def test_the_context_of_a_run_is_a_name_of_its_cluster(tmp_path: Path) -> None:
    declared = Platform(
        name="shop",
        environments=(
            Environment(name="staging", production=False, clusters=(ClusterConfig(name="s"),)),
            Environment(name="production", follows="", clusters=(ClusterConfig(name="p", context="prod-admin"),)),
        ),
    )
    scene = Scene(tmp_path, declared, window=None)
    assert matter_of(scene.stage.plan, declared, scene.state, "prod-admin").place is not None
    with pytest.raises(Refused, match="does not say which environment"):
        _ = matter_of(scene.stage.plan, declared, scene.state).place


def test_a_torn_logbook_is_unknown_and_no_pass(tmp_path: Path) -> None:
    scene = Scene(tmp_path, platform(NIGHTLY))
    staged(scene)
    (tmp_path / "journal.db").write_bytes(b"not a database at all" * 400)
    result = scene.stage.play(
        world=scene.stage.world(standing=standing_gates(scene.stage.plan, scene.platform, scene.state))
    )
    assert (result.state, result.exit_code) == ("held", 4)
    assert "unknown" in result.reason
