"""What the samples have in common: a moment they are seen from, and how an object is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECRET = "canary-cr-88d2"
"""Stands in every field that may hold a credential."""

Object = dict[str, Any]


def stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(now: datetime, **age: float) -> str:
    return stamp(now - timedelta(**age))


def made(api_version: str, kind: str, name: str, namespace: str = "", **more: Any) -> Object:
    meta = {"name": name, **({"namespace": namespace} if namespace else {}), **more.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **more}


def condition(type: str, status: str, reason: str, message: str, now: datetime, **more: Any) -> Object:
    return {
        "type": type,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": ago(now, days=2),
        **more,
    }
