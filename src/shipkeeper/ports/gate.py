"""What is written about a gate."""

from __future__ import annotations

from msgspec import Struct


class Gate(Struct, frozen=True):
    """One gate. ``approvable``: a person's ``approve`` lets the step go on although it is closed."""

    id: str
    when: str
    opens: str
    why: str
    waits: str
    person: str
    approvable: bool = False
