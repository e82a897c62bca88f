"""People's word that a human check was done: who, on which day, with which answers. Records of the logbook."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from datetime import date

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.speaker import Speaker, speaker
from shipkeeper.knowledge.schedule import attestable, merged_schedule
from shipkeeper.model.book import Attested
from shipkeeper.model.errors import BadInput, Problems, Refused, UsageProblem
from shipkeeper.model.platform import Platform
from shipkeeper.model.record import Record
from shipkeeper.model.schedule import Task
from shipkeeper.model.time import iso


class Standing(Record, frozen=True, kw_only=True):
    """A task that people attest, and its newest attestation, if there is one."""

    task: str
    title: str
    cadence: str
    attested_by: tuple[str, ...]
    """Roles whose word counts; none: anybody's."""
    questions: tuple[str, ...]
    source: str
    last: Attested | None = None


def attested_facts(logbook: Logbook) -> dict[str, Attested]:
    """Task id → its newest attestation: by the day that it is about, then by when it was recorded."""
    newest: dict[str, Attested] = {}
    for event in logbook.of_kind(Attested):
        known = newest.get(event.task)
        if known is None or event.done_on >= known.done_on:
            newest[event.task] = event
    return newest


def standings(platform: Platform, logbook: Logbook) -> tuple[Standing, ...]:
    """Every task that people attest, in the schedule's order, with what is on record."""
    known = attested_facts(logbook)
    return tuple(
        Standing(
            task=task.id,
            title=task.task,
            cadence=task.cadence,
            attested_by=task.attested_by,
            questions=task.questions,
            source=task.source,
            last=known.get(task.id),
        )
        for task in attestable(platform.schedule)
    )


def find_task(platform: Platform, name: str) -> Task:
    """The task of that id. Raises UsageProblem when there is none, or when it is done by work and not by attesting."""
    tasks = {task.id: task for task in attestable(platform.schedule)}
    if name in tasks:
        return tasks[name]
    if any(task.id == name for task in merged_schedule(platform.schedule)):
        raise UsageProblem(
            f"{name} asks no questions: it is done by work, and nobody attests it",
            object=name,
            hint=f"work that was done by other means goes on record with: shipkeeper record {name} --by NAME",
        )
    close = difflib.get_close_matches(name, tasks, n=1)
    raise UsageProblem(
        f"there is no task called {name!r} to attest",
        object=name,
        hint=f"did you mean {close[0]}?" if close else f"tasks: {', '.join(tasks)}",
    )


def may_attest(platform: Platform, task: Task, by: str) -> Speaker:
    """Who speaks, when their word counts for this task.

    Raises BadInput for somebody whom the platform file does not know, Refused for one without the role. A platform
    file that names nobody cannot tell roles: then anybody may.
    """
    who = speaker(platform, by)
    if not task.attested_by or not platform.people or set(task.attested_by) & set(who.roles):
        return who
    able = [person.name for person in platform.people if set(task.attested_by) & set(person.roles)]
    has = f"their roles are {', '.join(who.roles)}" if who.roles else "they have no role"
    raise Refused(
        f"{who.name} cannot attest the {task.task.lower()}: it takes the word of {' or '.join(task.attested_by)}",
        code="wrong-role",
        object=task.id,
        why=f"{has} in the platform file",
        hint=f"ask {' or '.join(able)}" if able else "nobody in people: of the platform file has such a role",
    )


def read_answers(task: Task, given: Sequence[str]) -> dict[str, str]:
    """Answers by question, in the questions' order, from words such as ``2=yes`` or ``at rest=AES-256``.

    What stands before the first ``=`` is the question's number, or a part of it that no other question has. Raises
    Problems with everything that is not understood.
    """
    found: dict[str, str] = {}
    wrong: list[BadInput] = []
    for text in given:
        which, equals, answer = text.partition("=")
        try:
            question = _question(task, which.strip())
        except BadInput as error:
            wrong.append(error)
            continue
        if not equals or not answer.strip():
            wrong.append(BadInput(f"there is no answer in {text!r}", hint=f'write it like --answer "{which}=…"'))
        elif question in found:
            wrong.append(BadInput(f"question {task.questions.index(question) + 1} is answered twice"))
        else:
            found[question] = answer.strip()
    if wrong:
        raise Problems(f"some answers about the {task.task.lower()} are not understood", tuple(wrong))
    return {question: found[question] for question in task.questions if question in found}


def attest(
    platform: Platform,
    logbook: Logbook,
    task: Task,
    *,
    by: str,
    answers: Mapping[str, str],
    now_ms: int,
    on: str = "",
    note: str = "",
    environment: str = "",
) -> Attested:
    """Record that the task was done on that day (empty: today). Every question has its answer.

    Raises Problems for missing answers, UsageProblem for an unknown environment, BadInput for a day that is none or
    lies ahead, and what ``may_attest`` raises.
    """
    who = may_attest(platform, task, by)
    missing = [i for i, question in enumerate(task.questions, 1) if not answers.get(question, "").strip()]
    if missing:
        raise Problems(
            f"{len(missing)} of the {len(task.questions)} questions about the {task.task.lower()} have no answer",
            tuple(
                UsageProblem(
                    f"no answer to question {i}: {task.questions[i - 1]}",
                    code="answer-missing",
                    object=task.id,
                    hint=f'--answer "{i}=…"',
                )
                for i in missing
            ),
        )
    known = [environment_.name for environment_ in platform.environments]
    if environment and environment not in known:
        raise UsageProblem(
            f"there is no environment called {environment!r}", hint=f"environments: {', '.join(known) or 'none'}"
        )
    said = Attested(
        task=task.id,
        by=who.name,
        done_on=day_done(on, platform.zone, now_ms),
        identity=who.identity,
        answers={question: answers[question].strip() for question in task.questions},
        note=note.strip(),
        environment=environment,
    )
    logbook.write(now_ms, [said])
    return said


def day_done(text: str, zone: str, now_ms: int) -> str:
    """A day that is not ahead, as ``YYYY-MM-DD``; empty means today in that zone. Raises BadInput."""
    today = iso(now_ms, zone)[:10]
    if not text:
        return today
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise ValueError(text)
        date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is not a date", hint="write it like 2026-12-02") from error
    if text > today:
        raise BadInput(
            f"{text} is still to come",
            why="what is on record has happened",
            hint=f"today is {today} in {zone}; leave --on out for today",
        )
    return text


def _question(task: Task, which: str) -> str:
    if which.isdigit():
        if 1 <= int(which) <= len(task.questions):
            return task.questions[int(which) - 1]
        raise BadInput(f"there is no question {which}", hint=f"they are numbered 1 to {len(task.questions)}")
    wanted = " ".join(which.lower().split())
    exact = [question for question in task.questions if question.lower() == wanted]
    found = exact or [question for question in task.questions if wanted and wanted in question.lower()]
    if len(found) == 1:
        return found[0]
    numbers = ", ".join(str(task.questions.index(question) + 1) for question in found)
    raise BadInput(
        f"{which!r} could be question {numbers}" if found else f"no question has {which!r} in it",
        hint="name a question by its number: " + "; ".join(f"{i}. {q}" for i, q in enumerate(task.questions, 1)),
    )
