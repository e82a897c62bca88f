"""Work on record: what people did by other means, and who has carried out what."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from shipkeeper.app.attestations import day_done
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.speaker import speaker
from shipkeeper.app.state import State
from shipkeeper.assessment.hands import Skill, component_of, deeds_of_records, deeds_of_run, skills
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.knowledge.schedule import attestable, merged_schedule
from shipkeeper.model.book import WorkRecorded
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.platform import Platform

_CLOSE = 0.85
"""A name this much like a task's is more likely mistyped than a runbook of the team's own."""


def record_work(
    platform: Platform,
    logbook: Logbook,
    runbook: str,
    *,
    by: Sequence[str],
    now_ms: int,
    on: str = "",
    component: str = "",
    change: str = "",
    environment: str = "",
    recorded_by: str = "",
    note: str = "",
) -> WorkRecorded:
    """Record work that was carried out by other means. ``by``: everybody who did it; ``on`` empty: today.

    Raises BadInput for nobody, for somebody unknown, and for a day that is none or lies ahead; UsageProblem for a
    mistyped task, a task that is attested instead, and an unknown environment.
    """
    people = [speaker(platform, name) for name in by] or [speaker(platform, "")]
    teller = speaker(platform, recorded_by) if recorded_by else people[0]
    task = next((task for task in merged_schedule(platform.schedule) if task.id == runbook), None)
    _check_runbook(platform, runbook)
    environments = [one.name for one in platform.environments]
    if environment and environment not in environments:
        raise UsageProblem(
            f"there is no environment called {environment!r}", hint=f"environments: {', '.join(environments) or 'none'}"
        )
    made = WorkRecorded(
        runbook=runbook,
        component=component.strip() or (component_of(task) if task is not None else runbook),
        by=tuple(dict.fromkeys(person.name for person in people)),
        done_on=day_done(on, platform.zone, now_ms),
        environment=environment,
        recorded_by=teller.name,
        identity=teller.identity,
        note=note.strip(),
        change=" ".join(change.replace("->", "→").split()),
    )
    logbook.write(now_ms, [made])
    return made


def is_scheduled(platform: Platform, runbook: str) -> bool:
    """Whether the schedule has a task of that id, so that ``due`` counts the record."""
    return any(task.id == runbook for task in merged_schedule(platform.schedule))


def who_did_what(platform: Platform, state: State, logbook: Logbook) -> tuple[Skill, ...]:
    """Who has carried out what, from every run of the journal and every record of the logbook."""
    deeds = list(deeds_of_records(logbook.of_kind(WorkRecorded)))
    if state.journal_path.exists():
        journal = SqliteJournal(state.journal_path)
        try:
            for run in journal.runs():
                deeds += deeds_of_run(journal.read(run), platform.zone)
        finally:
            journal.close()
    return skills(deeds, merged_schedule(platform.schedule), platform)


def _check_runbook(platform: Platform, runbook: str) -> None:
    if not runbook.strip():
        raise UsageProblem("say what was done: a task of the schedule, or a runbook of your own")
    if any(task.id == runbook for task in attestable(platform.schedule)):
        raise UsageProblem(
            f"{runbook} has questions: it is attested",
            object=runbook,
            hint=f"shipkeeper attest {runbook} --by NAME",
        )
    ids = [task.id for task in merged_schedule(platform.schedule)]
    close = difflib.get_close_matches(runbook, ids, n=1, cutoff=_CLOSE)
    if runbook not in ids and close:
        raise UsageProblem(
            f"the schedule has no task called {runbook!r}",
            object=runbook,
            why="under another name, due would not count it",
            hint=f"did you mean {close[0]}?",
        )
