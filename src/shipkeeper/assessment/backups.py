"""How old the newest backup is that one could go back to, tool by tool, against the objective of data loss (RPO).

Velero: counted from the start of the newest backup that is Completed, not expired, and kept in a location that is not
known to be unavailable; what was written after its start is not surely in it. CloudNativePG: from the end of the
newest completed base backup. Where write-ahead logs are archived less may be lost, but Kubernetes does not tell when
the last one was, so an older base backup is unknown then, and never fresh.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.operands import Backup, BackupSchedule, DatabaseCluster
from shipkeeper.model.platform import Environment, Objectives, Platform
from shipkeeper.model.record import Record
from shipkeeper.model.time import HOUR, MINUTE, format_duration, parse_duration

USUAL_RPO_MS = 24 * HOUR
"""What is judged by where nobody declared an objective; it is said that nobody did."""
FIELDS = ("backups", "backup_schedules", "backup_locations", "database_clusters")
_AHEAD_MS = 5 * MINUTE
"""Clocks differ by less; a backup from further ahead tells nothing of its age."""


State = Literal["fresh", "stale", "none", "failing", "paused", "unknown"]


class BackupStanding(Record, frozen=True, kw_only=True):
    """One schedule, or one database, and the newest backup of it. ``newest_ms`` 0: there is none, or it is not told.

    ``state``: fresh | stale | none | failing | paused | unknown.
    """

    tool: str
    what: str
    state: State
    reading: str
    newest_ms: int = 0


class BackupVerdict(Record, frozen=True, kw_only=True):
    """All of them. ``state``: fresh (every one) | stale (one is not) | unknown (cannot be told, or there is none)."""

    state: Literal["fresh", "stale", "unknown"]
    reading: str
    standings: tuple[BackupStanding, ...] = ()


def objectives_of(platform: Platform, environment: Environment | None) -> Objectives:
    """The environment's objectives, else the platform's."""
    own = environment.objectives if environment is not None else Objectives()
    return own if own != Objectives() else platform.objectives


def judge_backups(inventory: Inventory, rpo: str, now_ms: int) -> BackupVerdict:
    """Whether every backup that is made here is young enough at that moment. ``rpo`` empty: nobody declared one.

    Raises BadInput for an RPO that is no duration.
    """
    rpo_ms = parse_duration(rpo) if rpo else USUAL_RPO_MS
    found = (*_velero(inventory, rpo_ms, now_ms), *_cnpg(inventory, rpo_ms, now_ms))
    gaps = [gap for field in FIELDS for gap in inventory.missing_in(field)]
    against = f"RPO {rpo}" if rpo else "nobody declared an RPO: judged by the usual 24 h"
    bad = [one for one in found if one.state not in ("fresh", "unknown")]
    open_ = [one for one in found if one.state == "unknown"]
    if bad:
        return BackupVerdict(state="stale", reading=f"{_listed(bad)} ({against})", standings=found)
    if gaps:
        why = "; ".join(dict.fromkeys(f"{gap.what}: {gap.why}" for gap in gaps[:3]))
        return BackupVerdict(state="unknown", reading=f"not all could be read: {why}", standings=found)
    if not found:
        none = "no backup of Velero or CloudNativePG was found here, and no schedule of one"
        return BackupVerdict(state="unknown", reading=none)
    if open_:
        return BackupVerdict(state="unknown", reading=f"{_listed(open_)} ({against})", standings=found)
    return BackupVerdict(state="fresh", reading=f"{_listed(found)} ({against})", standings=found)


def _listed(found: Sequence[BackupStanding], most: int = 4) -> str:
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return "; ".join(f"{one.tool} {one.what}: {one.reading}" for one in found[:most]) + more


def _velero(inventory: Inventory, rpo_ms: int, now_ms: int) -> Iterator[BackupStanding]:
    backups = [one for one in inventory.backups if one.tool == "velero"]
    schedules = {(one.namespace, one.name): one for one in inventory.backup_schedules if one.tool == "velero"}
    away = {one.name for one in inventory.backup_locations if one.tool == "velero" and one.phase == "Unavailable"}
    piles: dict[tuple[str, str], list[Backup]] = {key: [] for key in schedules}
    for backup in backups:
        if not backup.schedule and schedules:
            continue  # made by hand: what the schedules make is what one relies on
        piles.setdefault((backup.namespace, backup.schedule), []).append(backup)
    for key, pile in sorted(piles.items()):
        yield _velero_one(key[1], schedules.get(key), pile, away, rpo_ms, now_ms)


def _velero_one(
    name: str, schedule: BackupSchedule | None, pile: Sequence[Backup], away: set[str], rpo_ms: int, now_ms: int
) -> BackupStanding:
    what = f"schedule {name}" if name else "backups made by hand"
    kept = [one for one in pile if one.completed and one.started_ms and not 0 < one.expires_ms <= now_ms]
    newest = max((one for one in kept if one.location not in away), key=lambda one: one.started_ms, default=None)
    state: State
    if schedule is not None and schedule.suspended:
        state, reading = "paused", "it is paused" + (f", newest {_age(newest.started_ms, now_ms)}" if newest else "")
    elif schedule is not None and schedule.phase == "FailedValidation":
        state, reading = "failing", f"it is not valid: {schedule.failure or 'no reason given'}"
    elif newest is None and kept:
        state, reading = "failing", f"its location {kept[0].location} is Unavailable"
    elif newest is None:
        state, reading = "none", "no completed backup" + _after(pile, 0)
    else:
        state = _by_age(newest.started_ms, rpo_ms, now_ms)
        reading = f"newest {newest.name} {_age(newest.started_ms, now_ms)}{_after(pile, newest.started_ms)}"
    return BackupStanding(
        tool="velero", what=what, state=state, reading=reading, newest_ms=newest.started_ms if newest else 0
    )


def _after(pile: Sequence[Backup], since_ms: int) -> str:
    """What became of the tries after the newest good one."""
    later = [one for one in pile if not one.completed and max(one.started_ms, 1) > since_ms]
    if not later:
        return ""
    last = max(later, key=lambda one: one.started_ms)
    return f"; {last.name} after it: {last.phase or 'not begun'}" + (f" ({last.failure})" if last.failure else "")


def _cnpg(inventory: Inventory, rpo_ms: int, now_ms: int) -> Iterator[BackupStanding]:
    windows = {
        window.server: window.last_success_ms
        for store in inventory.backup_locations
        if store.tool == "cnpg"
        for window in store.windows
    }
    for cluster in inventory.database_clusters:
        if not cluster.hibernated:
            pile = [
                one
                for one in inventory.backups
                if (one.tool, one.namespace, one.cluster) == ("cnpg", cluster.namespace, cluster.name)
            ]
            ended = [one.completed_ms for one in pile if one.completed]
            newest = max((*ended, cluster.last_backup_ms, windows.get(cluster.name, 0)), default=0)
            yield _cnpg_one(cluster, pile, newest, rpo_ms, now_ms)


def _cnpg_one(
    cluster: DatabaseCluster, pile: Sequence[Backup], newest: int, rpo_ms: int, now_ms: int
) -> BackupStanding:
    state: State
    age = f"newest base backup {_age(newest, now_ms)}{_after(pile, newest)}" if newest else ""
    if not cluster.backup_method and not newest:
        state, reading = "none", "no backup is configured"
    elif cluster.archiving == "False":
        state, reading = "failing", f"write-ahead logs are not archived; {age or 'no completed backup'}"
    elif not newest:
        state, reading = "none", "no completed backup" + _after(pile, 0)
    else:
        state, reading = _by_age(newest, rpo_ms, now_ms), age
    if state == "stale" and cluster.archiving == "True":
        state, reading = "unknown", f"{age}; when the last write-ahead log was archived is not told"
    return BackupStanding(
        tool="cnpg", what=f"{cluster.namespace}/{cluster.name}", state=state, reading=reading, newest_ms=newest
    )


def _by_age(at_ms: int, rpo_ms: int, now_ms: int) -> State:
    if at_ms - now_ms > _AHEAD_MS:
        return "unknown"
    return "fresh" if now_ms - at_ms <= rpo_ms else "stale"


def _age(at_ms: int, now_ms: int) -> str:
    if at_ms - now_ms > _AHEAD_MS:
        return f"{format_duration(at_ms - now_ms)} ahead of this clock"
    return f"{format_duration(max(0, now_ms - at_ms))} old"
