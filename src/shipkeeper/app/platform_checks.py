"""What a platform file may say, beyond types: durations, zones, rules, argv templates, references between its parts."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import PurePosixPath
from typing import Any

from shipkeeper.app.platform_people_checks import PEOPLE_CHECKS, check_people
from shipkeeper.app.platform_yaml import FieldCheck, Path, Reading
from shipkeeper.knowledge.cadence import parse_cadence
from shipkeeper.knowledge.schedule import merged_schedule
from shipkeeper.model.errors import BadInput
from shipkeeper.model.plan import MECHANICS
from shipkeeper.model.platform import Platform, WindowRule
from shipkeeper.model.record import API_VERSION
from shipkeeper.model.schedule import LEVELS
from shipkeeper.model.time import load_zone, parse_duration, parse_instant
from shipkeeper.planning.request import MANUAL, ON_BLOCKED, ORDERS
from shipkeeper.planning.timings import parse_spread
from shipkeeper.planning.window import check_rrule, check_start, rule_faults

MARKS = ("{node}", "{address}", "{providerID}")
ROLES = ("sc", "wc", "single")
_SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "cmd", "powershell", "pwsh")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_POD = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_ID = re.compile(r"[a-z0-9][-a-z0-9]*")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORKLOAD = re.compile(r"\*|[A-Z][A-Za-z]+/[^/\s]+/[^/\s]+")


def _one_of(words: Sequence[str]) -> FieldCheck:
    def check(value: str) -> None:
        if value not in words:
            close = difflib.get_close_matches(value, words, n=1)
            raise BadInput(
                f"{value!r} is not known here",
                hint=f"did you mean {close[0]}?" if close else f"one of {', '.join(words)}",
            )

    return check


def _optional(check: Callable[[str], Any]) -> FieldCheck:
    def run(value: str) -> None:
        if value:
            check(value)

    return run


def _duration(value: str) -> None:
    if parse_duration(value) <= 0:
        raise BadInput(f"{value!r} must be longer than nothing")


def _date(value: str) -> None:
    try:
        date.fromisoformat(value)
    except ValueError as error:
        raise BadInput(f"{value!r} is not a date", hint="write it like 2026-12-02") from error


def check_moment(value: str) -> None:
    """A date, or an RFC 3339 timestamp. Raises BadInput."""
    try:
        parse_instant(value)
    except BadInput:
        _date(value)


def _positive(value: int) -> None:
    if value < 1:
        raise BadInput(f"{value} must be at least 1")


def check_argv(argv: Sequence[str]) -> None:
    """Refuse what is not a plain list of words with the three marks. Raises BadInput naming the word by its index."""
    if not argv:
        raise BadInput("an argv needs at least the program", hint='for example [ssh, "{address}", sudo, reboot]')
    if len(argv) == 1 and " " in argv[0]:
        raise BadInput(
            "this is a command line in one piece", object="0", hint="one list item a word: [ssh, host, reboot]"
        )
    program = PurePosixPath(argv[0]).name.removesuffix(".exe")
    if program in _SHELLS and any(re.fullmatch(r"-[a-z]*c|/c|-Command", word) for word in argv[1:]):
        raise BadInput(
            f"{program} with a command string is not run",
            object="0",
            why="a node's name or address would become shell code",
            hint="name the program itself, or a script file of yours that takes arguments",
        )
    for index, word in enumerate(argv):
        for found in re.findall(r"\{[^{}]*\}?|\}", _without_marks(word)):
            close = difflib.get_close_matches(found, MARKS, n=1, cutoff=0.4)
            raise BadInput(
                f"{found!r} in {word!r} is not a mark",
                object=str(index),
                hint=f"did you mean {close[0]}?" if close else f"there are {', '.join(MARKS)}",
            )
        if "\x00" in word or "\n" in word:
            raise BadInput(f"{word!r} has a line break or NUL in it", object=str(index))
    if any(mark in argv[0] for mark in MARKS):
        raise BadInput("the program itself cannot come from the node", object="0")


def _without_marks(word: str) -> str:
    for mark in MARKS:
        word = word.replace(mark, "")
    return word


def _maybe_argv(argv: Sequence[str]) -> None:
    if argv:
        check_argv(argv)


def _environment(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        scheme, _, rest = value.partition(":")
        fits = rest and (scheme == "file" or (scheme == "env" and _ENV_NAME.fullmatch(rest)))
        if not fits:
            # The value is not repeated: it may be the secret itself.
            raise BadInput(
                f"{name} must be a reference to a secret, not a value",
                object=name,
                why="the platform file is committed, and plans repeat what it says",
                hint="write env:NAME or file:/path",
            )
        if not _ENV_NAME.fullmatch(name):
            raise BadInput(f"{name!r} cannot name an environment variable", object=name)


def _spreads(values: Mapping[str, str]) -> None:
    for key, text in values.items():
        if not _WORKLOAD.fullmatch(key):
            raise BadInput(f"{key!r} names no workload", object=key, hint="write Kind/namespace/name, or *")
        try:
            parse_spread(text)
        except BadInput as error:
            raise BadInput(error.message, object=key, hint=error.hint) from error


def _mechanics(values: Mapping[str, str]) -> None:
    for key, text in values.items():
        try:
            _one_of(tuple(MECHANICS))(key)
            parse_spread(text)
        except BadInput as error:
            raise BadInput(error.message, object=key, hint=error.hint) from error


def _namespaces(values: Sequence[str]) -> None:
    _each(values, lambda v: v == "*" or _NAME.fullmatch(v), "is not a namespace", "a namespace, or * for all")


def _pods(values: Sequence[str]) -> None:
    def fits(value: str) -> object:
        namespace, _, pod = value.partition("/")
        return value == "*" or (_NAME.fullmatch(namespace) and (pod == "" or _POD.fullmatch(pod)))

    _each(values, fits, "names no pods", "a namespace, namespace/pod, or * for all")


def _each(values: Sequence[str], fits: Callable[[str], object], what: str, hint: str) -> None:
    for index, value in enumerate(values):
        if not fits(value):
            raise BadInput(f"{value!r} {what}", object=str(index), hint=hint)


def _task_id(value: str) -> None:
    if not _ID.fullmatch(value):
        raise BadInput(f"{value!r} cannot be a task's id", hint="small letters, digits and dashes: node-os")


def _done(values: Mapping[str, str]) -> None:
    for key, text in values.items():
        try:
            check_moment(text)
        except BadInput as error:
            raise BadInput(error.message, object=key, hint=error.hint) from error


FIELD_CHECKS: dict[tuple[str, str], FieldCheck] = {
    ("Platform", "api_version"): _one_of((API_VERSION,)),
    ("Platform", "kind"): _one_of(("Platform",)),
    ("Platform", "zone"): load_zone,
    ("Platform", "done"): _done,
    ("WindowRule", "zone"): load_zone,
    ("WindowRule", "rrule"): check_rrule,
    ("WindowRule", "start"): check_start,
    ("WindowRule", "duration"): _duration,
    ("WindowRule", "agreed_until"): _optional(_date),
    ("WindowRule", "first"): _optional(_date),
    ("DriverConfig", "argv"): check_argv,
    ("DriverConfig", "delivered"): _maybe_argv,
    ("DriverConfig", "timeout"): _duration,
    ("DriverConfig", "environment"): _environment,
    ("DrainDefaults", "reserve"): parse_duration,
    ("DrainDefaults", "max_parallel"): _positive,
    ("DrainDefaults", "order"): _one_of(ORDERS),
    ("DrainDefaults", "on_blocked"): _one_of(ON_BLOCKED),
    ("DrainDefaults", "blocked_after"): _optional(_duration),
    ("DrainDefaults", "delete_empty_dir_data"): _namespaces,
    ("DrainDefaults", "allow_unmanaged"): _pods,
    ("TimingConfig", "reboot"): _optional(parse_spread),
    ("TimingConfig", "readiness"): _spreads,
    ("TimingConfig", "termination"): _spreads,
    ("TimingConfig", "mechanics"): _mechanics,
    ("TimingConfig", "stable_ready"): _optional(parse_duration),
    ("ClusterConfig", "role"): _one_of(ROLES),
    ("ClusterConfig", "lease_namespace"): lambda value: _namespaces([value]),
    ("Scope", "namespaces"): _namespaces,
    ("Task", "id"): _task_id,
    ("Task", "level"): _one_of(LEVELS),
    ("Task", "cadence"): parse_cadence,
    **PEOPLE_CHECKS,
}
"""Checks of single values, by struct and field."""


def check_together(platform: Platform, reading: Reading) -> None:
    """Checks that look at more than one value; mistakes are noted with their places."""
    _once(reading, ("environments",), "name", [env.name for env in platform.environments], "environment")
    clusters = [
        (("environments", i, "clusters", j), cluster)
        for i, env in enumerate(platform.environments)
        for j, cluster in enumerate(env.clusters)
    ]
    _unique(reading, [((*path, "name"), c.name) for path, c in clusters], "cluster")
    _unique(reading, [((*path, "context"), c.context) for path, c in clusters if c.context], "context")
    drivers = [*platform.reboot_drivers, MANUAL]
    for path, cluster in clusters:
        wanted = cluster.drain.reboot_with
        if wanted and wanted not in drivers:
            close = difflib.get_close_matches(wanted, drivers, n=1)
            reading.add(
                f"there is no reboot driver called {wanted!r}",
                reading.at((*path, "drain", "rebootWith")),
                hint=f"did you mean {close[0]}?" if close else f"rebootDrivers has: {', '.join(drivers)}",
            )
    for i, env in enumerate(platform.environments):
        _once(reading, ("environments", i, "windows"), "name", [w.name for w in env.windows], "window")
        for j, rule in enumerate(env.windows):
            _window(reading, ("environments", i, "windows", j), rule)
    _once(reading, ("schedule",), "id", [task.id for task in platform.schedule], "task")
    _once(reading, ("channels",), "name", [channel.name for channel in platform.channels], "channel")
    _once(reading, ("components",), "name", [component.name for component in platform.components], "component")
    _once(reading, ("people",), "name", [person.name for person in platform.people], "person")
    check_people(platform, reading)
    known = [task.id for task in merged_schedule(platform.schedule)]
    for task in platform.done:
        if task not in known:
            close = difflib.get_close_matches(task, known, n=1)
            reading.add(
                f"the schedule has no task {task!r}",
                reading.at(("done", task)),
                hint=f"did you mean {close[0]}?" if close else f"it has: {', '.join(known)}",
            )


def _window(reading: Reading, path: Path, rule: WindowRule) -> None:
    """Note everything wrong with a window. What the check of a single value has said already is not said again."""
    told = {problem.location for problem in reading.problems}
    for field, error in rule_faults(rule):
        place = reading.at((*path, field))
        if place not in told:
            reading.add(error.message, place, hint=error.hint, why=error.why)


def _once(reading: Reading, path: Path, field: str, names: Iterable[str], what: str) -> None:
    _unique(reading, [((*path, i, field), name) for i, name in enumerate(names)], what)


def _unique(reading: Reading, named: Sequence[tuple[Path, str]], what: str) -> None:
    first: dict[str, Path] = {}
    for path, name in named:
        if name in first:
            line = reading.at(first[name]).line
            reading.add(f"there are two {what}s {name!r}", reading.at(path), hint=f"the first is in line {line}")
        else:
            first[name] = path
