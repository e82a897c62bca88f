"""What a node and its workloads were like when the node's turn began; kept in the journal, for after a crash."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from shipkeeper.execution.context import Run
from shipkeeper.execution.health import Reading
from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import Pod
from shipkeeper.model.storage import CsiNode
from shipkeeper.model.workloads import Budget
from shipkeeper.semantics.budgets import covering
from shipkeeper.semantics.taints import write_taint

KEY = "before"
"""Key in the cordon intent's ``detail``."""


class BudgetBefore(Struct, frozen=True):
    """A budget over the pods that leave."""

    namespace: str
    name: str
    healthy: int
    expected: int


class Before(Struct, frozen=True):
    """The reading that later gates compare with. ``daemons``: ``namespace/DaemonSet`` with a Ready pod on the node."""

    boot_id: str = ""
    kernel: str = ""
    kubelet: str = ""
    csi: tuple[str, ...] = ()
    taints: tuple[str, ...] = ()
    daemons: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()
    workloads: tuple[Reading, ...] = ()
    budgets: tuple[BudgetBefore, ...] = ()

    def encode(self) -> dict[str, str]:
        """As part of an intent's ``detail``."""
        return {KEY: msgspec.json.encode(self).decode()}


def decode(detail: dict[str, str]) -> Before:
    """From an intent's ``detail``; an empty reading when there is none."""
    return msgspec.json.decode(detail[KEY], type=Before) if KEY in detail else Before()


async def observe(run: Run, node: Node) -> tuple[Before, tuple[Pod, ...]]:
    """Read everything that is compared later, and the node's pods."""
    pods = await run.api.list(Pod, node=node.name)
    csi = await run.api.get(CsiNode, node.name) if run.reboots else None
    tops = await run.health.tops(pods)
    readings = await run.health.read(sorted(set(tops.values())))
    leaving = [pod for pod in pods if not pod.daemon and not pod.mirror]
    return Before(
        boot_id=node.info.boot_id,
        kernel=node.info.kernel,
        kubelet=node.info.kubelet,
        csi=tuple(sorted(driver for driver, _ in csi.drivers)) if csi is not None else (),
        taints=tuple(sorted(write_taint(taint) for taint in node.taints)),
        daemons=ready_daemons(pods),
        mirrors=ready_mirrors(pods),
        workloads=tuple(readings[ref] for ref in sorted(readings)),
        budgets=await _budgets(run, leaving),
    ), pods


async def _budgets(run: Run, pods: list[Pod]) -> tuple[BudgetBefore, ...]:
    found: dict[tuple[str, str], Budget] = {}
    index = covering(await run.api.budgets({pod.namespace for pod in pods}), pods)
    for pod in pods:
        for budget in index.matching(pod.namespace, pod.shape.labels):
            found[(budget.namespace, budget.name)] = budget
    return tuple(BudgetBefore(ns, name, item.healthy, item.expected) for (ns, name), item in sorted(found.items()))


def ready_daemons(pods: tuple[Pod, ...]) -> tuple[str, ...]:
    """DaemonSets with a Ready pod among these."""
    names = {
        f"{pod.namespace}/{pod.owner.name}" for pod in pods if pod.daemon and pod.ready and pod.owner and not pod.mirror
    }
    return tuple(sorted(names))


def ready_mirrors(pods: tuple[Pod, ...]) -> tuple[str, ...]:
    """Mirror pods among these that are Ready."""
    return tuple(sorted(f"{pod.namespace}/{pod.name}" for pod in pods if pod.mirror and pod.ready))
