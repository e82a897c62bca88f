"""The rule about StatefulSets that make their pods one after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shipkeeper.assessment.check.context import Context
from shipkeeper.assessment.check.registry import DOWNTIME, check, listed, named
from shipkeeper.model.findings import Finding
from shipkeeper.model.pods import Pod
from shipkeeper.model.workloads import Workload


@check(
    "statefulset-lower-not-ready",
    title="A StatefulSet does not make a pod again while one before it is not Ready",
    explanation=(
        "With podManagementPolicy OrderedReady, the default, a StatefulSet makes a pod only when every pod with a "
        "lower number is Ready. Nothing of that stops an eviction: the pod leaves, and then stays away until the one "
        "before it is mended, long after its node is back."
    ),
    fix="Mend the pod with the lower number before the maintenance.",
    source="Kubernetes documentation: StatefulSets, Deployment and Scaling Guarantees; Pod Management Policies",
    needs=("pods", "statefulsets"),
    effect=DOWNTIME,
)
def _lower_not_ready(context: Context) -> Iterator[Finding]:
    sets = [item for item in context.inventory.workloads if item.kind == "StatefulSet" and item.desired > 0]
    for workload in sorted(sets, key=lambda item: item.ref):
        if workload.pod_management == "Parallel":
            continue
        pods = _by_ordinal(context, workload)
        held_by = _first_not_ready(pods, workload)
        if held_by is None:
            continue
        after = context.moving(pod for number, pod in sorted(pods.items()) if number > held_by)
        if not after:
            continue
        names = [pod.name for pod in after]
        left = sum(1 for pod in pods.values() if pod.ready and pod.name not in names)
        lower = f"{workload.name}-{held_by}"
        yield Finding(
            rule="statefulset-lower-not-ready",
            severity="warning",
            object=named(workload.ref),
            message=f"{lower} {_state(pods.get(held_by))}, and the drain evicts {listed(names)}",
            consequence=(
                f"what is evicted is not made again until {lower} is Ready; until then {left} of {workload.desired}"
                " are Ready"
            ),
            fix=f"mend {lower} first: kubectl -n {workload.namespace} describe pod {lower}",
            evidence=tuple(f"{pod.name} on {pod.node}" for pod in after[:5]),
            nodes=context.nodes_of(after),
        )


def _by_ordinal(context: Context, workload: Workload) -> dict[int, Pod]:
    """The set's own pods by number."""
    found = {}
    for pod in context.of_owner.get(workload.uid, ()):
        head, _, tail = pod.name.rpartition("-")
        if (pod.namespace, head) == (workload.namespace, workload.name) and tail.isdigit():
            found[int(tail)] = pod
    return found


def _first_not_ready(pods: Mapping[int, Pod], workload: Workload) -> int | None:
    """The lowest number whose pod is missing, ending or not Ready; None when there is none.

    Where numbers begin is not in the inventory: what is missing before the first pod counts only when the others are
    as many as a set that begins with 0 has.
    """
    if not pods:
        return None
    begins = 0 if max(pods) == workload.desired - 1 else min(pods)
    for number in range(begins, max(pods)):
        pod = pods.get(number)
        if pod is None or pod.deletion_ms is not None or not pod.ready:
            return number
    return None


def _state(pod: Pod | None) -> str:
    if pod is None:
        return "is not there"
    if pod.deletion_ms is not None:
        return "is ending"
    return f"is not Ready ({pod.waiting})" if pod.waiting else "is not Ready"


CHECKS = (_lower_not_ready,)
