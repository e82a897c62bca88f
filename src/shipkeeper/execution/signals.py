"""How a step ends early: raised inside ``execution`` only, and always caught there."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

StopColumn = Literal["person", "window", "abort", "gate"]
"""Columns of the stop table (``stops``): Ctrl-C or pause · the window's end · abort · lost lease or closed gate."""


class StopRequest(Struct, frozen=True):
    """Why the run stops. ``state`` is what the run becomes: interrupted | paused | aborted | held."""

    column: StopColumn
    state: str
    reason: str
    exit_code: int
    by: str = ""


def window_over(reason: str) -> StopRequest:
    """The window leaves no time any more: what is not begun is left for another one."""
    return StopRequest("window", "held", reason, 4)


class Signal(Exception):
    """Base of all signals."""


class Stopped(Signal):
    """The node has to be left, as the stop table says."""

    def __init__(self, request: StopRequest) -> None:
        super().__init__(request.reason)
        self.request = request


class SkipNode(Signal):
    """Nothing more is done with the node; the run goes on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Quarantined(Signal):
    """The node stays cordoned with its owner written on it; the run goes on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StartOver(Signal):
    """The node begins again at its cordon: what was known of it holds no longer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WorldMoved(Signal):
    """What was observed may be stale (the machine slept, the lease view was dropped): the step observes again."""
