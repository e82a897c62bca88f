"""What a dump does not hold, and what that makes unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shipkeeper.integrations.dumps.collector import Collector
from shipkeeper.integrations.dumps.layouts import Layout
from shipkeeper.model.cluster import Namespace
from shipkeeper.model.inventory import Missing
from shipkeeper.semantics.wire import PLATFORM
from shipkeeper.semantics.wire.platform.crds import CRDS
from shipkeeper.semantics.wire.platform.kinds import UNKNOWN_OF
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
    missing.extend(_platform(collector, layout))
    return tuple(sorted(missing, key=lambda item: (item.what, item.why)))


def _platform(collector: Collector, layout: Layout) -> list[Missing]:
    """What the dump does not tell of the platform on Kubernetes.

    A kind whose CRD is not there is not installed, if the dump holds all CRDs: a must-gather holds some.
    """
    missing = [*collector.refused, *collector.releases.missing]
    no_metrics = f"the {_word(layout)} does not hold the API server's metrics"
    missing.append(Missing("/metrics", no_metrics, UNKNOWN_OF["deprecated_requests"], "deprecated_requests"))
    if not collector.releases.covered:
        why = f"the {_word(layout)} holds no Secrets, where Helm keeps its records"
        missing.append(Missing("secrets", why, UNKNOWN_OF["releases"], "releases"))
    installed = {crd.name for crd in collector.objects[CRDS.full_name]}
    all_crds = CRDS.full_name in collector.covered and layout != "must-gather"
    for field, readers in PLATFORM.items():
        silent = [reader.full_name for reader in readers if reader.full_name not in collector.covered]
        there = [name for name in silent if name in installed]
        why = f"the {_word(layout)} holds no list of them, though their kind is installed"
        missing.extend(Missing(name, why, UNKNOWN_OF[field], field) for name in there)
        if field == "crds" and silent:
            missing.append(Missing(CRDS.resource, _absent(layout, CRDS.resource), UNKNOWN_OF[field], field))
        elif len(silent) > len(there) and not all_crds:
            why = f"the {_word(layout)} holds neither them nor all CRDs, which tell whether their kinds are installed"
            missing.append(Missing(field.replace("_", " "), why, UNKNOWN_OF[field], field))
    return missing


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
