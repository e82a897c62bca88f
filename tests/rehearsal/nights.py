"""Nights and forecasts made by hand, and small platforms to rehearse for real."""

from __future__ import annotations

from typing import Any

from shipkeeper.model.forecast import Forecast, LowerBound, NodeForecast
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Plan, PlanWindow
from shipkeeper.model.platform import ClusterConfig, Environment, Platform, TimingConfig
from shipkeeper.model.record import Spread
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.time import HOUR, MINUTE, iso
from shipkeeper.planning.propose import propose_nodes
from shipkeeper.planning.request import NodesRequest
from shipkeeper.rehearsal.night import Night, NodeMarks, Obstacle
from shipkeeper.twin import WorkloadMeasure
from tests import builders as b

OPENS = b.NOW + 10 * HOUR


def window(hours: float) -> PlanWindow:
    """A window of that length, ten hours after the survey."""
    return PlanWindow(opens_at=iso(OPENS), closes_at=iso(OPENS + round(hours * HOUR)), zone="Europe/Stockholm")


def platform(**timings: Any) -> Platform:
    """Figures declared for the test cluster."""
    fields: dict[str, Any] = {"reboot": "2m/2m30s", "readiness": {"*": "10s/20s"}, "termination": {"*": "2s/5s"}}
    cluster = ClusterConfig(name="test", timings=TimingConfig(**(fields | timings)))
    return Platform(environments=(Environment(name="production", clusters=(cluster,)),))


def plan_for(inventory: Inventory, *names: str, said: Platform | None = None, **request: Any) -> Plan:
    """A plan of these nodes (all workers without any)."""
    request.setdefault("driver", "manual")
    return propose_nodes(inventory, NodesRequest(names=names, **request), said or platform(), inventory.taken_ms)


def small() -> Inventory:
    """Three nodes, a Deployment over all of them with a budget, a StatefulSet of one, daemons."""
    names = ("n1", "n2", "n3")
    return b.inventory(
        *b.nodes(3),
        b.deployment("web", on=names),
        b.budget(max_unavailable=1),
        b.statefulset("db", on=("n2",)),
        b.daemonset("agent", on=names),
    )


def night(seed: int = 1, minutes: float = 10, **more: Any) -> Night:
    """A night in which everything went well."""
    fields: dict[str, Any] = {
        "seed": seed,
        "state": "done",
        "reason": "",
        "duration_ms": round(minutes * MINUTE),
        "nodes": (NodeMarks("n1", 1_000, 20_000, 200_000, 240_000, round(minutes * MINUTE)),),
        "workloads": (),
        "obstacles": (),
        "notes": (),
        "digest": f"digest-{seed}",
    }
    return Night(**(fields | more))


def stopped(seed: int = 1, **more: Any) -> Night:
    """A night that a budget ended."""
    obstacle = Obstacle("n1", "default/web-1", "budget-never-allows", "it wants 1 of 1")
    return night(seed, 12, state="held", obstacles=(obstacle,), nodes=(NodeMarks("n1", 1_000),), **more)


def felt(name: str, downtime_ms: int, degraded_ms: int = 0, evictions: int = 1) -> WorkloadMeasure:
    """What a Deployment of namespace default went through."""
    return WorkloadMeasure(ObjectRef("Deployment", "default", name), downtime_ms, degraded_ms, evictions, 1, 1)


def one_node_plan(hours: float | None = 2, reserve_s: int = 1_800) -> Plan:
    """A plan of node n1."""
    inventory = b.inventory(b.node("n1"), b.node("n2"), b.deployment("web", on=("n1",)))
    return plan_for(inventory, "n1", window=window(hours) if hours else None, reserve_ms=reserve_s * 1_000)


def forecast(nodes: int = 3, verdict: str = "fits") -> Forecast:
    """A forecast with rows to draw."""

    def mark(start: int, seconds: int) -> Spread:
        return Spread(p50=float(start + seconds), p95=float(start + seconds * 1.2))

    rows = tuple(
        NodeForecast(
            name=f"z{i % 3 + 1}-worker-{i}",
            cordoned=mark(i * 600, 2),
            drained=mark(i * 600, 120),
            ready=mark(i * 600, 320),
            serves=mark(i * 600, 380),
            done=mark(i * 600, 560),
        )
        for i in range(nodes)
    )
    return Forecast(
        plan_digest="sha256:1",
        made_at="2026-11-21T12:00:00Z",
        verdict=verdict,
        seeds=200,
        duration_seconds=Spread(p50=600.0 * nodes, p95=720.0 * nodes),
        lower_bound_seconds=LowerBound(value=500.0 * nodes, binding="reboots in series (LB1)"),
        baseline_seconds=Spread(p50=600.0 * nodes, p95=720.0 * nodes),
        gap=0.2,
        nodes=rows,
        workloads=(),
        blocked=(),
        assumptions=(),
        measurements=(),
        trace_digest="abc",
    )
