"""What ``rehearse`` shows: the verdict, the night as a chart, what workloads feel, what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shipkeeper.cli.columns import say
from shipkeeper.cli.output import markdown_table
from shipkeeper.model.forecast import Assumption, Forecast, NodeForecast, WorkloadForecast
from shipkeeper.model.plan import Plan
from shipkeeper.model.record import Spread
from shipkeeper.model.time import format_duration, format_seconds
from shipkeeper.model.words import count
from shipkeeper.rehearsal.gantt import LEGEND, axis_name, bar, header, short, span_ms

if TYPE_CHECKING:
    from rich.console import Console

_WORDS = {"fits": "FITS", "does-not-fit": "DOES NOT FIT", "blocked": "BLOCKED"}
_STYLES = {"fits": "bold green", "does-not-fit": "bold red", "blocked": "bold red"}
_MOST_ROWS = 40
_MOST_WORKLOADS = 8
_MOST_NOTES = 8
_MOST_BLOCKED = 16
_MOST_PODS = 5
_MOST_UNREAD = 6
_MOST_DOUBTS = 8
_UNREAD = " could not be read ("


def show(console: Console, forecast: Forecast, plan: Plan, spent_seconds: float) -> None:
    """Draw the forecast on a terminal."""
    say(console, "", _head(forecast, plan, spent_seconds))
    figures, bound = _figures(forecast, plan)
    console.print("verdict   ", end="")
    doubtful = forecast.verdict == "fits" and bool(forecast.doubts)
    style = "bold yellow" if doubtful else _STYLES.get(forecast.verdict, "bold")
    console.print(_verdict(forecast), style=style, end="")
    console.print(f"   {figures}", markup=False, soft_wrap=True)
    say(console, " " * 10, bound)
    for row in _blocked(forecast):
        say(console, "  ✗ ", row, style="red")
    for row in _doubts(forecast):
        say(console, "  ? ", row, style="yellow")
    _chart(console, forecast, plan)
    for label, lines in _below(forecast):
        for i, text in enumerate(lines):
            say(console, f"{label if i == 0 else '':<17} ", text)


def _verdict(forecast: Forecast) -> str:
    word = _WORDS.get(forecast.verdict, forecast.verdict)
    return f"{word}, AS FAR AS IS KNOWN" if forecast.verdict == "fits" and forecast.doubts else word


def _doubts(forecast: Forecast) -> list[str]:
    more = len(forecast.doubts) - _MOST_DOUBTS
    rest = [f"and {more} more: shipkeeper check tells them"] if more > 0 else []
    return [*forecast.doubts[:_MOST_DOUBTS], *rest]


def _head(forecast: Forecast, plan: Plan, spent_seconds: float) -> str:
    nodes = count(len(forecast.nodes), "node")
    return f"{_seeds(forecast)} · {nodes} · {_parallel(plan)} · {spent_seconds:.1f} s"


def _parallel(plan: Plan) -> str:
    most = max((len(batch) for batch in plan.batches), default=1)
    return "one at a time" if most == 1 else f"up to {most} at a time"


def _figures(forecast: Forecast, plan: Plan) -> tuple[str, str]:
    """(how long it takes, how long it takes at the least)."""
    took, least = forecast.duration_seconds, forecast.lower_bound_seconds
    parts = [f"P50 {format_seconds(took.p50)}", f"P95 {format_seconds(took.p95)}"]
    if plan.window is not None:
        length = format_duration(plan.window.closes_ms - plan.window.opens_ms)
        parts.append(f"window {length} minus reserve {format_seconds(plan.reserve_seconds)}")
    else:
        parts.append("no window")
    if forecast.verdict == "blocked" and took.p50 < least.value:
        parts = [f"stopped after {format_seconds(took.p50)}", *parts[2:]]
    return "   ".join(parts), f"lower bound {format_seconds(least.value)} ({least.binding.partition(' (LB')[0]})"


def _blocked(forecast: Forecast) -> list[str]:
    """One row for each node and reason, with the pods it is about."""
    pods: dict[tuple[str, str, str, int], list[str]] = {}
    for item in forecast.blocked:
        pods.setdefault((item.node, item.rule, item.reason, item.seeds), []).append(item.pod)
    rows = []
    for (node, rule, reason, seeds), found in list(pods.items())[:_MOST_BLOCKED]:
        named = [pod for pod in found if pod]
        few = ", ".join(named[:_MOST_PODS]) + (f" and {len(named) - _MOST_PODS} more" if named[_MOST_PODS:] else "")
        where = " ".join(part for part in (node, few) if part)
        rows.append(f"{where or 'the run'}  {rule}: {reason}  (in {seeds} of {_seeds(forecast)})")
    if len(pods) > _MOST_BLOCKED:
        rows.append(f"and {len(pods) - _MOST_BLOCKED} more (-o json shows all)")
    return rows


def _seeds(forecast: Forecast) -> str:
    return count(forecast.seeds, "seed")


def _chart(console: Console, forecast: Forecast, plan: Plan) -> None:
    if not any(node.drained for node in forecast.nodes):
        return
    names = min(32, max(len(node.name) for node in forecast.nodes))
    width = max(20, min(110, console.width - names - 3))
    legend = "  ".join(f"{letter} {word}" for letter, word in LEGEND if plan.purpose == "reboot" or letter in "▒░")
    console.print(f"{'':<{names}} {header(forecast, plan, width)}", markup=False)
    for node in _rows(forecast.nodes):
        if node is None:
            console.print(f"{'…':<{names}} {len(forecast.nodes) - _MOST_ROWS} more", markup=False)
        else:
            text = bar(node, span_ms(forecast), width)
            console.print(f"{short(node.name, names):<{names}} {text}", markup=False, no_wrap=True, overflow="ignore")
    console.print(f"{'':<{names}} {legend}   ({axis_name(plan)})", markup=False)


def _rows(nodes: Sequence[NodeForecast]) -> list[NodeForecast | None]:
    if len(nodes) <= _MOST_ROWS + 1:
        return list(nodes)
    return [*nodes[: _MOST_ROWS // 2], None, *nodes[-_MOST_ROWS // 2 :]]


def _below(forecast: Forecast) -> list[tuple[str, list[str]]]:
    """(label, lines) under the chart."""
    parts = []
    if any(node.done for node in forecast.nodes):
        parts.append(("no Ready pod", _downtime(forecast)))
    if forecast.deferred:
        parts.append(("not in the window", [", ".join(forecast.deferred)]))
    if forecast.baseline_seconds != forecast.duration_seconds:
        base = forecast.baseline_seconds
        parts.append(("one at a time", [f"would take {format_seconds(base.p50)} (P95 {format_seconds(base.p95)})"]))
    parts.append(("also rehearsed", list(forecast.alternatives)))
    if forecast.notes:
        more = len(forecast.notes) - _MOST_NOTES
        lines = [*forecast.notes[:_MOST_NOTES], *([f"and {more} more (-o json)"] if more > 0 else [])]
        parts.append(("seen", lines))
    parts.append(("measured", _sources(forecast, measured=True)))
    parts.append(("assumed", _sources(forecast, measured=False)))
    return [(label, lines) for label, lines in parts if lines]


def _downtime(forecast: Forecast) -> list[str]:
    down = sorted(
        (item for item in forecast.workloads if item.downtime_seconds.p95 > 0),
        key=lambda item: (-item.downtime_seconds.p95, item.namespace, item.name),
    )
    if not down:
        return ["nobody: every workload keeps at least one Ready pod throughout"]
    lines = [
        f"{_name(item)}  P50 {format_seconds(item.downtime_seconds.p50)}"
        f"  P95 {format_seconds(item.downtime_seconds.p95)}"
        + ("  (a pod without a controller: nobody makes it again)" if item.kind == "Pod" else "")
        for item in down[:_MOST_WORKLOADS]
    ]
    if len(down) > _MOST_WORKLOADS:
        lines.append(f"and {len(down) - _MOST_WORKLOADS} more (-o json shows all)")
    lines.append("every other workload 0 s")
    return lines


def _sources(forecast: Forecast, *, measured: bool) -> list[str]:
    items = forecast.measurements if measured else forecast.assumptions
    unread = [item.what.partition(_UNREAD)[0] for item in items if item.source == "unknown" and _UNREAD in item.what]
    if len(unread) > _MOST_UNREAD:
        items = tuple(item for item in items if item.source != "unknown" or _UNREAD not in item.what)
        return [*_figures_of(items), f"{', '.join(unread)}: could not be read (-o json says why, and what is unknown)"]
    figures = _figures_of(items)
    if measured and len(figures) > 3:
        return [f"{len(figures)} figures from what the cluster shows (-o json lists them)"]
    return figures


def _figures_of(items: Sequence[Assumption]) -> list[str]:
    return [f"{item.what}: {item.value} ({item.source})" for item in items]


def _name(item: WorkloadForecast) -> str:
    return f"{item.namespace}/{item.name}"


def markdown(forecast: Forecast, plan: Plan) -> str:
    """The forecast as a Markdown page."""
    parts = [
        f"# Rehearsal: {_verdict(forecast).lower()}",
        "",
        f"{forecast.seeds} seeds, {len(forecast.nodes)} nodes, {_parallel(plan)}. "
        f"{'   '.join(_figures(forecast, plan))}.",
    ]
    if forecast.blocked:
        rows = [[b.node, b.pod, b.rule, b.reason, f"{b.seeds} of {forecast.seeds}"] for b in forecast.blocked]
        parts += ["", "## Blocked", "", markdown_table(["node", "pod", "rule", "reason", "seeds"], rows)]
    if forecast.doubts:
        parts += ["", "## Not known", "", *(f"- {line}" for line in forecast.doubts)]
    marks = ("cordoned", "drained", "ready", "serves", "done")
    rows = [[node.name, *(_pair(getattr(node, mark)) for mark in marks)] for node in forecast.nodes]
    parts += ["", "## Nodes (from the start, P50 / P95)", "", markdown_table(["node", *marks], rows)]
    if forecast.workloads:
        rows = [
            [item.kind, _name(item), _pair(item.downtime_seconds), _pair(item.degraded_seconds), f"{item.evictions:g}"]
            for item in forecast.workloads
        ]
        headers = ["kind", "workload", "no Ready pod", "below desired", "evictions"]
        parts += ["", "## What workloads feel (P50 / P95)", "", markdown_table(headers, rows)]
    for title, lines in (("Also rehearsed", forecast.alternatives), ("Seen", forecast.notes)):
        if lines:
            parts += ["", f"## {title}", "", *(f"- {line}" for line in lines)]
    rows = [[item.what, item.value, item.source] for item in (*forecast.measurements, *forecast.assumptions)]
    parts += ["", "## What this rests on", "", markdown_table(["figure", "value", "source"], rows)]
    return "\n".join([*parts, "", f"Plan `{forecast.plan_digest}`, trace `{forecast.trace_digest}`"])


def _pair(spread: Spread | None) -> str:
    return "–" if spread is None else f"{format_seconds(spread.p50)} / {format_seconds(spread.p95)}"
