"""How windows were used: figures from the journal, and advice that names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.state import State
from shipkeeper.app.window_use import utilisation
from shipkeeper.assessment.standing.past import NodeTurn, PastRun
from shipkeeper.assessment.utilisation import Opening, WindowUse, advise, uses
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.book import WorkRecorded
from shipkeeper.model.declared_windows import WindowRule
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.platform import ClusterConfig, Environment, Platform
from shipkeeper.model.time import DAY, HOUR, MINUTE, moment
from shipkeeper.planning.window import upcoming
from tests import builders as b
from tests.execution.stage import Stage, window

OPENS = moment(b.NOW, "UTC")
RULE = WindowRule(name="nightly", rrule="FREQ=DAILY", start=f"{OPENS:%H:%M}", duration="8h", zone="UTC")
FIRST = next(upcoming(RULE, b.NOW - 1 * HOUR, b.NOW + DAY)).opens_ms
PLAN = Stage().plan


def opening(night: int = 0) -> Opening:
    start = FIRST + night * DAY
    return Opening(RULE, next(upcoming(RULE, start, start + HOUR)), 30 * MINUTE)


def run(night: int = 0, hours: float = 3, done: int = 3, **fields: Any) -> PastRun:
    began = FIRST + night * DAY + 5 * MINUTE
    last = began + round(hours * HOUR)
    nodes = tuple(NodeTurn(f"n{i + 1}", f"uid-n{i + 1}", last) for i in range(done))
    made: dict[str, Any] = {
        "run": f"run-{night}",
        "plan": PLAN,
        "state": "done",
        "began_ms": began,
        "last_ms": last,
        "ended_ms": last,
        "busy_ms": last - began,
        "nodes": nodes,
    }
    return PastRun(**(made | fields))


def used(*runs: PastRun, nights: int = 1, records: Any = ()) -> tuple[WindowUse, ...]:
    openings = [opening(night) for night in range(nights)]
    return uses("production", openings, runs, records, {item.run: 4 * 3600.0 for item in runs})


@pytest.mark.requirement("R-C8")
def test_a_window_knows_what_was_planned_used_and_done_in_it() -> None:
    (use,) = used(run())
    assert (use.planned_seconds, use.used_seconds, use.overrun_seconds) == (4 * 3600, 3 * 3600, 0)
    assert use.share == 0.4, "3 of the 7.5 hours before the reserve"
    assert (use.nodes, use.runs, use.left) == (3, ("run-0",), ())


def test_time_after_the_end_is_overrun_and_what_was_not_done_is_left() -> None:
    (use,) = used(run(hours=8.5, done=2))
    assert use.overrun_seconds == (8.5 * HOUR + 5 * MINUTE - 8 * HOUR) / 1000
    assert use.nodes == 0, "done after the end is not done in the window"
    assert use.left == ("n1", "n2", "n3")


def test_two_runs_add_up_and_work_by_hand_is_named() -> None:
    day = moment(FIRST, "UTC").date().isoformat()
    record = WorkRecorded(runbook="keycloak", component="keycloak", by=("kim",), done_on=day)
    second = run(hours=1, run="run-b", began_ms=FIRST + 5 * HOUR, last_ms=FIRST + 6 * HOUR)
    (use,) = used(run(), second, records=[record])
    assert use.used_seconds == 4 * 3600
    assert use.recorded == ("keycloak keycloak",)
    (other,) = used(records=[replace(record, done_on="2020-01-01")])
    assert other.recorded == ()


@pytest.mark.requirement("R-C8")
@pytest.mark.parametrize(
    ("hours", "done", "advice", "words"),
    [
        (2, 3, "more", "27% of the usable time on average over 4 windows, 2h00m a night: about 5h50m are free"),
        (5, 3, "fits", "as much as fits well"),
        (7, 3, "full", "nothing more fits; for more, agree on more than 8h00m"),
        (8.5, 3, "fewer-or-longer", "4 of 4 overran, by up to 35m"),
        (5, 1, "fewer-or-longer", "4 of 4 left nodes over, up to 2"),
    ],
    ids=["roomy", "well", "full", "over", "left"],
)
def test_advice_has_its_figures(hours: float, done: int, advice: str, words: str) -> None:
    found = advise(RULE, "production", used(*(run(night, hours, done) for night in range(4)), nights=4))
    assert found.advice == advice
    assert words in found.text


def test_of_one_night_nothing_is_advised_and_unused_windows_are_said() -> None:
    assert advise(RULE, "production", used(run())).advice == "too-little-known"
    assert advise(RULE, "production", ()).advice == "too-little-known"
    unused = advise(RULE, "production", used(nights=3))
    assert (unused.advice, unused.windows, unused.used) == ("unused", 3, 0)


@pytest.mark.requirement("R-C8")
def test_the_journal_of_real_runs_is_what_it_is_reckoned_from(tmp_path: Path) -> None:
    state = State(tmp_path)
    production = Environment(name="production", clusters=(ClusterConfig(name="p", uid="uid-cluster"),), windows=(RULE,))
    platform = Platform(name="shop", environments=(production,))
    stage = Stage(window=window(lasts_ms=7 * HOUR))
    journal = SqliteJournal(state.journal_path)
    assert stage.play(world=stage.world(journal=journal)).state == "done"
    journal.close()
    Logbook.of(state, platform).write(
        b.NOW,
        [WorkRecorded(runbook="falco", component="falco", by=("kim",), done_on="2026-09-23", environment="production")],
    )
    found = utilisation(platform, state, b.NOW + 3 * DAY, 6)
    first = found.items[-1]
    assert first.runs == ("run-0001",)
    assert first.nodes == 3
    assert 0 < first.used_seconds < 3600
    assert [use.runs for use in found.items[:-1]] == [()] * (len(found.items) - 1)
    assert any("falco" in text for use in found.items for text in use.recorded)
    assert not utilisation(platform, State(tmp_path / "empty"), b.NOW, 6).items, "before any record nothing is unused"
    with pytest.raises(UsageProblem, match="no environment called 'prod'"):
        utilisation(platform, state, b.NOW, 6, "prod")
