"""Whether an environment is ready for a maintenance, or to go live: it runs normally, is sized, and its list is done.

Three sections. What runs normally is asked from the bottom up: the lowest row that is not well is where to begin, what
stands above it may be its symptom. What is unmet is named with its objects, its consequence and the way to mend it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from shipkeeper.assessment.check.result import Findings
from shipkeeper.assessment.sizing import GroupSize
from shipkeeper.evidence.words import clean
from shipkeeper.model.book import Attested
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.platform import Objectives, Platform
from shipkeeper.model.record import Record
from shipkeeper.model.schedule import Task
from shipkeeper.model.words import count

State = Literal["ok", "unmet", "unknown", "not-applicable"]
SECTIONS = ("normal", "sized", "go-live")
TITLES = {"normal": "Runs normally", "sized": "Is sized", "go-live": "Went through the go-live checklist"}
MOST_OBJECTS, SHOWN = 500, 8
"""How many objects an item names at most, and how many of them a page shows."""


class Item(Record, frozen=True, kw_only=True):
    """One thing that is needed. ``section``: normal | sized | go-live; ``objects``: what it is not met by.

    ``how`` mends it, or looks at it by hand. ``by`` and ``at``: who says so, where a person does.
    """

    id: str
    section: str
    text: str
    state: State
    reading: str
    consequence: str = ""
    how: str = ""
    objects: tuple[str, ...] = ()
    more: int = 0
    """Objects beyond those named."""
    by: str = ""
    at: str = ""


class Readiness(Record, frozen=True, kw_only=True):
    """The report. ``verdict``: ready | not-normal (stop, and begin at ``begin``) | not-ready | unknown."""

    cluster: str
    taken_at: str
    verdict: Literal["ready", "not-normal", "not-ready", "unknown"]
    sentence: str
    begin: str
    items: tuple[Item, ...]
    sizes: tuple[GroupSize, ...]


class Ground(Struct, frozen=True):
    """What the report rests on. ``tests``: the tests before going live; ``attested``: the newest word on each."""

    inventory: Inventory
    platform: Platform
    objectives: Objectives
    findings: Findings
    sizes: Sequence[GroupSize]
    tests: Sequence[Task]
    attested: Mapping[str, Attested]
    kubectl: str = "kubectl"


def judge(items: Sequence[Item], ground: Ground, cluster: str, taken_at: str) -> Readiness:
    """Put the sections together, and say what they come to."""
    wrong = [item for item in items if item.state == "unmet"]
    open_ = [item for item in items if item.state == "unknown"]
    abnormal = [item for item in wrong if item.section == "normal"]
    verdict: Literal["ready", "not-normal", "not-ready", "unknown"]
    begin = ""
    if abnormal:
        verdict, begin = "not-normal", abnormal[0].id
        sentence = f"It does not run normally: stop here, and begin with “{abnormal[0].text}”."
        if len(abnormal) > 1:
            sentence += f" {count(len(abnormal) - 1, 'further row')} above it may be {_symptoms(len(abnormal) - 1)}."
    elif wrong:
        verdict = "not-ready"
        sentence = f"It runs normally as far as could be seen; {len(wrong)} of {_asked(items)} items are not met."
    elif open_:
        verdict = "unknown"
        sentence = f"Nothing is amiss in what could be read; {len(open_)} of {_asked(items)} items are not known."
    else:
        verdict, sentence = "ready", f"All {_asked(items)} items are met."
    return Readiness(
        cluster=cluster,
        taken_at=taken_at,
        verdict=verdict,
        sentence=sentence,
        begin=begin,
        items=tuple(items),
        sizes=tuple(ground.sizes),
    )


def of_section(items: Iterable[Item], section: str) -> list[Item]:
    """The needs of one section, in order."""
    return [item for item in items if item.section == section]


def tally(items: Sequence[Item]) -> str:
    """``5 of 7 met, 1 unknown``."""
    states = [item.state for item in items]
    asked = len(states) - states.count("not-applicable")
    rest = f", {states.count('unknown')} unknown" if "unknown" in states else ""
    return f"{states.count('ok')} of {asked} met{rest}"


def named(objects: Iterable[str]) -> dict[str, object]:
    """``objects`` and ``more`` of a item."""
    found = [clean(one) for one in dict.fromkeys(objects)]
    return {"objects": tuple(found[:MOST_OBJECTS]), "more": max(0, len(found) - MOST_OBJECTS)}


def _symptoms(number: int) -> str:
    return "its symptom" if number == 1 else "its symptoms"


def _asked(items: Sequence[Item]) -> int:
    return sum(item.state != "not-applicable" for item in items)
