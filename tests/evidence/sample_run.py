"""A night written by hand: three workers are rebooted, the second waits for a budget longer than predicted.

``night()`` gives (plan, forecast, events with their times); ``journal_of`` puts them into a journal.
"""

from __future__ import annotations

from collections.abc import Iterable

from shipkeeper.journal.heads import sign_head
from shipkeeper.journal.memory import MemoryJournal
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.forecast import Assumption, Forecast, LowerBound, NodeForecast, WorkloadForecast
from shipkeeper.model.plan import (
    DrainPolicy,
    Estimate,
    Plan,
    PlannedNode,
    PlanStep,
    PlanWindow,
    RebootPlan,
    Timings,
)
from shipkeeper.model.record import Spread
from shipkeeper.model.run import (
    ChecklistItem,
    ChecklistRead,
    Decided,
    GateRead,
    NodeLeft,
    Noted,
    PodOutcome,
    RunEnded,
    RunEvent,
    RunStarted,
    StateChanged,
    StepIntent,
    StepOutcome,
    WorkloadFelt,
)
from shipkeeper.model.time import MINUTE, SECOND, parse_instant
from shipkeeper.ports.journal import Entry, Signer

RUN = "run-7f3a"
OPENS_MS = parse_instant("2026-12-01T22:00:00+01:00")
NODES = ("z1-worker-1", "z1-worker-2", "z2-worker-1")
ACTIONS = ("cordon", "drain", "reboot", "serves", "uncordon", "settle")
ESTIMATES = {
    "cordon": (0.2, 0.5),
    "drain": (60.0, 95.0),
    "reboot": (180.0, 240.0),
    "serves": (30.0, 35.0),
    "uncordon": (0.2, 0.5),
    "settle": (40.0, 70.0),
}

Timed = tuple[int, RunEvent]


def sample_plan(nodes: tuple[str, ...] = NODES) -> Plan:
    steps, before = [], ""
    for name in nodes:
        for action in ACTIONS:
            p50, p95 = ESTIMATES[action]
            source = "declared" if action == "reboot" else "modelled"
            steps.append(
                PlanStep(
                    id=f"{name}/{action}",
                    action=action,
                    target=name,
                    needs=(before,) if before else (),
                    estimate_seconds=Estimate(p50=p50, p95=p95, source=source),
                    why="boots the installed kernel" if action == "reboot" else "",
                    manual=f"kubectl {action} {name}",
                )
            )
            before = steps[-1].id
    return Plan(
        created_at="2026-11-30T09:00:00Z",
        cluster=ClusterIdentity(uid="5b1c-kube-system", ca_digest="ab" * 32, server_version="v1.34.4", name="prod"),
        purpose="reboot",
        order="serial",
        max_parallel=1,
        batches=tuple((name,) for name in nodes),
        window=PlanWindow(
            opens_at="2026-12-01T22:00:00+01:00", closes_at="2026-12-02T05:00:00+01:00", zone="Europe/Stockholm"
        ),
        reserve_seconds=1800,
        drain_policy=DrainPolicy(),
        reboot=RebootPlan(driver="ssh", argv=("ssh", "{address}", "sudo", "systemctl", "reboot")),
        nodes=tuple(
            PlannedNode(
                name=name,
                uid=f"uid-{name}",
                boot_id=f"boot-{name}-1",
                zone=name[:2],
                kernel="6.1.0-29",
                kubelet="v1.34.4",
            )
            for name in nodes
        ),
        steps=tuple(steps),
        timings=Timings(),
        notes=("nodes are rebooted because 3 of 3 run a kernel older than the installed one",),
    ).sealed()


def sample_forecast(plan: Plan) -> Forecast:
    def at(base: float, wide: float) -> Spread:
        return Spread(p50=base, p95=base + wide)

    each = 312.0
    return Forecast(
        plan_digest=plan.digest,
        made_at="2026-12-01T20:00:00Z",
        verdict="fits",
        seeds=200,
        duration_seconds=Spread(p50=each * len(plan.nodes), p95=each * len(plan.nodes) + 160),
        lower_bound_seconds=LowerBound(value=180.0 * len(plan.nodes), binding="reboots in series"),
        baseline_seconds=Spread(p50=each * len(plan.nodes), p95=each * len(plan.nodes) + 160),
        gap=0.73,
        nodes=tuple(
            NodeForecast(
                name=node.name,
                cordoned=at(each * i + 0.2, 20 * i),
                drained=at(each * i + 60, 35 + 20 * i),
                ready=at(each * i + 240, 60 + 20 * i),
                done=at(each * i + 310, 80 + 20 * i),
            )
            for i, node in enumerate(plan.nodes)
        ),
        workloads=(
            WorkloadForecast(
                kind="StatefulSet",
                namespace="monitoring",
                name="prometheus",
                downtime_seconds=Spread(p50=130, p95=175),
                degraded_seconds=Spread(p50=150, p95=200),
                evictions=2,
            ),
            WorkloadForecast(
                kind="Deployment",
                namespace="team-3",
                name="api",
                downtime_seconds=Spread(p50=0, p95=0),
                degraded_seconds=Spread(p50=45, p95=60),
                evictions=2,
            ),
        ),
        blocked=(),
        assumptions=(Assumption(what="reboot", value="180 s", source="declared"),),
        measurements=(
            Assumption(what="readiness of Deployment team-3/api", value="40 s", source="measured (6 samples)"),
        ),
        alternatives=("two at a time would take 10m P95 12m, as safe in all 200 seeds",),
        trace_digest="sha256:" + "12" * 32,
    )


def before_list() -> tuple[ChecklistItem, ...]:
    return (
        ChecklistItem(
            id="pods-healthy",
            text="Every pod is running and ready",
            cluster="prod",
            state="done",
            reading="112 of 112 pods are running and ready",
            by="shipkeeper",
            at="2026-12-01T20:55:00Z",
            how="kubectl get pods -A",
        ),
        ChecklistItem(
            id="users-told",
            text="Users know that the maintenance starts",
            cluster="prod",
            state="done",
            reading="mail to all tenants",
            by="ana@example.org",
            at="2026-12-01T20:58:00Z",
        ),
        ChecklistItem(id="backups-recent", text="The newest backup is recent enough", cluster="prod", state="open"),
    )


class Clock:
    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms

    def after(self, seconds: float) -> int:
        self.at_ms += round(seconds * SECOND)
        return self.at_ms


def night(plan: Plan | None = None, *, slow: str = "z1-worker-2", forecast_digest: str = "") -> list[Timed]:
    """The whole night, done at the end."""
    plan = plan or sample_plan()
    clock = Clock(OPENS_MS - 5 * MINUTE)
    told: list[Timed] = [
        (
            clock.at_ms,
            RunStarted(
                plan=plan, by="ana@example.org", cluster=plan.cluster, forecast_digest=forecast_digest, host="ops-1"
            ),
        ),
        (clock.at_ms, ChecklistRead(when="before", items=before_list())),
        (clock.at_ms, StateChanged(state="waiting", reason="the window opens at 22:00")),
        (clock.after(60), Decided(decision="approve", by="ben@example.org", reason="rehearsal read, go")),
        (OPENS_MS, StateChanged(state="running", reason="the window is open")),
    ]
    clock.at_ms = OPENS_MS
    for gate, reading in (("lease-held", "held by run-7f3a"), ("window-open", "22:00:00, closes 05:00")):
        told.append((clock.at_ms, GateRead(gate=gate, state="open", reading=reading)))
    for node in plan.nodes:
        told += _node(node.name, clock, slow == node.name)
    told += [
        (clock.after(1), ChecklistRead(when="after", items=before_list()[:1])),
        (clock.at_ms, StateChanged(state="done", reason="every node is done")),
        (clock.at_ms, RunEnded(state="done", reason="3 of 3 nodes", seconds=(clock.at_ms - OPENS_MS) / 1000)),
    ]
    return told


def held_night(plan: Plan | None = None) -> list[Timed]:
    """The first node is done; the second is held in its drain by a pod that will not end."""
    plan = plan or sample_plan()
    whole = night(plan, slow="")
    second = plan.nodes[1].name
    cut = next(i for i, (_, e) in enumerate(whole) if isinstance(e, StepIntent) and e.step == f"{second}/drain")
    at_ms = whole[cut][0] + 900 * SECOND
    why = "team-3/api-1 is still terminating 60 s past its deadline"
    return [
        *whole[: cut + 1],
        (
            at_ms,
            PodOutcome(
                step=f"{second}/drain", uid="uid-api-1", pod="team-3/api-1", workload="Deployment team-3/api",
                result="stuck", reason=why, waited_seconds=840,
            ),
        ),
        (at_ms, StepOutcome(step=f"{second}/drain", state="held", reason=why)),
        (
            at_ms,
            StateChanged(
                state="held", reason=why, object="Pod team-3/api-1", why="its node cannot be rebooted under it",
                will_do="nothing; the node stays cordoned", commands=("shipkeeper runs resume run-7f3a",),
            ),
        ),
        (
            at_ms,
            NodeLeft(node=second, state="cordoned by this run, partly evicted", next=f"kubectl uncordon {second}"),
        ),
        (at_ms, RunEnded(state="held", reason=why, seconds=(at_ms - OPENS_MS) / 1000)),
    ]  # fmt: skip


def journal_of(told: Iterable[Timed], signer: Signer | None = None, run: str = RUN) -> tuple[Entry, ...]:
    """The entries of a journal with these events; heads are signed at the end of each node and of the run."""
    journal = MemoryJournal()
    at_ms = 0
    for at_ms, event in told:
        journal.append(run, at_ms, (event,))
        settled = isinstance(event, StepOutcome) and event.step.endswith("/settle")
        if signer is not None and (settled or isinstance(event, RunEnded)):
            journal.append(run, at_ms, (sign_head(signer, run, *journal.head(run)),))
    return journal.read(run)


def _node(name: str, clock: Clock, slow: bool) -> list[Timed]:
    told: list[Timed] = []

    def intent(action: str, **more: object) -> None:
        told.append(
            (clock.at_ms, StepIntent(step=f"{name}/{action}", attempt=1, action=action, target=name, **more))  # type: ignore[arg-type]
        )

    def outcome(action: str, seconds: float, **readings: str) -> None:
        told.append((clock.after(seconds), StepOutcome(step=f"{name}/{action}", state="done", readings=readings)))

    intent("cordon")
    outcome("cordon", 0.3)
    told.append((clock.at_ms, GateRead(gate="room-for-pods", step=f"{name}/drain", state="open", reading="2 of 2 fit")))
    if slow:
        told.append(
            (
                clock.at_ms,
                GateRead(
                    gate="nothing-blocks",
                    step=f"{name}/drain",
                    state="closed",
                    reading="budget team-3/api allows 0",
                    reason="one pod of team-3/api is still starting",
                ),
            )
        )
        told.append(
            (
                clock.after(20),
                GateRead(
                    gate="nothing-blocks", step=f"{name}/drain", state="open", reading="budget team-3/api allows 1"
                ),
            )
        )
    pods = ((f"uid-{name}-api", "team-3/api-1"), (f"uid-{name}-prometheus", "monitoring/prometheus-0"))
    intent("drain", pods=pods)
    waited = 250.0 if slow else 31.0
    for (uid, pod), workload in zip(pods, ("Deployment team-3/api", "StatefulSet monitoring/prometheus"), strict=True):
        told.append(
            (
                clock.after(waited / 2),
                PodOutcome(
                    step=f"{name}/drain",
                    uid=uid,
                    pod=pod,
                    workload=workload,
                    result="evicted",
                    waited_seconds=waited / 2,
                ),
            )
        )
    if slow:
        told.append(
            (
                clock.at_ms,
                Noted(
                    topic="deviation",
                    text="the budget of team-3/api was spent for 3m40s, rehearsal saw 40 s",
                    step=f"{name}/drain",
                    object="PodDisruptionBudget team-3/api",
                ),
            )
        )
    outcome("drain", 4)
    intent("reboot", boot_id=f"boot-{name}-1")
    outcome("reboot", 176, boot=f"boot-{name}-1 → boot-{name}-2", took="2m56s")
    intent("serves")
    outcome("serves", 31, proof="Ready for 30 s, kernel 6.1.0-30, 11 of 11 daemon pods Ready")
    intent("uncordon")
    outcome("uncordon", 0.3)
    intent("settle")
    for kind, namespace, workload, downtime in (
        ("StatefulSet", "monitoring", "prometheus", 120.0 if slow else 41.0),
        ("Deployment", "team-3", "api", 0.0),
    ):
        told.append(
            (
                clock.at_ms,
                WorkloadFelt(
                    step=f"{name}/settle",
                    kind=kind,
                    namespace=namespace,
                    name=workload,
                    downtime_seconds=downtime,
                    degraded_seconds=downtime + 12,
                    evictions=1,
                ),
            )
        )
    outcome("settle", 38)
    return told
