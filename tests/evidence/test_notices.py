"""Notices: what readers are told fits the window and the forecast, in words that they know."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from shipkeeper.cli.main import main
from shipkeeper.evidence.impact import impact_of, roughly
from shipkeeper.evidence.notices import AUDIENCES, KINDS, Notice, Telling, compose
from shipkeeper.model.forecast import BlockedPod, Forecast
from shipkeeper.model.plan import Plan, PlanWindow
from shipkeeper.model.platform import Person, Platform, Scope
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


def telling(
    plan: Plan = PLAN, forecast: Forecast | None = FORECAST, platform: Platform = PLATFORM, zone: str = ""
) -> Telling:
    return Telling(
        plan=plan,
        impact=impact_of(forecast, platform) if forecast else None,
        name="the platform Harbour",
        zone=zone or (plan.window.zone if plan.window else "UTC"),
        contacts=platform.people[:1],
    )


def notice(kind: str = "announcement", audience: str = "users", **more: Any) -> Notice:
    return compose(kind, audience, telling(**more))


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


@pytest.mark.parametrize("kind", KINDS)
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
    assert "interruptions of up to 25 minutes to auth (auth) only" in long.subject
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
    assert found.send_at == ""


def test_start_and_reminder_know_when_to_leave() -> None:
    assert notice("start").send_at == "2026-12-01T22:00:00+01:00"
    assert notice("reminder").send_at == "2026-11-30T22:00:00+01:00"


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


class Desk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "night.plan").write_bytes(msgspec.json.encode(PLAN))
        (folder / "night.forecast").write_bytes(msgspec.json.encode(FORECAST))

    def preview(self, *words: str) -> Result:
        call = ["notices", "preview", str(self.folder / "night.plan"), "--state", str(self.folder / "state"), *words]
        return CliRunner().invoke(main, call)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_verb_writes_every_notice_and_its_doubts(desk: Desk) -> None:
    result = desk.preview("--forecast", str(desk.folder / "night.forecast"), "-o", "json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["kind"] == "Notices"
    assert [(i["audience"], i["kind"]) for i in document["items"]] == [(a, k) for a in AUDIENCES for k in KINDS]
    assert "on-call" in result.stderr, "a notice that sends nobody anywhere is worth a word"
    without = desk.preview("--kind", "start", "--audience", "users")
    assert without.stdout.count("Subject:") == 1
    assert "no forecast of this plan" in without.stderr


def test_another_plan_s_forecast_is_refused(desk: Desk) -> None:
    other = replace(FORECAST, plan_digest="sha256:other")
    (desk.folder / "other.forecast").write_bytes(msgspec.json.encode(other))
    result = desk.preview("--forecast", str(desk.folder / "other.forecast"))
    assert result.exit_code == 2
    assert "another plan" in result.stderr


@pytest.mark.parametrize("output", ["table", "markdown", "yaml"])
def test_every_format_carries_the_text(desk: Desk, output: str) -> None:
    result = desk.preview("--kind", "cancelled", "--zone", "America/New_York", "-o", output)
    assert result.exit_code == 0, result.stderr
    assert "does not take place" in result.stdout
    assert "16:00" in result.stdout, "the readers' zone"
