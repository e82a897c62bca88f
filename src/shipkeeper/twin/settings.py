"""What the twin assumes of a cluster where neither the API nor the plan's timings tell. All of it is printed."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.model.plan import Timings
from shipkeeper.model.time import MINUTE, SECOND
from shipkeeper.semantics.rates import CREATE_BURST, CREATES_PER_SECOND

Figure = tuple[int, int]
"""(P50, P95) in milliseconds."""


class TwinSettings(Struct, frozen=True):
    """Lags, rates and delays. Figures are (P50, P95) in milliseconds.

    ``node_monitor_grace_ms`` None: 40 s up to Kubernetes 1.31, 50 s from 1.32 on.
    """

    api_ms: Figure = (6, 30)
    """One API call, there and back."""
    eviction_ms: Figure = (4, 15)
    """Each further eviction asked for at the same time: the server writes a budget and a pod for every one."""
    watch_ms: Figure = (4, 25)
    """From a change in the store to whoever watches it."""
    controller_ms: Figure = (20, 120)
    """From a watched change to a controller's write."""
    disruption_ms: Figure = (150, 600)
    """From a pod's change to the budget's status."""
    creates_per_second: int = CREATES_PER_SECOND
    create_burst: int = CREATE_BURST
    """The controller manager's client limits (``--kube-api-qps``, ``--kube-api-burst``)."""
    cycle_ms: int = 2
    """One scheduling cycle."""
    kubelet_ms: Figure = (400, 1_400)
    """From a deletion or binding to the kubelet acting on it, and its report."""
    pre_stop_overrun_ms: int = 2 * SECOND
    """One-off extension when a preStop hook outlasts the grace period."""
    readiness_ms: Figure = (15 * SECOND, 45 * SECOND)
    """From bound to Ready, where neither the plan nor the inventory tells."""
    daemon_readiness_ms: Figure = (5 * SECOND, 15 * SECOND)
    """From the node's return to Ready, for daemon and mirror pods without a figure."""
    unmount_ms: Figure = (500, 3 * SECOND)
    detach_ms: Figure = (3 * SECOND, 10 * SECOND)
    attach_ms: Figure = (3 * SECOND, 12 * SECOND)
    shutdown_ms: Figure = (1 * SECOND, 4 * SECOND)
    """From the reboot's request to the kubelet going silent."""
    heartbeat_ms: int = 10 * SECOND
    """The kubelet's lease renewal: at most this old when the node goes silent."""
    monitor_period_ms: int = 5 * SECOND
    node_monitor_grace_ms: int | None = None
    registered_before_ready_ms: Figure = (2 * SECOND, 8 * SECOND)
    """How long the node reports its new boot before it reports Ready."""
    reboot_deadline_ms: int = 15 * MINUTE
    """The driver's deadline."""
    hung_reboot_ms: int = 7 * 24 * 60 * MINUTE
    """How long a node that does not come back stays away."""
    job_backoff_ms: int = 10 * SECOND
    job_backoff_limit_ms: int = 6 * MINUTE
    minor: int | None = None
    """Kubernetes minor, where the inventory does not tell the server's version."""


DEFAULT = TwinSettings()
"""The shipped assumptions."""

_DECLARABLE = {
    "api": "api_ms",
    "eviction": "eviction_ms",
    "watch": "watch_ms",
    "controller": "controller_ms",
    "disruption": "disruption_ms",
    "kubelet": "kubelet_ms",
    "daemonReadiness": "daemon_readiness_ms",
    "unmount": "unmount_ms",
    "detach": "detach_ms",
    "attach": "attach_ms",
    "shutdown": "shutdown_ms",
    "registeredBeforeReady": "registered_before_ready_ms",
}
"""``model.plan.MECHANICS`` by the field that each sets."""


def with_declared(settings: TwinSettings, timings: Timings) -> TwinSettings:
    """The settings with what the plan's timings know of this cluster's machinery."""
    known = {
        _DECLARABLE[name]: (round(figure[0] * SECOND), round(figure[1] * SECOND))
        for name, figure in sorted(timings.mechanics.items())
        if name in _DECLARABLE
    }
    return replace(settings, **known)
