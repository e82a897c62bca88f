"""Predicted against actual: each step, each workload, the whole run, and what else went another way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shipkeeper.evidence.story import Felt, StepStory, Story
from shipkeeper.evidence.words import clean, clock, seconds
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.plan import Estimate
from shipkeeper.model.record import Record, Spread
from shipkeeper.model.words import count

TOLERANCE_SECONDS = 10.0
"""A step slower than its P95 by less than this is not worth a reader's time."""
QUICKER_SECONDS = 60.0
"""A step that took less than half its P50, and was quicker by at least this, tells that the estimate is wrong."""
INFORMATION = frozenset({"reboot-requested", "broken-before", "unmanaged"})
"""Topics of notes that tell how things stood or what was asked, and are no deviation."""
DOWNTIME_TOLERANCE_SECONDS = 5.0
"""The run samples readiness; a shorter difference may be the sampling."""


class Deviation(Record, frozen=True, kw_only=True):
    """Something that went another way than predicted. ``by``: by how much, in words; ``worse``: or better."""

    what: str
    predicted: str
    actual: str
    by: str = ""
    worse: bool = True
    at: str = ""


class NoteRow(Record, frozen=True, kw_only=True):
    """Something that the run observed, in its own words."""

    at: str
    about: str
    text: str


class WorkloadRow(Record, frozen=True, kw_only=True):
    """What one workload felt, predicted and actual; empty where there is no figure."""

    kind: str
    namespace: str
    name: str
    downtime: str
    downtime_predicted: str
    degraded: str
    degraded_predicted: str
    evictions: str
    within: str
    """yes | no | not predicted | not sampled."""


def deviations(story: Story, forecast: Forecast | None, zone: str) -> tuple[Deviation, ...]:
    """All deviations: the run, its steps, its pods, its workloads, and what the run itself noted."""
    return (
        *_of_run(story, forecast, zone),
        *(found for step in story.steps.values() for found in _of_step(step, zone)),
        *_quicker(story),
        *_of_workloads(story, forecast),
        *(
            Deviation(what=row.about, predicted="", actual=row.text, at=row.at)
            for row in note_rows(story, zone, lambda topic: topic not in INFORMATION)
        ),
    )


def note_rows(story: Story, zone: str, of: Callable[[str], bool]) -> tuple[NoteRow, ...]:
    """What the run noted under the topics that ``of`` takes."""
    return tuple(
        NoteRow(at=clock(at_ms, zone), about=clean(note.object or note.step or note.topic), text=clean(note.text))
        for at_ms, note in story.notes
        if of(note.topic)
    )


def workload_rows(story: Story, forecast: Forecast | None) -> tuple[WorkloadRow, ...]:
    """Every workload that felt something or was predicted to, the hardest hit first."""
    predicted = {(w.kind, w.namespace, w.name): w for w in (forecast.workloads if forecast else ())}
    keys = {
        key
        for key in {**predicted, **story.felt}
        if key in story.felt or predicted[key].evictions > 0 or predicted[key].downtime_seconds.p95 > 0
    }

    def weight(key: tuple[str, str, str]) -> tuple[float, float, tuple[str, str, str]]:
        felt = story.felt.get(key, Felt())
        expected = predicted[key].downtime_seconds.p95 if key in predicted else 0
        return (-felt.downtime, -expected, key)

    rows = []
    for key in sorted(keys, key=weight):
        felt, expected = story.felt.get(key), predicted.get(key)
        if felt is None:
            within = "not sampled"
        elif expected is None:
            within = "not predicted"
        else:
            within = "yes" if felt.downtime <= expected.downtime_seconds.p95 + DOWNTIME_TOLERANCE_SECONDS else "no"
        rows.append(
            WorkloadRow(
                kind=key[0],
                namespace=clean(key[1]),
                name=clean(key[2]),
                downtime=seconds(felt.downtime) if felt else "",
                downtime_predicted=spread(expected.downtime_seconds) if expected else "",
                degraded=seconds(felt.degraded) if felt else "",
                degraded_predicted=spread(expected.degraded_seconds) if expected else "",
                evictions=str(felt.evictions) if felt else "",
                within=within,
            )
        )
    return tuple(rows)


def spread(figure: Spread) -> str:
    """``P50 2m10s, P95 2m55s``, or one figure where both are the same."""
    if figure.p50 == figure.p95:
        return seconds(figure.p50)
    return f"P50 {seconds(figure.p50)}, P95 {seconds(figure.p95)}"


def run_seconds(story: Story) -> float:
    """From the moment effects became possible until the run's end, or its newest record."""
    return ((story.ended_ms or story.last_ms) - story.began_ms) / 1000


def _of_run(story: Story, forecast: Forecast | None, zone: str) -> Iterator[Deviation]:
    actual = run_seconds(story)
    if forecast is not None and story.state == "done":
        predicted = forecast.duration_seconds
        if actual > predicted.p95 + TOLERANCE_SECONDS:
            yield Deviation(
                what="the whole run",
                predicted=spread(predicted),
                actual=seconds(actual),
                by=f"{seconds(actual - predicted.p95)} over P95",
            )
    window = story.plan.window
    if window is not None and story.last_ms > window.closes_ms:
        yield Deviation(
            what="the window's end",
            predicted=clock(window.closes_ms, zone),
            actual=clock(story.last_ms, zone),
            by=f"{seconds((story.last_ms - window.closes_ms) / 1000)} overrun",
        )


def _of_step(step: StepStory, zone: str) -> Iterator[Deviation]:
    estimate, took = step.plan.estimate_seconds, step.seconds
    at = clock(step.began_ms, zone) if step.began_ms is not None else ""
    predicted = f"{spread(Spread(p50=estimate.p50, p95=estimate.p95))} ({estimate.source})"
    if took is not None and step.state == "done" and took > estimate.p95 + TOLERANCE_SECONDS:
        by = f"{seconds(took - estimate.p95)} over P95"
        yield Deviation(what=step.plan.id, predicted=predicted, actual=seconds(took), by=by, at=at)
    if step.state in ("held", "failed", "skipped"):
        yield Deviation(
            what=step.plan.id,
            predicted="done",
            actual=clean(f"{step.state}: {step.reason or 'no reason given'}"),
            at=at,
        )
    if step.attempts > 1:
        yield Deviation(what=step.plan.id, predicted="1 attempt", actual=count(step.attempts, "attempt"), at=at)
    for pod in step.pods:
        if pod.result not in ("evicted", "gone"):
            yield Deviation(
                what=clean(f"{step.plan.id}: pod {pod.pod}"),
                predicted="evicted",
                actual=clean(f"{pod.result}: {pod.reason}" if pod.reason else pod.result),
                by=f"after {seconds(pod.waited_seconds)}" if pod.waited_seconds else "",
                at=at,
            )


def _quicker(story: Story) -> Iterator[Deviation]:
    """Steps of one action that all were much quicker than estimated: one row, for the estimate is what is wrong."""
    found: dict[tuple[str, Estimate], list[tuple[str, float]]] = {}
    for step in story.steps.values():
        estimate, took = step.plan.estimate_seconds, step.seconds
        quick = took is not None and took < estimate.p50 / 2 and estimate.p50 - took >= QUICKER_SECONDS
        if took is not None and quick and step.state == "done":
            found.setdefault((step.plan.action, estimate), []).append((step.plan.id, took))
    for (_, estimate), steps in found.items():
        times = sorted(took for _, took in steps)
        rest = f" and {len(steps) - 1} more like it" if len(steps) > 1 else ""
        yield Deviation(
            what=steps[0][0] + rest,
            predicted=f"{spread(Spread(p50=estimate.p50, p95=estimate.p95))} ({estimate.source})",
            actual=seconds(times[0]) if times[0] == times[-1] else f"{seconds(times[0])} to {seconds(times[-1])}",
            by=f"at least {seconds(estimate.p50 - times[-1])} quicker than P50",
            worse=False,
        )


def _of_workloads(story: Story, forecast: Forecast | None) -> Iterator[Deviation]:
    if forecast is None:
        return
    for row in workload_rows(story, forecast):
        felt = story.felt.get((row.kind, row.namespace, row.name), Felt())
        if row.within == "no" or (row.within == "not predicted" and felt.downtime > DOWNTIME_TOLERANCE_SECONDS):
            yield Deviation(
                what=f"{row.kind} {row.namespace}/{row.name}: time without a Ready pod",
                predicted=row.downtime_predicted or "not predicted",
                actual=row.downtime,
            )
