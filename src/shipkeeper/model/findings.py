"""Findings of ``check``."""

from __future__ import annotations

from shipkeeper.model.record import NamedObject, Record

SEVERITIES = ("error", "unknown", "warning", "info")
"""Worst first. ``unknown`` is never a pass."""


class Finding(Record, frozen=True, kw_only=True):
    """One finding. ``nodes`` are those whose drain it concerns (empty: all, or none in particular)."""

    rule: str
    severity: str
    object: NamedObject
    message: str
    consequence: str
    fix: str = ""
    evidence: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


class Rule(Record, frozen=True, kw_only=True):
    """What ``check --explain`` tells of a rule."""

    id: str
    title: str
    explanation: str
    fix: str
    source: str
    """Where the fact is documented."""
    needs: tuple[str, ...] = ()
    """Resources (plural names) it reads; when one is missing its answer is unknown."""
