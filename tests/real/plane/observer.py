"""What users would have felt: availability, watched by a client of the test's own.

    with Observer(plane.api()) as seen:
        ...                                   # the run under test
    assert not seen.violations(), seen.explain()

For every budget it records the healthy pods (counted from the pods, not read from the budget) against
the budget's desired count, at each change; for every workload its Ready pods; for every node its
Ready state, cordon and boot id. Nothing is sampled in between: a change is an event.

Also a command, for runs by hand; it ends with SIGINT or SIGTERM and prints its report:

    python -m tests.real.plane.observer --kubeconfig F --out report.json
"""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from tests.real.plane.api import (
    Api,
    Object,
    condition,
    controller_of,
    is_healthy_pod,
)
from tests.real.plane.mirror import Mirror, now_ms
from tests.real.plane.waits import selects

KINDS = (
    "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Pod", "PodDisruptionBudget", "Node",
)  # fmt: skip
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
Key = tuple[str, ...]


@dataclass(frozen=True)
class BudgetReading:
    """One budget from `at_ms` on: healthy pods as counted and as its status says."""

    at_ms: int
    healthy: int
    reported: int
    desired: int

    @property
    def margin(self) -> int:
        """Healthy pods above (or, negative, below) the desired count."""
        return self.healthy - self.desired


@dataclass(frozen=True)
class WorkloadReading:
    """One workload from `at_ms` on."""

    at_ms: int
    ready: int
    desired: int


@dataclass(frozen=True)
class NodeReading:
    """One node from `at_ms` on."""

    at_ms: int
    ready: str
    cordoned: bool
    boot_id: str


@dataclass(frozen=True)
class Violation:
    """A budget below its desired count, from `start_ms` until `end_ms` (None: still, at the end)."""

    budget: str
    start_ms: int
    end_ms: int | None
    lowest: int
    desired: int

    def __str__(self) -> str:
        long = "to the end" if self.end_ms is None else f"for {self.end_ms - self.start_ms} ms"
        return f"{self.budget}: {self.lowest} healthy of {self.desired} desired, {long}"


@dataclass
class Series:
    """All readings, by object. A budget's and a workload's key is (…, namespace, name)."""

    budgets: dict[Key, list[BudgetReading]] = field(default_factory=lambda: defaultdict(list))
    workloads: dict[Key, list[WorkloadReading]] = field(default_factory=lambda: defaultdict(list))
    nodes: dict[str, list[NodeReading]] = field(default_factory=lambda: defaultdict(list))


class Observer:
    """Watches a cluster from `start` to `stop`; may be asked at any time."""

    def __init__(self, api: Api) -> None:
        self.series = Series()
        self.started_ms = 0
        self.ended_ms: int | None = None
        self._mirror = Mirror(api, KINDS, self._changed)
        self._live = False

    def __enter__(self) -> Observer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin; everything is known when this returns."""
        self._mirror.start()
        with self._mirror.lock:
            self.started_ms = now_ms()
            self._live = True
            for namespace in {key[0] for key in self._mirror.objects["Pod"]}:
                self._count(namespace)
            for node in self._mirror.objects["Node"].values():
                self._node(node)

    def stop(self) -> None:
        """End; the series stay."""
        self._mirror.stop()
        self.ended_ms = now_ms()

    @property
    def gaps(self) -> list[tuple[str, int, int]]:
        """When a kind was not watched: kind, from, to. A proof needs none."""
        return list(self._mirror.gaps)

    def _changed(self, kind: str, event: str, obj: Object) -> None:
        if not self._live:
            return
        if kind == "Node":
            if event != "DELETED":
                self._node(obj)
        else:
            self._count(str(obj["metadata"]["namespace"]))

    def _node(self, node: Object) -> None:
        reading = NodeReading(
            now_ms(),
            condition(node, "Ready"),
            bool(node["spec"].get("unschedulable")),
            str((node["status"].get("nodeInfo") or {}).get("bootID") or ""),
        )
        rows = self.series.nodes[node["metadata"]["name"]]
        if not rows or _without_time(rows[-1]) != _without_time(reading):
            rows.append(reading)

    def _count(self, namespace: str) -> None:
        """Read every budget and workload of a namespace again."""
        objects, at_ms = self._mirror.objects, now_ms()
        pods = [pod for key, pod in objects["Pod"].items() if key[0] == namespace]
        healthy = [pod for pod in pods if is_healthy_pod(pod)]
        for (where, name), budget in objects["PodDisruptionBudget"].items():
            if where != namespace or budget["spec"].get("selector") is None:
                continue
            status, selector = budget.get("status") or {}, budget["spec"]["selector"]
            if status.get("observedGeneration") != budget["metadata"]["generation"]:
                continue
            counted = sum(selects(selector, pod["metadata"].get("labels") or {}) for pod in healthy)
            reported, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
            row = BudgetReading(at_ms, counted, reported, desired)
            rows = self.series.budgets[(namespace, name)]
            if not rows or _without_time(rows[-1]) != _without_time(row):
                rows.append(row)
        self._count_workloads(namespace, at_ms, healthy)

    def _count_workloads(self, namespace: str, at_ms: int, healthy: list[Object]) -> None:
        objects = self._mirror.objects
        ready: dict[tuple[str, str], int] = defaultdict(int)
        for pod in healthy:
            owner = controller_of(pod)
            if owner is not None and owner[0] == "ReplicaSet":
                held = objects["ReplicaSet"].get((namespace, owner[1]))
                owner = controller_of(held) if held is not None else owner
            if owner is not None:
                ready[owner] += 1
        for kind in WORKLOADS:
            for (where, name), obj in objects[kind].items():
                if where != namespace:
                    continue
                if kind == "DaemonSet":
                    desired = (obj.get("status") or {}).get("desiredNumberScheduled", 0)
                else:
                    desired = obj["spec"].get("replicas", 1)
                row = WorkloadReading(at_ms, ready[(kind, name)], desired)
                rows = self.series.workloads[(kind, namespace, name)]
                if not rows or _without_time(rows[-1]) != _without_time(row):
                    rows.append(row)

    def violations(self) -> list[Violation]:
        """Every time a budget that had been met fell below its desired count."""
        found = []
        with self._mirror.lock:
            for key in sorted(self.series.budgets):
                found += falls("/".join(key), self.series.budgets[key])
        return found

    def never_met(self) -> list[str]:
        """Budgets below their desired count all along: broken before, not by the run."""
        with self._mirror.lock:
            rows = self.series.budgets
            return ["/".join(key) for key in sorted(rows) if all(r.margin < 0 for r in rows[key])]

    def lowest_margins(self) -> dict[str, int]:
        """The lowest margin of each budget: 0 means that it was used to its limit."""
        with self._mirror.lock:
            rows = self.series.budgets
            return {"/".join(key): min(r.margin for r in rows[key]) for key in sorted(rows)}

    def downtime_ms(self) -> dict[Key, int]:
        """How long each workload had no Ready pod, of those that had one at some time."""
        return self._spent(lambda row: row.ready == 0 and row.desired > 0)

    def degraded_ms(self) -> dict[Key, int]:
        """How long each workload had fewer Ready pods than it wants."""
        return self._spent(lambda row: row.ready < row.desired)

    def _spent(self, when: Callable[[WorkloadReading], bool]) -> dict[Key, int]:
        end = self.ended_ms or now_ms()
        with self._mirror.lock:
            found = {}
            for key, rows in sorted(self.series.workloads.items()):
                stops = [row.at_ms for row in rows[1:]] + [end]
                pairs = zip(rows, stops, strict=True)
                found[key] = sum(stop - row.at_ms for row, stop in pairs if when(row))
            return found

    def reboots(self) -> dict[str, int]:
        """How often each node changed its boot id."""
        with self._mirror.lock:
            found = {}
            for name, rows in sorted(self.series.nodes.items()):
                ids = [row.boot_id for row in rows if row.boot_id]
                found[name] = sum(a != b for a, b in itertools.pairwise(ids))
            return found

    def explain(self) -> str:
        """The violations, one a line, for an assertion's message."""
        lines = [str(row) for row in self.violations()] or ["no budget fell below its count"]
        return "\n".join([*lines, *(f"not watched: {gap}" for gap in self.gaps)])

    def report(self) -> Object:
        """Everything, as JSON can hold it."""
        return {
            "startedMs": self.started_ms,
            "endedMs": self.ended_ms,
            "gaps": self.gaps,
            "violations": [vars(row) for row in self.violations()],
            "neverMet": self.never_met(),
            "lowestMargins": self.lowest_margins(),
            "downtimeMs": {"/".join(key): value for key, value in self.downtime_ms().items()},
            "degradedMs": {"/".join(key): value for key, value in self.degraded_ms().items()},
            "reboots": self.reboots(),
        }


def _without_time(row: BudgetReading | WorkloadReading | NodeReading) -> dict[str, object]:
    return {key: value for key, value in vars(row).items() if key != "at_ms"}


def falls(name: str, rows: list[BudgetReading]) -> list[Violation]:
    """The times below the desired count, after the budget had been met once."""
    found: list[Violation] = []
    met = False
    below: list[BudgetReading] = []
    for row in rows:
        if row.margin >= 0:
            if below:
                found.append(_violation(name, below, row.at_ms))
            met, below = True, []
        elif met:
            below.append(row)
    if below:
        found.append(_violation(name, below, None))
    return found


def _violation(name: str, below: list[BudgetReading], end_ms: int | None) -> Violation:
    worst = min(below, key=lambda row: (row.margin, row.at_ms))
    return Violation(name, below[0].at_ms, end_ms, worst.healthy, worst.desired)


def main(argv: list[str] | None = None) -> int:
    """The command; its exit code is 1 when a budget fell below its count."""
    parser = argparse.ArgumentParser(prog="observer", description="Watch availability.")
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args(argv)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with Api.of(given.kubeconfig) as api, Observer(api) as seen:
        print("observing", file=sys.stderr, flush=True)
        ended.wait()
    text = json.dumps(seen.report(), indent=1)
    if given.out is None:
        print(text)
    else:
        given.out.write_text(text + "\n")
    return 1 if seen.violations() else 0


if __name__ == "__main__":
    sys.exit(main())
