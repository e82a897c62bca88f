"""The default maintenance schedule: dated data, replaced row by row by what the platform file says."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import msgspec
from msgspec.structs import replace

from shipkeeper.knowledge.sources import Source
from shipkeeper.model.schedule import Task


class _File(msgspec.Struct, frozen=True):
    sources: dict[str, Source]
    tasks: tuple[Task, ...]
    go_live: tuple[Task, ...] = msgspec.field(name="goLive")


@cache
def _read() -> _File:
    data = files("shipkeeper.knowledge").joinpath("data/schedule.json").read_bytes()
    return msgspec.json.decode(data, type=_File)


def default_schedule() -> tuple[Task, ...]:
    """The rows that hold without a platform file. ``source`` is filled in with title and date."""
    return _cited(_read().tasks)


def go_live_tests() -> tuple[Task, ...]:
    """Tests that an application passes before users depend on it: attested by people, and on no calendar.

    A platform that wants one again and again gives its schedule a row of the same id.
    """
    return _cited(_read().go_live)


def attestable(own: Sequence[Task]) -> tuple[Task, ...]:
    """Every task that people attest: rows of the schedule with questions, then the tests before going live."""
    rows = merged_schedule(own)
    known = {task.id for task in rows}
    return (*(task for task in rows if task.questions), *(task for task in go_live_tests() if task.id not in known))


def _cited(tasks: Sequence[Task]) -> tuple[Task, ...]:
    sources = _read().sources
    return tuple(replace(task, source=sources[task.source].cite()) for task in tasks)


def merged_schedule(own: Sequence[Task]) -> tuple[Task, ...]:
    """The default rows, each replaced by the platform's row of the same id, then the platform's further rows.

    A further row of the id of a test before going live takes that test's questions where it has none.
    """
    mine = {task.id: task for task in own}
    rows = [mine.pop(task.id, task) for task in default_schedule()]
    return (*rows, *(_asking(task) for task in own if task.id in mine))


def _asking(task: Task) -> Task:
    test = next((test for test in go_live_tests() if test.id == task.id), None)
    if test is None or task.questions:
        return task
    return replace(task, questions=test.questions, attested_by=task.attested_by or test.attested_by)
