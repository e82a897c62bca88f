"""Waiting at gates: record what was read, wait while it is worth it, then hold and listen to people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from shipkeeper.execution.control import Control
from shipkeeper.execution.gates.catalogue import GATES
from shipkeeper.execution.record import Record
from shipkeeper.execution.signals import Stopped, StopRequest, window_over
from shipkeeper.execution.stops import Phase, decide
from shipkeeper.execution.world import RunOptions, World
from shipkeeper.model.run import GateRead, StateChanged, StepOutcome
from shipkeeper.model.time import MINUTE, SECOND, format_duration
from shipkeeper.ports.gates import GateReading
from shipkeeper.ports.journal import Message
from shipkeeper.ports.runtime import DeadlineExceeded

ReadGate = Callable[[], Awaitable[GateReading]]

_POLL_MS = SECOND
_HOLD_POLL_MS = 5 * SECOND
_SAY_AGAIN_MS = 15 * SECOND
"""A reading that only differs in its words is recorded again after this long."""

GO_ON = ("approve", "resume", "reboot-done")


class Asking(Struct, frozen=True):
    """Who asks at a gate: the step, the phase its node is in, and how long a closed gate is waited for.

    ``until_ms``: wall-clock instant at which waiting has no sense any more (None: none).
    """

    step: str
    phase: Phase
    patience_ms: int = 10 * MINUTE
    until_ms: int | None = None
    poll_ms: int = _POLL_MS
    approvable: bool = False
    """A person's ``approve`` is enough here, also where it is not for the gate in general."""
    vouchable: bool = False
    """The same, but only while the gate's state is unknown: a person may answer for what cannot be read."""


class Hold(Struct, frozen=True):
    """A hold, for people: what, which object, why it matters, what happens by itself, commands to paste.

    ``state`` is held, or paused where only a person can say how to go on.
    """

    reason: str
    object: str = ""
    why: str = ""
    will_do: str = ""
    commands: tuple[str, ...] = ()
    state: str = "held"
    words: tuple[str, ...] = GO_ON
    """Words of people that end it."""
    gate: str = ""
    """The gate that holds; empty where none does."""


class Gatekeeper:
    """Passes steps through gates, or holds them there."""

    def __init__(
        self, world: World, options: RunOptions, control: Control, record: Record, closes_ms: int | None = None
    ) -> None:
        """``closes_ms``: the window's end, wall clock; a hold without a limit of its own lasts until then."""
        self._runtime, self._options, self._control, self._record = world.runtime, options, control, record
        self._closes_ms = closes_ms
        self._said: dict[tuple[str, str], tuple[str, str, int]] = {}

    # --- reading ---------------------------------------------------------------------------

    def say(self, reading: GateReading, step: str) -> None:
        """Record a reading when it tells something new."""
        key = (step, reading.gate)
        words = reading.reading if reading.is_open else reading.reason
        now = self._runtime.monotonic_ms()
        state, said, at = self._said.get(key, ("", "", 0))
        if state == reading.state and (said == words or now - at < _SAY_AGAIN_MS):
            return
        self._said[key] = (reading.state, words, now)
        self._record.write(
            GateRead(
                gate=reading.gate,
                step=step,
                state=reading.state,
                reading=reading.reading,
                reason="" if reading.is_open else reading.reason,
            )
        )

    async def pass_through(self, read: ReadGate, asking: Asking) -> GateReading:
        """Wait until the gate is open, or a person lets the step go on. Raises Stopped."""
        began = self._runtime.monotonic_ms()
        while True:
            self._check(asking.phase)
            reading = await read()
            self.say(reading, asking.step)
            if reading.is_open:
                return reading
            waited = self._runtime.monotonic_ms() - began
            if asking.until_ms is not None and self._runtime.now_ms() >= asking.until_ms:
                raise Stopped(window_over(f"the window leaves no time any more: {reading.gate}: {reading.reason}"))
            if reading.retry and waited < asking.patience_ms:
                await self._control.nap(asking.poll_ms)
                continue
            may = asking.approvable or (asking.vouchable and reading.state == "unknown")
            if await self.hold(self.hold_at(reading, waited, may), asking, read):
                return reading
            began = self._runtime.monotonic_ms()

    def _check(self, phase: Phase) -> None:
        stop = self._control.stop
        if stop is not None and decide(phase, stop.column) != "go-on":
            raise Stopped(stop)

    def hold_at(self, reading: GateReading, waited_ms: int = 0, approvable: bool = False) -> Hold:
        """The hold that a closed gate leads to, in the gate's words."""
        gate = GATES[reading.gate]
        may = gate.approvable or approvable
        after = f" for {format_duration(waited_ms)}" if waited_ms >= SECOND else ""
        person = reading.fix or gate.person.replace("RUN", self._record.run_id)
        return Hold(
            reason=f"{reading.gate} is {reading.state}{after}: {reading.reason}",
            object=reading.object,
            why=gate.why,
            will_do=f"{gate.waits}. You can: {person}",
            commands=self.commands(approve=may),
            words=GO_ON if may else ("resume",),
            gate=reading.gate,
        )

    def commands(self, approve: bool = False) -> tuple[str, ...]:
        """What a person can paste."""
        run = self._record.run_id
        words = ("resume", "approve", "abort") if approve else ("resume", "abort")
        return tuple(f"shipkeeper runs {word} {run}" for word in words)

    # --- holding ---------------------------------------------------------------------------

    async def hold(self, hold: Hold, asking: Asking, read: ReadGate | None = None) -> bool:
        """Hold until the gate opens by itself or a person says how to go on; True: a person approved it as it is.

        Raises Stopped when the run stops meanwhile, when holding has lasted as long as the options say, or when
        ``asking.until_ms`` has come.
        """
        control, step = self._control, asking.step
        control.holding[step] = hold.reason
        channel = control.listen()
        step_known = step in self._record.view.steps
        given = self._record.view.answer_to(step, hold.gate, hold.object) if "approve" in hold.words else None
        self._record.write(
            *([StepOutcome(step=step, state="held", reason=hold.reason)] if step_known else []),
            StateChanged(
                state=hold.state,
                reason=hold.reason,
                object=hold.object,
                why=hold.why,
                will_do=hold.will_do,
                commands=tuple(command for command in hold.commands if command),
                step=step,
                gate=hold.gate,
            ),
        )
        try:
            if given is not None:
                why, approved = f"{given.by} said {given.word}, before this process began", True
            else:
                why, approved = await self._wait_held(hold, asking, read, channel.receive)
        finally:
            control.unlisten(channel)
            control.holding.pop(step, None)
        ending = [StepOutcome(step=step, state="running", reason=why)] if step_known else []
        if control.holding:
            self._record.write(*ending)
        else:
            self._record.write(*ending, StateChanged(state="running", reason=why))
            control.tell(None)
        return approved

    async def _wait_held(
        self,
        hold: Hold,
        asking: Asking,
        read: ReadGate | None,
        hear: Callable[[], Awaitable[Message | None]],
    ) -> tuple[str, bool]:
        """(why it ended, whether a person approved)."""
        options = self._options
        limit = options.hold_for_ms if hold.state == "held" else options.pause_for_ms
        began = self._runtime.monotonic_ms()
        while True:
            if self._control.stop is not None:
                raise Stopped(self._control.stop)
            now = self._runtime.now_ms()
            if asking.until_ms is not None and now >= asking.until_ms:
                raise Stopped(window_over(f"the window leaves no time any more, while {hold.reason}"))
            over = limit is None and self._closes_ms is not None and now >= self._closes_ms
            if over or (limit is not None and self._runtime.monotonic_ms() - began >= limit):
                self._control.request(StopRequest("gate", hold.state, hold.reason, 4 if hold.state == "held" else 6))
                continue
            word = await self._listen(hear, self._nap_ms(began, limit, asking, read), asking.step, hold.words)
            if word is not None and word.word != "resume":
                return f"{word.by} said {word.word}", True
            if read is not None:
                reading = await read()
                if reading.is_open:
                    self.say(reading, asking.step)
                    return f"{reading.gate} is open: {reading.reading}", False
            if word is not None:
                return f"{word.by} said resume", False

    def _nap_ms(self, began: int, limit: int | None, asking: Asking, read: ReadGate | None) -> int:
        """How long to listen before looking again."""
        spans = [_HOLD_POLL_MS if read is not None else MINUTE]
        if limit is not None:
            spans.append(began + limit - self._runtime.monotonic_ms())
        if asking.until_ms is not None:
            spans.append(asking.until_ms - self._runtime.now_ms())
        return max(1, min(spans))

    async def _listen(
        self,
        hear: Callable[[], Awaitable[Message | None]],
        nap_ms: int,
        step: str,
        words: Sequence[str],
    ) -> Message | None:
        try:
            message = await self._runtime.deadline(nap_ms, hear)
        except DeadlineExceeded:
            return None
        return message if message is not None and message.word in words and message.concerns(step) else None
