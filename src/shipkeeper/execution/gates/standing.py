"""Standing gates: read fail-closed, recorded like any other."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from shipkeeper.execution.context import Run
from shipkeeper.execution.gates.keeper import Asking
from shipkeeper.model.errors import ShipkeeperError
from shipkeeper.ports.gates import GateReading, StandingGate


async def announce_standing(run: Run) -> None:
    """Record what the gates say about the window's opening, long before it: there is still time to mend it."""
    window = run.plan.window
    now = run.runtime.now_ms()
    at_ms = now if window is None else max(now, window.opens_ms)
    for gate in run.world.standing:
        run.gates.say(await _read(gate, at_ms), "")


async def pass_standing(run: Run, asking: Asking) -> None:
    """Pass all of them, or hold at the first that is not open. Raises Stopped."""
    for gate in run.world.standing:
        await run.gates.pass_through(partial(_read_now, run, gate), asking)


async def _read_now(run: Run, gate: StandingGate) -> GateReading:
    return await _read(gate, run.runtime.now_ms())


async def _read(gate: StandingGate, at_ms: int) -> GateReading:
    """The gate's answer under its own name; whatever it raises is unknown."""
    try:
        return replace(await gate.read(at_ms), gate=gate.name)
    except ShipkeeperError as error:
        return _unknown(gate, error.message, error.object, error.hint)
    except Exception as error:  # whatever is wrong with a gate, it is not open
        return _unknown(gate, f"{type(error).__name__}: {error}")


def _unknown(gate: StandingGate, reason: str, object: str = "", fix: str = "") -> GateReading:
    return GateReading(gate.name, "unknown", "cannot be read", reason=reason, object=object, fix=fix)
