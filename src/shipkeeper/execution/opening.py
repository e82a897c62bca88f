"""From the start to the window's opening: waiting, and the Lease, which is taken shortly before.

A run may wait for days. Until it is about to work it holds nothing in the cluster that would keep another run out; that
it is not carried out twice from this machine is the journal's lock. See ``docs/adr/0008-lease-near-the-opening.md``.
"""

from __future__ import annotations

from functools import partial

from shipkeeper.execution.batches import insist
from shipkeeper.execution.context import Run
from shipkeeper.execution.gates.keeper import Asking
from shipkeeper.execution.gates.start import clock_agrees, plan_fits_cluster, window_open
from shipkeeper.execution.signals import Stopped, StopRequest, window_over
from shipkeeper.model.errors import Refused
from shipkeeper.model.run import StateChanged
from shipkeeper.model.time import MINUTE, SECOND, format_duration, iso
from shipkeeper.ports.gates import GateReading

LEASE_LEAD_MS = 5 * MINUTE
"""How long before the opening the Lease is taken: time for a person to act when something is in the way."""

_LONGEST_NAP_MS = 30 * SECOND
"""The window is judged by the wall clock, which may be set or sleep: it is looked at this often."""


def half_way(run: Run) -> bool:
    """Whether a node is begun and not finished."""
    view = run.record.view
    return any(view.begun(name) and not view.finished(name) for name in view.nodes)


def works_soon(run: Run) -> bool:
    """Whether the Lease is needed now: there is no opening to wait for, it is near, or a node is half way."""
    window = run.plan.window
    return window is None or half_way(run) or run.runtime.now_ms() >= window.opens_ms - LEASE_LEAD_MS


async def wait_for_window(run: Run) -> None:
    """Take the Lease and wait for the opening. Raises Stopped; Refused is turned into one, as the run has begun."""
    waiting, begun = False, half_way(run)
    while True:
        if run.control.stop is not None and begun:
            return  # what is half way is left as the stop table says; nothing else is done
        run.control.check()
        try:
            reading = await window_open(run)
        except Refused as error:
            if not begun:
                raise Stopped(window_over(error.message)) from error
            run.control.request(window_over(error.message))  # what was begun is brought back; nothing else is done
            return
        if works_soon(run) and not run.lease.taken:
            await _own(run)
            continue
        if reading.is_open:
            run.gates.say(reading, "")
            if waiting:
                run.record.write(StateChanged(state="running", reason="the window is open"))
            return
        if not waiting:
            waiting = True
            run.gates.say(reading, "")
            run.record.write(_waits(run))
        await run.control.nap(_nap_ms(run))


def _waits(run: Run) -> StateChanged:
    window = run.plan.window
    assert window is not None, "without one the gate is open"
    lease = "" if run.lease.taken else f"takes the cluster's Lease {format_duration(LEASE_LEAD_MS)} before, then "
    return StateChanged(
        state="waiting",
        reason=f"the window opens {iso(window.opens_ms, window.zone)}",
        will_do=f"{lease}begins by itself",
        commands=(f"shipkeeper runs abort {run.id}",),
    )


def _nap_ms(run: Run) -> int:
    window = run.plan.window
    assert window is not None, "without one the gate is open"
    left_ms = window.opens_ms - run.runtime.now_ms()
    if not run.lease.taken:
        left_ms -= LEASE_LEAD_MS
    return max(1, min(_LONGEST_NAP_MS, left_ms))


# --- the Lease -----------------------------------------------------------------------------


async def _own(run: Run) -> None:
    """Take the Lease, after what was asked at the start is asked again. Holds where it cannot be. Raises Stopped."""
    window = run.plan.window
    asking = Asking("", "intent", until_ms=None if window is None else window.closes_ms)
    await insist(run, asking, "before the lease is taken", partial(_ask_again, run, asking))


async def _ask_again(run: Run, asking: Asking) -> None:
    fits, _ = await run.api.patiently(lambda: plan_fits_cluster(run))
    run.gates.say(fits, "")
    await run.gates.pass_through(lambda: clock_agrees(run), asking)
    await run.gates.pass_through(lambda: _take(run), asking)


async def _take(run: Run) -> GateReading:
    """Take the Lease; another run's is waited for, another process that carries out the same is not."""
    if run.lease.taken:
        return lease_reading(run)
    try:
        await run.api.patiently(lambda: run.lease.take(run.plan.digest))
    except Refused as error:
        if error.code == "run-elsewhere":
            raise Stopped(StopRequest("gate", "held", error.message, error.exit_code)) from error
        return GateReading("lease-held", "closed", error.message, error.message, error.object, error.hint)
    return lease_reading(run)


def lease_reading(run: Run) -> GateReading:
    """The gate's reading once the Lease is ours."""
    return GateReading("lease-held", "open", f"taken for {run.options.lease_ms // SECOND} s, renewed")
