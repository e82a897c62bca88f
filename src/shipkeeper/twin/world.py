"""What all parts of one twin share: time, randomness, the objects, and how long things take."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec.structs import replace

from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import Timings
from shipkeeper.model.time import SECOND
from shipkeeper.semantics.control_plane import quorum
from shipkeeper.twin.base import Base, Group
from shipkeeper.twin.entropy import SeededEntropy
from shipkeeper.twin.faults import Faults, NoFaults
from shipkeeper.twin.kernel import Kernel
from shipkeeper.twin.occupancy import Occupancy
from shipkeeper.twin.pods import Pods
from shipkeeper.twin.quantiles import Lag, Quantiles, quantiles
from shipkeeper.twin.settings import Figure, TwinSettings, with_declared
from shipkeeper.twin.trace import Trace

NodeListener = Callable[[int, Node, Node], None]


class World:
    """One seed's world. Controllers register on ``pods`` and ``on_node``; they share nothing else."""

    def __init__(
        self,
        base: Base,
        occupancy: Occupancy,
        timings: Timings,
        seed: int,
        kernel: Kernel,
        settings: TwinSettings,
        faults: Faults | None,
        keep_trace: bool,
    ) -> None:
        self.base, self.kernel, self.timings = base, kernel, timings
        self.settings = with_declared(settings, timings)
        self.faults: Faults = faults if faults is not None else NoFaults()
        self.entropy = SeededEntropy(seed)
        self.trace = Trace(kernel, keep_trace)
        self.occupancy = occupancy
        self.shift_ms = kernel.now_ms() - base.inventory.taken_ms
        self.pods = Pods(base, occupancy, self.trace, kernel.now_ms, self.shift_ms)
        self.nodes: list[Node] = list(base.nodes)
        self.up = bytearray(0 if _unheard(node) else 1 for node in self.nodes)
        """Whether the machine is running; a node whose Ready is Unknown is taken to be off."""
        self.api_away = False
        """Too few control-plane members are up for the API server to answer anybody."""
        self.on_api_back: list[Callable[[], None]] = []
        """Called once each, and forgotten."""
        self.on_node: list[NodeListener] = []
        self.minor = settings.minor if settings.minor is not None else server_minor(base)
        self.notes: dict[str, int] = {}
        """Things a reader of the forecast should know, counted."""
        self._node_versions = 0
        self._readiness: dict[int, Quantiles] = {}

        self._terminating = frozenset(item.name for item in base.inventory.namespaces if item.terminating)

    def is_terminating(self, namespace: str) -> bool:
        """Whether the namespace is being deleted."""
        return namespace in self._terminating

    @property
    def now(self) -> int:
        """Virtual time, epoch milliseconds."""
        return self.kernel.time_ms + self.kernel.wall_offset_ms

    def power(self, index: int, on: bool) -> None:
        """A machine went off, or came back; the API server goes and comes with its quorum."""
        self.up[index] = 1 if on else 0
        self.trace.note("up" if on else "down", self.nodes[index].name)
        members = self.base.members
        if index not in members:
            return
        self.api_away = sum(self.up[member] for member in members) < quorum(len(members))
        if self.api_away:
            self.note("the API server is away while too few control-plane nodes are up")
        else:
            waiting, self.on_api_back = self.on_api_back, []
            for listener in waiting:
                listener()

    def note(self, text: str) -> None:
        """Count something worth telling."""
        self.notes[text] = self.notes.get(text, 0) + 1

    def set_node(self, index: int, node: Node, event: str) -> Node:
        """The node changed; listeners get (index, before, after)."""
        before = self.nodes[index]
        self._node_versions += 1
        after = replace(node, resource_version=f"t{self._node_versions}")
        self.nodes[index] = after
        self.trace.note(event, node.name)
        for listener in self.on_node:
            listener(index, before, after)
        return after

    def readiness(self, group: Group) -> Quantiles:
        """How long pods of that class take from bound to Ready."""
        known = self._readiness.get(group.index)
        if known is None:
            figure = self.timings.readiness.get(self.key_of(group))
            if figure is None:
                figure = self.timings.readiness.get("*")
            known = as_quantiles(figure) if figure is not None else quantiles(*self.settings.readiness_ms)
            self._readiness[group.index] = known
        return known

    def return_of(self, group: Group) -> Quantiles:
        """How long daemon and mirror pods take from the node's return to Ready."""
        figure = self.timings.readiness.get(self.key_of(group))
        return as_quantiles(figure) if figure is not None else quantiles(*self.settings.daemon_readiness_ms)

    def termination(self, group: Group) -> Quantiles | None:
        """How long containers of that class take to stop; None: nobody knows, so the whole grace period."""
        figure = self.timings.termination.get(self.key_of(group)) or self.timings.termination.get("*")
        return as_quantiles(figure) if figure is not None else None

    def key_of(self, group: Group) -> str:
        """``Kind/namespace/name`` of the class's workload, as timings name it."""
        ref = self.base.tops[group.top].ref
        return f"{ref.kind}/{ref.namespace}/{ref.name}"

    def lag(self, stream: str, figure: Figure) -> Lag:
        """Durations of that figure from the stream of that name."""
        return Lag(self.entropy.stream(stream), quantiles(*figure))


def _unheard(node: Node) -> bool:
    ready = node.condition("Ready")
    return ready is not None and ready.status == "Unknown"


def as_quantiles(seconds: tuple[float, float]) -> Quantiles:
    """(P50, P95) in seconds, as timings hold them."""
    return quantiles(round(seconds[0] * SECOND), round(seconds[1] * SECOND))


def server_minor(base: Base) -> int:
    """The API server's minor: from its version, else from the newest kubelet, else the newest that is known here."""
    texts = [base.inventory.identity.server_version, *(node.info.kubelet for node in base.nodes)]
    for text in texts[:1] or ():
        found = re.match(r"v?\d+\.(\d+)", text)
        if found:
            return int(found.group(1))
    minors = [int(found.group(1)) for text in texts[1:] if (found := re.match(r"v?\d+\.(\d+)", text))]
    return max(minors, default=36)
