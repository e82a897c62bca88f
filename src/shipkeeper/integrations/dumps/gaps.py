"""What a dump does not hold, and what that makes unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shipkeeper.integrations.dumps.collector import Collector
from shipkeeper.integrations.dumps.layouts import Layout
from shipkeeper.model.cluster import Namespace
from shipkeeper.model.inventory import Missing
from shipkeeper.semantics.wire.unknowns import UNKNOWN_WITHOUT

_PARTIAL: dict[Layout, str] = {
    "must-gather": "a must-gather collects the platform's own namespaces, and others only when asked to",
    "cluster-info dump": "kubectl cluster-info dump collects the namespaces it is told to, not all by default",
}


def gaps(
    collector: Collector,
    layout: Layout,
    namespaces: Sequence[Namespace],
    refusals: Mapping[str, str],
) -> tuple[Missing, ...]:
    """Everything the dump is silent about, by resource name. ``refusals``: why the collector itself failed."""
    missing = [
        Missing(resource, refusals.get(resource) or _absent(layout, resource), unknown)
        for resource, unknown in UNKNOWN_WITHOUT.items()
        if resource not in collector.covered
    ]
    missing.extend(
        Missing(resource, f"only in part: {why}", UNKNOWN_WITHOUT[resource])
        for resource, why in refusals.items()
        if resource in collector.covered
    )
    missing.extend(_other_namespaces(collector, layout, namespaces))
    if not collector.evidence.version:
        missing.append(
            Missing("serverVersion", f"the {_word(layout)} has no version file", "which version the API server runs")
        )
    return tuple(sorted(missing, key=lambda item: (item.what, item.why)))


def _other_namespaces(collector: Collector, layout: Layout, namespaces: Sequence[Namespace]) -> list[Missing]:
    """Namespaces whose pods are not in the dump, as far as that can be seen from inside it."""
    with_pods = collector.namespaces_of.get("pods", set())
    known = {item.name for item in namespaces}
    without = sorted(known - with_pods) if with_pods else []
    if without:
        few = ", ".join(without[:5]) + (f" and {len(without) - 5} more" if len(without) > 5 else "")
        return [Missing("pods", f"no list of pods for namespace {few}", "what runs there")]
    if layout in _PARTIAL:
        inside = len(with_pods) or len(known)
        unknown = f"pods, workloads and budgets of any namespace besides the {inside} in it"
        return [Missing("other-namespaces", _PARTIAL[layout], unknown)]
    return []


def _absent(layout: Layout, resource: str) -> str:
    if layout != "files":
        return f"the {layout} does not hold them"
    # kubectl writes an empty answer as a List of nothing in particular.
    return f"none in the dump: not collected, or there are none ({resource}.json with an empty List says so)"


def _word(layout: Layout) -> str:
    return "dump" if layout == "files" else layout
