"""A plan: ordered steps in a window, bound to one cluster, under a digest."""

from __future__ import annotations

import hashlib

import msgspec

from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.errors import BadInput
from shipkeeper.model.record import API_VERSION, Record
from shipkeeper.model.time import parse_instant

ALL = "*"
"""In a drain policy's lists: everything (every namespace, every pod)."""


class PlanWindow(Record, frozen=True, kw_only=True):
    """When the plan may run: RFC 3339 instants and the zone people read them in."""

    opens_at: str
    closes_at: str
    zone: str = "UTC"

    @property
    def opens_ms(self) -> int:
        """Start, epoch milliseconds."""
        return parse_instant(self.opens_at)

    @property
    def closes_ms(self) -> int:
        """Hard end, epoch milliseconds."""
        return parse_instant(self.closes_at)


class DrainPolicy(Record, frozen=True, kw_only=True):
    """What a drain may do, beyond what it always may. Part of the digest and of the evidence.

    ``on_blocked``: hold | wait | quarantine | escalate. ``blocked_after_seconds`` None: the larger of 10 min and
    twice what rehearsal predicted. ``delete_empty_dir_data`` lists namespaces, ``allow_unmanaged`` namespaces or
    ``ns/name``; ``*`` is all. ``grace_period_seconds`` may only shorten.
    """

    on_blocked: str = "hold"
    blocked_after_seconds: int | None = None
    delete_empty_dir_data: tuple[str, ...] = ()
    allow_unmanaged: tuple[str, ...] = ()
    grace_period_seconds: int | None = None
    include_cordoned: bool = False
    allow_control_plane: bool = False
    confirm: str = "none"
    """each: a person approves every node; none."""


class RebootPlan(Record, frozen=True, kw_only=True):
    """How nodes are rebooted. ``driver`` none: the plan drains and uncordons only. ``argv`` is resolved, with
    ``{node}``, ``{address}`` and ``{providerID}`` still in it.
    """

    driver: str
    argv: tuple[str, ...] = ()
    timeout_seconds: int = 900
    delivered: tuple[str, ...] = ()
    """The argv that tells whether a request reached the machine, where the driver has one."""
    environment: dict[str, str] = {}
    """Secret references (``env:NAME``, ``file:PATH``), never secrets."""


class Estimate(Record, frozen=True, kw_only=True):
    """How long a step takes, and where the figure is from: declared, modelled, or measured (n samples)."""

    p50: float
    p95: float
    source: str


class PlanStep(Record, frozen=True, kw_only=True):
    """One step. ``id`` is ``<node>/<action>``; ``needs`` are ids of steps that must be done before."""

    id: str
    action: str
    target: str
    needs: tuple[str, ...] = ()
    estimate_seconds: Estimate = Estimate(p50=0, p95=0, source="modelled")
    why: str = ""
    manual: str = ""
    """The equivalent manual command: the fallback when the tool is down."""


class PlannedNode(Record, frozen=True, kw_only=True):
    """A node as the plan found it. A different UID at run time is another machine."""

    name: str
    uid: str
    boot_id: str = ""
    zone: str = ""
    control_plane: bool = False
    kernel: str = ""
    kubelet: str = ""
    was_cordoned: bool = False


MECHANICS: dict[str, str] = {
    "api": "one API call, there and back",
    "eviction": "each further eviction asked for at the same time",
    "watch": "from a change until a watcher hears of it",
    "controller": "from hearing of a change to a controller's write",
    "disruption": "from a pod's change to its budget's status",
    "kubelet": "from a binding or deletion to the kubelet acting on it",
    "daemonReadiness": "from a node's return until its storage drivers are registered again",
    "unmount": "from a pod's end until the node has let go of its volumes",
    "detach": "from there until the volume is detached",
    "attach": "from binding a pod until its volumes are attached",
    "shutdown": "from a reboot's request until the kubelet is silent",
    "registeredBeforeReady": "how long a node that came back reports its new boot before it reports Ready",
}
"""What a cluster's own machinery takes, by the names that a platform file may declare."""


class Timings(Record, frozen=True, kw_only=True):
    """Times that the API does not tell, as the plan assumes them; seconds. Used by estimates and by the twin.

    ``readiness`` and ``termination`` by ``Kind/namespace/name`` of the workload, with ``*`` the default; a default
    termination of None means the pod's own grace period. ``serves_seconds``: from requesting the reboot until the
    node is proven to serve follows from reboot plus the stability gate.
    """

    reboot_seconds: tuple[float, float] = (180, 240)
    """(P50, P95) from the request until the node is Ready with a new boot id."""
    readiness: dict[str, tuple[float, float]] = {}
    termination: dict[str, tuple[float, float]] = {}
    stable_ready_seconds: float = 30
    """node-serves wants Ready for this long."""
    mechanics: dict[str, tuple[float, float]] = {}
    """How fast this cluster's own machinery is, by the names in ``MECHANICS``; the rest is modelled."""
    sources: dict[str, str] = {}
    """Where each figure is from, by the same keys (``reboot``, ``readiness:…``, ``termination:…``)."""


class UpgradeHop(Record, frozen=True, kw_only=True):
    """The hop of an upgrade that the plan's nodes go through. Its notes are read before, and talked over."""

    component: str
    from_version: str
    to_version: str

    def __str__(self) -> str:
        """``kubernetes 1.34.2 → 1.35.10``."""
        return f"{self.component} {self.change}"

    @property
    def change(self) -> str:
        """``1.34.2 → 1.35.10``."""
        return f"{self.from_version} → {self.to_version}"


class Plan(Record, frozen=True, kw_only=True):
    """The plan file. ``digest`` is SHA-256 over everything else."""

    api_version: str = API_VERSION
    kind: str = "Plan"
    digest: str = ""
    created_at: str
    cluster: ClusterIdentity
    purpose: str
    """What the nodes go through: reboot or none."""
    order: str
    max_parallel: int
    batches: tuple[tuple[str, ...], ...]
    window: PlanWindow | None
    reserve_seconds: int
    drain_policy: DrainPolicy
    reboot: RebootPlan
    nodes: tuple[PlannedNode, ...]
    steps: tuple[PlanStep, ...]
    timings: Timings
    upgrade: UpgradeHop | None = None
    change: str = ""
    """Class of change: security-patch, minor, major or kubernetes-minor. Empty: nobody said; no freeze allows it."""
    notes: tuple[str, ...] = ()
    """What a reader should know: assumptions, other owners of reboots, nodes left out and why."""

    def body(self) -> bytes:
        """The bytes the digest covers: canonical JSON of everything but the digest itself.

        Read back once, so that a figure given as 30 and one given as 30.0 make the same digest.
        """
        plain = msgspec.json.encode(msgspec.structs.replace(self, digest=""))
        return msgspec.json.encode(msgspec.json.decode(plain, type=Plan), order="deterministic")

    def sealed(self) -> Plan:
        """The same plan with its digest filled in."""
        return msgspec.structs.replace(self, digest="sha256:" + hashlib.sha256(self.body()).hexdigest())

    def verify(self) -> None:
        """Check the digest. Raises BadInput when the plan was edited after it was made."""
        if self.sealed().digest != self.digest:
            raise BadInput(
                "the plan's digest does not fit its content",
                why="it was edited after it was made, so nobody has rehearsed or approved what it says now",
                hint="make the plan again: shipkeeper plan nodes …",
            )

    def planned(self, name: str) -> PlannedNode:
        """The planned node of that name. Raises KeyError when the plan has none."""
        return next(node for node in self.nodes if node.name == name)
