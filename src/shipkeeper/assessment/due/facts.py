"""What the journal tells of work that was done."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from shipkeeper.model.plan import Plan
from shipkeeper.model.run import RunStarted, StepOutcome
from shipkeeper.ports.journal import Entry


class NodeDone(Struct, frozen=True):
    """A node that a run rebooted and proved to serve again. ``uid`` is the node's: another machine of that name is
    another node. ``cluster`` is the kube-system UID, empty when the run did not know it.
    """

    node: str
    uid: str
    at_ms: int
    run: str
    cluster: str = ""


def facts_of(entries: Iterable[Entry]) -> tuple[NodeDone, ...]:
    """Nodes maintained by one run: rebooted as planned, then proven to serve. Entries of one run, in order."""
    plan: Plan | None = None
    cluster = ""
    found: dict[str, NodeDone] = {}
    rebooted: set[str] = set()
    for entry in entries:
        event = entry.event
        if isinstance(event, RunStarted):
            plan, cluster = event.plan, event.cluster.uid
        elif isinstance(event, StepOutcome) and event.state == "done" and plan is not None:
            node, _, action = event.step.rpartition("/")
            if action == "reboot":
                rebooted.add(node)
            elif action == "serves" and node in rebooted:
                found[node] = NodeDone(node, plan.planned(node).uid, entry.at_ms, entry.run, cluster)
    return tuple(found[name] for name in sorted(found))
