"""From an inventory and a request to a sealed plan: which nodes, in which batches, in which steps, and why."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import ALL, DrainPolicy, Plan, PlannedNode, RebootPlan, Timings
from shipkeeper.model.platform import Environment, Platform
from shipkeeper.model.time import SECOND, format_duration, format_seconds, iso
from shipkeeper.planning.batches import BatchRules, make_batches
from shipkeeper.planning.capacity import away_at_once
from shipkeeper.planning.choose import Choice, choose_nodes
from shipkeeper.planning.estimates import NodeTimes, batch_times, make_times, plan_seconds
from shipkeeper.planning.load import Load, measure_load
from shipkeeper.planning.owners import owner_notes
from shipkeeper.planning.request import MANUAL, NodesRequest
from shipkeeper.planning.settings import find_cluster, reboot_plan
from shipkeeper.planning.steps import actions_of, make_steps
from shipkeeper.planning.timings import derive_timings

_NAMELESS = (
    "not read: which cluster this is (namespace kube-system is not in the inventory): the plan can be rehearsed, but "
    "no run takes it; survey again with the output of kubectl get namespaces too"
)

_MOST_UNREAD = 6
"""More kinds than this that could not be read are told in one line, or they hide what the plan itself has to say."""


class _Ground(Struct, frozen=True):
    """What a plan stands on: which nodes, in which batches, and how long each step of theirs takes."""

    environment: Environment | None
    choice: Choice
    timings: Timings
    reboot: RebootPlan
    reboot_note: str
    policy: DrainPolicy
    load: Load
    batches: list[list[str]]
    batch_notes: list[str]
    times: dict[str, NodeTimes]

    @property
    def planned(self) -> list[Node]:
        """The nodes, workers first."""
        return [*self.choice.workers, *self.choice.control_plane]


def propose_nodes(inventory: Inventory, request: NodesRequest, platform: Platform, now_ms: int) -> Plan:
    """Plan the maintenance of nodes. The plan is sealed: its digest covers everything in it.

    Raises Problems or UsageProblem for a request that makes no sense here, Refused for control-plane nodes without
    leave.
    """
    ground = _ground(inventory, request, platform, now_ms)
    nodes = {node.name: node for node in ground.planned}
    batches, load, reboot = ground.batches, ground.load, ground.reboot
    plan = Plan(
        created_at=iso(now_ms),
        cluster=inventory.identity,
        purpose=request.action,
        order=request.order,
        max_parallel=request.max_parallel,
        batches=tuple(tuple(batch) for batch in batches),
        window=request.window,
        reserve_seconds=request.reserve_ms // SECOND,
        drain_policy=ground.policy,
        reboot=reboot,
        nodes=tuple(_planned(nodes[name], ground.choice) for batch in batches for name in batch),
        steps=make_steps(batches, nodes, load, ground.times, ground.policy, reboot, ground.timings),
        timings=ground.timings,
        change=request.change,
        upgrade=request.upgrade,
    )
    notes = [
        *ground.choice.notes,
        *([ground.reboot_note] if ground.reboot_note else []),
        *owner_notes(inventory, ground.planned),
        *ground.batch_notes,
        *_blocked_notes(load, [name for batch in batches for name in batch]),
        *_stray_notes(inventory, ground.policy),
        *_window_notes(plan, ground.environment),
        *_assumption_notes(inventory, ground.timings, reboot.driver),
        *([] if inventory.identity.uid else [_NAMELESS]),
    ]
    return replace(plan, notes=tuple(notes)).sealed()


def nodes_seconds(inventory: Inventory, request: NodesRequest, platform: Platform, now_ms: int) -> tuple[float, float]:
    """(P50, P95) of all steps of the plan that ``propose_nodes`` would make, one after another. Raises as it does."""
    ground = _ground(inventory, request, platform, now_ms)
    actions = actions_of(ground.reboot)
    spans = [ground.times[name].of(action) for batch in ground.batches for name in batch for action in actions]
    return sum(p50 / SECOND for p50, _ in spans), sum(p95 / SECOND for _, p95 in spans)


def _ground(inventory: Inventory, request: NodesRequest, platform: Platform, now_ms: int) -> _Ground:
    request.check()
    choice = choose_nodes(inventory, request)
    found = find_cluster(platform, request.cluster, inventory.identity.name, inventory.identity.uid)
    environment, cluster = found if found is not None else (None, None)
    timings = derive_timings(inventory, cluster)
    reboot, reboot_note = reboot_plan(request, platform, cluster)
    policy, reboots = drain_policy(request), request.action == "reboot"
    names = [node.name for node in (*choice.workers, *choice.control_plane)]
    load = measure_load(inventory, names, policy, timings, now_ms)
    alone = make_times(load, timings, reboots=reboots)
    batches, batch_notes = _batches(inventory, request, choice, load, alone)
    times = batch_times(load, batches, alone, timings, reboots=reboots)
    return _Ground(environment, choice, timings, reboot, reboot_note, policy, load, batches, batch_notes, times)


def drain_policy(request: NodesRequest) -> DrainPolicy:
    """The part of a request that the executor keeps during drains."""
    return DrainPolicy(
        on_blocked=request.on_blocked,
        blocked_after_seconds=None if request.blocked_after_ms is None else request.blocked_after_ms // SECOND,
        delete_empty_dir_data=tuple(sorted(request.delete_empty_dir_data)),
        allow_unmanaged=tuple(sorted(request.allow_unmanaged)),
        grace_period_seconds=None if request.grace_period_ms is None else request.grace_period_ms // SECOND,
        include_cordoned=request.include_cordoned,
        allow_control_plane=request.allow_control_plane,
        confirm=request.confirm,
    )


def _batches(
    inventory: Inventory, request: NodesRequest, choice: Choice, load: Load, times: dict[str, NodeTimes]
) -> tuple[list[list[str]], list[str]]:
    """Workers in batches, then control-plane nodes one by one; and what limited the batches."""
    workers = [node.name for node in choice.workers]
    notes = []
    most = len(workers)
    if request.max_parallel > 1 and workers:
        limit = away_at_once(inventory, workers, optimistic=False)
        most = limit.nodes
        if most < min(request.max_parallel, len(workers)):
            notes.append(
                f"the other nodes have room, by sums of {limit.resource} requests, for {max(1, most)} at a time at most"
            )
    zones = {node.name: node.zone for node in choice.workers} if request.order == "zones" else {}
    if request.order == "zones" and not any(zones.values()):
        raise UsageProblem(
            "the order is by zones, and no node carries a zone",
            why="without label topology.kubernetes.io/zone nobody knows which nodes fail together",
            hint="label the nodes, or use --order serial",
        )
    rules = BatchRules(load, request.max_parallel, most, zones)
    batches = make_batches(request.order, workers, rules, times)
    if request.max_parallel > 1 and len(batches) > -(-len(workers) // request.max_parallel):
        notes.append(
            f"{len(batches)} batches instead of {-(-len(workers) // request.max_parallel)}: nodes that share a tight "
            "budget, the last replicas of a workload, or scarce room go separately"
        )
    return batches + [[node.name] for node in choice.control_plane], notes


def _planned(node: Node, choice: Choice) -> PlannedNode:
    return PlannedNode(
        name=node.name,
        uid=node.uid,
        boot_id=node.info.boot_id,
        zone=node.zone,
        control_plane=node in choice.control_plane,
        kernel=node.info.kernel,
        kubelet=node.info.kubelet,
        was_cordoned=node.unschedulable,
    )


def _blocked_notes(load: Load, names: Sequence[str]) -> list[str]:
    """Nodes that cannot be drained as things are. ``check`` says more, and how to mend it."""
    notes = []
    for name in names:
        node = load.nodes[name]
        twice = sorted([move.pod for move in node.moves if len(move.budgets) > 1])
        reasons = [f"budget {budget} never allows an eviction" for budget in load.hopeless(node)]
        reasons += [f"{pod} is under two budgets" for pod in twice]
        by_reason: dict[str, list[str]] = {}
        for pod, reason in node.blocked:
            by_reason.setdefault(reason, []).append(pod)
        for reason, pods in sorted(by_reason.items()):
            flag = "--delete-emptydir-data" if reason == "empty-dir" else "--allow-unmanaged"
            more = f" and {len(pods) - 2} more" if len(pods) > 2 else ""
            reasons.append(f"{', '.join(pods[:2])}{more} ({reason}; {flag} would let them go)")
        if reasons:
            notes.append(f"{name} cannot be drained as things are: {'; '.join(reasons)}")
    return notes


def _window_notes(plan: Plan, environment: Environment | None) -> list[str]:
    total = plan_seconds(plan)
    took = f"{format_seconds(total.p50)} (P95 {format_seconds(total.p95)})"
    if plan.window is None:
        if environment is not None and environment.windows:
            names = ", ".join(rule.name for rule in environment.windows)
            return [
                f"the plan has no window, and {environment.name} has agreed ones ({names}): a run is held by gate "
                f"window-agreed unless the schedule says that such work needs none; about {took}"
            ]
        return [f"the plan has no window: it may run at any time, about {took}"]
    usable = plan.window.closes_ms - plan.window.opens_ms - plan.reserve_seconds * SECOND
    if total.p50 * SECOND > usable:
        return [
            f"by these estimates the plan takes {took} and the window less its reserve has {format_duration(usable)}: "
            "what is not started in time is left for another night"
        ]
    return []


def _stray_notes(inventory: Inventory, policy: DrainPolicy) -> list[str]:
    """Permissions that let nothing go, because no pod has that name: most likely a slip of the pen."""
    spaces = set(inventory.pods.namespaces)
    flags = (
        ("--delete-emptydir-data", policy.delete_empty_dir_data),
        ("--allow-unmanaged", policy.allow_unmanaged),
    )
    notes = []
    for flag, entries in flags:
        for entry in entries:
            space, _, name = entry.partition("/")
            if entry == ALL or (space in spaces and (not name or name in inventory.pods.names)):
                continue
            notes.append(
                f"{flag}={entry} lets nothing go: the inventory has no pod of that {'name' if name else 'namespace'}"
            )
    return notes


def _assumption_notes(inventory: Inventory, timings: Timings, driver: str) -> list[str]:
    notes = []
    if driver not in ("none", MANUAL) and timings.sources.get("reboot") == "modelled":
        notes.append(f"assumed: a reboot takes {timings.reboot_seconds[0]:.0f} s (declare timings.reboot, or run once)")
    measured = sum(1 for key in timings.readiness if key != "*")
    if timings.sources.get("readiness:*", "").startswith("modelled"):
        notes.append(
            f"assumed: readiness of workloads without history {timings.readiness['*'][0]:.0f} s "
            f"({measured} workloads measured)"
        )
    return [*notes, *_unread_notes(inventory)]


def _unread_notes(inventory: Inventory) -> list[str]:
    """One line for each kind that could not be read; a sparse dump lacks most of them, and gets one line in all."""
    missing = inventory.cluster_missing
    if len(missing) <= _MOST_UNREAD:
        return [f"not read: {item.what} ({item.why}); unknown: {item.unknown}" for item in missing]
    names = ", ".join(item.what for item in missing)
    return [f"not read: {names}: shipkeeper check tells for what that matters, survey what each leaves unknown"]
