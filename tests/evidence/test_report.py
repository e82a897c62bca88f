"""What the report says of a night, and that it says the same whatever a cluster calls its objects."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import shipkeeper.evidence
from shipkeeper.evidence.chart import Axis, svg
from shipkeeper.evidence.html import html
from shipkeeper.evidence.markdown import code, markdown, table
from shipkeeper.evidence.report import Report, build
from shipkeeper.evidence.rows import ChartRow, Span
from shipkeeper.model.errors import Failed
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.record import Spread
from shipkeeper.model.run import (
    Decided,
    NodeLeft,
    Noted,
    PodOutcome,
    RunEnded,
    RunStarted,
    StateChanged,
    StepIntent,
    StepOutcome,
    WorkloadFelt,
)
from tests.evidence.sample_run import (
    NODES,
    OPENS_MS,
    Timed,
    held_night,
    journal_of,
    night,
    sample_forecast,
    sample_plan,
)

PLAN = sample_plan()
FORECAST = sample_forecast(PLAN)


def report(told: list[Timed] | None = None, forecast: Forecast | None = FORECAST) -> Report:
    return build(journal_of(told if told is not None else night(PLAN)), forecast)


@pytest.mark.requirement("R-J1")
def test_a_reader_learns_what_who_when_and_how_it_compared() -> None:
    found = report()
    assert found.title == "Reboot of 3 nodes of prod"
    assert found.sentence == "Done: 3 of 3 nodes done in 18m02s."
    facts = {fact.label: fact.value for fact in found.summary}
    assert facts["Effects from"] == "Tue 1 Dec 2026 22:00:00 CET", "times are in the window's zone"
    assert facts["Predicted"] == "fits, P50 15m36s, P95 18m16s over 200 seeds"
    said = [(row.who, row.what) for row in found.people]
    assert ("ana@example.org", "started the run") in said
    assert ("ben@example.org", "approve") in said
    assert any("ticked" in what for _, what in said)
    assert [(n.name, n.state) for n in found.nodes] == [(name, "done") for name in NODES]
    assert found.left == ()


@pytest.mark.requirement("R-J1")
def test_predicted_stands_against_actual() -> None:
    found = report()
    drain = next(d for d in found.deviations if d.what == "z1-worker-2/drain")
    assert drain.predicted == "P50 1m, P95 1m35s (modelled)", "a figure says where it is from"
    assert (drain.actual, drain.by) == ("4m14s", "2m39s over P95")
    prometheus = next(row for row in found.workloads if row.name == "prometheus")
    assert (prometheus.downtime, prometheus.downtime_predicted) == ("3m22s", "P50 2m10s, P95 2m55s")
    assert prometheus.within == "no"
    assert next(row for row in found.workloads if row.name == "api").within == "yes"
    assert any("spent for 3m40s" in d.actual for d in found.deviations), "what the run noted is a deviation too"
    assert report(night(PLAN, slow="")).deviations == (), "a night like its forecast has no deviation"


def test_a_gate_that_held_something_back_is_shown_first() -> None:
    found = report()
    assert [row.gate for row in found.gates_not_open] == ["nothing-blocks"]
    assert found.gates_not_open[0].reason == "one pod of team-3/api is still starting"
    assert len(found.gates) == 7


def test_readings_that_did_not_change_are_one_row() -> None:
    told = night(PLAN)
    place = next(i for i, (_, e) in enumerate(told) if getattr(e, "gate", "") == "nothing-blocks")
    at_ms, event = told[place]
    told[place:place] = [(at_ms - 5_000 * n, event) for n in (3, 2, 1)]
    row = report(told).gates_not_open[0]
    assert row.times == 4
    assert "–" in row.at, "from when until when it read so"


def test_a_held_run_says_why_and_what_is_left() -> None:
    found = report(held_night(PLAN))
    assert found.outcome == "held"
    assert "team-3/api-1 is still terminating" in found.sentence
    left = {row.what: row for row in found.left}
    assert next(iter(left)).startswith("the run is held"), "the reason it stopped comes first"
    assert left["node z1-worker-2: cordoned by this run, partly evicted"].command == "kubectl uncordon z1-worker-2"
    assert "node z2-worker-1 was not started" in left
    assert any("checklist after" in what for what in left)
    assert all(row.owner == row.due == "" for row in found.left), "who and by when are for people to fill in"
    assert {n.name: n.state for n in found.nodes} == dict(zip(NODES, ("done", "held", "not started"), strict=True))


def test_a_run_without_a_rehearsal_says_so() -> None:
    told = night(PLAN)
    at_ms, started = told[0]
    assert isinstance(started, RunStarted)
    told[0] = (at_ms, replace(started, without_rehearsal="the twin does not know our storage"))
    found = report(told, None)
    facts = {fact.label: fact.value for fact in found.summary}
    assert facts["Predicted"] == "nothing: run without a rehearsal, because the twin does not know our storage"
    assert {row.within for row in found.workloads} == {"not predicted"}


def test_a_resumed_run_tells_its_resumptions_and_forgets_old_leftovers() -> None:
    held = held_night(PLAN)
    at_ms = held[-1][0] + 600_000
    second = NODES[1]
    again = [
        (at_ms, RunStarted(plan=PLAN, by="ben@example.org", cluster=PLAN.cluster, resumed=True, host="ops-2")),
        (at_ms, StepIntent(step=f"{second}/drain", attempt=2, action="drain", target=second)),
        (at_ms + 1_000, StepOutcome(step=f"{second}/drain", state="done")),
        (at_ms + 1_000, StateChanged(state="paused", reason="by ben@example.org")),
    ]
    found = report([*held, *again])
    assert next(f.value for f in found.summary if f.label == "Resumed").startswith("1 time")
    assert not any("partly evicted" in row.what for row in found.left), "what was left behind is the run's own again"
    assert any(d.actual == "2 attempts" for d in found.deviations)
    assert ("ben@example.org", "resumed the run") in [(p.who, p.what) for p in found.people]


def test_a_node_that_was_given_back_begins_again() -> None:
    told = held_night(PLAN)[:-1]
    at_ms, second = told[-1][0], NODES[1]
    undo = [
        (
            at_ms + 1_000,
            StepIntent(
                step=f"{second}/uncordon", attempt=1, action="uncordon", target=second, detail={"undo": "paused"}
            ),
        ),
        (at_ms + 2_000, StepOutcome(step=f"{second}/uncordon", state="done", readings={"undo": "paused"})),
    ]
    found = report([*told, *undo])
    assert {n.name: n.state for n in found.nodes}[second] == "not started"
    chart = next(row for row in found.chart if row.name == second)
    assert chart.actual, "what was done before it was given back stays in the chart"
    assert any(d.what == f"Node {second}" and "uncordoned" in d.actual for d in found.deviations)


def test_an_overrun_and_pods_that_did_not_go_are_deviations() -> None:
    late = PLAN.window.closes_ms + 60_000 if PLAN.window else 0
    told: list[Timed] = [
        *night(PLAN)[:-1],
        (
            late,
            PodOutcome(
                step=f"{NODES[2]}/drain",
                uid="u",
                pod="a/b",
                workload="",
                result="stuck",
                reason="finalizer x",
                waited_seconds=90,
            ),
        ),
        (late, RunEnded(state="done", reason="", seconds=1)),
    ]
    found = {d.what: d for d in report(told).deviations}
    assert found["the window's end"].by == "1m overrun"
    assert found[f"{NODES[2]}/drain: pod a/b"].actual == "stuck: finalizer x"


def test_information_is_no_deviation() -> None:
    told = [*night(PLAN, slow=""), (OPENS_MS, Noted(topic="reboot-requested", text="delivered", object="Node x"))]
    found = report(told)
    assert found.deviations == ()
    assert [row.text for row in found.noted] == ["delivered"]


def test_a_workload_that_nobody_predicted_is_named() -> None:
    felt = WorkloadFelt(
        step="x",
        kind="Deployment",
        namespace="team-9",
        name="new",
        downtime_seconds=60,
        degraded_seconds=60,
        evictions=1,
    )
    found = report([*night(PLAN, slow=""), (OPENS_MS, felt)])
    assert any("team-9/new" in d.what and d.predicted == "not predicted" for d in found.deviations)


def test_a_record_that_does_not_begin_with_a_start_is_refused() -> None:
    with pytest.raises(Failed) as caught:
        report(night(PLAN)[1:])
    assert caught.value.code == "no-run-start"


class Reader(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"<{tag}> carries a handler"
            if name in ("src", "href", "action", "data", "srcset", "xlink:href"):
                self.links.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


HOSTILE = st.sampled_from(
    [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "]]></style><script>", "{{ 7*7 }}", "a|b\n|c|",
        "`rm -rf`", "\x1b[31mred\x1b[0m", "\u202egnp.exe", "[x](javascript:alert(1))", "&lt;b&gt;", "ü✓漢字",
    ]
)  # fmt: skip


@given(HOSTILE, HOSTILE)
def test_names_from_a_cluster_stay_text(first: str, second: str) -> None:
    plan = sample_plan((f"n1{first}", "n2"))
    told: list[Timed] = [
        *night(plan, slow=""),
        (OPENS_MS, Noted(topic=first, text=second, object=first)),
        (OPENS_MS, Decided(decision="approve", by=first, reason=second)),
        (OPENS_MS, NodeLeft(node="n2", state=first, next=second)),
    ]
    found = build(journal_of(told), sample_forecast(plan))
    reader = Reader()
    page = html(found, OPENS_MS)
    reader.feed(page)
    assert "script" not in reader.tags
    assert "img" not in reader.tags
    assert set(reader.links) <= {"data:,"}, "the page links somewhere"
    assert "\x1b" not in page
    assert "\u202e" not in page, "a direction mark can make a name read as another"
    written = markdown(found, OPENS_MS)
    assert "\x1b" not in written
    assert "<script" not in re.sub(r"`[^`]*`", "", written).replace("\\<", "")
    for line in written.splitlines():
        if line.startswith("| approve") or "ticked" in line:
            assert line.endswith("|"), "a name broke its table row"


def test_a_markdown_row_keeps_its_columns_whatever_is_in_it() -> None:
    lines = table(("a", "b"), [("x|y\nz", "<b>*c*</b>")])
    assert lines[2] == "| x\\|y z | \\<b\\>\\*c\\*\\</b\\> |"
    assert code("a`b``c") == "```a`b``c```"
    assert code("`x`") == "`` `x` ``"


def test_the_page_asks_for_nothing_and_runs_nothing() -> None:
    page = html(report(), OPENS_MS)
    assert "default-src 'none'" in page
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page), "an address in the page: what would fetch it?"
    assert "@import" not in page
    assert page.count("<h2") >= 9


@given(
    st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e5)), min_size=0, max_size=8),
    st.integers(0, 10**12),
    st.sampled_from(["Europe/Stockholm", "UTC", "Asia/Kolkata", "America/New_York"]),
    st.sampled_from([340, 1040]),
)
def test_the_chart_stays_inside_its_frame(
    spans: list[tuple[float, float]], began_ms: int, zone: str, width: int
) -> None:
    rows = [
        ChartRow(
            name=f"n{i}",
            forecast=(Span(phase="reboot", begin=min(a, b), end=max(a, b)),),
            actual=(Span(phase="drain", begin=min(a, b), end=max(a, b), open=True),),
        )
        for i, (a, b) in enumerate(spans)
    ]
    drawn = svg(rows, Axis(began_ms=began_ms, ends_ms=began_ms, closes_ms=began_ms + 10_000, zone=zone), width)
    height = float(re.search(r'viewBox="0 0 \d+ (\d+)"', drawn).group(1))  # type: ignore[union-attr]
    for x, y, wide, high in re.findall(
        r'<rect class="[a-z]+" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', drawn
    ):
        assert float(x) + float(wide) <= width + 1
        assert float(y) + float(high) <= height
    ticks = drawn.count('class="grid"')
    assert ticks <= 12, f"{ticks} lines: nobody can read the time"
    assert len(rows) == drawn.count("<title>")


SHEET = Path(shipkeeper.evidence.__file__).parent / "templates" / "report.css"


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1])
def test_every_ink_is_readable_on_its_paper(scheme: int) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    blocks = re.findall(r":root\{([^}]*)\}", SHEET.read_text())
    inks = {name: value if len(value) == 7 else "#" + "".join(c * 2 for c in value[1:])
            for name, value in re.findall(r"--([a-z]+):(#[0-9a-f]{3,6})", blocks[scheme])}  # fmt: skip
    paper = luminance(inks["paper"])
    for name in ("ink", "soft", "good", "bad", "care"):
        ink = luminance(inks[name])
        ratio = (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05)
        assert ratio >= 4.5, f"{name} on paper has a contrast of {ratio:.1f}"


def test_a_forecast_figure_that_is_one_number_is_written_once() -> None:
    same = replace(FORECAST, duration_seconds=Spread(p50=900, p95=900))
    assert "fits, 15m over" in next(f.value for f in report(forecast=same).summary if f.label == "Predicted")


def test_a_thousand_nodes_are_told_in_seconds() -> None:
    plan = sample_plan(tuple(f"node-{i:04}" for i in range(1000)))
    entries = journal_of(night(plan, slow=""))
    found = build(entries, sample_forecast(plan))
    assert len(found.nodes) == 1000
    assert len(html(found, OPENS_MS)) < 8_000_000, "a page that a browser still opens"
