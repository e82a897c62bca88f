"""The night as a chart, on the terminal and as SVG."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from shipkeeper.model.forecast import NodeForecast
from shipkeeper.model.record import Spread
from shipkeeper.model.time import HOUR, MINUTE
from shipkeeper.rehearsal.gantt import bar, header, phases, span_ms, ticks
from shipkeeper.rehearsal.gantt_svg import draw
from tests.rehearsal.nights import OPENS, forecast, one_node_plan


def test_bars_follow_one_another_and_fill_the_width() -> None:
    night = forecast(6)
    rows = [bar(node, span_ms(night), 60) for node in night.nodes]
    assert all(re.fullmatch(r" *▒+█+▓+░+", row) for row in rows), rows
    assert max(len(row) for row in rows) <= 60
    starts = [len(row) - len(row.lstrip()) for row in rows]
    assert starts == sorted(starts)


def test_a_part_too_short_for_a_column_still_shows() -> None:
    night = forecast(40)
    assert all(set(bar(node, span_ms(night), 60).strip()) == set("▒█▓░") for node in night.nodes)


def test_without_a_reboot_there_are_two_parts_and_nothing_for_a_node_never_reached() -> None:
    drained = NodeForecast(
        name="n", cordoned=Spread(p50=1, p95=1), drained=Spread(p50=60, p95=70), done=Spread(p50=90, p95=99)
    )
    assert [phase.name for phase in phases(drained)] == ["drain", "well"]
    assert phases(NodeForecast(name="n")) == ()
    assert bar(NodeForecast(name="n"), MINUTE, 40) == ""


def test_the_axis_carries_local_times_of_the_windows_zone() -> None:
    plan = one_node_plan(hours=4)
    assert [tick.label for tick in ticks(2 * HOUR, None, "", 6)] == ["0", "30m", "1h00m", "1h30m", "2h00m"]
    local = ticks(3 * HOUR, OPENS, "Europe/Stockholm", 6)
    assert all(re.fullmatch(r"\d\d:(00|30)", tick.label) for tick in local)
    assert all((OPENS + tick.at_ms) % (30 * MINUTE) == 0 for tick in local)
    assert re.search(r"\d\d:\d\d", header(forecast(6), plan, 80))


@pytest.mark.parametrize("verdict", ["fits", "does-not-fit", "blocked"])
def test_the_svg_stands_alone_and_says_what_it_shows(verdict: str) -> None:
    night = replace(forecast(12, verdict), nodes=(*forecast(12).nodes, NodeForecast(name='<odd & "long" ' + "x" * 60)))
    text = draw(night, one_node_plan(hours=3))
    root = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    title, desc = root.find(f"{space}title"), root.find(f"{space}desc")
    assert title is not None
    assert title.text is not None
    assert verdict.split("-")[0] in title.text.replace("fit", "fits").replace("does", "does") or verdict == "fits"
    assert desc is not None
    assert "z1-worker-0: drain until 2m" in (desc.text or "")
    assert not re.search(r"(href|src)=|url\(|@import", text), "a report is read offline"
    words = " ".join(root.itertext())
    for word in ("drain", "reboot", "serves", "workloads well", "until P95", "Europe/Stockholm"):
        assert word in words, f"the chart does not say {word}"


def test_pale_extensions_reach_from_p50_to_p95() -> None:
    root = ElementTree.fromstring(draw(forecast(1), one_node_plan(hours=None)))
    pale = [r for r in root.iter("{http://www.w3.org/2000/svg}rect") if r.get("opacity") == ".3"]
    assert len(pale) == 2, "one in the legend, one after the bar"
    assert float(pale[1].get("width", "0")) > 0
