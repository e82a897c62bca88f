"""Who has carried out what: from runs and from work that people recorded. What one person alone knows is a risk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from shipkeeper.model.book import WorkRecorded
from shipkeeper.model.platform import Person, Platform
from shipkeeper.model.record import Record
from shipkeeper.model.run import Decided, RunEnded, RunStarted
from shipkeeper.model.schedule import Task
from shipkeeper.model.time import iso
from shipkeeper.ports.journal import Entry

ENOUGH = 2
"""People who must have done a thing so that the team, and not one of them, knows how."""
REBOOT = "nodes/reboot"
"""What a run does to nodes, where no row of the schedule has a name for it."""
_MACHINES = ("system:serviceaccount:", "system:node:", "system:kube-")
"""How the API server names accounts that no person is behind."""


class Deed(Struct, frozen=True, kw_only=True):
    """One time that something was done to the end. ``did`` and ``approved`` are as the record names them."""

    runbook: str
    component: str
    on: str
    """A date."""
    source: str
    """The run, or ``recorded``."""
    did: tuple[str, ...]
    approved: tuple[str, ...] = ()


class Hand(Record, frozen=True, kw_only=True):
    """One person's part in one thing. ``counts``: somebody on the team who has carried it out."""

    name: str
    times: int
    approved: int
    last: str
    counts: bool
    remark: str = ""


class Skill(Record, frozen=True, kw_only=True):
    """One runbook on one component, and who has carried it out, the most practised first.

    ``state``: enough | one person | nobody.
    """

    runbook: str
    component: str
    title: str
    state: Literal["enough", "one person", "nobody"]
    hands: tuple[Hand, ...] = ()
    last: str = ""
    sources: tuple[str, ...] = ()
    """Runs and records, newest first."""


def deeds_of_run(entries: Sequence[Entry], zone: str) -> tuple[Deed, ...]:
    """What one run's journal proves was done: nothing before the run is done."""
    started: list[str] = []
    approved: list[str] = []
    ended_ms, purpose = 0, ""
    for entry in entries:
        event = entry.event
        if isinstance(event, RunStarted):
            started.append(event.by)
            purpose, ended_ms = event.plan.purpose, 0
        elif isinstance(event, Decided) and event.decision == "approve":
            approved.append(event.by)
        elif isinstance(event, RunEnded):
            ended_ms = entry.at_ms if event.state == "done" else 0
    if not ended_ms:
        return ()
    return (
        Deed(
            runbook=REBOOT if purpose == "reboot" else "nodes/drain",
            component="nodes",
            on=iso(ended_ms, zone)[:10],
            source=entries[0].run,
            did=tuple(dict.fromkeys(started)),
            approved=tuple(dict.fromkeys(approved)),
        ),
    )


def deeds_of_records(records: Iterable[WorkRecorded]) -> tuple[Deed, ...]:
    """Work by other means, as people recorded it."""
    return tuple(
        Deed(runbook=one.runbook, component=one.component, on=one.done_on[:10], source="recorded", did=one.by)
        for one in records
    )


def skills(deeds: Sequence[Deed], schedule: Sequence[Task], platform: Platform) -> tuple[Skill, ...]:
    """What the team knows how to do: what one person alone has done first, then what nobody has, then the rest.

    Tasks that people only attest, or that run by themselves, are no runbooks. A component of the platform file that no
    deed is about is there too.
    """
    tasks = {task.id: task for task in schedule if not task.questions}
    reboot = next((task.id for task in tasks.values() if task.action == "nodes"), REBOOT)
    piles: dict[tuple[str, str], list[Deed]] = {}
    for deed in deeds:
        runbook = reboot if deed.runbook == REBOOT else deed.runbook
        piles.setdefault((runbook, deed.component), []).append(deed)
    done = {runbook for runbook, _ in piles} | {component for _, component in piles}
    found = [_skill(key, pile, tasks, platform) for key, pile in piles.items()]
    by_hand = (task for task in tasks.values() if "automatic" not in task.recurs)
    wanted = {task.id: (component_of(task), task.task) for task in by_hand if task.id not in done}
    covered = {name.casefold() for id, (component, _) in wanted.items() for name in (id, component)}
    covered |= {name.casefold() for name in done}
    wanted |= {
        one.name: (one.product or one.name, f"{one.name} upgrade")
        for one in platform.components
        if not {one.name.casefold(), (one.product or one.name).casefold()} & covered
    }
    found += [
        Skill(runbook=runbook, component=component, title=title, state="nobody")
        for runbook, (component, title) in wanted.items()
    ]
    order = ("one person", "nobody", "enough")
    return tuple(sorted(found, key=lambda skill: (order.index(skill.state), skill.runbook, skill.component)))


def component_of(task: Task) -> str:
    """What a task is done to, as records name it."""
    return "nodes" if task.action == "nodes" else task.product or task.id


def _skill(key: tuple[str, str], deeds: Sequence[Deed], tasks: dict[str, Task], platform: Platform) -> Skill:
    runbook, component = key
    newest = sorted(deeds, key=lambda deed: (deed.on, deed.source), reverse=True)
    people: dict[str, list[str]] = {}
    approvals: dict[str, list[str]] = {}
    for deed in deeds:
        for pile, words in ((people, deed.did), (approvals, deed.approved)):
            for name in dict.fromkeys(_name(platform, word) for word in words):
                pile.setdefault(name, []).append(deed.on)
    hands = [
        _hand(platform, name, people.get(name, []), approvals.get(name, []))
        for name in dict.fromkeys([*people, *approvals])
    ]
    able = sum(hand.counts for hand in hands)
    return Skill(
        runbook=runbook,
        component=component,
        title=tasks[runbook].task if runbook in tasks else runbook,
        state="enough" if able >= ENOUGH else "one person" if able else "nobody",
        hands=tuple(sorted(hands, key=lambda hand: (not hand.counts, -hand.times, hand.name))),
        last=newest[0].on,
        sources=tuple(deed.source for deed in newest),
    )


def _hand(platform: Platform, name: str, did: Sequence[str], approved: Sequence[str]) -> Hand:
    remark = ""
    if name.startswith(_MACHINES):
        remark = "no person"
    elif platform.people and _person(platform, name) is None:
        remark = "not in people: of the platform file"
    elif not did:
        remark = "approved only"
    return Hand(
        name=name,
        times=len(did),
        approved=len(approved),
        last=max((*did, *approved)),
        counts=bool(did) and not remark,
        remark=remark,
    )


def _name(platform: Platform, said: str) -> str:
    """The person's name in the platform file, where the record has what the API server calls them."""
    found = _person(platform, said)
    return found.name if found is not None else said


def _person(platform: Platform, said: str) -> Person | None:
    return next((one for one in platform.people if said in (one.name, one.identity)), None)
