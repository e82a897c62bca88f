"""Which nodes a plan is about, and which it leaves out and why."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from msgspec import Struct

from shipkeeper.model.errors import Problems, Refused, UsageProblem
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.nodes import Node
from shipkeeper.planning.request import NodesRequest
from shipkeeper.semantics.control_plane import control_plane_names
from shipkeeper.semantics.selectors import matches

_LEADERS = (("kube-system", "kube-controller-manager"), ("kube-system", "kube-scheduler"))


OUR_RUN = "maintenance.shipkeeper.dev/run"
"""The annotation that a run leaves on nodes it cordoned (``execution.marks.RUN``; planning does not import it)."""


class Choice(Struct, frozen=True):
    """Workers in the order asked for, control-plane nodes with the leader last, and what a reader should know."""

    workers: tuple[Node, ...]
    control_plane: tuple[Node, ...]
    notes: tuple[str, ...]


def choose_nodes(inventory: Inventory, request: NodesRequest) -> Choice:
    """Pick the nodes. Raises Problems for unknown names, UsageProblem when nothing is left, Refused for control-plane
    nodes that were named without leave, and for the only one without acknowledgement.
    """
    by_name = {node.name: node for node in inventory.nodes}
    _know_all(request.names, by_name)
    cp_names = control_plane_names(inventory)
    asked = _asked(inventory.nodes, request)
    notes: list[str] = []
    unlike = sorted(set(request.names) - {node.name for node in asked})
    if unlike:
        notes.append(f"left out: {', '.join(unlike)}, named but without the selector's labels")
    if request.names and not request.allow_control_plane:
        _refuse_named([name for name in request.names if name in cp_names])
    if not request.allow_control_plane:
        left = [node.name for node in asked if node.name in cp_names]
        asked = [node for node in asked if node.name not in cp_names]
        if left:
            notes.append(f"left out: control-plane nodes {', '.join(left)} (--allow-control-plane takes them in, last)")
    asked = _without_cordoned(asked, request, notes)
    if not asked:
        raise _nothing_left(inventory, request, notes)
    controllers = _leader_last([node for node in asked if node.name in cp_names], inventory, notes)
    _only_control_plane(controllers, cp_names, request, notes)
    unready = [node.name for node in asked if not node.ready]
    if unready:
        notes.append(f"not Ready when surveyed: {', '.join(unready)}; the run starts with what is there then")
    workers = tuple(node for node in asked if node.name not in cp_names)
    return Choice(workers, tuple(controllers), tuple(notes))


def _nothing_left(inventory: Inventory, request: NodesRequest, notes: Sequence[str]) -> UsageProblem:
    """The error for a request that picks no node; it tells a selector that matches nothing from nodes left out."""
    if not inventory.nodes:
        return UsageProblem("the inventory has no nodes", hint="survey again, with nodes: shipkeeper survey")
    if request.selector and not request.names and not notes:
        return UsageProblem(
            "no node carries the selector's labels", hint="see their labels with: kubectl get nodes --show-labels"
        )
    return UsageProblem(
        "no node is left to plan for", why="; ".join(notes), hint="name nodes, or choose others with -l"
    )


def _asked(nodes: Sequence[Node], request: NodesRequest) -> list[Node]:
    """Named nodes in the order they were named, else all that match, by zone and name."""
    if request.names:
        by_name = {node.name: node for node in nodes}
        named = [by_name[name] for name in dict.fromkeys(request.names)]
        return [n for n in named if request.selector is None or matches(request.selector, n.labels)]
    return sorted(
        (node for node in nodes if request.selector is None or matches(request.selector, node.labels)),
        key=lambda node: (node.zone, node.name),
    )


def _without_cordoned(asked: list[Node], request: NodesRequest, notes: list[str]) -> list[Node]:
    """Leave out what is cordoned, unless it was asked for; a cordon of an earlier run is told with the run."""
    left = [node for node in asked if node.unschedulable]
    if not left:
        return asked
    ours = [f"{node.name} ({node.annotations[OUR_RUN]})" for node in left if node.annotations.get(OUR_RUN)]
    others = [node.name for node in left if not node.annotations.get(OUR_RUN)]
    if request.include_cordoned:
        notes.append(f"cordoned before, and left cordoned afterwards: {', '.join(node.name for node in left)}")
        return asked
    if ours:
        notes.append(
            f"left out: {', '.join(ours)}, cordoned by that run of Shipkeeper "
            "(shipkeeper run --resume RUN goes on with it; shipkeeper runs release RUN NODE gives it back afterwards)"
        )
    if others:
        notes.append(
            f"left out: {', '.join(others)}, cordoned by somebody else "
            "(--include-cordoned maintains them and leaves them cordoned)"
        )
    return [node for node in asked if not node.unschedulable]


def _know_all(names: Sequence[str], known: dict[str, Node]) -> None:
    problems = []
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, sorted(known), n=1)
            problems.append(
                UsageProblem(
                    f"there is no node called {name!r}",
                    object=f"Node {name}",
                    hint=f"did you mean {close[0]}?" if close else "the inventory's nodes: kubectl get nodes",
                )
            )
    if problems:
        raise Problems("some nodes are not in the inventory", tuple(problems))


def _refuse_named(names: Sequence[str]) -> None:
    if names:
        raise Refused(
            f"{', '.join(names)}: control-plane node",
            code="control-plane",
            object=f"Node {names[0]}",
            why="taking one down lessens what the cluster's own control plane can lose",
            hint="add --allow-control-plane; each then goes alone, last, the leader last of all",
        )


def _leader_last(nodes: list[Node], inventory: Inventory, notes: list[str]) -> list[Node]:
    """Control-plane nodes by how many leader leases they hold, then by zone and name."""
    if not nodes:
        return nodes
    holders = [
        lease.holder.split("_", 1)[0]
        for lease in inventory.leases
        if (lease.namespace, lease.name) in _LEADERS and lease.holder
    ]
    leads = {
        node.name: sum(
            holder in (node.name, node.labels.get("kubernetes.io/hostname"), node.name.split(".", 1)[0])
            for holder in holders
        )
        for node in nodes
    }
    led = [node.name for node in nodes if leads[node.name]]
    if led:
        notes.append(f"leads kube-controller-manager or kube-scheduler, so goes last: {', '.join(sorted(led))}")
    elif len(nodes) > 1:
        notes.append("which control-plane node leads is not known: no leader lease in the inventory names one")
    return sorted(nodes, key=lambda node: (leads[node.name], node.zone, node.name))


def _only_control_plane(
    nodes: Sequence[Node], all_names: frozenset[str], request: NodesRequest, notes: list[str]
) -> None:
    if not nodes or len(all_names) > 1:
        return
    if not request.accept_api_outage:
        raise Refused(
            f"{nodes[0].name} is the only control-plane node",
            code="only-control-plane",
            object=f"Node {nodes[0].name}",
            why="the API is away while it reboots: nothing can be scheduled, and the run can only wait",
            hint="add --accept-api-outage if that is agreed",
        )
    notes.append(f"the API is away while {nodes[0].name}, the only control-plane node, reboots (acknowledged)")
