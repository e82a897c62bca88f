"""What the demo's platform is made of, before it is placed on nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ZONES = ("z1", "z2", "z3")


@dataclass(frozen=True)
class Pool:
    """Machines of one kind. ``tainted``: only what tolerates ``dedicated=<name>`` runs there."""

    name: str
    each_zone: int
    cpu: int
    memory_gib: int
    tainted: bool = False


POOLS = (
    Pool("general", 4, 8, 32),
    Pool("platform", 1, 16, 64, tainted=True),
    Pool("data", 2, 16, 64, tainted=True),
    Pool("edge", 1, 4, 16, tainted=True),
    Pool("batch", 1, 16, 64, tainted=True),
)
"""27 workers; with three control-plane nodes the platform has 30."""


@dataclass(frozen=True)
class Owner:
    """A controller of somebody else's: an operator's object that owns pods directly."""

    api_version: str
    kind: str


@dataclass(frozen=True)
class App:
    """One workload. ``ready``: seconds from scheduling to Ready, from and to. ``on``: nodes, where chance won't do.

    ``budgets`` are specs without selector; two of them make the pods impossible to evict. ``cpu`` empty: no requests.
    ``storage``: size of each pod's volume, which stays in its zone.
    """

    namespace: str
    name: str
    replicas: int = 2
    kind: str = "Deployment"
    pool: str = "general"
    cpu: str = "100m"
    memory: str = "256Mi"
    image: str = ""
    version: str = "1.0.0"
    budgets: tuple[Mapping[str, int | str], ...] = ()
    spread: str = ""
    """zone (soft), or hostname (hard)."""
    apart: bool = False
    """Required anti-affinity by hostname."""
    ready: tuple[int, int] = (8, 20)
    grace: int = 30
    priority: str = ""
    storage: str = ""
    scratch: bool = False
    """Writes to an emptyDir."""
    on: tuple[str, ...] = ()
    owner: Owner | None = None
    labels: dict[str, str] = field(default_factory=dict)
    age_days: int = 12
    scale: tuple[int, int] | None = None
    """Autoscaler's minimum and maximum."""
    crashing: int = 0
    """How many of its pods are in CrashLoopBackOff."""
    pre_stop: bool = False
    host_network: bool = False
    backoff_limit: int = 6
    finished: bool = False
    service: bool = True

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"


ONE = {"maxUnavailable": 1}
"""The budget most teams write."""
