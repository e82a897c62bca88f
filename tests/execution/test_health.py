"""Whether a workload is worse than it was, and what is read of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shipkeeper.execution.estimates import Estimates
from shipkeeper.execution.health import Reading, reading_of, worse
from shipkeeper.model.plan import Estimate
from shipkeeper.model.run import GateRead, StateChanged, StepOutcome, WorkloadFelt
from shipkeeper.model.time import MINUTE, SECOND
from shipkeeper.model.workloads import JobFacts
from tests import builders as b
from tests.execution.stage import Stage, three_nodes


def reading(ready: int, wanted: int, **more: Any) -> Reading:
    return Reading("Deployment", "default", "web", ready, wanted, **more)


@pytest.mark.parametrize(
    ("before", "now", "is_worse"),
    [
        (reading(3, 3), reading(3, 3), False),
        (reading(3, 3), reading(2, 3), True),
        (reading(3, 3), None, False),
        (reading(3, 3), reading(1, 1), False),
        (reading(1, 3), reading(1, 3), False),
        (reading(1, 3), reading(0, 3), True),
        (reading(2, 2, finished=""), reading(0, 0, finished="Complete"), False),
        (reading(2, 2), reading(0, 2, finished="Failed"), True),
        (reading(0, 2, finished="Failed"), reading(0, 2, finished="Failed"), False),
        (reading(3, 3, uid="x"), reading(2, 2, uid="x"), True),
    ],
    ids=["same", "fewer", "gone", "scaled down", "broken before", "worse than broken", "job done", "job failed",
         "failed before", "operator's pods are missing"],
)  # fmt: skip
def test_worse_than_before(before: Reading, now: Reading | None, is_worse: bool) -> None:
    assert bool(worse(before, now)) is is_worse


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_nothing_is_worse_than_itself_and_more_is_never_worse(a: int, b_: int, c: int, d: int) -> None:
    before, now = reading(a, b_), reading(c, d)
    assert not worse(before, before)
    assert not worse(before, reading(max(a, c), d))
    if worse(before, now):
        assert c < a


def test_a_jobs_pods_that_run_count_as_ready() -> None:
    job = b.workload("Job", "import", replicas=2, job=JobFacts(active=2))
    assert (reading_of(job).ready, reading_of(job).wanted) == (2, 2)


def test_all_are_asked_once_more_when_the_last_one_is_well() -> None:
    """While one workload was waited for, another one fell ill."""
    stage = Stage(*b.nodes(3), b.deployment("one", on=("n1",)), b.deployment("two", on=("n1",)), names=("n1",))
    real = stage.api.workloads
    began: list[int] = []

    async def workloads(refs: Any) -> Any:
        found = await real(refs)
        if not stage.seen(StepOutcome, step="n1/uncordon")():
            return found
        began.append(stage.kernel.now_ms())
        since = stage.kernel.now_ms() - began[0]
        ill = "one" if since < 20 * SECOND else "two" if since < 60 * SECOND else ""
        return tuple(replace(w, ready=0) if w is not None and w.name == ill else w for w in found)

    stage.api.workloads = workloads
    assert stage.play(felt_every_ms=0).state == "done"
    done = next(e for e in stage.entries if isinstance(e.event, StepOutcome) and e.event.step == "n1/settle")
    assert done.at_ms - began[0] >= 60 * SECOND, "the run went on while a workload was down"


def test_a_job_that_fails_because_of_the_drain_holds_at_once() -> None:
    stage = Stage(*b.nodes(3), b.job("import", on=("n1",)), names=("n1",))
    real = stage.api.workloads

    async def workloads(refs: Any) -> Any:
        found = await real(refs)
        if not stage.seen(StepOutcome, step="n1/uncordon")():
            return found
        failed = JobFacts(active=0, failed=1, finished="Failed")
        return tuple(replace(w, job=failed) if w is not None and w.kind == "Job" else w for w in found)

    stage.api.workloads = workloads
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert "Job default/import failed" in result.reason
    assert stage.kernel.now_ms() - b.NOW < 5 * MINUTE, "waiting cannot help"
    assert stage.of(StateChanged, state="held")[0].why


def test_pods_of_an_operator_are_counted_themselves() -> None:
    pods = [
        b.pod(f"pg-{i}", on=f"n{i}", owned_by=b.owner("Cluster", "pg", "postgresql.cnpg.io/v1"))
        for i in (1, 2, 3)
    ]  # fmt: skip
    stage = Stage(*b.nodes(3), *pods, names=("n1",))
    real = stage.api.list

    async def list_(kind: Any, **where: Any) -> Any:
        found = await real(kind, **where)
        if kind.__name__ != "Pod" or where.get("node") or not stage.seen(StepOutcome, step="n1/uncordon")():
            return found
        return tuple(pod for pod in found if pod.name in ("pg-2", "pg-3"))

    stage.api.list = list_
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4), "nobody made the pod again, and nobody noticed"
    assert "Cluster default/pg has 2 of 3 pods Ready" in result.reason


def test_what_workloads_felt_is_on_record() -> None:
    alone = b.deployment("alone", on=("n1",))
    stage = Stage(*three_nodes(), alone, names=("n1",))
    stage.play(felt_every_ms=1_000)
    felt = {event.name: event for event in stage.of(WorkloadFelt)}
    assert felt["alone"].evictions == 1
    assert 3 <= felt["alone"].downtime_seconds <= 20, "one replica, moved: it was down while it started again"
    assert felt["web"].downtime_seconds == 0
    assert felt["web"].degraded_seconds > 0


def test_patience_is_the_larger_of_ten_minutes_and_twice_the_prediction() -> None:
    def slow(plan: Any) -> Any:
        long = Estimate(p50=600, p95=1_200, source="modelled")
        steps = tuple(replace(s, estimate_seconds=long) if s.action == "drain" else s for s in plan.steps)
        return replace(plan, steps=steps)

    assert Estimates(Stage(plan=slow).plan, None).blocked_after_ms("n1") == 40 * MINUTE
    assert Estimates(Stage().plan, None).blocked_after_ms("n1") == 10 * MINUTE
    said = Stage(plan=slow, blocked_after_ms=3 * MINUTE)
    assert Estimates(said.plan, None).blocked_after_ms("n1") == 3 * MINUTE


def test_no_reading_is_recorded_again_and_again() -> None:
    stage = Stage()
    stage.play()
    closed = stage.of(GateRead, state="closed")
    assert len(closed) <= 12, "a gate that is waited for fills the record"
