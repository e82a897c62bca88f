"""How long one rehearsed night takes: 100 nodes / 3,000 pods and 1,000 / 30,000, beside a plain event loop.

The baseline is the least that any such simulation must do, in the same run on the same machine: one heap, one eviction,
one termination, one placement by room over all nodes and one readiness per pod, no rules. The ratio tells what rules,
controllers, watches, gates and journal cost on top of it; seconds alone depend on the machine.

    python bench/rehearsal.py [--small] [--seeds 2] [--profile]
"""

from __future__ import annotations

import argparse
import cProfile
import heapq
import pstats
import time
from collections.abc import Callable

import numpy as np

from shipkeeper.model.cluster import ClusterIdentity, Namespace
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.labels import Selector
from shipkeeper.model.nodes import Node, NodeCondition, NodeInfo
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import ClusterConfig, Environment, Platform, TimingConfig
from shipkeeper.model.pods import Pod, PodShape
from shipkeeper.model.refs import OwnerRef
from shipkeeper.model.table import PodTableBuilder
from shipkeeper.model.workloads import Budget, Workload
from shipkeeper.planning.propose import propose_nodes
from shipkeeper.planning.request import NodesRequest
from shipkeeper.rehearsal.night import Night, play_night
from shipkeeper.rehearsal.variants import without_end
from shipkeeper.twin import Loaded
from shipkeeper.twin.settings import DEFAULT

NOW = 1_790_000_000_000
GIB = 1024**3


def platform(nodes: int, pods: int) -> Inventory:
    """Deployments of 5 to 40 replicas with a 25 % budget each, a few StatefulSets, three daemon pods a node."""
    names = [f"node-{i:04}" for i in range(nodes)]
    made = tuple(_node(name, f"zone-{i % 3}") for i, name in enumerate(names))
    workloads: list[Workload] = []
    budgets: list[Budget] = []
    builder = PodTableBuilder()
    for daemon in ("cni", "csi", "logs"):
        look = PodShape(labels={"app": daemon}, requests={"cpu": 50, "memory": 64 * 1024**2})
        workloads.append(_workload("DaemonSet", "kube-system", daemon, nodes, look))
        shape = builder.intern_shape(look)
        for name in names:
            builder.add(_pod("kube-system", f"{daemon}-{name}", look, name, "DaemonSet", daemon), shape)
    left, number = pods - 3 * nodes, 0
    while left > 0:
        size = min(left, 5 + number * 7 % 36)
        app, namespace = f"app-{number:04}", f"team-{number % 40:02}"
        kind = "StatefulSet" if number % 15 == 14 else "Deployment"
        look = PodShape(
            labels={"app": app}, requests={"cpu": 40 + number % 5 * 20, "memory": (64 + number % 7 * 32) * 1024**2}
        )
        workloads.append(_workload(kind, namespace, app, size, look))
        owner = app
        if kind == "Deployment":
            owner = f"{app}-7c9"
            top = OwnerRef("Deployment", app, f"uid-Deployment-{app}", "apps/v1")
            workloads.append(_workload("ReplicaSet", namespace, owner, size, look, top))
        budgets.append(_budget(namespace, app))
        shape = builder.intern_shape(look)
        for i in range(size):
            where = names[(number * 31 + i * 7) % nodes]
            name = f"{app}-{i}" if kind == "StatefulSet" else f"{owner}-{i:05}"
            builder.add(
                _pod(namespace, name, look, where, "StatefulSet" if kind == "StatefulSet" else "ReplicaSet", owner),
                shape,
            )
        left -= size
        number += 1
    return Inventory(
        source="bench",
        taken_ms=NOW,
        identity=ClusterIdentity(uid="bench", server_version="v1.34.4", name="bench"),
        nodes=made,
        pods=builder.build(),
        workloads=tuple(sorted(workloads, key=lambda w: (w.namespace, w.name, w.kind))),
        budgets=tuple(sorted(budgets, key=lambda item: (item.namespace, item.name))),
        namespaces=tuple(Namespace(name) for name in sorted({w.namespace for w in workloads})),
    )


def _node(name: str, zone: str) -> Node:
    return Node(
        name=name,
        uid=f"uid-{name}",
        labels={"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone},
        allocatable={"cpu": 8_000, "memory": 32 * GIB, "pods": 110},
        conditions=(NodeCondition("Ready", "True", "KubeletReady", NOW - 86_400_000),),
        info=NodeInfo(boot_id=f"boot-{name}", kernel="6.1.0-30", kubelet="v1.34.4"),
        resource_version="1",
    )


def _workload(
    kind: str, namespace: str, name: str, size: int, look: PodShape, owner: OwnerRef | None = None
) -> Workload:
    return Workload(
        kind=kind,
        namespace=namespace,
        name=name,
        uid=f"uid-{kind}-{name}",
        owner=owner,
        desired=size,
        ready=size,
        available=size,
        updated=size,
        current=size,
        selector=Selector((("app", look.labels["app"]),)),
        template=look,
        generation=1,
        observed_generation=1,
        pod_management="Parallel" if kind == "StatefulSet" else "",
    )


def _pod(namespace: str, name: str, look: PodShape, node: str, kind: str, owner: str) -> Pod:
    return Pod(
        namespace=namespace,
        name=name,
        uid=f"uid-{namespace}-{name}",
        shape=look,
        node=node,
        owner=OwnerRef(kind, owner, f"uid-{kind}-{owner}", "apps/v1"),
        ready=True,
        created_ms=NOW - 3_600_000,
        scheduled_ms=NOW - 3_600_000,
        ready_ms=NOW - 3_585_000,
    )


def _budget(namespace: str, app: str) -> Budget:
    return Budget(
        namespace=namespace,
        name=app,
        uid=f"uid-{app}",
        selector=Selector((("app", app),)),
        max_unavailable="25%",
        generation=1,
        observed_generation=1,
    )


def baseline(inventory: Inventory) -> int:
    """The bare event loop over the same pods: evict, end, place by room, become Ready; node after node."""
    nodes = len(inventory.nodes)
    cpu = np.full(nodes, 8_000, dtype=np.int64)
    memory = np.full(nodes, 32 * GIB, dtype=np.int64)
    on: list[list[tuple[int, int]]] = [[] for _ in range(nodes)]
    index = {node.name: i for i, node in enumerate(inventory.nodes)}
    for pod in inventory.pods:
        want = (pod.shape.requests["cpu"], pod.shape.requests["memory"])
        where = index[pod.node]
        cpu[where] -= want[0]
        memory[where] -= want[1]
        if pod.owner is not None and pod.owner.kind != "DaemonSet":
            on[where].append(want)
    heap: list[tuple[int, int, str, int, tuple[int, int]]] = []
    events = now = 0
    for node in range(nodes):
        for want in on[node]:
            events += 1
            heapq.heappush(heap, (now + events % 30_000, events, "end", node, want))
        on[node] = []
        while heap:
            now, _, what, where, want = heapq.heappop(heap)
            events += 1
            if what == "end":
                cpu[where] += want[0]
                memory[where] += want[1]
                fits = (cpu >= want[0]) & (memory >= want[1])
                fits[node] = False
                score = cpu * 100 // 8_000 + memory * 100 // (32 * GIB)
                target = int(np.where(fits, score, -1).argmax())
                cpu[target] -= want[0]
                memory[target] -= want[1]
                heapq.heappush(heap, (now + 15_000, events, "ready", target, want))
            else:
                on[where].append(want)
    return events


def plan_of(inventory: Inventory, parallel: int) -> Plan:
    """All nodes, in batches of that many, with declared times."""
    timings = TimingConfig(reboot="3m/4m", readiness={"*": "15s/40s"}, termination={"*": "4s/20s"})
    cluster = ClusterConfig(name="bench", timings=timings)
    said = Platform(environments=(Environment(name="bench", clusters=(cluster,)),))
    return propose_nodes(inventory, NodesRequest(max_parallel=parallel, driver="manual"), said, NOW)


def measure(nodes: int, pods: int, parallel: int, seeds: int, profile: bool) -> list[str]:
    """One row of the table: CPU seconds, the least of the seeds."""
    inventory = platform(nodes, pods)
    bare = min(_spent(lambda: baseline(inventory)) for _ in range(3))
    plan = without_end(plan_of(inventory, parallel))
    loads: list[Loaded] = []
    loading = _spent(lambda: loads.append(Loaded(inventory)))
    nights: list[Night] = []
    spent = [
        _spent(lambda seed=seed: nights.append(play_night(plan, loads[0], seed, DEFAULT))) for seed in range(seeds)
    ]
    if not all(night.went_well for night in nights):
        raise SystemExit(f"a night did not end well: {next(n.reason for n in nights if not n.went_well)}")
    if profile:
        profiler = cProfile.Profile()
        profiler.runcall(play_night, plan, loads[0], 0, DEFAULT)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(30)
    virtual_s = nights[0].duration_ms / 1_000
    moves = sum(item.evictions for item in nights[0].workloads)
    return [
        f"{nodes:,} / {len(inventory.pods):,}",
        str(parallel),
        f"{moves:,}",
        f"{virtual_s / 3_600:.2f}",
        f"{loading:.2f}",
        f"{min(spent):.2f}",
        f"{bare:.3f}",
        f"{min(spent) / bare:.0f}",
        f"{virtual_s / min(spent):,.0f}",
    ]


def _spent(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="only 100 nodes / 3,000 pods")
    parser.add_argument("--seeds", type=int, default=2, help="nights a row; the fastest counts")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    args = parser.parse_args()
    sizes = [(100, 3_000, 1)] if args.small else [(100, 3_000, 1), (1_000, 30_000, 10)]
    headers = [
        "nodes / pods", "at once", "moves", "virtual h", "load s", "night s", "baseline s", "ratio",
        "virtual s per CPU s",
    ]  # fmt: skip
    print("| " + " | ".join(headers) + " |\n|" + "---|" * len(headers))
    for nodes, pods, parallel in sizes:
        print("| " + " | ".join(measure(nodes, pods, parallel, args.seeds, args.profile)) + " |", flush=True)


if __name__ == "__main__":
    main()
