"""Asks for the gate backup-fresh: the backups as the cluster shows them now, else as they were last read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shipkeeper.app import inventory_file
from shipkeeper.app.checklist_stand import baseline_path, recorded_items
from shipkeeper.app.state import State
from shipkeeper.app.survey_platform import LivePlatform, PlatformReading
from shipkeeper.assessment.backups import FIELDS, USUAL_RPO_MS, judge_backups, objectives_of
from shipkeeper.assessment.standing import backups
from shipkeeper.evidence.chains import before_chain
from shipkeeper.evidence.checklist_box import OURS
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Environment, Platform
from shipkeeper.model.table import PodTable
from shipkeeper.model.time import parse_duration
from shipkeeper.ports.gates import GateReading

BOX = "backups-recent"


class BackupsSeen:
    """What is known of a cluster's backups. ``source`` None: there is no live cluster to ask."""

    def __init__(self, source: LivePlatform | None, kept: Path) -> None:
        self._source, self._kept = source, kept
        self._newest: Inventory | None = None

    async def look(self) -> None:
        """Ask the live cluster. Raises Unreachable."""
        if self._source is None:
            return
        reading = PlatformReading(self._source)
        fields: dict[str, Any] = dict(await reading.some(*FIELDS))
        self._newest = Inventory(
            source="live",
            taken_ms=0,
            identity=ClusterIdentity(),
            nodes=(),
            pods=PodTable.of(()),
            missing=tuple(reading.missing),
            **fields,
        )

    def newest(self) -> Inventory | None:
        """What was seen last: live, else in the inventory that the checklist was read from; None for neither."""
        if self._newest is None and self._source is None and self._kept.exists():
            self._newest = inventory_file.load(self._kept)
        return self._newest


def seen_of(plan: Plan, state: State, source: LivePlatform | None) -> BackupsSeen:
    """What is known of the backups of a plan's cluster."""
    return BackupsSeen(source, baseline_path(state, plan))


def read_backups(
    plan: Plan, platform: Platform, environment: Environment | None, state: State, seen: BackupsSeen, at_ms: int
) -> GateReading:
    """Whether there is a backup to go back to, as young as was declared. Raises BadInput for an RPO that is none."""
    reasons = backups.cannot_undo(plan)
    rpo = objectives_of(platform, environment).rpo
    inventory = seen.newest() if reasons else None
    ticked = None
    if reasons:
        items = recorded_items(state, before_chain(plan.digest), "before")
        ticked = next((i for i in items if i.id == BOX and i.state == "done" and i.by not in ("", OURS)), None)
    return backups.backup_fresh(
        reasons,
        judge_backups(inventory, rpo, at_ms) if inventory is not None else None,
        ticked,
        guarded=bool(rpo) or (environment is not None and environment.production),
        rpo_ms=parse_duration(rpo) if rpo else USUAL_RPO_MS,
        at_ms=at_ms,
    )
