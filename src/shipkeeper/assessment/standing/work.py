"""What a plan's work is called where people speak of it: in the schedule, in the logbook, in windows' content."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from shipkeeper.assessment.due.dates import needs_window
from shipkeeper.assessment.standing.past import kind_of
from shipkeeper.knowledge.sequences import sequence_for
from shipkeeper.model.book import WorkRecorded
from shipkeeper.model.plan import Plan
from shipkeeper.model.schedule import Task


class Work(Struct, frozen=True, kw_only=True):
    """``kind`` such as ``nodes/reboot``; ``tasks`` are ids of the schedule's rows that it carries out.

    ``component`` and ``what`` (``1.12.5 → 1.13.4``) name one change of one component; empty: the kind is enough.
    """

    kind: str
    tasks: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    needs_window: bool = True
    component: str = ""
    what: str = ""

    def is_like(self, record: WorkRecorded) -> bool:
        """Whether what people recorded is this work, done elsewhere."""
        if self.what:
            return record.component == self.component and _plain(record.change) == _plain(self.what)
        return record.runbook in (self.kind, *self.tasks)


def work_of(plan: Plan, schedule: Sequence[Task]) -> Work:
    """The plan's work, with the rows of the schedule that say whether it needs a window."""
    rows = [task for task in schedule if task.action == "nodes"]
    return Work(
        kind=kind_of(plan),
        tasks=tuple(task.id for task in rows),
        content=("os",) if plan.upgrade is None else (sequence_for(plan.upgrade.component).content,),
        component=plan.upgrade.component if plan.upgrade is not None else "",
        what=plan.upgrade.change if plan.upgrade is not None else "",
        needs_window=not rows or any(needs_window(task) for task in rows),
    )


def _plain(change: str) -> str:
    return "".join(change.replace("->", "→").split()).lower()
