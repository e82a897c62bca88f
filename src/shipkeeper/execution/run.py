"""Carrying out a plan: the way in. The same code rehearses on the twin and works on a cluster."""

from __future__ import annotations

from shipkeeper.execution.batches import run_batches, safe_point
from shipkeeper.execution.context import Run
from shipkeeper.execution.gates.standing import announce_standing
from shipkeeper.execution.gates.start import clock_agrees, plan_fits_cluster, window_open
from shipkeeper.execution.leftovers import leftovers
from shipkeeper.execution.opening import lease_reading, wait_for_window, works_soon
from shipkeeper.execution.signals import Stopped, StopRequest
from shipkeeper.execution.status import OVER
from shipkeeper.execution.words import hear, heed_abort
from shipkeeper.execution.world import RunOptions, RunResult, World
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.errors import Refused
from shipkeeper.model.plan import Plan
from shipkeeper.model.run import GateRead, RunEnded, RunStarted, StateChanged
from shipkeeper.model.time import MINUTE, SECOND
from shipkeeper.ports.gates import GateReading

_DONE = StopRequest("person", "done", "every node is done", 0)


async def carry_out(plan: Plan, run_id: str, world: World, options: RunOptions | None = None) -> RunResult:
    """Carry out the plan, or go on where the journal says that this run stands.

    Returns once the run is done or has stopped. Raises Refused when it must not begin (another cluster, another plan,
    a living run, a window that is over), Unreachable before it began, Failed when the journal cannot be written: then
    nothing more was done.
    """
    run = Run.of(world, plan, run_id, options or RunOptions())
    _refuse_what_is_over(run)
    world.interrupts.listeners.append(run.control.interrupt)
    try:
        identity, readings = await _check_before(run)
        run.by = await world.api.whoami()
        if works_soon(run):
            await run.lease.take(plan.digest)
        else:
            await run.lease.alone(plan.digest)
    except Stopped as signal:  # interrupted while waiting for a predecessor's lease
        return RunResult(
            run_id=run_id, state="interrupted", reason=signal.request.reason, exit_code=signal.request.exit_code
        )
    finally:
        world.interrupts.listeners.remove(run.control.interrupt)
    world.interrupts.listeners.append(run.control.interrupt)
    try:
        _begin(run, identity, [*readings, *([lease_reading(run)] if run.lease.taken else [])])
        heed_abort(run)
        return await _carry_on(run)
    finally:
        world.interrupts.listeners.remove(run.control.interrupt)


def _refuse_what_is_over(run: Run) -> None:
    known = run.record.view
    if known.plan is not None and known.plan.digest != run.plan.digest:
        raise Refused(
            f"{run.id} carries out another plan ({known.plan.digest})",
            code="another-plan",
            object=run.id,
            why="a run is bound to the plan that was rehearsed and approved",
            hint="start a new run for this plan",
        )
    if known.state in OVER and known.plan is not None:
        raise Refused(
            f"{run.id} is over: {known.state}",
            code="run-over",
            object=run.id,
            hint=f"read its record: shipkeeper evidence write {run.id}",
        )


async def _check_before(run: Run) -> tuple[ClusterIdentity, list[GateReading]]:
    """What is refused before anything is on record. Raises Refused, BadInput, Unreachable."""
    fits, identity = await plan_fits_cluster(run)
    clock = await clock_agrees(run)
    if not clock.is_open:
        raise Refused(
            clock.reason,
            code="clock-skew",
            why="windows, leases and the record are judged by this machine's clock",
            hint="mend time synchronisation, then start again",
        )
    if run.plan.window is not None and not run.record.view.plan:
        await window_open(run)
    return identity, [fits, clock]


def _begin(run: Run, identity: ClusterIdentity, readings: list[GateReading]) -> None:
    options = run.options
    forecast = options.forecast
    run.record.write(
        RunStarted(
            plan=run.plan,
            by=run.by,
            cluster=identity,
            forecast_digest=forecast.digest() if forecast is not None else "",
            without_rehearsal=options.without_rehearsal,
            host=run.world.host,
            resumed=run.record.view.plan is not None,
        ),
        *(GateRead(gate=item.gate, state=item.state, reading=item.reading) for item in readings),
    )


async def _carry_on(run: Run) -> RunResult:
    """Work, with the lease kept and people heard in the background, until it is done or stops."""
    world = run.world
    async with run.runtime.scope() as scope:
        scope.start("lease", run.lease.keep)
        if world.inbox is not None:
            inbox = world.inbox
            scope.start("words", lambda: hear(run, inbox))
        try:
            which, request = await run.runtime.first_of(lambda: _work(run), lambda: _at_once(run))
            result = await _finish(run, request, at_once=which == 1)
        finally:
            scope.cancel()
    return result


async def _at_once(run: Run) -> StopRequest:
    await run.control.until_at_once()
    return StopRequest("person", "interrupted", "interrupted twice: stopped where it stood", 130)


async def _work(run: Run) -> StopRequest:
    """Until the plan is done or the run stops; a pause waits here. Returns why it ended."""
    await announce_standing(run)
    while True:
        try:
            await wait_for_window(run)
            await run_batches(run)
            return _outcome(run)
        except Stopped as signal:
            request = signal.request
            if request.state != "paused" or request.column != "person":
                return request
            ended = await _paused(run, request)
            if ended is not None:
                return ended


def _outcome(run: Run) -> StopRequest:
    view = run.record.view
    failed = sorted({step.target for step in view.steps.values() if step.state == "failed"})
    skipped = sorted({step.target for step in view.steps.values() if step.state == "skipped"} - {*failed})
    if failed:
        return StopRequest("gate", "failed", f"quarantined, still cordoned: {', '.join(failed)}", 1)
    if skipped:
        return StopRequest("person", "done", f"done, except skipped: {', '.join(skipped)}", 0)
    return _DONE


async def _paused(run: Run, request: StopRequest) -> StopRequest | None:
    """Wait for resume; returns why the run ends instead, if it does."""
    try:
        await safe_point(run)
        run.record.write(
            StateChanged(
                state="paused",
                reason=request.reason,
                will_do="waits for resume; no node is half way",
                commands=run.gates.commands(),
            )
        )
        began = run.runtime.monotonic_ms()
        limit = run.options.pause_for_ms
        while run.control.stop is not None:
            if run.control.stop.state != "paused":
                return run.control.stop
            waited = run.runtime.monotonic_ms() - began
            if limit is not None and waited >= limit:
                return StopRequest("gate", "paused", request.reason, 6)
            await run.control.nap(MINUTE if limit is None else max(1, min(MINUTE, limit - waited)))
    except Stopped as signal:
        return signal.request
    run.record.write(StateChanged(state="running", reason="resumed"))
    return None


async def _finish(run: Run, request: StopRequest, at_once: bool) -> RunResult:
    """Tell what is left, end the record at a signed head, give the lease back."""
    reachable = request.exit_code != 7
    left = await leftovers(run, request.state, look=reachable and not at_once)
    seconds = (run.runtime.now_ms() - run.record.view.started_ms) / SECOND
    run.record.write(*left)
    if request.state == "paused":
        if run.record.view.state != "paused":
            run.record.write(
                StateChanged(state="paused", reason=request.reason, commands=(f"shipkeeper run --resume {run.id}",))
            )
    else:
        run.record.write(RunEnded(state=request.state, reason=request.reason, seconds=seconds))
    run.lease.head = run.record.sign() or run.lease.head
    if reachable:
        await run.lease.give_back()
    return RunResult(run_id=run.id, state=request.state, reason=request.reason, exit_code=request.exit_code)
