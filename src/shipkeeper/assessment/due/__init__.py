"""What must be done by when, and why: the schedule, against what is known to have been done."""

from __future__ import annotations

from shipkeeper.assessment.due.assess import due
from shipkeeper.assessment.due.facts import NodeDone, facts_of

__all__ = ["NodeDone", "due", "facts_of"]
