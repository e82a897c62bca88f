"""Notices: what readers are told fits the window and the forecast, in words that they know."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.evidence.impact import Measured, impact_of, impact_rows, roughly
from shipkeeper.evidence.notices.compose import compose
from shipkeeper.evidence.notices.render import Templates
from shipkeeper.evidence.notices.telling import Telling
from shipkeeper.evidence.notices.words import recurrence
from shipkeeper.knowledge.schedule import merged_schedule
from shipkeeper.model.errors import BadInput
from shipkeeper.model.forecast import BlockedPod, Forecast
from shipkeeper.model.notices import AUDIENCES, KINDS, Message, UsedApi
from shipkeeper.model.plan import Plan, PlanWindow
from shipkeeper.model.platform import Component, Person, Platform, Scope
from shipkeeper.model.record import Spread
from tests.evidence.sample_run import sample_forecast, sample_plan

PLAN = sample_plan()
FORECAST = sample_forecast(PLAN)
PLATFORM = Platform(
    name="Harbour",
    people=(Person(name="Ops desk", roles=("on-call",), contact="ops@example.org"), Person(name="X", roles=("lead",))),
    scope=(Scope(component="Monitoring", namespaces=("monitoring",)),),
)
JARGON = re.compile(
    r"\b(node|pod|drain|evict|eviction|kubernetes|cluster|namespace|statefulset|deployment|replica|reboot|P50|P95)s?\b",
    re.I,
)


TEMPLATES = Templates()
USERS_READ = ("agreement", "announcement", "reminder", "start", "overrun", "done", "cancelled")


def telling(
    plan: Plan = PLAN,
    forecast: Forecast | None = FORECAST,
    platform: Platform = PLATFORM,
    zone: str = "",
    measured: Measured | None = None,
    **more: Any,
) -> Telling:
    return Telling(
        window=plan.window,
        purpose=plan.purpose,
        machines=len(plan.nodes),
        max_parallel=plan.max_parallel,
        impact=impact_of(forecast, platform, measured) if forecast else None,
        name="the platform Harbour",
        zone=zone or (plan.window.zone if plan.window else "UTC"),
        contacts=platform.people[:1],
        **more,
    )


def notice(kind: str = "announcement", audience: str = "users", team: tuple[str, ...] = (), **more: Any) -> Message:
    return compose(kind, audience, telling(**more), TEMPLATES, team="a team" if team else "", namespaces=team)


def test_users_are_told_when_what_and_for_how_long() -> None:
    found = notice()
    assert found.subject == (
        "Planned maintenance Tuesday 1 December 2026, 22:00–05:00 CET: short interruptions to Monitoring only"
    )
    paragraphs = found.body.split("\n\n")
    assert paragraphs[0] == "You do not have to do anything.", "the first sentence says whether to do anything"
    assert "22:00 to 05:00 CET the next day" in found.body
    assert "- Monitoring: not available for up to 3 minutes in all, in up to 2 interruptions" in found.body
    assert "ops@example.org" in found.body
    assert paragraphs[-1].startswith("We write again when"), "the last says when the next message comes"


@pytest.mark.parametrize("kind", USERS_READ)
@pytest.mark.parametrize("forecast", [FORECAST, None, replace(FORECAST, workloads=())])
def test_users_read_no_jargon(kind: str, forecast: Forecast | None) -> None:
    found = notice(kind, forecast=forecast)
    words = JARGON.findall(f"{found.subject} {found.body}")
    assert not words, f"{kind}: a reader who never saw a cluster meets {words}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("audience", AUDIENCES)
def test_every_notice_opens_with_whether_to_act_and_says_whom_to_call(kind: str, audience: str) -> None:
    found = notice(kind, audience)
    assert found.body.startswith("You "), found.body
    assert "ops@example.org" in found.body
    assert found.subject
    assert "\n" not in found.subject


def test_developers_get_their_objects_and_what_to_do() -> None:
    found = notice(audience="developers")
    assert found.body.startswith("You have to do something only if")
    assert "StatefulSet monitoring/prometheus: no ready replica for about 3 minutes" in found.body
    assert "Deployment team-3/api: for about 1 minute" in found.body, "weakened, not interrupted"
    assert "rehearsed 200 times" in found.body, "a modelled figure says that it is"
    blocked = BlockedPod(node="n1", pod="team-7/ledger-0", rule="budget", reason="its budget allows none", seeds=200)
    held = notice(audience="developers", forecast=replace(FORECAST, blocked=(blocked,)))
    assert "team-7/ledger-0 on n1: its budget allows none" in held.body


def test_without_a_forecast_nothing_is_promised() -> None:
    found = notice(forecast=None)
    assert "interruptions are possible" in found.subject
    assert "we cannot tell" in found.body
    assert "stay available" not in found.body


def test_a_night_that_nobody_notices_says_so() -> None:
    calm = replace(FORECAST, workloads=FORECAST.workloads[1:])
    found = notice(forecast=calm)
    assert found.subject.endswith("no interruption expected")
    assert "What you may notice: nothing." in found.body


def test_a_long_or_wide_interruption_is_not_called_short() -> None:
    def hit(name: str, seconds: float) -> Any:
        return replace(
            FORECAST.workloads[0], namespace=name, name=name, downtime_seconds=Spread(p50=seconds, p95=seconds)
        )

    long = notice(forecast=replace(FORECAST, workloads=(hit("auth", 1500),)))
    assert "interruptions of up to 25 minutes to auth only" in long.subject
    many = notice(forecast=replace(FORECAST, workloads=tuple(hit(f"a{i}", 30) for i in range(5))))
    assert "to 5 services" in many.subject


@pytest.mark.parametrize(
    ("opens", "closes", "zone", "words"),
    [
        ("2026-12-02T08:00:00Z", "2026-12-02T10:00:00Z", "UTC", "Wednesday 2 December 2026, 08:00 to 10:00 UTC"),
        ("2026-12-01T21:00:00Z", "2026-12-02T04:00:00Z", "America/New_York", "16:00 to 23:00 EST"),
        ("2026-10-24T22:00:00Z", "2026-10-25T03:00:00Z", "Europe/Stockholm", "00:00 CEST to 04:00 CET"),
        ("2026-12-01T21:00:00Z", "2026-12-02T04:00:00Z", "America/Sao_Paulo", "18:00 to 01:00 UTC-03 the next day"),
        ("2026-12-01T21:00:00Z", "2026-12-04T04:00:00Z", "UTC", "21:00 to Friday 4 December 2026, 04:00 UTC"),
    ],
)
def test_times_are_the_reader_s_and_carry_their_zone(opens: str, closes: str, zone: str, words: str) -> None:
    plan = replace(PLAN, window=PlanWindow(opens_at=opens, closes_at=closes, zone=zone))
    assert words in notice(plan=plan).body


def test_a_plan_without_a_window_leaves_the_time_open() -> None:
    found = notice(plan=replace(PLAN, window=None))
    assert "at a time still to be told" in found.subject
    assert "22:00" not in found.body


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "10 seconds"), (31, "40 seconds"), (51, "1 minute"), (61, "2 minutes"), (175, "3 minutes"),
        (601, "15 minutes"), (1500, "25 minutes"), (3600, "1 hour"), (3700, "1 hour 5 minutes"),
        (7300, "2 hours 5 minutes"),
    ],
)  # fmt: skip
def test_lengths_are_rounded_up(seconds: float, words: str) -> None:
    assert roughly(seconds) == words


API = UsedApi(
    object="CronJob team-3/nightly",
    api="batch/v1beta1 CronJob",
    namespace="team-3",
    replacement="batch/v1 CronJob",
    removed_in="Kubernetes 1.25",
    kept_by="Helm release team-3/jobs",
)


@pytest.mark.requirement("R-B7")
@pytest.mark.requirement("R-C2")
def test_developers_are_told_which_of_their_own_objects_use_what_goes_away() -> None:
    other = replace(API, object="CronJob shop/report", namespace="shop")
    found = notice("kubernetes-minor", "developers", team=("team-3",), apis=(API, other))
    assert found.subject == (
        "Change 1 of your objects before Tuesday 1 December 2026: a new Kubernetes for the platform Harbour"
    )
    assert found.body.startswith("You have to do something:")
    line = next(line for line in found.body.splitlines() if "nightly" in line)
    assert line == (
        "- CronJob team-3/nightly (in Helm release team-3/jobs) uses batch/v1beta1 CronJob, gone in Kubernetes 1.25:"
        " use batch/v1 CronJob"
    )
    assert "shop/report" not in found.body, "another team's objects are their affair"


def test_nothing_found_is_told_apart_from_nobody_looked() -> None:
    looked = notice("kubernetes-minor", "developers", apis=())
    assert looked.body.startswith("You do not have to do anything that we know of")
    for unsure in ({}, {"apis": (), "unseen": ("no Helm release could be read",)}):
        found = notice("kubernetes-minor", "developers", **unsure)
        assert found.body.startswith("You have to check something"), "unknown was told as nothing to do"
    assert "no Helm release could be read" in found.body
    alone = replace(API, replacement="")
    assert "there is no successor" in notice("kubernetes-minor", "developers", apis=(alone,)).body


def test_a_team_reads_of_what_is_theirs() -> None:
    theirs = notice(audience="developers", team=("team-3",))
    assert "Deployment team-3/api" in theirs.body
    assert "prometheus" not in theirs.body
    assert "What is yours is expected to stay available" in theirs.body
    whole = compose("announcement", "developers", telling(), TEMPLATES, without=frozenset({"team-3"}))
    assert "prometheus" in whole.body
    assert "team-3" not in whole.body, "they are told on a channel of their own"


def test_an_overrun_says_until_when_only_where_somebody_knows() -> None:
    assert "We cannot say yet when it will be over." in notice("overrun").body
    known = notice("overrun", until="05:45 CET")
    assert "now expected to be over at 05:45 CET" in known.subject
    assert "We write again at 05:45 CET, or earlier when it is over." in known.body


def test_the_request_for_an_agreement_shows_the_next_dates() -> None:
    dates = (PLAN.window,)
    found = notice("agreement", plan=replace(PLAN, window=None), zone="Europe/Stockholm", rule="monthly", dates=dates)
    assert found.body.startswith("You have to do something: please tell us whether you agree")
    assert "- Tuesday 1 December 2026, 22:00 to 05:00 CET the next day" in found.body


@pytest.mark.parametrize(
    ("rrule", "words"),
    [
        ("FREQ=MONTHLY;BYDAY=1TU", "every month on the first Tuesday"),
        ("RRULE:FREQ=WEEKLY;BYDAY=MO,TH", "every week on Monday and Thursday"),
        ("FREQ=MONTHLY;BYDAY=-1SU", "every month on the last Sunday"),
        ("FREQ=DAILY", "every day"),
        ("FREQ=MONTHLY;BYMONTHDAY=15", ""),
        ("FREQ=MONTHLY;INTERVAL=2;BYDAY=1TU", ""),
    ],
)
def test_a_recurrence_is_told_in_words_only_where_they_are_exact(rrule: str, words: str) -> None:
    assert recurrence(rrule) == words


@pytest.mark.requirement("R-C4")
def test_declared_modelled_and_measured_stand_side_by_side_each_called_what_it_is() -> None:
    platform = replace(
        PLATFORM, components=(Component(name="prometheus", namespaces=("monitoring",), impact="no graphs for 10 min"),)
    )
    past = Measured((900.0, 1_000.0), {("StatefulSet", "monitoring", "prometheus"): (41.0, 120.0)})
    whole, row = impact_rows(FORECAST, platform, merged_schedule(()), past)
    assert (row.declared.label, row.modelled.label, row.measured.label) == ("declared", "modelled", "measured")
    assert row.declared.text == "no graphs for 10 min"
    assert row.modelled.text == "up to 3 minutes (P95 of 200 rehearsals)"
    assert row.measured.text == "up to 2 minutes in 2 past maintenances"
    assert "Rolling node reboots" in whole.declared.text
    assert whole.measured.text == "up to 20 minutes in all, in 2 past maintenances"
    nothing = impact_rows(None, PLATFORM, (), Measured())
    assert [f.text for f in (nothing[0].declared, nothing[0].modelled, nothing[0].measured)] == [
        "nobody has declared it", "not rehearsed", "never measured",
    ]  # fmt: skip
    assert not any(figure.known for figure in (nothing[0].declared, nothing[0].modelled, nothing[0].measured))
    told = notice(platform=platform, measured=past).body
    assert "those who run it say: no graphs for 10 min; measured: up to 2 minutes in 2 past maintenances" in told


def test_what_was_felt_and_not_foreseen_is_told_too() -> None:
    past = Measured((900.0,), {("Deployment", "shop", "cart"): (61.0,)})
    rows = impact_rows(FORECAST, PLATFORM, (), past)
    row = next(row for row in rows if row.object == "Deployment shop/cart")
    assert row.modelled.text == "no interruption in 200 rehearsals"
    assert row.measured.text == "up to 2 minutes in 1 past maintenance"


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str) -> Folder:
        (self.path / name).write_text(text)
        return self

    def render(self, kind: str = "start", audience: str = "users") -> Message:
        return compose(kind, audience, telling(), Templates(self.path))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_team_s_own_text_goes_over_ours_and_may_use_its_parts(folder: Folder) -> None:
    folder.write("start.txt", "Subject: Vi börjar {{ opens }}\n\nHej!\n\n{% include 'parts/contact.txt' %}\n")
    found = folder.render()
    assert found.subject == "Vi börjar 22:00 CET"
    assert found.body == "Hej!\n\nQuestions, or something does not work: Ops desk, ops@example.org.\n"
    folder.write("start.developers.txt", "Subject: for developers\n\nRead on.")
    assert folder.render(audience="developers").subject == "for developers"
    assert folder.render().subject == "Vi börjar 22:00 CET"
    assert folder.render("done").subject == "Maintenance of the platform Harbour is over", "the others stay ours"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("Subject: x\n\n{% if %}\n", 3, "Expected an expression"),
        ("Subject: x\n\nok\n{{ whenn }}\n", 4, "'whenn' is undefined"),
        ("Subject: x\n\n{{ ''.__class__.__mro__ }}\n", 3, "unsafe"),
        ("Subject: x\n\n{{ interruptions.append(1) }}\n", 3, "append"),
        ("Subject: x\n\n{{ 1 // 0 }}\n", 3, "ZeroDivisionError"),
        ("Subject: x\n\n{% for i in range(99999999) %}x{% endfor %}\n", 3, "range"),
        ("Subject: x\n\n{% include '../../secrets.txt' %}\n", 3, "secrets.txt"),
        ("Dear all\n\nno subject\n", 1, "its first line is not"),
        ("Subject: {{ team }}\n\nempty subject\n", 1, "its first line is not"),
        ("Subject: x\n\n\n", 1, "no text"),
    ],
)
def test_a_broken_template_is_told_with_file_and_line(folder: Folder, text: str, line: int, words: str) -> None:
    folder.write("start.txt", text)
    with pytest.raises(BadInput) as caught:
        folder.render()
    error = caught.value
    assert error.code == "bad-template"
    assert error.location is not None
    assert (Path(error.location.file).name, error.location.line) == ("start.txt", line), error.location
    assert words in error.message, error.message
    assert "nothing was sent" in error.why


def test_a_mistake_in_a_part_names_the_part(folder: Folder) -> None:
    (folder.path / "parts").mkdir()
    folder.write("parts/contact.txt", "call\n{{ nobody.phone }}\n")
    with pytest.raises(BadInput) as caught:
        folder.render("announcement")
    assert caught.value.location is not None
    assert str(caught.value.location).endswith("parts/contact.txt:2")


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no folder"):
        Templates(tmp_path / "texts")


def test_names_from_a_cluster_stay_on_their_line() -> None:
    evil = replace(FORECAST.workloads[0], name="x\r\nBcc: all@example.org\u202e")
    found = notice(audience="developers", forecast=replace(FORECAST, workloads=(evil,)))
    assert not [line for line in f"{found.subject}\n{found.body}".splitlines() if line.startswith("Bcc:")]
    assert "\u202e" not in found.body


def test_a_list_that_is_too_long_is_cut_and_says_so() -> None:
    many = tuple(replace(API, object=f"CronJob team-3/job-{n}") for n in range(400))
    found = notice("kubernetes-minor", "developers", apis=many)
    assert len(found.body) < 21_000, "a status page takes 25,000 characters"
    assert found.body.endswith("… and more than fits here: ask us for the whole list.\n")
    assert "Change 400 of your objects" in found.subject
