"""Nodes into batches. Two nodes share a batch only where nothing is lost by it.

A batch may hold as many nodes of a budget as the budget lets go pods (at least one), never all pods of a workload
without a budget, never nodes of two zones where the order is by zones, and never more than the other nodes have room
for. ``best`` makes two candidates, longest-job-first and a colouring of the conflict graph (DSATUR), and takes the
one whose batches add up to less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from shipkeeper.planning.estimates import NodeTimes, longest_first
from shipkeeper.planning.load import Load

Fits = Callable[[Sequence[str]], bool]
MOST_COLOURED = 400
"""Colouring looks at every pair of nodes; above this many nodes it is not worth its time."""


class BatchRules:
    """What a batch must keep. ``most``: how many nodes may be away at once by room (at least 1).

    ``zones``: zone by node where batches must not mix them, empty otherwise.
    """

    def __init__(self, load: Load, max_parallel: int, most: int, zones: Mapping[str, str] | None = None) -> None:
        self.size = min(max_parallel, max(1, most))
        self.zones = dict(zones or {})
        self._limits, self._sizes = load.limits, load.sizes
        asked = load.nodes if self.size > 1 else {}  # one node at a time is always allowed
        self._budgets = {
            name: tuple(sorted({budget for move in node.moves for budget in move.budgets}))
            for name, node in asked.items()
        }
        self._alone = {
            name: Counter(move.workload for move in node.moves if not move.budgets) for name, node in asked.items()
        }

    def allows(self, names: Sequence[str]) -> bool:
        """Whether these nodes may be away together."""
        if len(names) <= 1:
            return True
        if len(names) > self.size:
            return False
        if self.zones and len({self.zones[name] for name in names}) > 1:
            return False
        return self._budgets_hold(names) and self._some_replica_stays(names)

    def _budgets_hold(self, names: Sequence[str]) -> bool:
        """No budget has pods on more of the nodes than it lets go at once."""
        touched = Counter(budget for name in names for budget in self._budgets[name])
        return all(count <= max(1, self._limits.get(budget, 0)) for budget, count in touched.items())

    def _some_replica_stays(self, names: Sequence[str]) -> bool:
        """No workload without a budget has its last replicas on two of the nodes."""
        leaving: Counter[str] = Counter()
        on: Counter[str] = Counter()
        for name in names:
            leaving.update(self._alone[name])
            on.update(self._alone[name].keys())
        return all(on[workload] == 1 or count < self._sizes.get(workload, count) for workload, count in leaving.items())


def make_batches(order: str, names: Sequence[str], rules: BatchRules, times: dict[str, NodeTimes]) -> list[list[str]]:
    """Batches in the order in which they run. ``order``: serial keeps the given order, zones goes zone by zone in it,
    best looks for the shortest.
    """
    if order == "best":
        return best_batches(names, rules, times)
    if order == "zones":
        ordered = sorted(names, key=lambda name: rules.zones[name])
        return first_fit(ordered, rules)
    return in_sequence(names, rules.allows)


def in_sequence(names: Sequence[str], fits: Fits) -> list[list[str]]:
    """Fill one batch after another without changing the order."""
    batches: list[list[str]] = []
    for name in names:
        if batches and fits([*batches[-1], name]):
            batches[-1].append(name)
        else:
            batches.append([name])
    return batches


def first_fit(names: Sequence[str], rules: BatchRules) -> list[list[str]]:
    """Put each node into the first batch that takes it."""
    batches: list[list[str]] = []
    open_ones: list[list[str]] = []
    for name in names:
        home = next((batch for batch in open_ones if rules.allows([*batch, name])), None)
        if home is None:
            home = []
            batches.append(home)
            open_ones.append(home)
        home.append(name)
        if len(home) >= rules.size:
            open_ones.remove(home)
    return batches


def best_batches(names: Sequence[str], rules: BatchRules, times: dict[str, NodeTimes]) -> list[list[str]]:
    """The shorter of two heuristics; batches by falling length, so that what is left at the end is short."""
    ordered = longest_first(names, times)
    candidates = [first_fit(ordered, rules)]
    if len(ordered) <= MOST_COLOURED and rules.size > 1:
        candidates.append([batch for colour in dsatur(ordered, rules.allows) for batch in first_fit(colour, rules)])
    chosen = min(candidates, key=lambda batches: (_length(batches, times), len(batches)))
    return sorted(chosen, key=lambda batch: (-max(times[n].total_ms[0] for n in batch), batch))


def dsatur(names: Sequence[str], fits: Fits) -> list[list[str]]:
    """Colour the conflict graph (two nodes that may not be away together), most constrained node first."""
    conflicts = {name: {other for other in names if other != name and not fits([name, other])} for name in names}
    place = {name: i for i, name in enumerate(names)}
    colour: dict[str, int] = {}
    while len(colour) < len(names):
        name = min(
            (n for n in names if n not in colour),
            key=lambda n: (-len({colour[o] for o in conflicts[n] if o in colour}), -len(conflicts[n]), place[n]),
        )
        taken = {colour[other] for other in conflicts[name] if other in colour}
        colour[name] = next(c for c in range(len(names)) if c not in taken)
    groups: list[list[str]] = [[] for _ in range(max(colour.values(), default=-1) + 1)]
    for name in names:
        groups[colour[name]].append(name)
    return groups


def _length(batches: Sequence[Sequence[str]], times: dict[str, NodeTimes]) -> int:
    """Batches run one after another, each as long as its longest node."""
    return sum(max(times[name].total_ms[0] for name in batch) for batch in batches)
