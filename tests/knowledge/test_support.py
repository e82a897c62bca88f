"""Until when something is supported: published dates, rules where there are none, and what is not known."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.knowledge.library import bundled
from shipkeeper.knowledge.numbering import numbers_of
from shipkeeper.knowledge.sources import Source
from shipkeeper.knowledge.support import (
    Cycle,
    Policy,
    ProductSupport,
    SupportDates,
    merge_support,
    read_support,
)
from shipkeeper.model.errors import BadInput

ON = date(2026, 11, 24)
HERE = {"s": Source("S", "2026-11-01", shelf_days=30), "u": Source("User", "2026-11-20")}


def dates(*cycles: Cycle, policy: Policy | None = None, **more: str) -> SupportDates:
    return SupportDates([ProductSupport("x", "s", cycles, policy, **more)], HERE)


@pytest.mark.requirement("R-B4")
@pytest.mark.parametrize(
    ("product", "version", "state", "eol"),
    [
        ("kubernetes", "v1.34.4+k3s1", "ended", "2026-10-27"),
        ("kubernetes", "v1.36.1", "supported", "2027-06-28"),
        ("keycloak", "26.1.0", "ended", "2025-04-11"),
        ("kyverno", "v1.12.5", "ended", "2025-07-31"),
        ("flux", "2.6", "ended", "2026-06-30"),
        ("cilium", "v1.16.3", "ended", "2026-02-03"),
        ("ubuntu", "22.04.4", "security only", "2027-04-01"),
        ("debian", "12", "ended", "2026-07-11"),
        ("postgresql", "16.2", "supported", "2028-11-09"),
        ("etcd", "3.5.21-0", "supported", "2027-07-08"),
        ("ingress-nginx", "v1.11.2", "ended", "2026-03-31"),
        ("keycloak-operator", "26.1.0", "ended", "2025-04-11"),
        ("cri-o", "1.34.2", "ended", "2026-10-27"),
    ],
)
def test_published_dates_of_what_platforms_run(product, version, state, eol):
    found = bundled().support_of(product, version, ON)
    assert (found.kind, found.state, found.eol) == ("date", state, eol)
    assert found.source
    assert found.retrieved


@pytest.mark.requirement("R-B4")
def test_every_fact_says_where_and_when_it_was_read():
    support = bundled().support
    for product in support.products():
        row = support.row(product)
        assert row is not None
        for name in filter(None, (row.source, *(cycle.source for cycle in row.cycles))):
            source = support.sources()[name]
            assert source.title
            assert date.fromisoformat(source.retrieved) <= ON
            assert source.shelf_days > 0


def test_every_product_has_dates_or_says_what_holds_instead():
    support = bundled().support
    for row in bundled().products.rows:
        known = support.row(row.id)
        assert known is not None, f"{row.id} runs on platforms and nothing at all is known of its support"
        assert known.cycles or known.policy or known.like, f"{row.id}: no line and no rule"
        undated = [cycle.name for cycle in known.cycles[:1] if not cycle.eol]
        assert not undated or known.policy or known.retired, f"{row.id} {undated[0]}: neither a date nor a rule"


def test_the_day_itself_still_counts():
    known = dates(Cycle("1.2", "2025-01-01", "2026-01-01", "2026-11-24"))
    assert known.of("x", "1.2.3", ON).state == "security only"
    assert known.of("x", "1.2.3", ON + timedelta(days=1)).state == "ended"


def test_an_end_without_a_date_is_an_end():
    found = dates(Cycle("1", eol=True)).of("x", "1.0", ON)
    assert (found.kind, found.state, found.eol) == ("date", "ended", "")


def test_the_longest_line_wins():
    known = dates(Cycle("3.10", eol="2027-01-01"), Cycle("3.1", eol="2020-01-01"), Cycle("3", eol="2028-01-01"))
    assert known.of("x", "3.10.4", ON).eol == "2027-01-01"
    assert known.of("x", "3.1.4", ON).eol == "2020-01-01"
    assert known.of("x", "3.7", ON).eol == "2028-01-01"


RULE = Policy("the newest two", "s", newest=2, grace_days=30)
LINES = (Cycle("1.4", "2026-10-01"), Cycle("1.3", "2026-07-01"), Cycle("1.2", "2026-04-01"), Cycle("1.1", "2026-01-01"))


def test_where_no_date_is_published_the_rule_holds_and_is_called_a_rule():
    known = dates(*LINES, policy=RULE)
    assert known.of("x", "1.4.0", ON).kind == "policy"
    assert known.of("x", "1.3.9", ON).state == "supported"
    pushed_out = known.of("x", "1.2.0", ON)
    assert (pushed_out.state, pushed_out.eol) == ("ended", "2026-10-31"), "1.4 of 1 October plus 30 days"
    assert known.of("x", "1.2.0", date(2026, 10, 15)).state == "security only"


def test_a_rule_gives_an_expected_end_and_never_a_published_one():
    found = dates(*LINES, policy=RULE).of("x", "1.3.0", ON)
    assert found.eol == ""
    assert found.expected == "2027-01-30", "one more line after 92 days, the usual time between two, plus 30 days"


def test_an_expected_end_that_has_passed_is_unknown_not_supported():
    found = dates(*LINES, policy=RULE).of("x", "1.3.0", date(2027, 6, 1))
    assert found.state == "unknown", "the line has probably ended since; calling it supported would be a guess"
    assert found.stale


def test_what_is_not_known_is_unknown():
    known = dates(Cycle("1.2", eol="2027-01-01"), Cycle("1.1", eol="2020-01-01"))
    assert known.of("y", "1", ON).kind == "unknown"
    assert known.of("x", "", ON).reason == "the version is not known"
    assert "is no version" in known.of("x", "latest", ON).reason
    assert "newer than 1.2" in known.of("x", "1.3.0", ON).reason
    assert known.of("x", "1.0.9", ON).state == "ended", "older than the oldest line that is still listed"
    assert dates(Cycle("1.2")).of("x", "1.2", ON).state == "unknown", "no date and no rule is not supported"


def test_a_version_that_stands_for_several_lines_is_none_of_them():
    """`redis:7` is whatever 7 was newest when it was pulled."""
    known = dates(Cycle("7.4", eol="2027-01-01"), Cycle("7.2", eol="2026-01-01"), Cycle("6.2", eol="2025-01-01"))
    found = known.of("x", "7", ON)
    assert (found.kind, found.state) == ("unknown", "unknown")
    assert "7.4, 7.2" in found.reason


def test_a_fact_past_its_shelf_life_is_flagged():
    known = dates(Cycle("1.2", eol="2027-01-01"))
    assert not known.of("x", "1.2", date(2026, 12, 1)).stale
    assert known.of("x", "1.2", date(2026, 12, 2)).stale


def test_retirement_ends_every_line():
    known = dates(Cycle("1.2", eol="2029-01-01", latest="1.2.9"), retired="2026-03-31", remark="gone")
    found = known.of("x", "1.2.3", ON)
    assert (found.state, found.eol, found.latest) == ("ended", "2026-03-31", "1.2.9")
    assert known.of("x", "", ON).state == "ended"
    assert known.of("x", "1.2.3", date(2026, 3, 1)).state == "supported"


def test_extended_support_is_named_and_not_counted():
    found = dates(Cycle("12", eol="2026-07-11", extended="2028-06-30")).of("x", "12", ON)
    assert found.state == "ended"
    assert "2028-06-30" in found.reason


def test_a_users_line_replaces_the_known_one():
    theirs = ProductSupport("x", "u", (Cycle("1.2", eol="2030-01-01"), Cycle("1.5", eol="2031-01-01")))
    merged = merge_support([ProductSupport("x", "s", (Cycle("1.2", eol="2027-01-01"), Cycle("1.1")))], [theirs])
    known = SupportDates(merged, HERE)
    mine = known.of("x", "1.2.0", ON)
    assert (mine.eol, mine.source) == ("2030-01-01", "User, retrieved 2026-11-20")
    assert [cycle.name for cycle in merged[0].cycles] == ["1.5", "1.2", "1.1"]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=4), st.sampled_from(["", "v"]), st.sampled_from(["", "-rc.1"]))
def test_numbers_come_back_from_any_writing(parts, before, after):
    assert numbers_of(before + ".".join(map(str, parts)) + after) == tuple(parts)


@given(st.integers(0, 3), st.dates(date(2026, 1, 1), date(2028, 1, 1)))
def test_what_has_ended_stays_ended(line, day):
    """Later in time no line that had ended is supported again."""
    known = dates(*LINES, policy=RULE)
    version = LINES[line].name
    if known.of("x", version, day).state == "ended":
        assert known.of("x", version, day + timedelta(days=200)).state == "ended"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"products": [{"id": "x", "source": "s", "cycles": [["1", "2026-13-01"]]}]}, "'2026-13-01'"),
        ({"products": [{"id": "x", "source": "t"}]}, "source 't'"),
        ({"products": [{"id": "x", "source": "s", "like": "y"}]}, "like that of 'y'"),
        ({"products": [{"id": "x", "source": "s", "cycles": [[1]]}]}, "products[0].cycles[0][0]"),
        ({"kind": "products"}, "'products'"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(change, told):
    good = {
        "format": 1,
        "kind": "support",
        "issued": "2026-11-24",
        "sources": {"s": {"title": "S", "retrieved": "2026-11-01"}},
        "products": [],
    }
    read_support(msgspec.json.encode(good), "s.json")
    with pytest.raises(BadInput) as caught:
        read_support(msgspec.json.encode({**good, **change}), "s.json")
    assert told in str(caught.value)
