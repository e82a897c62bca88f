"""Gate backup-fresh: before what cannot be undone there is a backup to go back to, as young as people decided."""

from __future__ import annotations

from shipkeeper.assessment.backups import BackupVerdict
from shipkeeper.model.plan import Plan
from shipkeeper.model.run import ChecklistItem
from shipkeeper.model.time import format_duration, parse_instant
from shipkeeper.ports.gates import GateReading

NAME = "backup-fresh"
_FIX = "make one and wait until it is Completed, or, where backups are kept elsewhere and somebody looked: "
_UNDOABLE = ("reboot", "none")
_ONE_WAY = {
    "major": "a major change is mended forward, not taken back",
    "kubernetes-minor": "a minor of Kubernetes is not taken back",
}


def cannot_undo(plan: Plan) -> tuple[str, ...]:
    """What of a plan cannot be undone, in words; nothing for one that drains and reboots workers."""
    found = []
    if plan.purpose not in _UNDOABLE:
        found.append(f"it is for {plan.purpose}, which is not taken back")
    if plan.upgrade is not None:
        found.append(f"{plan.upgrade} is mended forward, not taken back")
    elif plan.change in _ONE_WAY:
        found.append(_ONE_WAY[plan.change])
    controllers = [node.name for node in plan.nodes if node.control_plane]
    if controllers:
        found.append(f"{', '.join(controllers[:3])} carry the control plane: what etcd loses there is gone")
    return tuple(found)


def backup_fresh(
    reasons: tuple[str, ...],
    verdict: BackupVerdict | None,
    seen: ChecklistItem | None,
    *,
    guarded: bool,
    rpo_ms: int,
    at_ms: int,
) -> GateReading:
    """Whether the plan may go on at that instant.

    ``reasons``: as ``cannot_undo`` says. ``verdict``: of the backups as they are; None: nothing tells. ``seen``: a
    person's tick of the checklist's box, which counts for as long as the objective. ``guarded``: the environment is
    production, or somebody declared what it may lose.
    """
    if not reasons:
        return GateReading(NAME, "open", "nothing in this plan cannot be undone")
    because = "; ".join(reasons)
    if not guarded:
        return GateReading(NAME, "open", f"not production, and nobody declared what it may lose; {because}")
    if verdict is not None and verdict.state == "fresh":
        return GateReading(NAME, "open", verdict.reading)
    age_ms = at_ms - parse_instant(seen.at) if seen is not None and seen.at else None
    if (
        seen is not None
        and age_ms is not None
        and 0 <= age_ms <= rpo_ms
        and (verdict is None or verdict.state != "stale")
    ):
        return GateReading(
            NAME, "open", f"seen by {seen.by} {format_duration(age_ms)} ago: {seen.reading or 'no note'}"
        )
    reading = verdict.reading if verdict is not None else "nothing tells how old the backups are"
    return GateReading(
        NAME,
        "closed" if verdict is not None and verdict.state == "stale" else "unknown",
        reading,
        reason=f"{because}; {reading}",
        object="backups",
        fix=f"{_FIX}shipkeeper checklist before PLAN --tick backups-recent --by WHO --note WHAT",
        retry=True,
    )
