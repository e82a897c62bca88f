"""Who has to be told what by when: the longest lead that applies, the right readers, and when a window may open."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shipkeeper.assessment.notices.duties import Duty, duties, earliest_lawful
from shipkeeper.assessment.notices.ledger import Ledger, began, key_of
from shipkeeper.assessment.notices.obligations import agreement_requests, earliest_opening, obligations, touched
from shipkeeper.assessment.standing.notices_sent import notices_sent
from shipkeeper.model.book import NoticeAttempt, NoticeResult
from shipkeeper.model.lead import parse_lead
from shipkeeper.model.notices import FIRST, KINDS, Obligation, Occasion
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.platform import Channel, ClusterConfig, Environment, NoticePolicy, Platform, Scope
from shipkeeper.model.time import DAY, HOUR, iso, parse_instant
from tests.evidence.sample_run import sample_forecast, sample_plan

ZONE = "Europe/Stockholm"
WINDOW = PlanWindow(opens_at="2026-12-01T22:00:00+01:00", closes_at="2026-12-02T05:00:00+01:00", zone=ZONE)
MAIL = Channel(name="mail", kind="email", server="mail", sender="a@b.c")
USERS = replace(MAIL, name="users-mail", to=("all@example.net", "desk@example.net"))
DEVELOPERS = Channel(name="dev-chat", kind="slack", url="env:SLACK")
SHOP = replace(MAIL, name="shop-mail", to=("shop@example.net",))
PLATFORM = Platform(
    zone=ZONE,
    environments=(Environment(name="production", clusters=(ClusterConfig(name="prod"),)),),
    channels=(USERS, DEVELOPERS, SHOP),
    notices=NoticePolicy(
        kubernetes_minor="4 weeks", channels={"users": ("users-mail",), "developers": ("dev-chat",)}
    ),
    scope=(
        Scope(component="Kubernetes", owner="platform team", namespaces=("kube-system",)),
        Scope(component="shop", inside=False, owner="shop team", namespaces=("shop", "cart"), channels=("shop-mail",)),
        Scope(component="billing", inside=False, owner="billing team", namespaces=("billing",)),
    ),
)  # fmt: skip


def occasion(change: str = "", namespaces: set[str] | None = frozenset({"shop", "billing"}), **more: Any) -> Occasion:  # type: ignore[assignment]
    found = None if namespaces is None else frozenset(namespaces)
    return Occasion(**{"place": "prod", "zone": ZONE, "window": WINDOW, "change": change, "namespaces": found, **more})


def due(change: str, platform: Platform = PLATFORM, audience: str = "developers") -> Obligation:
    return next(
        one for one in obligations(occasion(change), platform) if one.audience == audience and one.kind in FIRST
    )


@pytest.mark.parametrize(
    ("change", "kind", "by", "because"),
    [
        ("", "announcement", "2026-11-26T22:00:00+01:00", "notices.minor"),
        ("security-patch", "announcement", "2026-11-26T22:00:00+01:00", "notices.minor"),
        ("minor", "announcement", "2026-11-26T22:00:00+01:00", "notices.minor"),
        ("major", "major", "2026-10-01T22:00:00+02:00", "notices.major"),
        ("kubernetes-minor", "kubernetes-minor", "2026-11-03T22:00:00+01:00", "notices.kubernetesMinor"),
        ("unknown", "major", "2026-10-01T22:00:00+02:00", "notices.major"),
    ],
)
@pytest.mark.requirement("R-C2")
def test_developers_have_the_time_that_the_change_asks_for(change: str, kind: str, by: str, because: str) -> None:
    one = due(change)
    assert (one.kind, one.because) == (kind, because)
    assert one.due_ms is not None
    assert iso(one.due_ms, ZONE) == by
    assert one.required, "the window may open without it"
    users = due(change, audience="users")
    assert (users.kind, users.lead, users.because) == ("announcement", "5 days", "notices.users")


def test_a_change_of_two_classes_is_told_of_as_both_by_the_longer_time() -> None:
    found = [
        one
        for one in obligations(occasion("kubernetes-minor", also=("major", "minor")), PLATFORM)
        if one.kind in FIRST and one.channels == ("dev-chat",)
    ]
    assert [one.kind for one in found] == ["kubernetes-minor", "major"]
    assert {one.because for one in found} == {"notices.major"}
    earliest = max(earliest_opening(change, PLATFORM.notices, NOW, ZONE) for change in ("kubernetes-minor", "major"))
    assert earliest == parse_lead("2 months").after(NOW, ZONE)


def test_the_longest_lead_wins_also_where_the_team_s_own_number_is_the_shorter_one() -> None:
    short = replace(PLATFORM, notices=replace(PLATFORM.notices, kubernetes_minor="2 days", minor="3 weeks"))
    one = due("kubernetes-minor", short)
    assert (one.lead, one.because) == ("3 weeks", "notices.minor")


@pytest.mark.requirement("R-C2")
def test_nobody_decided_the_weeks_before_a_kubernetes_minor_so_the_window_stays_shut() -> None:
    undecided = replace(PLATFORM, notices=replace(PLATFORM.notices, kubernetes_minor=""))
    one = due("kubernetes-minor", undecided)
    assert "nobody has decided how long" in one.problem
    reading = gate(occasion("kubernetes-minor"), undecided, [])
    assert reading.state == "closed"
    assert "kubernetesMinor" in reading.fix
    assert "earliest" not in reading.reason, "no date is lawful as long as nobody decides"
    assert not due("minor", undecided).problem, "other changes don't ask for it"


def test_users_and_developers_are_told_apart_and_a_team_on_its_own_channel() -> None:
    found = [one for one in obligations(occasion(), PLATFORM) if one.kind in FIRST]
    assert [(one.audience, one.team, one.channels) for one in found] == [
        ("users", "", ("users-mail",)),
        ("developers", "shop team", ("shop-mail",)),
        ("developers", "", ("dev-chat",)),
    ]
    assert found[1].namespaces == ("shop", "cart")


@pytest.mark.parametrize(
    ("change", "namespaces", "told"),
    [
        ("", {"billing"}, False),
        ("", {"cart"}, True),
        ("", None, True),
        ("", set(), False),
        ("major", {"billing"}, True),
        ("kubernetes-minor", set(), True),
    ],
    ids=["others", "theirs", "nobody knows whose", "nobody's", "a major change", "another Kubernetes"],
)
def test_a_team_is_told_when_it_is_touched_or_when_nobody_knows(
    change: str, namespaces: set[str] | None, told: bool
) -> None:
    teams = {one.team for one in obligations(occasion(change, namespaces), PLATFORM)}
    assert ("shop team" in teams) is told


def test_a_forecast_tells_whose_namespaces_are_touched() -> None:
    assert touched(sample_forecast(sample_plan())) == {"monitoring", "team-3"}


def test_where_everybody_touched_has_a_channel_the_audience_s_may_be_left_open() -> None:
    only = replace(PLATFORM, notices=NoticePolicy(channels={"users": ("users-mail",)}))
    assert not [one for one in obligations(occasion("", {"shop"}), only) if one.problem]
    problem = next(one for one in obligations(occasion("", {"shop", "billing"}), only) if one.problem)
    assert "notices.channels.developers is not set" in problem.problem


def test_channels_that_are_declared_to_be_none_say_that_there_is_nobody() -> None:
    none = replace(PLATFORM, notices=NoticePolicy(channels={"users": (), "developers": ("dev-chat",)}))
    assert {one.audience for one in obligations(occasion(), none)} == {"developers"}
    nobody = replace(PLATFORM, scope=(), notices=NoticePolicy(channels={"users": (), "developers": ()}))
    assert gate(occasion(), nobody, []).state == "open"


def test_a_file_with_environments_that_says_nothing_of_channels_keeps_its_windows_shut() -> None:
    silent = replace(PLATFORM, channels=(), scope=(), notices=NoticePolicy())
    reading = gate(occasion(), silent, [])
    assert reading.state == "closed"
    assert "[] says that there are none" in reading.fix
    without = Platform()
    assert gate(occasion(), without, []).state == "open"
    assert "is not kept here" in gate(occasion(), without, []).reading, "it was not claimed that people were told"


def test_what_is_staged_is_staged_for_developers() -> None:
    found = obligations(occasion(production=False), PLATFORM)
    assert {one.audience for one in found} == {"developers"}


def test_an_agreement_is_asked_for_where_there_is_none_and_never_twice() -> None:
    kinds = [one.kind for one in obligations(occasion(), PLATFORM, agreed=True)]
    assert "agreement" not in kinds
    asked = [one for one in obligations(occasion(), PLATFORM, agreed=False) if one.kind == "agreement"]
    assert [one.audience for one in asked] == ["developers", "developers"]
    assert not any(one.required for one in asked), "gate window-agreed is the one that asks for it"
    assert {one.audience for one in agreement_requests(PLATFORM)} == {"users", "developers"}


def test_a_plan_without_a_window_waits_for_nobody() -> None:
    free = occasion(window=None, plan="sha256:1")
    assert all(one.due_ms is None and not one.required for one in obligations(free, PLATFORM))
    assert gate(free, PLATFORM, []).state == "open"


# --- what became of it ------------------------------------------------------------------------------------

Record = tuple[int, NoticeAttempt | NoticeResult]
NOW = parse_instant("2026-11-20T09:00:00+01:00")


def standing(what: Occasion, platform: Platform, records: list[Record]) -> tuple[Duty, ...]:
    return duties(what, obligations(what, platform), platform.channels, Ledger.of(records))


def gate(what: Occasion, platform: Platform, records: list[Record], now: int = NOW) -> Any:
    return notices_sent(what, standing(what, platform, records), now)


def told(what: Occasion, at_ms: int, state: str = "sent", platform: Platform = PLATFORM, **only: str) -> list[Record]:
    """Records of everything required, at that time; ``only`` picks by the delivery's fields."""
    found: list[Record] = []
    for duty in standing(what, platform, []):
        for item, _ in duty.deliveries:
            wanted = duty.obligation.required and all(getattr(item, key) == value for key, value in only.items())
            if wanted:
                found.append((at_ms, attempt(item.key, item.kind)))
                if state != "begun":
                    found.append((at_ms + 1_000, NoticeResult(key=item.key, state=state, proof="250 ok", reason="r")))
    return found


def attempt(key: str, kind: str) -> NoticeAttempt:
    return NoticeAttempt(key=key, kind=kind, audience="a", channel="c", to="t", subject="s", digest="d")


@pytest.mark.requirement("R-C2")
def test_the_window_opens_when_everybody_was_told_in_time() -> None:
    reading = gate(occasion(), PLATFORM, told(occasion(), NOW))
    assert reading.state == "open"
    assert reading.reading == "6 of 6 notices were sent in time"


@pytest.mark.parametrize(
    ("records", "state", "words"),
    [
        ([], "closed", "announcement to users is not sent, due by 2026-11-26T22:00:00+01:00 (5 days before)"),
        (told(occasion(), NOW, "failed"), "closed", "could not be sent at"),
        (told(occasion(), NOW, "begun"), "unknown", "is not known to have arrived at"),
        (told(occasion(), NOW, "unknown"), "unknown", "is not known to have arrived at"),
        (told(occasion(), NOW, channel="users-mail"), "closed", "announcement to developers (shop team) is not sent"),
        (told(occasion(), NOW, to="desk@example.net"), "closed", "announcement to users is not sent"),
    ],
    ids=["missing", "failed", "a crash between", "no answer", "half the audiences", "half the recipients"],
)
@pytest.mark.requirement("R-C2")
def test_missing_failed_and_unknown_keep_it_shut(records: list[Record], state: str, words: str) -> None:
    reading = gate(occasion(), PLATFORM, records)
    assert reading.state == state
    assert words in reading.reason
    assert reading.fix


@pytest.mark.requirement("R-C2")
def test_what_is_late_keeps_it_shut_and_names_the_earliest_lawful_opening() -> None:
    late = parse_instant("2026-11-28T09:00:00+01:00")
    reading = gate(occasion(), PLATFORM, told(occasion(), late), now=late + HOUR)
    assert reading.state == "closed"
    assert "too late, due by 2026-11-26T22:00:00+01:00 (5 days before)" in reading.reason
    assert reading.reason.endswith("the earliest lawful opening is 2026-12-03T09:00:00+01:00"), reading.reason
    missing = gate(occasion("major"), PLATFORM, [], now=NOW)
    assert missing.reason.endswith("the earliest lawful opening is 2027-01-20T09:00:00+01:00"), missing.reason


def test_a_notice_that_was_found_to_have_arrived_counts_from_when_it_left() -> None:
    records = told(occasion(), NOW, "begun")
    later = parse_instant("2026-12-01T21:00:00+01:00")
    records += [(later, NoticeResult(key=event.key, state="sent", proof="by word")) for _, event in records]
    assert gate(occasion(), PLATFORM, records, now=later).state == "open"


def test_another_window_is_another_notice_and_another_plan_for_the_same_window_is_not() -> None:
    records = told(occasion(plan="sha256:1"), NOW)
    assert gate(occasion(plan="sha256:2"), PLATFORM, records).state == "open", "a plan made anew tells nobody again"
    moved = PlanWindow(opens_at="2026-12-08T22:00:00+01:00", closes_at="2026-12-09T05:00:00+01:00", zone=ZONE)
    assert gate(occasion(window=moved), PLATFORM, records).state == "closed", "nobody was told of that day"
    assert gate(occasion(place="other"), PLATFORM, records).state == "closed"
    assert gate(occasion("major"), PLATFORM, records).state == "closed", "they were told of a smaller change"


def test_who_was_told_of_a_graver_change_in_that_window_is_not_told_again() -> None:
    records = told(occasion("kubernetes-minor"), NOW - 30 * DAY)
    assert gate(occasion("security-patch"), PLATFORM, records).state == "open"
    assert gate(occasion("major"), PLATFORM, records).state == "closed", "of another kind of change they know nothing"


def test_what_was_called_off_has_to_be_told_again() -> None:
    records = told(occasion(), NOW)
    cancelled: list[Record] = []
    for duty in standing(occasion(), PLATFORM, records):
        if duty.obligation.kind == "cancelled":
            for item, _ in duty.deliveries:
                cancelled += [
                    (NOW + DAY, attempt(item.key, "cancelled")),
                    (NOW + DAY, NoticeResult(key=item.key, state="sent")),
                ]
    after = records + cancelled
    reading = gate(occasion(), PLATFORM, after)
    assert reading.state == "closed", "the last word that people had is that nothing happens"
    again = standing(occasion(), PLATFORM, after)
    keys = {item.key for duty in again for item, _ in duty.deliveries if duty.obligation.required}
    assert not keys & {event.key for _, event in records}, "the mail would be taken for the old one"
    state = next(duty.state(NOW) for duty in again if duty.obligation.kind == "cancelled")
    assert state == "told", "it is called off, and not to be called off again"
    for key in sorted(keys):
        after += [(NOW + 2 * DAY, attempt(key, "announcement")), (NOW + 2 * DAY, NoticeResult(key=key, state="sent"))]
    assert gate(occasion(), PLATFORM, after).state == "open"
    state = next(duty for duty in standing(occasion(), PLATFORM, after) if duty.obligation.kind == "cancelled").state(
        NOW
    )
    assert state == "open", "it can be called off once more"


def test_a_failed_notice_that_was_sent_again_counts() -> None:
    records = told(occasion(), NOW, "failed") + told(occasion(), NOW + HOUR)
    assert gate(occasion(), PLATFORM, records, now=NOW + 2 * HOUR).state == "open"


def test_later_notices_know_what_they_are_added_to() -> None:
    records = told(occasion(), NOW)
    ledger = Ledger.of(records)
    start = next(duty for duty in standing(occasion(), PLATFORM, records) if duty.obligation.kind == "start")
    assert began(start.deliveries[0][0], ledger) == "250 ok"
    assert began(start.deliveries[0][0], Ledger.of([])) == ""


def test_a_status_page_is_not_asked_for_agreement() -> None:
    page = Channel(name="page", kind="statuspage", project="p", token="env:T")
    platform = replace(PLATFORM, channels=(*PLATFORM.channels, page), scope=())
    platform = replace(platform, notices=NoticePolicy(channels={"users": ("page",), "developers": ("page",)}))
    found = duties(occasion(), agreement_requests(platform), platform.channels, Ledger.of([]))
    assert not any(duty.deliveries for duty in found)


INSTANTS = st.integers(parse_instant("2026-01-01T00:00:00Z"), parse_instant("2027-12-31T00:00:00Z"))
LEADS = st.sampled_from(("1 month", "2 months", "9 weeks", "61 days", "1 month 2 weeks", "31d"))
SHORT = st.sampled_from(("1 day", "5 days", "2 weeks"))


@given(INSTANTS, LEADS, SHORT, st.sampled_from(("Europe/Stockholm", "America/New_York", "UTC", "Australia/Lord_Howe")))
def test_laws_of_the_lead(now: int, major: str, minor: str, zone: str) -> None:
    """Told now, the earliest lawful opening is lawful, and a minute before it is not."""
    platform = replace(PLATFORM, zone=zone, notices=replace(PLATFORM.notices, major=major, minor=minor, users=minor))
    earliest = earliest_lawful(standing(occasion("major", zone=zone), platform, []), now, zone)
    assert earliest is not None

    def opens(at_ms: int) -> str:
        window = PlanWindow(opens_at=iso(at_ms), closes_at=iso(at_ms + 4 * HOUR), zone=zone)
        what = occasion("major", zone=zone, window=window)
        return str(gate(what, platform, told(what, now, platform=platform), now=now + 2_000).state)

    assert opens(earliest) == "open"
    assert opens(earliest - 60_000) == "closed"
    first = due("major", platform)
    assert first.due_ms == min(parse_lead(text).before(WINDOW.opens_ms, ZONE) for text in (major, minor))


@given(st.sampled_from(KINDS), st.sampled_from(KINDS), st.text(max_size=8), st.text(max_size=8))
def test_keys_are_the_same_for_the_same_and_differ_for_others(one: str, other: str, a: str, b: str) -> None:
    assert (key_of(a, one) == key_of(b, other)) is ((a, one) == (b, other))
    assert len(key_of(a, one)) == 18
