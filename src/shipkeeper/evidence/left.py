"""What is left to do after a run, by whom, with the command where there is one."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.evidence.story import Story
from shipkeeper.evidence.words import clean
from shipkeeper.model.record import Record
from shipkeeper.model.run import ChecklistItem


class LeftRow(Record, frozen=True, kw_only=True):
    """One thing left to do. ``owner`` and ``due`` are empty: people fill them in."""

    what: str
    why: str = ""
    command: str = ""
    owner: str = ""
    due: str = ""


def left_to_do(story: Story, after: Sequence[ChecklistItem]) -> tuple[LeftRow, ...]:
    """Nodes left in between, nodes not done, the reason the run stopped, and open boxes of the checklist after."""
    rows = [
        LeftRow(what=clean(f"node {left.node}: {left.state}"), command=clean(left.next))
        for _, left in sorted(story.left.items())
    ]
    if story.state in ("held", "paused", "failed", "interrupted") and story.states:
        last = story.states[-1][1]
        rows.insert(
            0,
            LeftRow(
                what=clean(f"the run is {story.state}: {last.reason}"),
                why=clean(last.why),
                command=clean("; ".join(last.commands) or f"shipkeeper runs resume {story.run}"),
            ),
        )
    if story.state != "waiting":
        for node in story.plan.nodes:
            steps = story.of_node(node.name)
            if node.name not in story.left and any(step.state != "done" for step in steps):
                rows.append(
                    _node(node.name, [step.state for step in steps], next((s.reason for s in steps if s.reason), ""))
                )
    rows.extend(
        LeftRow(
            what=clean(f"{item.text}{f' ({item.cluster})' if item.cluster else ''}: {item.state}"),
            why=clean(item.reading),
            command=clean(item.how),
        )
        for item in after
        if item.state in ("open", "failed", "unknown")
    )
    if story.ended is not None and not after:
        rows.append(
            LeftRow(
                what="the checklist after the maintenance was not read",
                command=f"shipkeeper checklist after {story.run} --context NAME",
            )
        )
    return tuple(rows)


def _node(name: str, states: list[str], reason: str) -> LeftRow:
    touched = any(state != "pending" for state in states)
    skipped = all(state in ("skipped", "done") for state in states)
    word = "was skipped" if skipped else "is not finished" if touched else "was not started"
    return LeftRow(what=clean(f"node {name} {word}"), why=clean(reason), command="shipkeeper plan nodes " + name)
