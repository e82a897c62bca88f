"""Every gate by its id: what it asks, why it matters, what the run does by itself, what a person can do.

``docs/reference/gates.md`` is written from here; a test compares them.
"""

from __future__ import annotations

from shipkeeper.ports.gate import Gate
from shipkeeper.ports.standing_gates import STANDING_GATES

_GATES = (
    Gate(
        id="lease-held",
        when="at the start, or 5 min before the window opens; then before every effect",
        opens="the cluster's Lease names this run and outlives the effect's own timeout",
        why="two runs that drain one cluster at once take out more than either of them knows",
        waits="near the opening it looks again every few seconds, and goes on when the other run has given it back; "
        "once taken it is renewed, and a lost one is never taken back by the same process",
        person="shipkeeper runs status on the holder it names; once that has ended: shipkeeper runs resume RUN",
    ),
    Gate(
        id="plan-fits-cluster",
        when="at the start, and after every resume",
        opens="the plan's digest fits its content; kube-system UID, CA digest and server minor, the nodes' UIDs, the "
        "reboot driver and its argv are those of the plan",
        why="a context that points elsewhere today is how the wrong cluster gets drained",
        waits="nothing: it refuses before anything is done",
        person="use the right --context, or make a new plan",
    ),
    Gate(
        id="clock-agrees",
        when="at the start and before every batch",
        opens="this machine's clock and the API server's differ by at most 5 s",
        why="windows, leases and the record are judged by this machine's clock",
        waits="reads both again; it goes on when they agree",
        person="mend time synchronisation on this machine or on the control plane",
    ),
    Gate(
        id="window-open",
        when="at the start",
        opens="the wall clock is inside the plan's window",
        why="people were told when it happens",
        waits="waits for the window to open; refuses after its end",
        person="shipkeeper plan nodes … --window, for another night",
    ),
    Gate(
        id="can-finish",
        when="before every batch, and before every reboot",
        opens="by P95 the node would be done before the window's end minus the reserve",
        why="nothing is started that cannot end inside the window with its reserve",
        waits="nothing: later nodes are left for another window",
        person="shipkeeper plan nodes … for the nodes that are left",
    ),
    Gate(
        id="no-other-drainer",
        when="before a node is cordoned, and before every round of evictions",
        opens="no other maintenance software has work in hand on the node (kured, autoscalers, machine-config, …)",
        why="two drainers take out more than each of them knows",
        waits="looks again every few seconds; it goes on when the other one has ended",
        person="let the other software finish, or pause it",
    ),
    Gate(
        id="node-is-ours",
        when="before every effect on a node",
        opens="the node has the plan's UID, and while it is drained it is cordoned and carries this run's marks",
        why="a cordon somebody else set or took away is a decision of theirs",
        waits="nothing: somebody acted on purpose, so a person says how to go on",
        person="shipkeeper runs resume RUN: the node begins again at its cordon, or is skipped when it is theirs",
    ),
    Gate(
        id="room-for-pods",
        when="before the first eviction of a node",
        opens="each pod that leaves has a Ready node that may take it and has room for its requests",
        why="an evicted pod without a place stays Pending",
        waits="measures again until room comes",
        person="free or add capacity, or shipkeeper runs approve RUN to go on without",
        approvable=True,
    ),
    Gate(
        id="quota-for-pods",
        when="before the first eviction of a node",
        opens="no ResourceQuota that covers a pod that leaves is over its limit, and each tells its use. One that is "
        "just full delays a replacement until the old pod is gone, and is named",
        why="a replacement that its namespace's quota refuses is never made",
        waits="looks again every second; it goes on when there is room",
        person="raise the quota or scale something in, or shipkeeper runs approve RUN to go on without",
        approvable=True,
    ),
    Gate(
        id="webhooks-answer",
        when="before the first eviction of a node",
        opens="every webhook with failurePolicy Fail that is asked about making or evicting these pods, about nodes or "
        "about the leases of kubelets has a Ready back end on a node that stays",
        why="what such a webhook cannot be asked about is refused: replacements, evictions, even the uncordon",
        waits="looks again; it goes on when a back end is Ready elsewhere",
        person="add a replica on another node, or shipkeeper runs approve RUN",
        approvable=True,
    ),
    Gate(
        id="apis-answer",
        when="before the first eviction of a node",
        opens="every aggregated API that is available has a Ready back end on a node that stays; those of metrics are "
        "named only",
        why="an API without back ends fails whoever uses it, and stops namespaces from being deleted",
        waits="looks again; it goes on when a back end is Ready elsewhere",
        person="add a replica on another node, or shipkeeper runs approve RUN",
        approvable=True,
    ),
    Gate(
        id="nothing-blocks",
        when="before every batch, before the first eviction of a node, and while it drains",
        opens="no pod with an emptyDir or without a controller that the plan does not name; no budget that can never "
        "allow; no budget changed since the start; no rollout in flight; no pod stuck; no new error finding",
        why="what is lost with a pod, or refused by a budget, is not ours to decide",
        waits="looks again; it goes on when the cause is gone",
        person="mend what it names; shipkeeper runs approve RUN where the page says so",
    ),
    Gate(
        id="budgets-restored",
        when="after every node, before the next one",
        opens="every budget over the moved pods is current (observedGeneration), has no disrupted pod left, and counts "
        "as many healthy pods as before the node",
        why="the next node would spend what the last one has not given back",
        waits="looks again every second",
        person="mend the workload it names, or shipkeeper runs approve RUN",
        approvable=True,
    ),
    Gate(
        id="volumes-detached",
        when="after the drain, before the reboot",
        opens="no VolumeAttachment names the node, and its status.volumesInUse is empty",
        why="a machine that goes down with volumes attached blocks their next mount for six minutes",
        waits="looks again every second",
        person="read the VolumeAttachments it names, and mend the CSI driver",
    ),
    Gate(
        id="node-serves",
        when="after the reboot, before the uncordon",
        opens="a new boot id in the status that says Ready; Ready for the stable time; network available; start-up "
        "taints gone; CSI drivers, daemon and mirror pods back; the kubelet as before",
        why="Ready alone is told up to a minute late, and a node without its daemons serves nobody",
        waits="looks again every second, up to the driver's deadline",
        person="look at the machine; shipkeeper runs resume RUN once it is well",
    ),
    Gate(
        id="pods-scheduled",
        when="after the uncordon",
        opens="the node is Ready, not cordoned, and carries no taint that was not there before",
        why="a node that takes no pods is a node too few for the next drain",
        waits="looks again every second",
        person="remove what keeps pods off the node, or shipkeeper runs approve RUN",
        approvable=True,
    ),
    Gate(
        id="workloads-well",
        when="after the uncordon, before the next node",
        opens="every workload with pods on the node is at least as healthy as when the node's turn began; what was "
        "broken then is named, and does not hold",
        why="the next node may carry the last replica that works",
        waits="looks again every second",
        person="mend the workload it names, or shipkeeper runs approve RUN",
        approvable=True,
    ),
    Gate(
        id="quorum-before",
        when="before a control-plane node is cordoned",
        opens="every other member's API server and etcd mirror pod is Ready",
        why="etcd with too few members stops the whole cluster",
        waits="looks again every few seconds",
        person="mend the member it names",
    ),
    Gate(
        id="quorum-after",
        when="after a control-plane node serves again",
        opens="every member's API server and etcd mirror pod is Ready, the node's own included",
        why="etcd with too few members stops the whole cluster",
        waits="looks again every few seconds",
        person="mend the member it names",
    ),
    Gate(
        id="confirmed",
        when="before every node, with --confirm each; when a blocked drain escalates; when a reboot is in doubt",
        opens="a person has approved",
        why="the plan asks for a person's eye at this point",
        waits="waits for a word",
        person="shipkeeper runs approve RUN",
        approvable=True,
    ),
)

STANDING: dict[str, Gate] = {gate.id: gate for gate in STANDING_GATES}
"""Gates about people and calendars, by id. A run is given those that hold for it."""

GATES: dict[str, Gate] = {gate.id: gate for gate in (*_GATES, *STANDING_GATES)}
"""All of them by id: the cluster's in the order in which a run meets them, then the standing ones."""
