"""The steps of each node: what they need, how long they take, why, and how a person does the same by hand."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import ALL, DrainPolicy, Estimate, PlanStep, RebootPlan, Timings
from shipkeeper.model.time import MINUTE, SECOND, format_duration
from shipkeeper.model.words import count
from shipkeeper.planning.estimates import NodeTimes
from shipkeeper.planning.load import Load, NodeLoad

REBOOT_ACTIONS = ("cordon", "drain", "reboot", "serves", "uncordon", "settle")
LONG_MS = MINUTE
"""A pod that takes this long to end is worth naming."""
DRAIN_ACTIONS = ("cordon", "drain", "uncordon", "settle")


def actions_of(reboot: RebootPlan) -> tuple[str, ...]:
    """What every node goes through, in order."""
    return DRAIN_ACTIONS if reboot.driver == "none" else REBOOT_ACTIONS


def make_steps(
    batches: Sequence[Sequence[str]],
    nodes: Mapping[str, Node],
    load: Load,
    times: Mapping[str, NodeTimes],
    policy: DrainPolicy,
    reboot: RebootPlan,
    timings: Timings,
) -> tuple[PlanStep, ...]:
    """All steps in the order of the batches. A batch's first steps need every node of the batch before settled."""
    steps: list[PlanStep] = []
    before: tuple[str, ...] = ()
    actions = actions_of(reboot)
    for batch in batches:
        for name in batch:
            needs = before
            for action in actions:
                steps.append(_step(action, needs, nodes[name], load, times[name], policy, reboot, timings))
                needs = (steps[-1].id,)
        before = tuple(f"{name}/settle" for name in batch)
    return tuple(steps)


def _step(
    action: str,
    needs: tuple[str, ...],
    node: Node,
    load: Load,
    times: NodeTimes,
    policy: DrainPolicy,
    reboot: RebootPlan,
    timings: Timings,
) -> PlanStep:
    why, manual = _words(action, node, load.nodes[node.name], load, times, policy, reboot, timings)
    p50, p95 = times.of(action)
    return PlanStep(
        id=f"{node.name}/{action}",
        action=action,
        target=node.name,
        needs=needs,
        estimate_seconds=Estimate(p50=p50 / SECOND, p95=p95 / SECOND, source=_source(action, times, timings)),
        why=why,
        manual=manual,
    )


def _source(action: str, times: NodeTimes, timings: Timings) -> str:
    """Where the estimate of an action is from."""
    if action == "drain":
        return times.hold.source
    if action == "reboot":
        return timings.sources.get("reboot", "modelled")
    if action == "serves":
        return "declared" if times.serves_ms[0] == _stable_ms(timings) else "measured"
    return timings.sources.get("readiness:*", "modelled") if action == "settle" else "modelled"


def _words(
    action: str,
    node: Node,
    mine: NodeLoad,
    load: Load,
    times: NodeTimes,
    policy: DrainPolicy,
    reboot: RebootPlan,
    timings: Timings,
) -> tuple[str, str]:
    """(why, manual command) of a step."""
    name = shlex.quote(node.name)
    on_node = f"kubectl get pods -A --field-selector spec.nodeName={name}"
    if action == "cordon":
        why = "nothing new is placed here while it empties" if not node.unschedulable else "is cordoned already"
        return why, f"kubectl cordon {name}"
    if action == "drain":
        return _drain_why(mine, load, times), drain_command(node.name, policy, mine)
    if action == "reboot":
        return (
            f"boots the installed kernel; until Ready again usually {format_duration(times.reboot_ms[0])}",
            reboot_command(node, reboot),
        )
    if action == "serves":
        stable = format_duration(_stable_ms(timings))
        return (
            f"a new boot id, Ready for {stable}, network and storage drivers back, daemon pods Ready: "
            "Ready alone is told up to a minute late",
            f"kubectl get node {name} -o jsonpath='{{.status.nodeInfo.bootID}}' && {on_node}",
        )
    if action == "uncordon":
        if node.unschedulable:
            return "was cordoned by somebody else before the run, and stays so", on_node
        return "the node takes pods again", f"kubectl uncordon {name}"
    return (
        "every workload is as well as it was before this node, before the next one is touched",
        "kubectl get pods -A --field-selector status.phase=Pending && kubectl get pdb -A",
    )


def _drain_why(mine: NodeLoad, load: Load, times: NodeTimes) -> str:
    """How many pods leave, what they wait for, and what blocks."""
    parts = [f"{count(len(mine.moves), 'pod')} leave{'s' if len(mine.moves) == 1 else ''}"]
    if mine.stays:
        parts.append(
            f"{count(mine.stays, 'daemon or static pod')} go{'es' if mine.stays == 1 else ''} down with the node"
        )
    hold = times.hold
    if hold.budget:
        parts.append(
            f"{hold.pods} pods of the batch share PodDisruptionBudget {hold.budget}, "
            f"which lets {load.limits.get(hold.budget, 0)} go at a time"
        )
    elif hold.pod and hold.took_ms[1] >= LONG_MS:
        parts.append(f"longest to end: {hold.pod} ({format_duration(hold.took_ms[1])})")
    if never := load.hopeless(mine):
        parts.append(f"BLOCKED by PodDisruptionBudget {', '.join(never)}: never allows an eviction")
    if mine.blocked:
        parts.append("BLOCKED by " + ", ".join(f"{pod} ({reason})" for pod, reason in mine.blocked[:5]))
        if len(mine.blocked) > 5:
            parts.append(f"and {len(mine.blocked) - 5} more")
    return "; ".join(parts)


def drain_command(node: str, policy: DrainPolicy, mine: NodeLoad | None = None) -> str:
    """The kubectl drain that comes closest. kubectl knows no lists of namespaces: its flags allow all or nothing."""
    words = ["kubectl", "drain", node, "--ignore-daemonsets"]
    if policy.delete_empty_dir_data:
        words.append("--delete-emptydir-data")
    if policy.allow_unmanaged:
        words.append("--force")
    if policy.grace_period_seconds is not None:
        words.append(f"--grace-period={policy.grace_period_seconds}")
    command = shlex.join(words)
    listed = [
        f"{flag} only in {', '.join(entries)}"
        for flag, entries in (
            ("--delete-emptydir-data", policy.delete_empty_dir_data),
            ("--force", policy.allow_unmanaged),
        )
        if entries and ALL not in entries
    ]
    return f"{command}  # this plan allows {'; '.join(listed)}" if listed else command


def reboot_command(node: Node, reboot: RebootPlan) -> str:
    """The driver's argv for this node, or words where a person does it."""
    if not reboot.argv:
        where = node.address or node.provider_id or node.name
        return f"reboot the machine behind {node.name} ({where}): for example ssh {where} sudo systemctl reboot"
    return shlex.join(fill(reboot.argv, node))


def fill(argv: Sequence[str], node: Node) -> tuple[str, ...]:
    """Put the node into an argv template; ``{node}``, ``{address}`` and ``{providerID}`` are all there is."""
    known = {"{node}": node.name, "{address}": node.address, "{providerID}": node.provider_id}
    words = []
    for word in argv:
        for mark, value in known.items():
            word = word.replace(mark, value)
        words.append(word)
    return tuple(words)


def _stable_ms(timings: Timings) -> int:
    return round(timings.stable_ready_seconds * SECOND)
