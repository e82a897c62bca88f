"""What is due: the schedule, the platform file, the journal and the inventory put together."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.app.actions import still_open
from shipkeeper.app.due_needs import needs_of
from shipkeeper.app.state import State
from shipkeeper.assessment.components import components
from shipkeeper.assessment.due import NodeDone, Question, Said, due, facts_of
from shipkeeper.assessment.due.calendar import Dated, calendar
from shipkeeper.assessment.due.lifelines import Lifeline, lifelines
from shipkeeper.assessment.due.upkeep import upkeep
from shipkeeper.assessment.vulnerabilities import needs_by_product, other_patches, patch_view
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.knowledge.library import Knowledge
from shipkeeper.knowledge.schedule import merged_schedule
from shipkeeper.model.book import Attested, ExposureAnswered, WorkRecorded
from shipkeeper.model.errors import BadInput
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.platform import Environment, Platform
from shipkeeper.model.record import Record
from shipkeeper.model.run import RunEvent
from shipkeeper.model.schedule import DueItem
from shipkeeper.model.time import DAY, moment
from shipkeeper.planning.settings import find_cluster
from shipkeeper.planning.window import next_window, open_or_next

AHEAD_MS = 400 * DAY
"""How far ahead agreed windows are looked at: beyond a year, so that yearly work finds its window."""


class DueList(Record, frozen=True, kw_only=True):
    """The answer of ``due``. ``windows``: the next agreed ones, earliest first."""

    items: tuple[DueItem, ...]
    windows: tuple[PlanWindow, ...] = ()
    agreed_by: tuple[str, ...] = ()
    agreed_until: str = ""
    cluster: str = ""
    """The cluster's name in the platform file, where it is there."""
    lifelines: tuple[Lifeline, ...] = ()
    """Until when each version that runs is supported, what ends first on top."""
    calendar: tuple[Dated, ...] = ()
    """The coming twelve months, day by day."""
    unknown: tuple[str, ...] = ()
    """What could not be looked at, in sentences: what is not listed because of it is not known to be well."""


def list_due(
    platform: Platform,
    inventory: Inventory | None,
    facts: tuple[NodeDone, ...],
    now_ms: int,
    *,
    book: Sequence[RunEvent] = (),
    knowledge: Knowledge,
    cluster: str = "",
    context: str = "",
) -> DueList:
    """Every task with its dates. Raises BadInput for a cadence or window rule that is not understood."""
    known_as = context or (inventory.identity.name if inventory is not None else "")
    uid = inventory.identity.uid if inventory is not None else ""
    found = find_cluster(platform, cluster, known_as, uid)
    environments = [found[0]] if found is not None else [env for env in platform.environments if env.production]
    windows, agreed_by, agreed_until = _windows(environments, now_ms)
    running = components(inventory, knowledge.products, platform.components)
    cared = upkeep(running, knowledge, moment(now_ms, platform.zone).date())
    answers = [event for event in book if isinstance(event, ExposureAnswered)]
    patches = patch_view(inventory, platform, knowledge, answers, now_ms)
    further = needs_of(platform, inventory, cared, knowledge, windows, now_ms, needs_by_product(patches))
    items = due(
        Question(
            platform=platform,
            schedule=merged_schedule(platform.schedule),
            now_ms=now_ms,
            inventory=inventory,
            nodes_done=facts,
            said=said_of(book),
            windows=windows,
            upkeep=cared,
            needs=further.needs,
            remarks=further.remarks,
            actions=still_open(book),
        )
    )
    items += other_patches(patches, now_ms, cared)
    name = found[1].name if found is not None else ""
    return DueList(
        items=items,
        windows=windows[:2],
        agreed_by=agreed_by,
        agreed_until=agreed_until,
        cluster=name,
        lifelines=lifelines(cared.values()),
        calendar=calendar(items, windows, platform.zone, now_ms),
        unknown=patches.unknown if inventory is not None else (),
    )


def journal_facts(state: State) -> tuple[NodeDone, ...]:
    """Nodes that any run of this state's journal maintained. No journal yet: none."""
    if not state.journal_path.exists():
        return ()
    journal = SqliteJournal(state.journal_path)
    try:
        return tuple(fact for run in journal.runs() for fact in facts_of(journal.read(run)))
    finally:
        journal.close()


def said_of(book: Sequence[RunEvent]) -> tuple[Said, ...]:
    """What people said was done, oldest first: attestations and records of work by other means."""
    found = []
    for event in book:
        if isinstance(event, Attested):
            found.append(Said(event.task, event.done_on, f"attested by {event.by}"))
        elif isinstance(event, WorkRecorded):
            found.append(Said(event.runbook, event.done_on, f"recorded: done by {' and '.join(event.by)}"))
    return tuple(found)


def _windows(environments: list[Environment], now_ms: int) -> tuple[tuple[PlanWindow, ...], tuple[str, ...], str]:
    """The windows of these environments over the coming year, and who agreed to the first until when."""
    coming = []
    for rule in (rule for env in environments for rule in env.windows):
        from_ms = now_ms
        while from_ms < now_ms + AHEAD_MS:
            try:
                window = open_or_next(rule, now_ms) if from_ms == now_ms else next_window(rule, from_ms)
            except BadInput:  # the rule has ended
                break
            coming.append((window, rule))
            from_ms = max(window.opens_ms, now_ms) + 1
    coming.sort(key=lambda item: (item[0].opens_ms, item[0].closes_ms, item[1].name))
    if not coming:
        return (), (), ""
    rule = coming[0][1]
    return tuple(window for window, _ in coming), rule.agreed_by, rule.agreed_until
