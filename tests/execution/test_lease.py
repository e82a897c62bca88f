"""One runner per cluster, and a world that cannot be reached, is set, sleeps, or no longer knows us."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.execution import marks
from shipkeeper.model.cluster import Lease
from shipkeeper.model.errors import Failed, Refused, Unauthenticated, Unreachable
from shipkeeper.model.run import HeadSigned, Noted, PodOutcome, StateChanged, StepIntent, StepOutcome
from shipkeeper.model.time import HOUR, MINUTE, SECOND
from shipkeeper.twin.faults import NoFaults
from tests import builders as b
from tests.execution.scripted import Scripted
from tests.execution.stage import RUN, Stage


def lease_of(stage: Stage) -> Lease:
    found: Lease = stage.twin.api._leases[("kube-system", marks.LEASE_NAME)]
    return found


def take_over(stage: Stage, holder: str) -> None:
    """Somebody else writes the lease."""
    key = ("kube-system", marks.LEASE_NAME)
    now = stage.kernel.now_ms()
    known = stage.twin.api._leases.get(key, Lease(*key))
    stage.twin.api._leases[key] = replace(
        known, holder=holder, renewed_ms=now, duration_ms=45_000, resource_version=f"theirs-{now}"
    )


def test_the_lease_names_run_process_and_plan_and_is_given_back() -> None:
    stage = Stage()
    seen: list[Lease] = []

    async def look(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent))
        seen.append(lease_of(stage))

    stage.play(look)
    assert seen[0].holder == RUN
    assert seen[0].annotations[marks.PLAN] == stage.plan.digest
    assert seen[0].annotations[marks.PROCESS] == "stage/1"
    assert lease_of(stage).holder == ""


def test_another_living_run_is_refused_naming_the_holder() -> None:
    stage = Stage()
    take_over(stage, "run-9999")
    with pytest.raises(Refused, match="run-9999 holds the lease") as refused:
        stage.play()
    assert refused.value.exit_code == 4
    assert not stage.events()


def test_the_same_run_twice_is_refused() -> None:
    stage = Stage()

    async def second(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/reboot"))
        with pytest.raises(Refused, match=RUN):
            await _start_again(stage)
        took_ms.append(stage.kernel.now_ms())

    took_ms: list[int] = []
    assert stage.play(second).state == "done"
    assert took_ms, "the second process was never refused"


async def _start_again(stage: Stage) -> Any:
    from shipkeeper.execution.run import carry_out

    return await carry_out(stage.plan, RUN, stage.world())


def test_a_dead_process_is_followed_at_once_where_that_is_known() -> None:
    stage = Stage()
    take_over(stage, RUN)
    began = stage.kernel.now_ms()
    world = stage.world(process_gone=lambda process: True)
    stage.play(world=world)
    first = next(e for e in stage.entries if isinstance(e.event, StepIntent))
    assert first.at_ms - began < 5 * SECOND


def test_a_dead_process_is_followed_when_its_lease_has_run_out() -> None:
    stage = Stage()
    take_over(stage, RUN)
    assert stage.play().state == "done"
    first = next(e for e in stage.entries if isinstance(e.event, StepIntent))
    assert first.at_ms - b.NOW >= 45 * SECOND


def test_a_lost_lease_holds_with_no_further_effect() -> None:
    stage = Stage()
    api = Scripted(stage.api)
    stage.api = api

    async def thief(stage: Stage) -> None:
        await stage.until(stage.seen(StepOutcome, step="n1/reboot"))
        take_over(stage, "run-9999")

    result = stage.play(thief)
    assert (result.state, result.exit_code) == ("held", 4)
    assert "run-9999" in result.reason
    assert stage.node("n1").unschedulable, "it is not even uncordoned: somebody else is at work"
    assert api.calls.count("patch_node") == 1
    assert lease_of(stage).holder == "run-9999", "and theirs is left alone"


def test_the_same_run_in_another_process_is_somebody_else() -> None:
    """Our process slept; the run was started elsewhere under the same id, and holds the lease now."""
    stage = Stage()
    api = stage.api = Scripted(stage.api)

    async def elsewhere(stage: Stage) -> None:
        await stage.until(stage.seen(StepOutcome, step="n1/reboot"))
        take_over(stage, RUN)
        key = ("kube-system", marks.LEASE_NAME)
        known = stage.twin.api._leases[key]
        stage.twin.api._leases[key] = replace(known, annotations={marks.PROCESS: "other/machine"})

    result = stage.play(elsewhere)
    assert (result.state, result.exit_code) == ("held", 4)
    assert "other/machine" in result.reason
    assert api.calls.count("patch_node") == 1


def test_no_effect_without_a_lease_that_outlives_it() -> None:
    """Renewals fail for longer than the lease lives: effects wait, and go on when it is renewed."""
    stage = Stage()
    api = Scripted(stage.api)
    stage.api = api
    failing = [False]

    def broken() -> None:
        if failing[0]:
            raise Unreachable("the API server does not answer")

    api.before["put_lease"] = broken
    patched: list[int] = []
    api.before["patch_node"] = lambda: patched.append(stage.kernel.now_ms())

    async def breaks(stage: Stage) -> None:
        await stage.until(stage.seen(StepOutcome, step="n1/reboot"))
        failing[0] = True
        await stage.kernel.sleep(5 * MINUTE)
        times.append(stage.kernel.now_ms())
        failing[0] = False

    times: list[int] = []
    assert stage.play(breaks).state == "done"
    assert not [at for at in patched[1:] if at < times[0]], "a patch was sent under a lease that had run out"


def test_a_long_effect_lengthens_the_lease_for_its_time_only() -> None:
    stage = Stage()
    lengths: list[int] = []

    async def look(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/reboot"), every_ms=1)
        lengths.append(lease_of(stage).duration_ms)
        await stage.kernel.sleep(15 * SECOND)
        lengths.append(lease_of(stage).duration_ms)

    stage.play(look)
    assert lengths[0] >= 900 * SECOND, "the driver may take 15 minutes"
    assert lengths[1] == 45 * SECOND


# --- the world moves -----------------------------------------------------------------------


class Away(NoFaults):
    """The API server cannot be reached for a while."""

    def __init__(self, from_ms: int, for_ms: int, error: Callable[[], Exception]) -> None:
        self.from_ms, self.until_ms, self.error = b.NOW + from_ms, b.NOW + from_ms + for_ms, error

    def before_call(self, verb: str, key: str, at_ms: int) -> Exception | None:
        return self.error() if self.from_ms <= at_ms < self.until_ms else None


@pytest.mark.parametrize("from_s", [1, 2, 20, 70, 95, 100])
def test_an_api_server_that_comes_back_is_waited_for(from_s: int) -> None:
    stage = Stage(faults=Away(from_s * SECOND, 10 * MINUTE, lambda: Unreachable("connection refused")))
    assert stage.play().state == "done"
    assert [stage.boots(name) for name in ("n1", "n2", "n3")] == [1, 1, 1]


def test_after_a_quarter_of_an_hour_the_run_is_held() -> None:
    stage = Stage(faults=Away(20 * SECOND, 5 * HOUR, lambda: Unreachable("connection refused")))
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 7)
    assert stage.of(Noted, topic="api-unreachable")
    away_ms = stage.kernel.now_ms() - b.NOW
    assert 15 * MINUTE <= away_ms < 20 * MINUTE
    assert stage.boots("n2") == 0


def test_an_api_server_that_is_away_at_the_start_is_told_at_once() -> None:
    stage = Stage(faults=Away(0, HOUR, lambda: Unreachable("connection refused")))
    with pytest.raises(Unreachable) as error:
        stage.play()
    assert error.value.exit_code == 7
    assert not stage.events()


def test_a_401_is_tried_once_more_then_the_run_pauses() -> None:
    once = Stage(faults=Once())
    assert once.play().state == "done"
    stage = Stage(faults=Away(20 * SECOND, 5 * HOUR, lambda: Unauthenticated("token expired")))
    result = stage.play()
    assert (result.state, result.exit_code) == ("paused", 7)
    assert stage.view.state == "paused"
    assert "token expired" in result.reason


class Lockout:
    """An API server whose watches stop letting us in: ``times`` of them, once ``dead`` says so."""

    def __init__(self, inner: Any, stage: Stage, dead: Callable[[], bool], times: int = 10**9) -> None:
        self._inner, self._stage, self._dead, self.left = inner, stage, dead, times
        self.met = 0

    def watch(self, *args: Any, **where: Any) -> Any:
        return _LockedWatch(self, self._inner.watch(*args, **where))

    def refuses(self) -> bool:
        return self.left > 0 and self._dead()

    async def until_refused(self) -> None:
        while not self.refuses():
            await self._stage.kernel.sleep(50)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _LockedWatch:
    def __init__(self, api: Lockout, inner: Any) -> None:
        self._api, self._inner = api, inner

    async def receive(self) -> Any:
        if not self._api.refuses():
            which, change = await self._api._stage.kernel.first_of(self._inner.receive, self._api.until_refused)
            if which == 0:
                return change
        self._api.left -= 1
        self._api.met += 1
        raise Unauthenticated("watch pods: token expired")

    def close(self) -> None:
        self._inner.close()


@pytest.mark.parametrize("step", ["n1/drain", "n1/reboot"])
def test_a_401_inside_a_watch_is_one_like_any_other(step: str) -> None:
    def stage_with(times: int) -> tuple[Stage, Lockout]:
        stage = Stage(names=("n1",))
        api = stage.api = Lockout(stage.api, stage, stage.seen(StepIntent, step=step), times)
        return stage, api

    stage, api = stage_with(1)
    assert stage.play().state == "done", "a renewed credential is let in"
    assert api.met == 1

    stage, api = stage_with(10**9)
    result = stage.play()
    assert (result.state, result.exit_code) == ("paused", 7)
    assert "token expired" in result.reason
    assert stage.node("n1").unschedulable, "nothing is given back under a credential that nobody accepts"
    stage.api = stage.twin.api
    assert stage.play().state == "done", "once logged in again, it goes on"
    assert stage.boots("n1") == 1


def test_a_401_everywhere_at_once_pauses_wherever_it_falls() -> None:
    for from_ms in range(2_000, 100_000, 4_111):
        stage = Stage(faults=Away(from_ms, 5 * HOUR, lambda: Unauthenticated("token expired")), names=("n1",))
        stage.api = Lockout(stage.api, stage, lambda stage=stage, at=from_ms: stage.kernel.now_ms() >= b.NOW + at)
        result = stage.play()
        assert (result.state, result.exit_code) in (("paused", 7), ("done", 0)), f"{from_ms} ms: {result}"
        assert result.state == "paused" or from_ms > 80_000, f"{from_ms} ms: it went on without being let in"


class Once(NoFaults):
    """One call in the middle of the night is not let in."""

    def __init__(self) -> None:
        self.said = False

    def before_call(self, verb: str, key: str, at_ms: int) -> Exception | None:
        if not self.said and verb == "get" and key.startswith("Node") and at_ms > b.NOW + 20 * SECOND:
            self.said = True
            return Unauthenticated("token expired")
        return None


class LostAnswers(NoFaults):
    """Every so many calls take effect and their answer never arrives."""

    def __init__(self, every: int) -> None:
        self.every, self.count = every, 0

    def after_call(self, verb: str, key: str, at_ms: int) -> Exception | None:
        self.count += 1
        return Unreachable("connection reset by peer") if self.count % self.every == 0 else None


@pytest.mark.parametrize("every", [3, 5, 7, 11])
def test_answers_that_get_lost_change_nothing(every: int) -> None:
    faults = LostAnswers(10**9)
    stage = Stage(faults=faults)

    async def begins(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent))
        faults.every = every

    assert stage.play(begins).state == "done"
    for name in ("n1", "n2", "n3"):
        assert stage.boots(name) == 1
        assert not stage.node(name).unschedulable
        assert not marks.read_marks(stage.node(name)).run


def test_clocks_that_disagree_refuse_the_start_and_hold_before_a_batch() -> None:
    stage = Stage()
    stage.kernel.wall_offset_ms = 0
    real = stage.api.server_time_ms
    off = [10 * SECOND]

    async def wrong() -> int:
        return int(await real()) + off[0]

    stage.api.server_time_ms = wrong
    with pytest.raises(Refused, match="clock"):
        stage.play()
    off[0] = 0

    async def drifts(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/serves"))
        off[0] = 8 * SECOND
        await stage.until(stage.seen(StateChanged, state="held"))
        assert not stage.of(StepIntent, target="n2")
        off[0] = 0

    assert stage.play(drifts, hold_for_ms=None).state == "done"


def test_after_a_suspend_everything_is_looked_at_again_before_anything_is_done() -> None:
    stage = Stage()
    api = Scripted(stage.api)
    stage.api = api

    async def sleeps(stage: Stage) -> None:
        await stage.until(stage.seen(StepOutcome, step="n1/reboot"))
        stage.kernel.wall_offset_ms += 30 * SECOND
        marked.append(len(api.calls))

    marked: list[int] = []
    assert stage.play(sleeps, skew_ms=HOUR).state == "done"
    assert stage.of(Noted, topic="suspended")
    after = api.calls[marked[0] :]
    assert after.index("put_lease") < after.index("patch_node")
    assert "get" in after[after.index("put_lease") : after.index("patch_node")], "the node was not read again"


# --- the record ----------------------------------------------------------------------------


class FullDisk:
    """A journal that cannot be written from the n-th append on."""

    def __init__(self, inner: Any, last: int) -> None:
        self._inner, self.left = inner, last

    def append(self, *args: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise Failed("the journal cannot be written: disk full", code="journal-unwritable")
        return self._inner.append(*args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_without_a_record_nothing_is_done() -> None:
    """P4: at every append the disk may be full; no effect follows it."""
    whole = Stage()
    disk = FullDisk(whole.journal, 10**6)
    whole.play(world=whole.world(journal=disk))
    appends = 10**6 - disk.left
    assert appends > 50
    for last in range(0, appends, 3):
        stage = Stage()
        api = Scripted(stage.api)
        stage.api = api
        with pytest.raises(Failed, match="disk full"):
            stage.play(world=stage.world(journal=FullDisk(stage.journal, last)))
        intents = {event.step for event in stage.of(StepIntent)}
        cordons = sum(1 for step in intents if step.endswith(("/cordon", "/uncordon")))
        assert api.calls.count("patch_node") <= cordons, f"a patch without its intent after {last} appends"
        announced = {uid for event in stage.of(StepIntent, action="drain") for uid, _ in event.pods}
        assert {eviction.uid for eviction in api.evictions} <= announced
        assert sum(stage.boots(n) for n in ("n1", "n2", "n3")) <= len(stage.of(StepIntent, action="reboot"))


class Pen:
    key_id = "test"

    def sign(self, data: bytes) -> bytes:
        return b"signature of " + data


def test_heads_are_signed_at_safe_points_and_written_on_the_lease() -> None:
    stage = Stage()
    stage.play(world=stage.world(signer=Pen()))
    signed = stage.of(HeadSigned)
    assert len(signed) == 4, "after each node, and at the end"
    run, seq, head = lease_of(stage).annotations[marks.HEAD].split()
    assert (run, int(seq), head) == (RUN, signed[-1].seq, signed[-1].head)
    entries = stage.journal.read(RUN)
    assert entries[signed[-1].seq - 1].hash == signed[-1].head


def test_outcomes_of_pods_are_written_in_groups() -> None:
    apps = [b.deployment(f"a{i}", on=("n1",)) for i in range(20)]
    stage = Stage(*b.nodes(3), *apps, names=("n1",))
    groups: list[int] = []
    real = stage.journal.append

    def append(run: str, at_ms: int, events: Any) -> Any:
        pods = sum(isinstance(event, PodOutcome) for event in events)
        if pods:
            groups.append(pods)
        return real(run, at_ms, events)

    stage.journal.append = append  # type: ignore[method-assign]
    stage.play()
    assert sum(groups) == 20
