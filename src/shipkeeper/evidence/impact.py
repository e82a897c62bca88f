"""What a maintenance does to those who use the platform, from its forecast: in units a reader plans with."""

from __future__ import annotations

from shipkeeper.evidence.words import clean, count
from shipkeeper.model.forecast import Forecast, WorkloadForecast
from shipkeeper.model.platform import Platform
from shipkeeper.model.record import Record

NOTICED_SECONDS = 1.0
"""An interruption shorter than this at P95 is not told."""


class Interruption(Record, frozen=True, kw_only=True):
    """``name`` as users know it, ``object`` as developers do. ``seconds`` at P95, over the whole maintenance."""

    name: str
    object: str
    seconds: float
    times: int


class Impact(Record, frozen=True, kw_only=True):
    """``interruptions``: no Ready pod; ``weakened``: below full strength; ``holding``: what blocks a node.

    Longest first. ``seconds``: how long the whole maintenance takes at P95.
    """

    seeds: int
    seconds: float
    interruptions: tuple[Interruption, ...]
    weakened: tuple[Interruption, ...]
    holding: tuple[str, ...]


def impact_of(forecast: Forecast, platform: Platform) -> Impact:
    """Read the impact out of a forecast, with the names that the platform file gives to namespaces."""
    names = {namespace: scope.component for scope in reversed(platform.scope) for namespace in scope.namespaces}
    down = [w for w in forecast.workloads if w.downtime_seconds.p95 >= NOTICED_SECONDS]
    weak = [w for w in forecast.workloads if w not in down and w.degraded_seconds.p95 >= NOTICED_SECONDS]
    return Impact(
        seeds=forecast.seeds,
        seconds=forecast.duration_seconds.p95,
        interruptions=_sorted([_interruption(w, w.downtime_seconds.p95, names, _crowded(down, names)) for w in down]),
        weakened=_sorted([_interruption(w, w.degraded_seconds.p95, names, _crowded(weak, names)) for w in weak]),
        holding=tuple(
            clean(f"{one.pod} on {one.node}: {one.reason} (in {one.seeds} of {count(forecast.seeds, 'rehearsal')})")
            for one in forecast.blocked
        ),
    )


def roughly(seconds: float) -> str:
    """A length as people plan with it, rounded up: ``30 seconds``, ``3 minutes``, ``1 hour 30 minutes``."""
    if seconds <= 50:
        return f"{max(10, -(-int(seconds + 0.999) // 10) * 10)} seconds"
    minutes = -(-int(seconds + 0.999) // 60)
    if minutes < 10:
        return count(minutes, "minute")
    minutes = -(-minutes // 5) * 5
    hours, rest = divmod(minutes, 60)
    if not hours:
        return count(minutes, "minute")
    return count(hours, "hour") + (f" {count(rest, 'minute')}" if rest else "")


def _crowded(workloads: list[WorkloadForecast], names: dict[str, str]) -> set[str]:
    """Components of which several workloads are told: only with its own name does a reader know which is meant."""
    components = [names.get(workload.namespace, "") for workload in workloads]
    return {name for name in components if components.count(name) > 1}


def _interruption(workload: WorkloadForecast, seconds: float, names: dict[str, str], crowded: set[str]) -> Interruption:
    component = names.get(workload.namespace, "")
    family = component or workload.namespace
    plain = component
    if not component or component in crowded:
        plain = f"{workload.name} ({family})" if family else workload.name
    return Interruption(
        name=clean(plain),
        object=clean(f"{workload.kind} {workload.namespace}/{workload.name}"),
        seconds=seconds,
        times=max(1, round(workload.evictions)),
    )


def _sorted(found: list[Interruption]) -> tuple[Interruption, ...]:
    return tuple(sorted(found, key=lambda item: (-item.seconds, item.object)))
