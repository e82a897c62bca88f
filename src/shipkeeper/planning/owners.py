"""Who else owns reboots and drains here: said in the plan, so that nobody works against anybody."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.nodes import Node
from shipkeeper.semantics.drainers import (
    AUTOSCALER,
    CLUSTER_API,
    FLATCAR,
    KARPENTER,
    KURED,
    MACHINE_API,
    MACHINE_CONFIG,
    OWNS_REBOOTS,
    TALOS,
    UPGRADE_CONTROLLER,
    Mark,
    drainer_of_kind,
    node_marks,
    workload_marks,
)

_ADVICE = {
    MACHINE_CONFIG: 'pause its pools for the window (oc patch mcp NAME --type merge -p \'{"spec":{"paused":true}}\')',
    KURED: "hold its lock or stop it for the window, or let it reboot and only drain with --action none",
    TALOS: "reboot through its API: a driver whose argv is talosctl --nodes {address} reboot",
    FLATCAR: "hold its reboots for the window",
    CLUSTER_API: "pause the Cluster (spec.paused) so that a node away is not replaced",
    MACHINE_API: "see that MachineHealthChecks do not replace a node that is away",
    AUTOSCALER: "annotate the planned nodes cluster-autoscaler.kubernetes.io/scale-down-disabled=true",
    KARPENTER: "annotate the planned nodes karpenter.sh/do-not-disrupt=true",
    UPGRADE_CONTROLLER: "see that none of its Plans selects these nodes during the window",
}


def owner_notes(inventory: Inventory, planned: Sequence[Node]) -> tuple[str, ...]:
    """One note for every other maintenance software that is seen, with the evidence and what to do about it."""
    marks: dict[str, list[Mark]] = {}
    for node in planned:
        for mark in node_marks(node):
            marks.setdefault(mark.drainer, []).append(mark)
    for mark in workload_marks(inventory.workloads):
        marks.setdefault(mark.drainer, []).append(mark)
    evidence = {drainer: found[0].evidence for drainer, found in marks.items()}
    for kind in inventory.drainers:
        drainer = drainer_of_kind(kind)
        if drainer == CLUSTER_API and drainer not in evidence and MACHINE_API in evidence:
            # The Machines of OpenShift's machine-api have the same kind; its mark on the nodes tells.
            continue
        evidence.setdefault(drainer, f"{kind} objects")
    notes = []
    for drainer in sorted(evidence):
        acting = sorted({str(mark.object) for mark in marks.get(drainer, ()) if mark.acting})
        role = "owns reboots here too" if drainer in OWNS_REBOOTS else "may drain nodes here too"
        now = f"; at work now on {', '.join(acting)}: the run holds until it is done" if acting else ""
        advice = _ADVICE.get(drainer, "")
        notes.append(f"{drainer} {role} ({evidence[drainer]}){now}{': ' + advice if advice else ''}")
    return tuple(notes)
