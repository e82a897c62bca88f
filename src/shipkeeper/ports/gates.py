"""Gates: fail closed, and say why."""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

GateState = Literal["open", "closed", "unknown"]


class GateReading(Struct, frozen=True):
    """A gate's answer. Only ``open`` lets a step go on; ``reading`` is what was seen, ``reason`` why it is not open.

    ``retry``: worth waiting for (a condition in progress); otherwise the gate holds the run at once.
    """

    gate: str
    state: GateState
    reading: str
    reason: str = ""
    object: str = ""
    fix: str = ""
    retry: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the step may go on."""
        return self.state == "open"


class StandingGate(Protocol):
    """A gate about people and calendars: agreements, notices, freezes. It is asked again and again while a run lasts.

    ``name`` is its id in the catalogue. An answer that cannot be had is unknown, whether it is returned or raised.
    """

    @property
    def name(self) -> str:
        """The gate's id."""
        ...

    async def read(self, at_ms: int) -> GateReading:
        """Whether work may be done at that instant, as far as is known now."""
        ...
