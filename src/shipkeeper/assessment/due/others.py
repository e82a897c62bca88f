"""What is due though no row of the schedule asks for it: components, certificates, backups, actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from shipkeeper.assessment.backups import BackupStanding, judge_backups
from shipkeeper.assessment.due.products import HORIZON_MS, ORDER, tell
from shipkeeper.assessment.due.upkeep import Upkeep
from shipkeeper.assessment.scope import owner_of
from shipkeeper.model.book import ActionOpened
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.platform import Objectives, Platform
from shipkeeper.model.schedule import DueItem, Need
from shipkeeper.model.time import DAY, iso, parse_duration

AHEAD_MS = 180 * DAY
"""A component is listed from this long before its support ends."""
CERTIFICATE_MS = 21 * DAY
"""cert-manager renews at two thirds of a lifetime; one of ninety days that has so little left was not renewed."""


def other_rows(
    platform: Platform,
    inventory: Inventory | None,
    components: Sequence[Upkeep],
    needs: Mapping[str, Sequence[Need]],
    actions: Sequence[ActionOpened],
    windows: Sequence[PlanWindow],
    now_ms: int,
) -> tuple[DueItem, ...]:
    """Rows beside the schedule's, the gravest first, then by date."""
    rows = [row for one in components if (row := _component(platform, one, needs, windows, now_ms)) is not None]
    if inventory is not None:
        rows += _certificates(platform, inventory, now_ms)
        rows += _backups(platform, inventory, now_ms)
    rows += [_action(platform, action, now_ms) for action in actions]
    return tuple(sorted(rows, key=lambda row: (-ORDER.index(row.state), row.needed_by[:10] or "9999", row.task)))


def _component(
    platform: Platform,
    one: Upkeep,
    needs: Mapping[str, Sequence[Need]],
    windows: Sequence[PlanWindow],
    now_ms: int,
) -> DueItem | None:
    """A component's row; None where it is well and nothing is near."""
    told = tell([one], needs, windows, platform.zone, now_ms)
    running = one.running
    by = min((need.by for need in told.needs if need.by), default="", key=lambda text: text[:10])
    soon = by and by[:10] <= iso(now_ms + AHEAD_MS)[:10]
    if told.state in ("", "ok") and not soon and not needs.get(running.product):
        return None
    declared = running.declared
    scope = next((found for space in running.namespaces if (found := owner_of(platform, space)) is not None), None)
    return DueItem(
        id=f"component-{running.product}",
        task=f"{running.name} upgrade",
        level=running.level,
        cadence="As released",
        needs_window="Yes" if running.level in ("core", "node OS") else "None",
        impact=declared.impact if declared else "",
        last_done="",
        next_due="",
        state=told.state or "unknown",
        reason=told.text or (one.worst.reason if one.worst else "its version is not told"),
        owner=(declared.owner if declared else "") or (scope.owner if scope else ""),
        product=running.product,
        namespaces=running.namespaces,
        current=told.current,
        target=told.target,
        hops=told.hops,
        hops_needed=told.hops_needed,
        needed_by=by,
        needs=told.needs,
        windows_left=told.windows_left,
        late=told.late,
    )


def _certificates(platform: Platform, inventory: Inventory, now_ms: int) -> Iterator[DueItem]:
    """One row for the certificates that renew themselves no more."""
    ending = sorted(
        (one for one in inventory.certificates if one.not_after_ms and one.not_after_ms - now_ms <= CERTIFICATE_MS),
        key=lambda one: (one.not_after_ms, one.namespace, one.name),
    )
    if not ending:
        return
    first = ending[0]
    named = ", ".join(f"{one.namespace}/{one.name} {iso(one.not_after_ms, platform.zone)[:10]}" for one in ending[:3])
    more = f" and {len(ending) - 3} more" if len(ending) > 3 else ""
    by = iso(first.not_after_ms, platform.zone)
    over = first.not_after_ms <= now_ms
    text = f"{'over or ' if over else ''}about to end: {named}{more}"
    yield _row(
        id="certificates",
        task="Certificates",
        level="core",
        cadence="Automatic",
        state="overdue" if over else "due",
        reason=f"{text}; cert-manager should have renewed {'it' if len(ending) == 1 else 'them'}",
        owner=_owner(platform, first.namespace),
        needed_by=by,
        needs=(Need(kind="certificate", text=f"{first.namespace}/{first.name} ends", by=by),),
        action=f"kubectl -n {first.namespace} describe certificate {first.name}",
    )


def _backups(platform: Platform, inventory: Inventory, now_ms: int) -> Iterator[DueItem]:
    """One row for each backup tool that is used here: whether what it makes is young enough."""
    objectives = _objectives(platform)
    found = judge_backups(inventory, objectives.rpo, now_ms).standings
    tools = {one.tool for one in found} | {one.tool for one in inventory.backups}
    tools |= {one.tool for one in inventory.backup_schedules} | {one.tool for one in inventory.backup_locations}
    for tool in sorted(tools):
        mine = sorted((one for one in found if one.tool == tool), key=lambda one: one.state in ("fresh", "unknown"))
        state, reason = _backup_state(mine, objectives.rpo)
        what = {"velero": "Backups (Velero)", "cnpg": "Backups (PostgreSQL)"}.get(tool, f"Backups ({tool})")
        newest = min((one.newest_ms for one in mine if one.newest_ms), default=0)
        by = iso(newest + parse_duration(objectives.rpo), platform.zone) if newest and objectives.rpo else ""
        needs = (Need(kind="backup", text=reason, by=by),) if state != "ok" else ()
        yield _row(
            id=f"backups-{tool}", task=what, level="recurring", cadence="Automatic", state=state, reason=reason,
            owner="", needed_by=by, needs=needs, last_done=iso(newest, platform.zone) if newest else "",
        )  # fmt: skip


def _backup_state(found: Sequence[BackupStanding], rpo: str) -> tuple[str, str]:
    """State and reason of one tool's backups, those that are not well first."""
    states = {one.state for one in found}
    if not states:
        return "overdue", "no completed backup was found: nothing could be restored"
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    reading = "; ".join(f"{one.what}: {one.reading}" for one in found[:3]) + more
    if states & {"none", "failing", "paused"}:
        return "overdue", reading
    if not rpo:
        return "unknown", f"{reading}; no RPO is declared (objectives:)"
    state = "overdue" if "stale" in states else "unknown" if "unknown" in states else "ok"
    return state, f"{reading}; RPO {rpo}"


def _objectives(platform: Platform) -> Objectives:
    own = [env.objectives for env in platform.environments if env.production and env.objectives.rpo]
    return own[0] if own else platform.objectives


def _action(platform: Platform, action: ActionOpened, now_ms: int) -> DueItem:
    today = iso(now_ms, platform.zone)[:10]
    soon = iso(now_ms + HORIZON_MS, platform.zone)[:10]
    state = "overdue" if action.due_on < today else "due" if action.due_on <= soon else "ok"
    whence = f"from the retrospective of {action.run}" if action.run else f"opened by {action.by}"
    return _row(
        id=action.id, task=action.text, level="recurring", cadence="Once", state=state, reason=whence,
        owner=action.owner, needed_by=action.due_on, action=f"shipkeeper actions close {action.id}",
        needs=(Need(kind="action", text=whence, by=action.due_on),), next_due=f"{action.due_on}T00:00:00Z",
    )  # fmt: skip


def _row(
    *,
    id: str,
    task: str,
    level: str,
    cadence: str,
    state: str,
    reason: str,
    owner: str,
    needed_by: str,
    needs: tuple[Need, ...],
    action: str = "",
    last_done: str = "",
    next_due: str = "",
) -> DueItem:
    return DueItem(
        id=id, task=task, level=level, cadence=cadence, needs_window="None", impact="", last_done=last_done,
        next_due=next_due, state=state, reason=reason, owner=owner, needed_by=needed_by, needs=needs, action=action,
    )  # fmt: skip


def _owner(platform: Platform, namespace: str) -> str:
    scope = owner_of(platform, namespace)
    return scope.owner if scope else ""
