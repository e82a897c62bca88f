"""Telling people while a run goes on: that it has begun, that it takes longer, that it is over.

It listens to the run's own record and works on a thread of its own. Whatever goes wrong with it is recorded and said;
the run neither waits for it nor stops for it.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from shipkeeper.app.clock import now_ms
from shipkeeper.app.notices.boxes import kept_here
from shipkeeper.app.notices.couriers import Couriers
from shipkeeper.app.notices.desk import Asked, desk_of_plan, ledger_of
from shipkeeper.app.notices.post import Sent, Wish, send
from shipkeeper.app.state import State
from shipkeeper.assessment.notices.duties import Duty, first_word
from shipkeeper.evidence.notices.render import Templates
from shipkeeper.model.errors import Refused, ShipkeeperError
from shipkeeper.model.notices import DONE, DURING, OVERRUN, START
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.model.run import Noted, RunEnded, RunEvent, StepIntent
from shipkeeper.ports.journal import Entry

PATIENCE_S = 90.0
"""How long the end of a run waits for what is still being sent: one courier's longest silence, and some."""
_TRIES, _PAUSE_S = 10, 3.0


def wanted(said: bool | None, platform: Platform) -> bool:
    """Whether a run tells people: what the person said, else the platform file, where it says how people are told."""
    if not kept_here(platform):
        return False
    return platform.notices.during_run if said is None else said


def kind_of(event: RunEvent) -> str:
    """The notice that a record of the run calls for; empty for most.

    It has begun with its first step, and not because the hour has come. It is over when everything is done: of a run
    that failed or was given up a person tells, who knows what it means.
    """
    if isinstance(event, StepIntent):
        return START
    if isinstance(event, Noted) and event.topic == OVERRUN:
        return OVERRUN
    if isinstance(event, RunEnded) and event.state == "done":
        return DONE
    return ""


class Herald:
    """Tells those who were told beforehand. A context manager: leaving it waits a while for what is being sent."""

    def __init__(
        self,
        plan: Plan,
        platform: Platform,
        folder: Path,
        state: State,
        by: str,
        on_warning: Callable[[str], None],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._plan, self._platform, self._folder, self._state = plan, platform, folder, state
        self._by, self._on_warning, self._patience_s = by, on_warning, patience_s
        self._asked: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._heard: set[str] = set()
        # A daemon: a person who interrupts twice wants the process to end, and the record says what was begun.
        self._thread = threading.Thread(target=self._work, name="herald", daemon=True)

    def __enter__(self) -> Herald:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._asked.put(None)
        self._thread.join(self._patience_s if kind is None else 0)
        if self._thread.is_alive() and kind is None:
            self._on_warning("notices are still being sent, and are not waited for: shipkeeper notices status")

    def around(self, on_entry: Callable[[Entry], None]) -> Callable[[Entry], None]:
        """The same listener, with this one beside it."""

        def take(entry: Entry) -> None:
            on_entry(entry)
            self.take(entry)

        return take

    def take(self, entry: Entry) -> None:
        """Hear a record of the run. Never waits and never raises."""
        kind = kind_of(entry.event)
        if kind and kind not in self._heard:
            self._heard.add(kind)
            self._asked.put(kind)

    def _work(self) -> None:
        while (kind := self._asked.get()) is not None:
            try:
                self._tell(kind)
            except ShipkeeperError as error:
                self._warn(f"{kind} was not told: {error.message}")
            except Exception as error:  # whatever it is, the run goes on and people hear of it
                self._warn(f"{kind} was not told: {type(error).__name__}: {error}")

    def _tell(self, kind: str) -> None:
        assert kind in DURING
        own = self._platform.notices.templates
        templates = Templates(self._folder / own if own else None)
        desk = desk_of_plan(self._plan, Asked(), self._platform, templates, self._state)
        every = desk.duties(ledger_of(self._state, self._platform))
        duties = [duty for duty in every if duty.obligation.kind == kind and _knows(duty, every)]
        if not duties:
            return
        wish = Wish(by=self._by, kinds=(kind,))
        for left in reversed(range(_TRIES)):
            try:
                with Couriers(self._platform, os.environ) as couriers:
                    send(desk, duties, wish, self._state, couriers, now_ms, self._say)
                return
            except Refused as error:
                if error.code != "notices-elsewhere" or not left:
                    raise
                time.sleep(_PAUSE_S)

    def _say(self, row: Sent) -> None:
        if row.state not in ("sent", "kept"):
            self._warn(f"{row.kind} to {row.to} is {row.state} ({row.key}): {row.reason}")

    def _warn(self, words: str) -> None:
        with suppress(OSError, ValueError):  # a terminal that has gone away
            self._on_warning(f"notices: {words}")


def _knows(duty: Duty, every: tuple[Duty, ...]) -> bool:
    """Whether its readers know of the maintenance: nobody is told of the end of what they never heard of."""
    first = first_word(duty, every)
    return first is not None and any(tried.state == "sent" for _, tried in first.deliveries)
