"""The pages in a real browser: nothing is fetched, nothing complains, nothing runs off a phone's screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.readiness import look_at_readiness
from shipkeeper.app.state import State
from shipkeeper.evidence.bundle import PAGE, write
from shipkeeper.evidence.checklists import Seen, read
from shipkeeper.evidence.html import checklist_html, readiness_html, retro_html
from shipkeeper.evidence.report import build
from shipkeeper.evidence.retro import look_back
from shipkeeper.model.platform import Platform
from shipkeeper.model.run import Noted
from tests import builders as b
from tests.evidence import browser
from tests.evidence.sample_run import OPENS_MS, RUN, held_night, journal_of, night, sample_forecast, sample_plan

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(browser.find() is None, reason="no Chromium is installed"),
]

LONG = "a-node-pool-with-a-very-long-name-that-nobody-shortened-in-europe-north-1a-0123456789"
HOSTILE = '<script>fetch("http://example.org/")</script><img src="http://example.org/x.png">'


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of a good, a held and a wide night, a checklist of two clusters, a retrospective, and readiness."""
    folder = tmp_path_factory.mktemp("pages")
    plan = sample_plan()
    wide = sample_plan(tuple(f"{LONG}-{i:03}" for i in range(60)))
    hostile = (OPENS_MS, Noted(topic="x", text=HOSTILE + "w" * 300, object=HOSTILE))
    nights = {
        "done": (plan, night(plan)),
        "held": (plan, held_night(plan)),
        "wide": (wide, [*night(wide, slow=""), hostile]),
    }
    found = {}
    for name, (made, told) in nights.items():
        chains = {RUN: journal_of(told)}
        files = write(chains, sample_forecast(made), zone="", written_ms=OPENS_MS, signer=None)
        found[name] = folder / f"{name}.html"
        found[name].write_bytes(files[PAGE])
    own, other = (Seen(None, plan, f"{LONG}-{role}", OPENS_MS, role=role, own=role == "wc") for role in ("wc", "sc"))
    items = (*read("before", own), *read("before", other))
    texts = {"checklist": checklist_html("Checklist", "As it stands.", "before", items, [], "UTC")}
    report = build(journal_of([*night(plan), hostile]), sample_forecast(plan))
    texts["retro"] = retro_html(look_back(report, Platform(), "2027-01-04"))
    sick = b.inventory(*b.nodes(2), *(b.pod(f"{LONG}-{i}", HOSTILE, ready=False) for i in range(20)))
    book = Logbook.of(State.open(folder / "state"), Platform())
    texts["readiness"] = readiness_html(look_at_readiness(sick, Platform(), book), "UTC")
    for name, text in texts.items():
        found[name] = folder / f"{name}.html"
        found[name].write_text(text)
    return found


@pytest.fixture(scope="module")
def tab() -> Iterator[browser.Page]:
    with browser.running() as running:
        yield running.page()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 320])
@pytest.mark.parametrize("name", ["done", "held", "wide", "checklist", "retro", "readiness"])
def test_a_page_opens_quietly_and_fits(
    pages: dict[str, Path], tab: browser.Page, name: str, width: int, scheme: str
) -> None:
    url = pages[name].as_uri()
    tab.open(url, width, scheme=scheme)
    assert [one for one in tab.requested() if not one.startswith("data:")] == [url], "the page asks for something else"
    assert not tab.complaints(), "the browser has something to say about the page"
    assert tab.value("document.scripts.length") == 0
    assert tab.value("document.querySelectorAll('main h2, header h1').length") >= 1, "the page is empty"
    over = tab.value("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0, f"{over} px run off the side of a screen of {width}"


def test_the_chart_shows_one_of_its_two_sizes(pages: dict[str, Path], tab: browser.Page) -> None:
    shown = (
        "[...document.querySelectorAll('figure svg[role=img]')].filter(e => e.getBoundingClientRect().width > 0).length"
    )
    for width in (1280, 390):
        tab.open(pages["done"].as_uri(), width)
        assert tab.value(shown) == 1, f"at {width} px there are two charts, or none"


def test_dark_is_dark_and_print_is_light(pages: dict[str, Path], tab: browser.Page) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    tab.open(pages["done"].as_uri(), 1280, scheme="dark")
    assert tab.value(paper) == "rgb(17, 22, 28)"
    tab.open(pages["done"].as_uri(), 1280, scheme="dark", media="print")
    assert tab.value(paper) == "rgb(255, 255, 255)", "a dark screen must not print a black page"


@pytest.mark.parametrize("name", ["done", "held", "wide", "checklist", "retro", "readiness"])
def test_print_fits_a_sheet(pages: dict[str, Path], tab: browser.Page, name: str) -> None:
    tab.open(pages[name].as_uri(), 794, media="print")  # A4 at 96 dots an inch
    over = tab.value("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0, f"{over} px are cut off the sheet"


def test_a_phone_reads_every_cell_with_its_label(pages: dict[str, Path], tab: browser.Page) -> None:
    tab.open(pages["done"].as_uri(), 390)
    bare = "[...document.querySelectorAll('table.stack td')].filter(e => !e.dataset.label).length"
    assert tab.value(bare) == 0, "on a phone the heads of columns are hidden, so each cell needs its own"
