"""What a maintenance does to those who use the platform: declared, modelled and measured, each called what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from shipkeeper.evidence.words import clean
from shipkeeper.model.forecast import Forecast, WorkloadForecast
from shipkeeper.model.platform import Platform
from shipkeeper.model.record import Record
from shipkeeper.model.schedule import Task
from shipkeeper.model.words import count

NOTICED_SECONDS = 1.0
"""An interruption shorter than this at P95 is not told."""

DECLARED, MODELLED, MEASURED = "declared", "modelled", "measured"

Workload = tuple[str, str, str]
"""(kind, namespace, name)"""


class Interruption(Record, frozen=True, kw_only=True):
    """``name`` as users know it, ``object`` as developers do. ``seconds`` at P95, over the whole maintenance.

    ``declared`` is what its owners say of it, ``measured`` what past maintenances did to it; empty: nothing.
    """

    name: str
    object: str
    seconds: float
    times: int
    namespace: str = ""
    declared: str = ""
    measured: str = ""


class Impact(Record, frozen=True, kw_only=True):
    """``interruptions``: no Ready pod; ``weakened``: below full strength; ``holding``: what blocks a node.

    Longest first. ``seconds``: how long the whole maintenance takes at P95.
    """

    seeds: int
    seconds: float
    interruptions: tuple[Interruption, ...]
    weakened: tuple[Interruption, ...]
    holding: tuple[str, ...]


class Measured(Struct, frozen=True):
    """What past maintenances of the same cluster took, one figure a run: seconds in all, and without a Ready pod."""

    seconds: tuple[float, ...] = ()
    downtime: Mapping[Workload, tuple[float, ...]] = {}
    """Only workloads that a run touched are in it; a run that did not touch one gives no figure."""


class Figure(Record, frozen=True, kw_only=True):
    """One statement. ``label``: declared | modelled | measured; ``text`` says so too where nothing is known."""

    label: str
    text: str
    known: bool


class ImpactRow(Record, frozen=True, kw_only=True):
    """What is said of one thing, side by side."""

    about: str
    object: str
    declared: Figure
    modelled: Figure
    measured: Figure


def impact_of(forecast: Forecast, platform: Platform, measured: Measured | None = None) -> Impact:
    """Read the impact out of a forecast, with the names that the platform file gives to namespaces."""
    names = _names(platform)
    down = [w for w in forecast.workloads if w.downtime_seconds.p95 >= NOTICED_SECONDS]
    weak = [w for w in forecast.workloads if w not in down and _weakened(w)]
    said = _Said(platform, measured or Measured())
    return Impact(
        seeds=forecast.seeds,
        seconds=forecast.duration_seconds.p95,
        interruptions=_sorted([said.of(w, w.downtime_seconds.p95, names, _crowded(down, names)) for w in down]),
        weakened=_sorted([said.of(w, w.degraded_seconds.p95, names, _crowded(weak, names)) for w in weak]),
        holding=tuple(
            clean(f"{one.pod} on {one.node}: {one.reason} (in {one.seeds} of {count(forecast.seeds, 'rehearsal')})")
            for one in forecast.blocked
        ),
    )


def impact_rows(
    forecast: Forecast | None, platform: Platform, tasks: Iterable[Task], measured: Measured
) -> tuple[ImpactRow, ...]:
    """The whole maintenance first, then each workload that was, or is expected to be, without a Ready pod."""
    names = _names(platform)
    modelled = {(w.kind, w.namespace, w.name): w.downtime_seconds.p95 for w in forecast.workloads} if forecast else {}
    wanted = {key: seconds for key, seconds in modelled.items() if seconds >= NOTICED_SECONDS}
    wanted |= {key: modelled.get(key, 0.0) for key, s in measured.downtime.items() if max(s) >= NOTICED_SECONDS}
    rows = [_whole(forecast, tasks, measured)]
    for key in sorted(wanted, key=lambda key: (-wanted[key], key)):
        kind, namespace, name = key
        declared = declared_impact(platform, namespace)
        seconds = modelled.get(key)
        if forecast is None:
            model = _figure(MODELLED, "", "not rehearsed")
        elif seconds is None or seconds < NOTICED_SECONDS:
            model = _figure(MODELLED, f"no interruption in {count(forecast.seeds, 'rehearsal')}", "")
        else:
            model = _figure(MODELLED, f"up to {roughly(seconds)} (P95 of {count(forecast.seeds, 'rehearsal')})", "")
        rows.append(
            ImpactRow(
                about=clean(names.get(namespace, "") or f"{name} ({namespace})"),
                object=clean(f"{kind} {namespace}/{name}"),
                declared=_figure(DECLARED, declared, "nobody has declared it"),
                modelled=model,
                measured=_figure(MEASURED, measured_words(measured.downtime.get(key, ())), "never measured"),
            )
        )
    return tuple(rows)


def declared_impact(platform: Platform, namespace: str) -> str:
    """What the platform file says people notice while the component in that namespace is worked on; empty: nothing."""
    found = (one.impact for one in platform.components if one.impact and namespace in one.namespaces)
    return clean(next(found, ""))


def measured_words(seconds: Sequence[float]) -> str:
    """``up to 2 minutes in 3 past maintenances``; empty where nothing was measured."""
    if not seconds:
        return ""
    runs = count(len(seconds), "past maintenance")
    return f"up to {roughly(max(seconds))} in {runs}" if max(seconds) >= NOTICED_SECONDS else f"nothing in {runs}"


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


def _weakened(workload: WorkloadForecast) -> bool:
    """Whether it runs below full strength. A daemon's pod is away with its node, and no worse for it."""
    return workload.kind != "DaemonSet" and workload.degraded_seconds.p95 >= NOTICED_SECONDS


def _whole(forecast: Forecast | None, tasks: Iterable[Task], measured: Measured) -> ImpactRow:
    said = [f"{task.impact} ({task.task})" for task in tasks if task.action == "nodes" and task.impact]
    model = f"about {roughly(forecast.duration_seconds.p95)} in all (P95)" if forecast is not None else ""
    felt = ""
    if measured.seconds:
        felt = f"up to {roughly(max(measured.seconds))} in all, in {count(len(measured.seconds), 'past maintenance')}"
    return ImpactRow(
        about="the whole maintenance",
        object="",
        declared=_figure(DECLARED, clean("; ".join(said)), "nobody has declared it"),
        modelled=_figure(MODELLED, model, "not rehearsed"),
        measured=_figure(MEASURED, felt, "never measured"),
    )


def _figure(label: str, text: str, otherwise: str) -> Figure:
    return Figure(label=label, text=text or otherwise, known=bool(text))


def _names(platform: Platform) -> dict[str, str]:
    """Namespace → what people call what runs there."""
    return {namespace: scope.component for scope in reversed(platform.scope) for namespace in scope.namespaces}


def _crowded(workloads: list[WorkloadForecast], names: dict[str, str]) -> set[str]:
    """Components of which several workloads are told: only with its own name does a reader know which is meant."""
    components = [names.get(workload.namespace, "") for workload in workloads]
    return {name for name in components if components.count(name) > 1}


class _Said(Struct, frozen=True):
    platform: Platform
    measured: Measured

    def of(self, workload: WorkloadForecast, seconds: float, names: dict[str, str], crowded: set[str]) -> Interruption:
        component = names.get(workload.namespace, "")
        family = component or workload.namespace
        plain = component
        if not component or component in crowded:
            plain = f"{workload.name} ({family})" if family else workload.name
        key = (workload.kind, workload.namespace, workload.name)
        return Interruption(
            name=clean(plain),
            object=clean(f"{workload.kind} {workload.namespace}/{workload.name}"),
            seconds=seconds,
            times=max(1, round(workload.evictions)),
            namespace=workload.namespace,
            declared=declared_impact(self.platform, workload.namespace),
            measured=measured_words(self.measured.downtime.get(key, ())),
        )


def _sorted(found: list[Interruption]) -> tuple[Interruption, ...]:
    return tuple(sorted(found, key=lambda item: (-item.seconds, item.object)))
