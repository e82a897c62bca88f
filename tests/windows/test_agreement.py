"""Agreements: who agreed to which window for which days; and a changed window asks again."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shipkeeper.assessment.standing.agreement import (
    FROM_FILE,
    Place,
    agreement,
    from_file,
    once,
    terms_of,
    terms_once,
    window_agreed,
    window_content,
    written_out,
)
from shipkeeper.assessment.standing.work import Work
from shipkeeper.model.book import WindowAgreed
from shipkeeper.model.declared_windows import WindowRule
from shipkeeper.model.plan import PlanWindow
from shipkeeper.planning.window import next_window, parse_window

ZONE = "Europe/Stockholm"
RULE = WindowRule(
    name="monthly", rrule="FREQ=MONTHLY;BYDAY=1TU", start="22:00", duration="7h", zone=ZONE, content=("os",)
)
WORK = Work(kind="nodes/reboot", tasks=("node-os",), content=("os",))
DAY = date(2026, 12, 1)
NIGHT = parse_window("2026-12-01T22:00/05:00 Europe/Stockholm")


def agreed(rule: WindowRule = RULE, **fields: Any) -> WindowAgreed:
    made = {"by": "shop team", "agreed_on": "2026-05-12", "terms": terms_of(rule), "window": rule.name}
    return WindowAgreed(environment="production", **(made | fields))


def state(rule: WindowRule, *book: WindowAgreed, day: date = DAY) -> str:
    return agreement(rule, "production", book, day).state


# --- terms ---------------------------------------------------------------------------------


@pytest.mark.requirement("R-C7")
@pytest.mark.parametrize(
    "change",
    [
        {"rrule": "FREQ=MONTHLY;BYDAY=2TU"},
        {"start": "21:00"},
        {"duration": "8h"},
        {"zone": "Europe/Oslo"},
        {"content": ("os", "kubernetes")},
        {"first": "2026-01-06"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_change_of_what_was_agreed_is_another_window(change: dict[str, Any]) -> None:
    changed = replace(RULE, **change)
    assert terms_of(changed) != terms_of(RULE)
    assert state(changed, agreed()) == "changed", "what people agreed to was another window"


@pytest.mark.parametrize(
    "change",
    [
        {"rrule": "RRULE:byday=1TU;freq=MONTHLY"},
        {"duration": "420m"},
        {"start": "22:00:00"},
        {"agreed_until": "2030-01-01"},
        {"except_on": ("2026-12-01",)},
    ],
    ids=["spelling", "minutes", "seconds", "until", "one window less"],
)
def test_another_spelling_or_less_than_agreed_is_the_same_window(change: dict[str, Any]) -> None:
    assert terms_of(replace(RULE, **change)) == terms_of(RULE)
    assert state(replace(RULE, **change), agreed()) == "agreed"


def test_no_content_named_is_all_content() -> None:
    everything = replace(RULE, content=("system-pods", "os", "kubernetes"))
    assert terms_of(replace(RULE, content=())) == terms_of(everything)


# --- for which days ------------------------------------------------------------------------


@pytest.mark.requirement("R-C7")
def test_nobody_agreed_is_no_agreement() -> None:
    assert state(RULE) == "none"
    assert state(RULE, replace(agreed(), environment="staging")) == "none"
    assert state(RULE, replace(agreed(), window="weekly")) == "none"


def test_an_agreement_holds_from_its_day_to_its_last() -> None:
    record = agreed(agreed_on="2026-12-01", until="2027-06-30")
    assert state(RULE, record, day=date(2026, 11, 30)) == "not-yet"
    assert state(RULE, record, day=date(2026, 12, 1)) == "agreed"
    assert state(RULE, record, day=date(2027, 6, 30)) == "agreed"
    assert state(RULE, record, day=date(2027, 7, 1)) == "ended"


def test_an_agreement_holds_for_the_whole_night_of_its_last_day_and_one_made_in_the_night_counts() -> None:
    book = (agreed(until="2026-12-01"),)
    after_midnight = NIGHT.opens_ms + 4 * 3_600_000
    place = (Place(RULE, NIGHT),)
    assert window_agreed(NIGHT, place, WORK, "production", True, book, after_midnight).is_open
    tonight = (agreed(agreed_on="2026-12-02"),)
    assert window_agreed(NIGHT, place, WORK, "production", True, tonight, after_midnight).is_open
    assert not window_agreed(NIGHT, place, WORK, "production", True, tonight, NIGHT.opens_ms).is_open
    single = replace(book[0], window=once(NIGHT), terms=terms_once(once(NIGHT)))
    assert window_agreed(NIGHT, (), WORK, "production", True, (single,), after_midnight).is_open


def test_the_file_s_word_counts_like_a_record() -> None:
    rule = replace(RULE, agreed_by=("shop team",), agreed_on="2026-05-12", agreed_until="2026-11-30")
    assert state(rule, day=date(2026, 11, 30)) == "agreed"
    assert state(rule) == "ended"
    assert state(rule, agreed(rule, agreed_on="2026-11-01")) == "agreed", "a record renews what the file lets end"


def test_the_newest_agreement_replaces_older_ones() -> None:
    longer = replace(RULE, duration="9h")
    book = (agreed(), agreed(longer, agreed_on="2026-09-01"))
    assert state(longer, *book) == "agreed"
    assert state(RULE, *book) == "changed", "going back to the old one is a change, too"


def test_a_rule_edited_in_the_file_after_it_was_seen_asks_again_unless_its_date_moved() -> None:
    rule = replace(RULE, agreed_by=("shop team",), agreed_on="2026-05-12")
    kept = from_file(rule, "production", ())
    assert kept is not None
    assert kept.recorded_by == FROM_FILE
    assert state(rule, kept) == "agreed"
    longer = replace(rule, duration="9h")
    assert state(longer, kept) == "changed"
    assert state(replace(longer, agreed_on="2026-11-01"), kept) == "agreed", "the file says that they agreed again"
    assert from_file(longer, "production", (kept,)) is None, "an edit does not keep itself as agreed"
    assert from_file(replace(longer, agreed_on="2026-11-01"), "production", (kept,)) is not None
    assert from_file(RULE, "production", ()) is None, "there is nothing to keep"


def test_keeping_the_file_s_word_is_no_word_of_its_own() -> None:
    kept = from_file(replace(RULE, agreed_by=("shop team",)), "production", ())
    assert kept is not None
    assert state(RULE, kept) == "none", "nobody's name is in the file any more"


# --- the gate ------------------------------------------------------------------------------


def gate(window: PlanWindow | None, *book: WindowAgreed, rule: WindowRule | None = RULE, work: Work = WORK) -> Any:
    places = ()
    if rule is not None and window is not None:
        night = next_window(rule, NIGHT.opens_ms - 1)
        if night.opens_ms <= window.opens_ms and window.closes_ms <= night.closes_ms:
            places = (Place(rule, night),)
    at_ms = window.opens_ms if window is not None else NIGHT.opens_ms
    return window_agreed(window, places, work, "production", rule is not None, book, at_ms)


@pytest.mark.requirement("R-C7")
def test_the_gate_opens_for_an_agreed_window_and_for_a_part_of_it() -> None:
    assert gate(NIGHT, agreed()).is_open
    assert gate(parse_window("2026-12-02T00:00/02:00 Europe/Stockholm"), agreed()).is_open
    closed = gate(NIGHT)
    assert closed.state == "closed"
    assert closed.fix == "once they agreed: shipkeeper windows agree monthly --environment production --by WHO"


def test_a_window_of_its_own_needs_an_agreement_of_its_own() -> None:
    night = parse_window("2026-12-03T22:00/23:30 Europe/Stockholm")
    closed = gate(night, agreed())
    assert closed.state == "closed"
    assert f'windows agree "{written_out(night)}"' in closed.fix
    assert parse_window(written_out(night)) == night, "what is printed can be pasted"
    record = agreed(window=once(night), terms=terms_once(once(night)))
    assert gate(night, record).is_open
    later = parse_window("2026-12-03T22:00/23:45 Europe/Stockholm")
    assert gate(later, record).state == "closed", "a quarter of an hour more was not agreed"
    assert gate(night, replace(record, terms=terms_of(RULE))).state == "closed", "a record of other terms"


def test_without_a_window_the_environment_and_the_schedule_say() -> None:
    assert gate(None, rule=None).is_open
    assert gate(None).state == "closed"
    assert gate(None, work=replace(WORK, needs_window=False)).is_open


# --- content -------------------------------------------------------------------------------


@pytest.mark.requirement("R-C8")
def test_a_window_is_for_what_it_says() -> None:
    kubernetes = Work(kind="kubernetes/upgrade", content=("os", "kubernetes"))
    places = (Place(RULE, NIGHT),)
    assert window_content(places, WORK, "production").is_open
    closed = window_content(places, kubernetes, "production")
    assert closed.state == "closed"
    assert "is for os, and the plan's work is os, kubernetes" in closed.reason
    assert window_content((Place(replace(RULE, content=()), NIGHT),), kubernetes, "production").is_open
    other = Place(replace(RULE, name="wide", content=("os", "kubernetes")), NIGHT)
    assert window_content((*places, other), kubernetes, "production").is_open, "one fitting window is enough"
    assert window_content((), kubernetes, "production").is_open


@given(
    st.sampled_from([RULE, replace(RULE, duration="9h")]),
    st.lists(
        st.builds(
            WindowAgreed,
            environment=st.just("production"),
            window=st.just("monthly"),
            terms=st.sampled_from([terms_of(RULE), terms_of(replace(RULE, duration="9h"))]),
            by=st.just("shop team"),
            agreed_on=st.sampled_from(["2026-01-01", "2026-06-01", "2027-01-01"]),
            until=st.sampled_from(["", "2026-06-30", "2027-06-30"]),
        ),
        max_size=4,
    ),
)
def test_agreed_means_that_a_record_of_these_terms_covers_the_day(rule: WindowRule, book: list[WindowAgreed]) -> None:
    found = agreement(rule, "production", book, DAY)
    if found.state == "agreed":
        assert any(
            item.terms == terms_of(rule) and item.agreed_on <= "2026-12-01" and (item.until or "9") >= "2026-12-01"
            for item in book
        )
        newest = max(enumerate(book), key=lambda pair: (pair[1].agreed_on, pair[0]))[1]
        assert newest.terms == terms_of(rule)
