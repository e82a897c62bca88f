"""The night as rows of characters: when each node drains, reboots, serves, and when its workloads are well again."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.model.forecast import Forecast, NodeForecast
from shipkeeper.model.plan import Plan
from shipkeeper.model.time import HOUR, MINUTE, SECOND, format_duration, moment

DRAIN, REBOOT, SERVES, WELL = "▒", "█", "▓", "░"
LEGEND = ((DRAIN, "drain"), (REBOOT, "reboot"), (SERVES, "serves"), (WELL, "workloads well"))

_STEPS_MS = (MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR,
             12 * HOUR, 24 * HOUR, 48 * HOUR)  # fmt: skip


_SPARE = 3
"""Columns kept free at the right, for the last parts of a turn shorter than a column."""


class Tick(Struct, frozen=True):
    """A mark on the time axis: milliseconds from the start, and what to write there."""

    at_ms: int
    label: str


class Phase(Struct, frozen=True):
    """One part of a node's turn by P50, and when it ends by P95; milliseconds from the start."""

    name: str
    start_ms: int
    end_ms: int
    late_ms: int


def short(name: str, most: int) -> str:
    """A node's name in that many columns: its end tells it apart, so the middle goes."""
    if len(name) <= most:
        return name
    head = (most - 1) // 3
    return f"{name[:head]}…{name[len(name) - (most - 1 - head) :]}"


def phases(node: NodeForecast) -> tuple[Phase, ...]:
    """The parts of a node's turn that it got to, in order. Without a reboot there are two."""
    found = []
    start = node.cordoned
    for name, end in (("drain", node.drained), ("reboot", node.ready), ("serves", node.serves), ("well", node.done)):
        if start is not None and end is not None:
            found.append(Phase(name, _ms(start.p50), _ms(end.p50), _ms(max(end.p50, end.p95))))
        start = end if end is not None else start
    return tuple(found)


def span_ms(forecast: Forecast) -> int:
    """How much time the chart has to show: the last P95 of any node, at least a minute."""
    ends = [phase.late_ms for node in forecast.nodes for phase in phases(node)]
    return max([MINUTE, *ends])


def ticks(span: int, start_ms: int | None, zone: str, most: int) -> tuple[Tick, ...]:
    """Round times along the axis, at most that many. ``start_ms`` None: durations from the start."""
    step = next((step for step in _STEPS_MS if span // step < most), span)
    if start_ms is None:
        return tuple(Tick(at, format_duration(at) if at else "0") for at in range(0, span + 1, step))
    begin = moment(start_ms, zone)
    since_midnight = ((begin.hour * 60 + begin.minute) * 60 + begin.second) * SECOND
    first = -since_midnight % step
    return tuple(Tick(at, f"{moment(start_ms + at, zone):%H:%M}") for at in range(first, span + 1, step))


def axis_name(plan: Plan) -> str:
    """What the axis counts in."""
    return plan.window.zone if plan.window is not None else "from the start"


def start_of(plan: Plan) -> int | None:
    """Where the axis begins: the window's opening; None without a window."""
    return plan.window.opens_ms if plan.window is not None else None


def header(forecast: Forecast, plan: Plan, width: int) -> str:
    """The axis as one line of that width."""
    span = span_ms(forecast)
    line = [" "] * width
    for tick in ticks(span, start_of(plan), axis_name(plan), max(2, width // 10)):
        at = tick.at_ms * (width - _SPARE) // span
        if at + len(tick.label) <= width:
            line[at : at + len(tick.label)] = tick.label
    return "".join(line).rstrip()


def bar(node: NodeForecast, span: int, width: int) -> str:
    """One node's turn as characters; every part that takes time gets at least one."""
    letters = {"drain": DRAIN, "reboot": REBOOT, "serves": SERVES, "well": WELL}
    scale = width - _SPARE
    line = [" "] * width
    filled = 0
    for phase in phases(node):
        begin = max(filled, phase.start_ms * scale // span)
        end = max(begin + (1 if phase.end_ms > phase.start_ms else 0), phase.end_ms * scale // span)
        line[begin:end] = letters[phase.name] * (end - begin)
        filled = end
    return "".join(line).rstrip()


def _ms(seconds: float) -> int:
    return round(seconds * SECOND)
