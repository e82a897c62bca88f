"""The product's command line, killed with SIGKILL at one exact record of its journal.

    SHIPKEEPER_TEST_KILL_AT=z1-worker-1/reboot:intent:after python tests/real/harness/dying.py run night.plan …

``STEP:EVENT:WHEN``: EVENT is intent or outcome of that step; WHEN is ``before`` (the effect is done and nobody wrote it
down) or ``after`` (it is on disk and nothing followed). ``run-started:after``, ``run-ended:before`` and
``run-ended:after`` do without a step. The product knows nothing of this: only here the journal's ``append`` is wrapped.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from shipkeeper.journal import sqlite
from shipkeeper.model.run import RunEnded, RunStarted, StepIntent, StepOutcome

VARIABLE = "SHIPKEEPER_TEST_KILL_AT"


def names(event: Any) -> str:
    """How the variable calls an event; empty for those it does not name. A held or resumed step is no boundary."""
    if isinstance(event, StepIntent):
        return f"{event.step}:intent"
    if isinstance(event, StepOutcome) and event.state in ("done", "skipped"):
        return f"{event.step}:outcome"
    if isinstance(event, RunStarted):
        return "run-started"
    return "run-ended" if isinstance(event, RunEnded) else ""


def deadly(wanted: str, append: Callable[..., Any]) -> Callable[..., Any]:
    """``append`` that kills the process before or after it wrote the event."""
    event, _, when = wanted.rpartition(":")

    def wrapped(self: Any, run: str, at_ms: int, events: Sequence[Any]) -> Any:
        hit = any(names(found) == event for found in events)
        if hit and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        written = append(self, run, at_ms, events)
        if hit:
            os.kill(os.getpid(), signal.SIGKILL)
        return written

    return wrapped


def main() -> None:
    """Wrap, then be the product."""
    wanted = os.environ.get(VARIABLE, "")
    if wanted:
        sqlite.SqliteJournal.append = deadly(wanted, sqlite.SqliteJournal.append)  # type: ignore[method-assign]
    from shipkeeper.cli.main import main as product

    product(prog_name="shipkeeper")


if __name__ == "__main__":
    sys.path.pop(0)
    main()
