"""The default maintenance schedule: dated data, replaced row by row by what the platform file says."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import msgspec
from msgspec.structs import replace

from shipkeeper.knowledge.sources import Source
from shipkeeper.model.schedule import Task

TABLE = (
    "trivy-db", "falco-rules", "tracee-policies", "kyverno-policies", "keycloak", "hsm-firmware", "helm-charts",
    "talos", "kubernetes",
)  # fmt: skip
"""Ids of the nine rows of the published schedule, in its order."""


class _File(msgspec.Struct, frozen=True):
    sources: dict[str, Source]
    tasks: tuple[Task, ...]


@cache
def _read() -> _File:
    data = files("shipkeeper.knowledge").joinpath("data/schedule.json").read_bytes()
    return msgspec.json.decode(data, type=_File)


def default_schedule() -> tuple[Task, ...]:
    """The rows that hold without a platform file. ``source`` is filled in with title and date."""
    known = _read()
    return tuple(replace(task, source=known.sources[task.source].cite()) for task in known.tasks)


def merged_schedule(own: Sequence[Task]) -> tuple[Task, ...]:
    """The default rows, each replaced by the platform's row of the same id, then the platform's further rows."""
    mine = {task.id: task for task in own}
    rows = [mine.pop(task.id, task) for task in default_schedule()]
    return (*rows, *(task for task in own if task.id in mine))
