"""Waiting for the window: nothing is held in the cluster until shortly before, and then everything is asked again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.execution import marks
from shipkeeper.execution.opening import LEASE_LEAD_MS
from shipkeeper.execution.run import carry_out
from shipkeeper.journal.memory import MemoryJournal
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.cluster import ClusterIdentity, Lease
from shipkeeper.model.errors import Refused, Unreachable
from shipkeeper.model.run import GateRead, NodeLeft, StateChanged, StepIntent
from shipkeeper.model.time import DAY, HOUR, MINUTE, SECOND
from shipkeeper.twin.faults import NoFaults
from tests import builders as b
from tests.execution.mortal import Crash, Mortal, MortalApi, MortalJournal
from tests.execution.stage import RUN, Stage, window

KEY = ("kube-system", marks.LEASE_NAME)
OPENS = 6 * HOUR


def waiting_stage(opens_in_ms: int = OPENS, **request: Any) -> Stage:
    """A plan for one node, whose window opens in six hours."""
    return Stage(names=("n1",), window=window(opens_in_ms=opens_in_ms), **request)


def lease_of(stage: Stage) -> Lease | None:
    return stage.twin.api._leases.get(KEY)


def take(stage: Stage, holder: str, plan: str = "sha256:other", lasts_ms: int = DAY) -> None:
    """Another run holds the lease."""
    known = lease_of(stage)
    stage.twin.api._leases[KEY] = Lease(
        *KEY,
        holder=holder,
        renewed_ms=stage.kernel.now_ms(),
        duration_ms=lasts_ms,
        annotations={marks.PLAN: plan, marks.PROCESS: "elsewhere/1"},
        resource_version=(known.resource_version if known else "") + "x",
    )


def leave(stage: Stage) -> None:
    known = lease_of(stage)
    assert known is not None
    stage.twin.api._leases[KEY] = replace(known, holder="", resource_version=known.resource_version + "y")


def test_a_run_that_waits_keeps_nobody_out_and_takes_the_lease_shortly_before() -> None:
    stage = waiting_stage()
    seen: list[tuple[int, str]] = []

    async def look(stage: Stage) -> None:
        while True:
            held = lease_of(stage)
            if held is not None and (not seen or seen[-1][1] != held.holder):
                seen.append((stage.kernel.now_ms(), held.holder))
            await stage.kernel.sleep(SECOND)

    async def another_run(stage: Stage) -> None:
        await stage.kernel.sleep(2 * HOUR)
        take(stage, "run-other")
        await stage.kernel.sleep(HOUR)
        leave(stage)

    assert stage.play(look, another_run).state == "done"
    assert [holder for _, holder in seen][:3] == ["run-other", "", RUN]
    taken_ms = seen[2][0]
    assert b.NOW + OPENS - LEASE_LEAD_MS <= taken_ms <= b.NOW + OPENS - LEASE_LEAD_MS + 5 * SECOND
    again = [event.gate for event in stage.of(GateRead) if not event.step]
    assert again.count("plan-fits-cluster") == 2, "what the start had checked is asked again, hours later"
    assert again.count("lease-held") == 1
    first = next(entry for entry in stage.entries if isinstance(entry.event, StepIntent))
    assert first.at_ms >= b.NOW + OPENS, "nothing is done before the opening"
    waits = stage.of(StateChanged, state="waiting")[0]
    assert "Lease 5m before" in waits.will_do


def test_a_run_that_is_still_at_work_then_is_waited_for() -> None:
    stage = waiting_stage()
    take(stage, "run-late")

    async def ends_late(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="held"), at_most_ms=DAY, every_ms=MINUTE)
        assert stage.kernel.now_ms() < b.NOW + OPENS, "people hear of it before the window opens"
        await stage.kernel.sleep(10 * MINUTE)
        leave(stage)

    assert stage.play(ends_late, hold_for_ms=None).state == "done"
    held = stage.of(StateChanged, state="held")[0]
    assert "run-late holds the lease" in held.reason
    assert (held.gate, held.step) == ("lease-held", "")


def test_a_lease_that_nobody_gives_back_ends_the_wait_with_the_window() -> None:
    stage = waiting_stage()
    take(stage, "run-late", lasts_ms=2 * DAY)
    result = stage.play(hold_for_ms=None)
    assert (result.state, result.exit_code) == ("held", 4)
    assert not stage.of(StepIntent)
    assert lease_of(stage).holder == "run-late", "another run's lease was touched"  # type: ignore[union-attr]


@pytest.mark.parametrize("holder", ["run-twin", RUN])
def test_the_same_plan_elsewhere_is_refused_at_once_and_near_the_opening(holder: str) -> None:
    early = waiting_stage()
    take(early, holder, early.plan.digest)
    if holder != RUN:
        with pytest.raises(Refused, match=holder):
            early.play()
        assert not early.events()

    late = waiting_stage()

    async def somebody_is_faster(stage: Stage) -> None:
        await stage.kernel.sleep(2 * HOUR)
        while True:
            take(stage, holder, stage.plan.digest, lasts_ms=45 * SECOND)
            await stage.kernel.sleep(10 * SECOND)

    result = late.play(somebody_is_faster, hold_for_ms=None)
    assert (result.state, result.exit_code) == ("held", 4)
    assert holder in result.reason
    assert not late.of(StepIntent)
    assert not late.of(StateChanged, state="held"), "it is not waited for: the other one does this very work"


def test_another_cluster_behind_the_context_is_seen_before_the_lease_is_taken() -> None:
    stage = waiting_stage()

    async def the_context_moves(stage: Stage) -> None:
        await stage.kernel.sleep(2 * HOUR)

        async def identity() -> ClusterIdentity:
            return ClusterIdentity(uid="uid-other", server_version="v1.34.4")

        stage.twin.api.identity = identity  # type: ignore[method-assign]

    result = stage.play(the_context_moves)
    assert (result.state, result.exit_code) == ("held", 4)
    assert "uid-other" in result.reason
    assert lease_of(stage) is None
    assert not stage.of(StepIntent)


@pytest.mark.parametrize("word", ["pause", "abort"])
def test_people_are_heard_while_it_waits_and_the_cluster_hears_nothing(word: str) -> None:
    stage = waiting_stage()

    async def says(stage: Stage) -> None:
        await stage.kernel.sleep(HOUR)
        stage.say(word)
        if word == "pause":
            await stage.until(stage.seen(StateChanged, state="paused"))
            assert lease_of(stage) is None, "a run that waits was about to write on a lease that is not its own"
            stage.say("resume")

    assert stage.play(says).state == {"pause": "done", "abort": "aborted"}[word]
    if word == "abort":
        assert lease_of(stage) is None
        assert {event.state for event in stage.of(NodeLeft)} == {"not begun"}


def test_ctrl_c_while_it_waits_leaves_nothing() -> None:
    stage = waiting_stage()

    async def presses(stage: Stage) -> None:
        await stage.kernel.sleep(HOUR)
        stage.interrupts.stop()

    assert stage.play(presses).state == "interrupted"
    assert lease_of(stage) is None
    assert stage.play().state == "done", "and goes on later"


class Away(NoFaults):
    """The API server cannot be reached around the time when the lease is taken."""

    def before_call(self, verb: str, key: str, at_ms: int) -> Exception | None:
        near = b.NOW + OPENS - LEASE_LEAD_MS
        return Unreachable("connection refused") if near <= at_ms < near + 8 * MINUTE else None


def test_an_api_server_that_is_away_near_the_opening_is_waited_for() -> None:
    stage = waiting_stage(faults=Away())
    assert stage.play().state == "done"


def test_a_lease_that_is_held_when_the_window_is_near_refuses_the_start() -> None:
    stage = Stage(names=("n1",), window=window(opens_in_ms=LEASE_LEAD_MS - SECOND))
    take(stage, "run-other")
    with pytest.raises(Refused, match="run-other holds the lease"):
        stage.play()
    assert not stage.events()


def test_a_second_process_on_this_machine_is_refused_while_the_first_one_waits(tmp_path: Path) -> None:
    stage = waiting_stage()
    path = tmp_path / "journal.db"
    first = SqliteJournal(path)
    stage.journal = first  # type: ignore[assignment]
    refused: list[Refused] = []

    async def second(stage: Stage) -> None:
        await stage.kernel.sleep(HOUR)
        other = SqliteJournal(path)
        with pytest.raises(Refused) as error:
            await carry_out(stage.plan, RUN, stage.world(journal=other))
        refused.append(error.value)
        other.close()

    assert stage.play(second).state == "done"
    first.close()
    assert [(error.code, error.exit_code) for error in refused] == [("run-elsewhere", 4)]


def test_a_crash_at_every_point_of_the_wait() -> None:
    def crash_at(point: int) -> tuple[Stage, Mortal]:
        stage = waiting_stage(LEASE_LEAD_MS + MINUTE)
        life = Mortal(point)
        world = stage.world(api=MortalApi(stage.api, life), journal=MortalJournal(stage.journal, life))
        try:
            stage.play(world=world)
        except Crash:
            stage.kernel.abandon()
        return stage, life

    whole, life = crash_at(-1)
    until = next(i for i, what in enumerate(life.log) if "StepIntent" in what)
    assert until > 20, "the wait has points to die at"
    assert isinstance(whole.journal, MemoryJournal)
    for point in range(1, until + 2):
        stage, life = crash_at(point)
        assert stage.play().state == "done", f"crashed at {point}: {life.where}"
        assert stage.boots("n1") == 1
