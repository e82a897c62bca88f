"""Where a run may stop: the table of ``docs/concepts/stopping.md``, cell by cell.

Rows are phases of a node, columns what asks for the stop. Read it beside the page; a test compares them.
"""

from __future__ import annotations

from typing import Literal

from shipkeeper.execution.signals import StopColumn

Phase = Literal["intent", "cordoned", "evicting", "drained", "rebooting", "serves", "settling"]

Action = Literal["stop", "uncordon", "finish-evicting", "go-on", "hold"]
"""stop: leave, nothing to undo · uncordon: take our cordon back, then stop · finish-evicting: while the window lasts,
then as drained · go-on: to node-serves and uncordon, then stop · hold: leave everything as it is.
"""

TABLE: dict[Phase, dict[StopColumn, Action]] = {
    # Nothing was done yet: there is nothing to undo.
    "intent": {"person": "stop", "window": "stop", "abort": "stop", "gate": "hold"},
    "cordoned": {"person": "uncordon", "window": "uncordon", "abort": "uncordon", "gate": "hold"},
    "evicting": {"person": "finish-evicting", "window": "uncordon", "abort": "uncordon", "gate": "hold"},
    "drained": {"person": "uncordon", "window": "uncordon", "abort": "uncordon", "gate": "hold"},
    # A node that was asked to reboot is never left behind half way: an overrun is recorded and announced.
    "rebooting": {"person": "go-on", "window": "go-on", "abort": "go-on", "gate": "hold"},
    "serves": {"person": "uncordon", "window": "uncordon", "abort": "uncordon", "gate": "hold"},
    # The node takes pods again; only watching is left.
    "settling": {"person": "stop", "window": "stop", "abort": "stop", "gate": "hold"},
}


def decide(phase: Phase, column: StopColumn) -> Action:
    """What a stop does to a node in that phase."""
    return TABLE[phase][column]
