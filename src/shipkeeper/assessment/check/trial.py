"""One trial for each node that is to be drained: which of its pods would find no place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from shipkeeper.model.pods import Pod
from shipkeeper.model.refs import ObjectRef
from shipkeeper.semantics import spread as spreading
from shipkeeper.semantics.placement import by_size, could_ever_take, in_words
from shipkeeper.semantics.volumes import reach

if TYPE_CHECKING:
    from shipkeeper.assessment.check.context import Context

CAPACITY, SPREAD, APART, VOLUME, CONFINED, PORT, OTHER = (
    "capacity", "spread", "anti-affinity", "volume", "confined", "host-port", "other",
)  # fmt: skip


class Homeless(Struct, frozen=True):
    """Pods of one workload that find no node while ``node`` is out. ``cause``: the filter that decides."""

    node: str
    top: ObjectRef
    pods: tuple[Pod, ...]
    cause: str
    reasons: tuple[tuple[str, int], ...]

    def why(self) -> str:
        """The reasons, with the number of nodes each keeps the pods off."""
        return in_words(self.reasons)


def homeless(context: Context) -> tuple[Homeless, ...]:
    """Pods without a place, for each node out on its own. Bare pods don't come back, so they are left out."""
    return tuple(found for node in context.nodes for found in without(context, (node.name,), node.name))


def without(context: Context, names: Sequence[str], called: str) -> Iterator[Homeless]:
    """Pods without a place while all of these nodes are out together; ``called`` names them in the answer."""
    board = context.board
    mark = board.mark()
    for name in names:
        board.take_out(name)
    gone = [pod for name in names for pod in context.on.get(name, [])]
    leaving = [pod for pod in gone if not pod.finished and _leaves(context, pod)]
    for pod in leaving:
        board.remove(pod)
    lost: dict[ObjectRef, tuple[list[Pod], tuple[tuple[str, int], ...]]] = {}
    hopeless: set[tuple[str, int]] = set()
    for pod in by_size([pod for pod in leaving if pod.uid in context.movers and pod.owner is not None]):
        top = context.top_of(pod) or pod.ref
        key = (pod.namespace, id(pod.shape))
        if key in hopeless:
            lost[top][0].append(pod)
            continue
        placed = board.place(pod)
        if not placed.node:
            if not pod.claims:
                hopeless.add(key)
            lost.setdefault(top, ([], placed.reasons))[0].append(pod)
    board.rollback(mark)
    for top, (pods, reasons) in sorted(lost.items()):
        yield Homeless(called, top, tuple(pods), _cause(context, pods[0], reasons), reasons)


def _leaves(context: Context, pod: Pod) -> bool:
    return pod.uid in context.movers or pod.deletion_ms is not None


def _cause(context: Context, pod: Pod, reasons: tuple[tuple[str, int], ...]) -> str:
    """Which filter decides: that of the nodes which could take the pod if they had only room and company."""
    words = [reason for reason, _ in reasons]
    for part, cause in _WORDS:
        if any(part in word for word in words):
            if cause == CAPACITY and not _anywhere_else(context, pod):
                return OTHER
            return _volume_cause(context, pod) if cause == VOLUME else cause
    return OTHER


def _anywhere_else(context: Context, pod: Pod) -> bool:
    """Whether any other node could take the pod if it were empty: a device of one node only is no want of room."""
    return any(could_ever_take(pod.shape, node) for node in context.inventory.nodes if node.name != pod.node)


_WORDS = (
    ("topology spread", SPREAD),
    ("anti-affinity", APART),
    ("too little", CAPACITY),
    ("limit of attached", CAPACITY),
    ("host port", PORT),
    ("volume cannot be mounted", VOLUME),
)


def _volume_cause(context: Context, pod: Pod) -> str:
    volumes = [context.storage.volume_of(pod.namespace, name) for name in pod.claims]
    reaches = {reach(volume) for volume in volumes if volume is not None}
    return CONFINED if "node" in reaches else VOLUME if "zone" in reaches else OTHER


def while_out(context: Context, items: Sequence[Homeless]) -> str:
    """What is left of a workload while one of these nodes is out, in the worst case, as a sentence."""
    left = min(context.ready_without(item.top, item.node) for item in items)
    nodes = [item.node for item in items]
    where = nodes[0] if len(nodes) == 1 else f"any of {', '.join(nodes[:3])}"
    where += f" and {len(nodes) - 3} more" if len(nodes) > 3 else ""
    rest = "no Ready pod" if left == 0 else f"{left} of {left + max(len(item.pods) for item in items)} pods Ready"
    return f"{rest} while {where} is out: the replacement waits, Pending, until it is back"


def hard_keys(pod: Pod) -> tuple[str, ...]:
    """Topology keys over which the pod must be spread."""
    return tuple(constraint.topology_key for constraint in spreading.hard_constraints(pod.shape))
