"""What must be done by when, and why: the schedule, against what is known to have been done and what runs."""

from __future__ import annotations

from shipkeeper.assessment.due.assess import Question, due
from shipkeeper.assessment.due.done import Said
from shipkeeper.assessment.due.facts import NodeDone, facts_of

__all__ = ["NodeDone", "Question", "Said", "due", "facts_of"]
