"""What a forecast rests on: every figure labelled declared, measured or modelled, and what the twin leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shipkeeper.model.forecast import Assumption, WorkloadForecast
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import MECHANICS, Plan
from shipkeeper.model.time import SECOND, format_duration
from shipkeeper.model.words import count
from shipkeeper.semantics.ownership import SCALABLE, UNSCALABLE
from shipkeeper.twin import TwinSettings
from shipkeeper.twin.settings import with_declared

_MODELLED = "modelled"


def basis(
    plan: Plan, inventory: Inventory, workloads: Sequence[WorkloadForecast], settings: TwinSettings
) -> tuple[tuple[Assumption, ...], tuple[Assumption, ...]]:
    """(assumptions, measurements). A figure people declared is an assumption too, until a run has measured it."""
    figures = [*_figures(plan, workloads)]
    measured = tuple(item for item in figures if item.source.startswith("measured"))
    assumed = [item for item in figures if not item.source.startswith("measured")]
    assumed.extend(_mechanics(plan))
    assumed.extend(_rates(plan, inventory, with_declared(settings, plan.timings)))
    assumed.extend(_behaviour(plan, inventory))
    return tuple(assumed), measured


def _figures(plan: Plan, workloads: Sequence[WorkloadForecast]) -> Iterable[Assumption]:
    timings, sources = plan.timings, plan.timings.sources
    if plan.purpose == "reboot":
        yield Assumption(
            what="reboot, from the request until Ready",
            value=_pair(timings.reboot_seconds),
            source=sources.get("reboot", _MODELLED),
        )
    keys = [f"{item.kind}/{item.namespace}/{item.name}" for item in workloads if item.evictions]
    for what, figures in (("readiness", timings.readiness), ("termination", timings.termination)):
        without = 0
        for key in keys:
            if key in figures:
                source = sources.get(f"{what}:{key}", _MODELLED)
                yield Assumption(what=f"{what} of {key}", value=_pair(figures[key]), source=source)
            else:
                without += 1
        if without:
            default = figures.get("*")
            value = _pair(default) if default is not None else _default(what)
            source = sources.get(f"{what}:*", _MODELLED)
            yield Assumption(
                what=f"{what} of {count(without, 'workload')} without a figure", value=value, source=source
            )


def _default(what: str) -> str:
    if what == "termination":
        return "the whole grace period of each pod"
    return "15 s, P95 45 s"


def _mechanics(plan: Plan) -> Iterable[Assumption]:
    for name, figure in sorted(plan.timings.mechanics.items()):
        source = plan.timings.sources.get(f"mechanics:{name}", "declared")
        yield Assumption(what=MECHANICS.get(name, name), value=_pair(figure), source=source)


def _rates(plan: Plan, inventory: Inventory, settings: TwinSettings) -> Iterable[Assumption]:
    """Figures of the cluster's own machinery that nobody declared, where they matter for this plan."""
    declared = plan.timings.mechanics
    yield Assumption(
        what="pods created by the controller manager",
        value=f"at most {settings.creates_per_second} a second, burst {settings.create_burst}",
        source="modelled: its default client limits",
    )
    figures = [("disruption", settings.disruption_ms)]
    if any(claim.volume for claim in inventory.claims):
        figures += [("unmount", settings.unmount_ms), ("detach", settings.detach_ms), ("attach", settings.attach_ms)]
    if plan.purpose == "reboot":
        figures.append(("shutdown", settings.shutdown_ms))
    for name, figure in figures:
        if name not in declared:
            yield Assumption(what=MECHANICS[name], value=_millis(figure), source=_MODELLED)
    if plan.purpose == "reboot":
        yield Assumption(
            what="daemon and static pods after a reboot, without a figure of their own",
            value=_millis(settings.daemon_readiness_ms),
            source="declared" if "daemonReadiness" in declared else _MODELLED,
        )


def _behaviour(plan: Plan, inventory: Inventory) -> Iterable[Assumption]:
    """What the twin takes for granted, or leaves out, where this inventory makes it matter."""
    yield Assumption(
        what="kubelet, CSI drivers and containers",
        value="behave as documented",
        source="modelled: documentation; the controllers and the scheduler are compared with a real control plane",
    )
    yield Assumption(
        what="the cluster otherwise",
        value="stands still: no rollout moves on, no autoscaler acts, no Job ends by itself, nobody else changes it",
        source=_MODELLED,
    )
    kinds = sorted({owner.kind for owner in inventory.pods.owners} - SCALABLE - UNSCALABLE)
    if kinds:
        yield Assumption(
            what=f"pods of {', '.join(kinds)}",
            value="come back under the same name once the old pod is gone",
            source="modelled: what their operators do is not known",
        )
    without = sum(1 for shape in inventory.pods.shapes if shape.without_requests)
    if without:
        yield Assumption(
            what=f"pods without requests ({count(without, 'kind')})",
            value="take no room",
            source="modelled: a rehearsal says nothing about the capacity they need",
        )
    if plan.drain_policy.confirm == "each" or plan.reboot.driver == "manual":
        yield Assumption(what="people", value="answer at once when they are asked", source=_MODELLED)
    for item in inventory.cluster_missing:
        yield Assumption(what=f"{item.what} could not be read ({item.why})", value=item.unknown, source="unknown")


def _pair(seconds: tuple[float, float]) -> str:
    low, high = (round(value * SECOND) for value in seconds)
    return format_duration(low) if low == high else f"{format_duration(low)}, P95 {format_duration(high)}"


def _millis(figure: tuple[int, int]) -> str:
    return f"{figure[0] / SECOND:g} s, P95 {figure[1] / SECOND:g} s"
