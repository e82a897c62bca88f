"""Before what cannot be undone there is a backup to go back to, as young as people decided."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.app import inventory_file
from shipkeeper.app.checklist_stand import baseline_path
from shipkeeper.app.standing import read_all, standing_gates
from shipkeeper.app.state import State
from shipkeeper.assessment.standing.backups import cannot_undo
from shipkeeper.evidence.chains import before_chain
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.errors import Failed, Forbidden, Unreachable
from shipkeeper.model.operands import Backup
from shipkeeper.model.plan import Plan, UpgradeHop
from shipkeeper.model.platform import ClusterConfig, Environment, Objectives, Platform
from shipkeeper.model.run import ChecklistItem, ChecklistRead
from shipkeeper.model.time import HOUR, iso
from shipkeeper.ports.gates import GateReading
from shipkeeper.semantics.wire.platform.velero import BACKUPS
from tests import builders as b
from tests.evidence.sample_run import OPENS_MS, sample_plan

REBOOT = sample_plan()
ONE_WAY = replace(REBOOT, change="kubernetes-minor").sealed()


def platform(production: bool = True, rpo: str = "24h") -> Platform:
    environment = Environment(
        name="production",
        production=production,
        clusters=(ClusterConfig(name="prod", uid=REBOOT.cluster.uid),),
        objectives=Objectives(rpo=rpo),
    )
    return Platform(name="payments", environments=(environment,))


def velero(hours: float) -> Backup:
    started = OPENS_MS - int(hours * HOUR)
    return Backup("velero", "velero", "nightly", "Completed", completed=True, started_ms=started)


class Live:
    """A cluster that has Velero's backups and nothing else installed."""

    def __init__(self, *backups: Backup, error: Exception | None = None) -> None:
        self.backups, self.error, self.asked = backups, error, 0

    async def list_kind(self, full_name: str) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        self.asked += 1
        if full_name != BACKUPS.full_name:
            raise Failed("no such kind", code="not-served")
        if self.error is not None:
            raise self.error
        return self.backups, ()

    async def releases(self, storage: Any) -> Any:
        raise AssertionError("nobody asked for releases")

    async def deprecated_requests(self) -> Any:
        raise AssertionError("nobody asked for metrics")


def gate(folder: Path, live: Live | None, plan: Plan = ONE_WAY, declared: Platform | None = None) -> GateReading:
    gates = standing_gates(plan, declared or platform(), State.open(folder), live=live)
    found = next(one for one in gates if one.name == "backup-fresh")
    return asyncio.run(found.read(OPENS_MS))


@pytest.mark.requirement("R-D3")
@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (REBOOT, ()),
        (replace(REBOOT, change="minor"), ()),
        (replace(REBOOT, change="security-patch"), ()),
        (replace(REBOOT, change="major"), ("a major change",)),
        (ONE_WAY, ("a minor of Kubernetes",)),
        (
            replace(ONE_WAY, upgrade=UpgradeHop(component="keycloak", from_version="26.1", to_version="26.4")),
            ("26.1 → 26.4",),
        ),
        (replace(REBOOT, purpose="upgrade keycloak"), ("upgrade keycloak",)),
        (replace(REBOOT, nodes=(replace(REBOOT.nodes[0], control_plane=True),)), ("carry the control plane",)),
    ],
)
def test_what_cannot_be_undone(plan: Plan, words: tuple[str, ...]) -> None:
    found = cannot_undo(plan)
    assert len(found) == len(words)
    assert all(word in one for word, one in zip(words, found, strict=True))


@pytest.mark.requirement("R-D3")
@pytest.mark.parametrize(
    ("live", "state", "words"),
    [
        (Live(velero(3)), "open", "nightly 3h00m old"),
        (Live(velero(30)), "closed", "nightly 30h00m old"),
        (Live(), "unknown", "no backup of Velero or CloudNativePG"),
        (Live(error=Forbidden("backups is forbidden")), "unknown", "not all could be read"),
    ],
    ids=["young enough", "too old", "none", "not allowed to look"],
)
def test_the_cluster_is_asked_as_it_is_now(tmp_path: Path, live: Live, state: str, words: str) -> None:
    found = gate(tmp_path, live)
    assert (found.state, words in (found.reason or found.reading)) == (state, True), found
    assert found.is_open or "a minor of Kubernetes is not taken back" in found.reason, "what it is needed for is said"


def test_a_cluster_that_does_not_answer_is_no_reading(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        gate(tmp_path, Live(error=Unreachable("no route")))


def test_a_plan_that_can_be_undone_asks_nobody(tmp_path: Path) -> None:
    live = Live()
    assert gate(tmp_path, live, REBOOT).state == "open"
    assert not live.asked


@pytest.mark.requirement("R-D3")
def test_outside_production_it_holds_where_somebody_declared_what_may_be_lost(tmp_path: Path) -> None:
    assert gate(tmp_path, Live(), declared=platform(production=False, rpo="")).state == "open"
    assert gate(tmp_path, Live(), declared=platform(production=False, rpo="24h")).state == "unknown"
    assert gate(tmp_path, Live(velero(30)), declared=platform(rpo="48h")).state == "open", "the objective decides"
    assert gate(tmp_path, Live(), declared=Platform()).state == "open"


def tick(folder: Path, hours: float) -> None:
    item = ChecklistItem(
        id="backups-recent", text="x", cluster="prod", state="done", by="on-call", reading="snapshot of the array",
        at=iso(OPENS_MS - int(hours * HOUR)),
    )  # fmt: skip
    journal = SqliteJournal(State.open(folder).journal_path)
    journal.append(before_chain(ONE_WAY.digest), OPENS_MS, [ChecklistRead(when="before", items=(item,))])
    journal.close()


@pytest.mark.parametrize(
    ("hours", "live", "state"),
    [(2, Live(), "open"), (30, Live(), "unknown"), (2, Live(velero(90)), "closed")],
    ids=["seen two hours ago", "seen yesterday", "seen, and the cluster shows an old one"],
)
def test_a_person_s_word_counts_where_no_cluster_tells_and_as_long_as_the_objective(
    tmp_path: Path, hours: float, live: Live, state: str
) -> None:
    tick(tmp_path, hours)
    found = gate(tmp_path, live)
    assert found.state == state, found
    assert found.state != "open" or "seen by on-call 2h00m ago: snapshot of the array" in found.reading


def test_without_a_live_cluster_the_reading_of_the_checklist_counts_at_its_age(tmp_path: Path) -> None:
    state = State.open(tmp_path)

    def offline(at_ms: int) -> GateReading:
        return next(one for one in read_all(ONE_WAY, platform(), state, at_ms) if one.gate == "backup-fresh")

    assert "nothing tells" in offline(OPENS_MS).reading
    path = baseline_path(state, ONE_WAY)
    path.parent.mkdir()
    inventory_file.save(b.inventory(backups=(velero(3),)), path)
    assert offline(OPENS_MS).state == "open"
    assert offline(OPENS_MS + 30 * HOUR).state == "closed", "what was young when it was read is not young for ever"
