"""Names of the chains that hold checklists, beside the run's own chain."""

from __future__ import annotations

from shipkeeper.journal.names import CHECKS


def before_chain(plan_digest: str) -> str:
    """Chain of the checklist before, read and ticked for one plan."""
    return CHECKS + plan_digest.removeprefix("sha256:")[:16]


def after_chain(run: str) -> str:
    """Chain of the checklist after, read and ticked for one run."""
    return CHECKS + run
