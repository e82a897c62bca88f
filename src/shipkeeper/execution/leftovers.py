"""What a run leaves behind when it stops, node by node, and the one command that goes on."""

from __future__ import annotations

from shipkeeper.execution import marks
from shipkeeper.execution.context import Run
from shipkeeper.execution.status import FINISHED, RunView
from shipkeeper.model.errors import ShipkeeperError
from shipkeeper.model.nodes import Node
from shipkeeper.model.run import NodeLeft


def state_of(view: RunView, name: str) -> str:
    """The node's state in words, as the journal knows it."""
    steps = {step.action: step for step in view.by_node.get(name, ())}
    done = {action for action, step in steps.items() if step.state in FINISHED}
    begun = {action for action, step in steps.items() if step.intent is not None}
    if "drain" in steps and steps["drain"].state == "failed":
        return f"cordoned, {steps['drain'].reason}"
    if "settle" in done:
        return "done"
    if "uncordon" in done:
        return "takes pods again; whether its workloads are well was not waited for"
    if "serves" in done:
        return "serves again, still cordoned"
    if "reboot" in done:
        return "rebooted, not proven to serve yet, cordoned"
    if "reboot" in begun:
        return "asked to reboot, not back yet, cordoned"
    if "drain" in done:
        return "drained, not rebooted, cordoned" if "reboot" in steps else "drained, cordoned"
    if "drain" in begun:
        drain = steps["drain"]
        return f"cordoned, {drain.pods_gone} of {drain.pods} pods have left it"
    if "cordon" in begun:
        return "cordoned, nothing evicted"
    return "as it was before: nothing of ours is on it" if any(s.attempts for s in steps.values()) else "not begun"


async def leftovers(run: Run, state: str, look: bool) -> tuple[NodeLeft, ...]:
    """One event for each node that is not done. ``look``: read the nodes, to tell what really is."""
    view = run.record.view
    left = []
    for name in view.nodes:
        words = state_of(view, name)
        if words == "done" or (view.finished(name) and "quarantined" not in words):
            continue
        ours = None
        if look and words != "not begun":
            ours = await _is_ours(run, name)
        if ours is False and "cordoned" in words:
            words += "; it no longer carries our marks"
        left.append(NodeLeft(node=name, state=words, next=_next(run, name, state, words, ours)))
    return tuple(left)


async def _is_ours(run: Run, name: str) -> bool | None:
    try:
        node = await run.world.api.get(Node, name)
    except ShipkeeperError:
        return None
    return node is not None and marks.read_marks(node).run == run.id


def _next(run: Run, name: str, state: str, words: str, ours: bool | None) -> str:
    if state in ("aborted", "failed"):
        left = "cordoned" in words and ours is not False
        return f"shipkeeper runs release {run.id} {name}" if left else "nothing"
    return f"shipkeeper run --resume {run.id}"
