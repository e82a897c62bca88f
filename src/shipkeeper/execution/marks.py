"""What we write on a cluster's objects, so that everybody can see whose a cordon is."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.model.nodes import Node

PREFIX = "maintenance.shipkeeper.dev/"

RUN = PREFIX + "run"
"""Id of the run that cordoned the node."""
STEP = PREFIX + "step"
"""The step that wrote the marks."""
SINCE = PREFIX + "since"
"""When, RFC 3339."""
KEPT = PREFIX + "cordoned-before"
"""``true``: the node was cordoned by somebody else before, and stays so."""
QUARANTINE = PREFIX + "quarantine"
"""Why the run left the node cordoned and went on."""

NODE_KEYS = (RUN, STEP, SINCE, KEPT, QUARANTINE)
"""Every annotation we put on nodes."""

PROCESS = PREFIX + "process"
"""On the Lease: which process renews it."""
HEAD = PREFIX + "head"
"""On the Lease: ``run seq hash`` of the journal's newest entry at the last stop-safe point."""
PLAN = PREFIX + "plan"
"""On the Lease: digest of the plan that is carried out."""

LEASE_NAME = "shipkeeper"


class Marks(Struct, frozen=True):
    """Our annotations on a node. ``run`` empty: there are none."""

    run: str = ""
    step: str = ""
    kept: bool = False


def read_marks(node: Node) -> Marks:
    """What the node's annotations say of us."""
    return Marks(
        run=node.annotations.get(RUN, ""),
        step=node.annotations.get(STEP, ""),
        kept=node.annotations.get(KEPT, "") == "true",
    )


def write_marks(run: str, step: str, since: str, kept: bool) -> dict[str, str | None]:
    """Annotations that make a node ours."""
    return {RUN: run, STEP: step, SINCE: since, KEPT: "true" if kept else None}


def no_marks() -> dict[str, str | None]:
    """Annotations that give a node back: each of ours removed."""
    return dict.fromkeys(NODE_KEYS)
