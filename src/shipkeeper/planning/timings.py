"""Times that the API does not tell: measured where pods show them, declared where people know, else modelled.

How long a pod takes to become Ready is measured from pods that run: last transition of Ready minus scheduling. A pod
that restarted, or was not Ready again later (its node was away), would lie, so restarted pods and differences above
``LONGEST_START_MS`` are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shipkeeper.model.errors import BadInput
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Timings
from shipkeeper.model.platform import ClusterConfig, TimingConfig
from shipkeeper.model.time import MINUTE, SECOND, parse_duration
from shipkeeper.semantics.ownership import by_uid, workload_key

LONGEST_START_MS = 30 * MINUTE
"""A difference above this is not a start: Ready changed again later."""
ENOUGH = 10
"""Samples over all workloads from which their pool may stand for workloads without history."""
_WIDENING = 1.5
"""P95 over P50 that a figure of few samples gets at least."""
_FEW = 20

MODELLED_REBOOT = (180.0, 240.0)
MODELLED_READINESS = (15.0, 60.0)


def derive_timings(inventory: Inventory, cluster: ClusterConfig | None = None) -> Timings:
    """Put the figures together: declared wins over measured, measured over modelled, and what is known of one
    workload over what is known of all. Seconds.

    Raises BadInput for a declared time that is not a duration or ``P50/P95``.
    """
    declared = cluster.timings if cluster is not None else TimingConfig()
    readiness: dict[str, tuple[float, float]] = {"*": MODELLED_READINESS}
    sources = {"reboot": "modelled", "readiness:*": "modelled", "termination:*": "modelled: the pod's own grace period"}
    measured = measure_readiness(inventory)
    pool = sorted(sample for samples in measured.values() for sample in samples)
    if len(pool) >= ENOUGH:
        readiness["*"] = spread(pool)
        sources["readiness:*"] = f"measured ({len(pool)} samples, all workloads)"
    for key, samples in sorted(measured.items()):
        readiness[key] = spread(samples)
        sources[f"readiness:{key}"] = f"measured ({len(samples)} sample{'s' if len(samples) > 1 else ''})"
    termination: dict[str, tuple[float, float]] = {}
    mechanics: dict[str, tuple[float, float]] = {}
    for into, given, what in (
        (readiness, declared.readiness, "readiness"),
        (termination, declared.termination, "termination"),
        (mechanics, declared.mechanics, "mechanics"),
    ):
        for key, text in sorted(given.items()):
            into[key] = parse_spread(text)
            sources[f"{what}:{key}"] = "declared"
    reboot = MODELLED_REBOOT
    if declared.reboot:
        reboot, sources["reboot"] = parse_spread(declared.reboot), "declared"
    stable = parse_duration(declared.stable_ready) / SECOND if declared.stable_ready else Timings().stable_ready_seconds
    return Timings(
        reboot_seconds=reboot,
        readiness=dict(sorted(readiness.items())),
        termination=termination,
        stable_ready_seconds=stable,
        mechanics=mechanics,
        sources=dict(sorted(sources.items())),
    )


def measure_readiness(inventory: Inventory) -> dict[str, list[int]]:
    """Milliseconds from scheduling to Ready of every pod that shows it, by ``Kind/namespace/name``; sorted."""
    pods, column = inventory.pods, inventory.pods.columns
    took = column["ready_ms"] - column["scheduled_ms"]
    tells = (column["ready"] == 1) & (column["restarts"] == 0) & (column["mirror"] == 0) & (column["owner"] >= 0)
    tells &= (column["scheduled_ms"] > 0) & (took >= 0) & (took <= LONGEST_START_MS)
    rows, of_class = np.flatnonzero(tells), pods.classes().of_row
    # By class, then by duration: the samples of a class follow one another, sorted.
    rows = rows[np.lexsort((took[rows], of_class[rows]))]
    starts = np.flatnonzero(np.diff(of_class[rows], prepend=-1))
    samples = np.split(took[rows], starts[1:])
    workloads = by_uid(inventory.workloads)
    found: dict[str, list[int]] = {}
    for row, ours in zip(rows[starts].tolist(), samples, strict=False):
        owner, namespace = pods.owners[column["owner"][row]], pods.namespaces[column["namespace"][row]]
        found.setdefault(workload_key(owner, namespace, workloads), []).extend(ours.tolist())
    for several in found.values():
        several.sort()
    return found


def spread(samples_ms: Sequence[int]) -> tuple[float, float]:
    """(P50, P95) in seconds of sorted samples, nearest rank; few samples get a wider P95."""
    middle, high = _rank(samples_ms, 50), _rank(samples_ms, 95)
    if len(samples_ms) < _FEW:
        high = max(high, round(middle * _WIDENING))
    return middle / SECOND, high / SECOND


def _rank(samples: Sequence[int], percent: int) -> int:
    return samples[max(0, -(-len(samples) * percent // 100) - 1)]


def parse_spread(text: str) -> tuple[float, float]:
    """Read ``3m`` or ``3m/5m`` (P50/P95) into seconds. Raises BadInput when P95 is below P50."""
    middle, _, high = text.partition("/")
    first = parse_duration(middle)
    second = parse_duration(high) if high else first
    if second < first:
        raise BadInput(f"{text!r}: the 95th percentile is below the median", hint="write P50/P95, such as 3m/5m")
    return first / SECOND, second / SECOND


def readiness_of(timings: Timings, key: str) -> tuple[int, int]:
    """(P50, P95) in milliseconds from a pod's creation until it is Ready, for ``Kind/namespace/name``."""
    low, high = timings.readiness.get(key) or timings.readiness.get("*", MODELLED_READINESS)
    return round(low * SECOND), round(high * SECOND)


def termination_of(timings: Timings, key: str, grace_ms: int) -> tuple[int, int]:
    """(P50, P95) in milliseconds from an accepted eviction until the pod is gone; never above its grace period."""
    known = timings.termination.get(key) or timings.termination.get("*")
    if known is None:
        return grace_ms, grace_ms
    return min(grace_ms, round(known[0] * SECOND)), min(grace_ms, round(known[1] * SECOND))
