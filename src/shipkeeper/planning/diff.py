"""What differs between two plans, in words a person reads before approving the second."""

from __future__ import annotations

from shipkeeper.model.plan import Plan
from shipkeeper.model.record import Record
from shipkeeper.model.time import SECOND, format_duration, format_seconds
from shipkeeper.planning.estimates import plan_seconds


class Change(Record, frozen=True, kw_only=True):
    """One difference. ``what`` is the field's name as in the plan file; empty ``before`` or ``after``: absent."""

    what: str
    before: str
    after: str


class PlanDiff(Record, frozen=True, kw_only=True):
    """Two plans by digest, and how they differ; ``changes`` is empty when only the time of making differs."""

    before: str
    after: str
    changes: tuple[Change, ...]


def diff_plans(before: Plan, after: Plan) -> PlanDiff:
    """Compare two plans. Times of making and digests are not counted as differences."""
    changes = [
        Change(what=what, before=old, after=new)
        for what, old, new in (
            *_settings(before, after),
            *_batches(before, after),
            *_nodes(before, after),
            *_steps(before, after),
            *_timings(before, after),
        )
        if old != new
    ]
    return PlanDiff(before=before.digest, after=after.digest, changes=tuple(changes))


def _settings(a: Plan, b: Plan) -> list[tuple[str, str, str]]:
    rows = [
        ("cluster", a.cluster.uid or a.cluster.name, b.cluster.uid or b.cluster.name),
        ("cluster.serverVersion", a.cluster.server_version, b.cluster.server_version),
        ("purpose", a.purpose, b.purpose),
        ("change", a.change, b.change),
        ("upgrade", str(a.upgrade or ""), str(b.upgrade or "")),
        ("order", a.order, b.order),
        ("maxParallel", str(a.max_parallel), str(b.max_parallel)),
        ("window", _window(a), _window(b)),
        ("reserve", format_duration(a.reserve_seconds * SECOND), format_duration(b.reserve_seconds * SECOND)),
    ]
    for part in ("drain_policy", "reboot"):
        old, new = getattr(a, part), getattr(b, part)
        name = "drainPolicy" if part == "drain_policy" else part
        rows.extend(
            (f"{name}.{shown}", _plain(getattr(old, field)), _plain(getattr(new, field)))
            for field, shown in zip(old.__struct_fields__, old.__struct_encode_fields__, strict=True)
        )
    return rows


def _batches(a: Plan, b: Plan) -> list[tuple[str, str, str]]:
    count = max(len(a.batches), len(b.batches))
    rows = []
    for i in range(count):
        old, new = (" ".join(p.batches[i]) if i < len(p.batches) else "" for p in (a, b))
        rows.append((f"batch {i + 1}", old, new))
    return rows


def _nodes(a: Plan, b: Plan) -> list[tuple[str, str, str]]:
    mine, theirs = ({node.name: node for node in p.nodes} for p in (a, b))
    rows = []
    for name in sorted(mine.keys() | theirs.keys()):
        old, new = mine.get(name), theirs.get(name)
        if old is None or new is None:
            rows.append((f"node {name}", "planned" if old else "", "planned" if new else ""))
            continue
        rows.extend(
            (f"node {name} {shown}", _plain(getattr(old, field)), _plain(getattr(new, field)))
            for field, shown in zip(old.__struct_fields__, old.__struct_encode_fields__, strict=True)
        )
    return rows


def _steps(a: Plan, b: Plan) -> list[tuple[str, str, str]]:
    mine, theirs = ({step.id: step for step in p.steps} for p in (a, b))
    rows = []
    for name in [*mine, *(step for step in theirs if step not in mine)]:
        old, new = (
            _spread(s.estimate_seconds.p50, s.estimate_seconds.p95) if s else ""
            for s in (mine.get(name), theirs.get(name))
        )
        rows.append((f"step {name}", old, new))
    total = [_spread(plan_seconds(p).p50, plan_seconds(p).p95) for p in (a, b)]
    return [*rows, ("estimate", total[0], total[1])]


def _spread(p50: float, p95: float) -> str:
    return " / ".join(format_seconds(seconds) for seconds in (p50, p95))


def _timings(a: Plan, b: Plan) -> list[tuple[str, str, str]]:
    rows = [
        ("timings.reboot", _plain(a.timings.reboot_seconds), _plain(b.timings.reboot_seconds)),
        ("timings.stableReady", _plain(a.timings.stable_ready_seconds), _plain(b.timings.stable_ready_seconds)),
    ]
    for what in ("readiness", "termination", "mechanics"):
        old, new = getattr(a.timings, what), getattr(b.timings, what)
        rows.extend(
            (f"timings.{what} {key}", _plain(old.get(key)), _plain(new.get(key)))
            for key in sorted(old.keys() | new.keys())
        )
    return rows


def _window(plan: Plan) -> str:
    return f"{plan.window.opens_at} – {plan.window.closes_at}" if plan.window else "none"


def _plain(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " ".join(_plain(item) for item in value)
    if isinstance(value, dict):
        return " ".join(f"{key}={_plain(value[key])}" for key in sorted(value))
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
