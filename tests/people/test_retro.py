"""A run is looked back at: what was predicted, what was, what people said, and what is done about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from shipkeeper.app.actions import open_actions
from shipkeeper.app.retro import retrospective
from shipkeeper.evidence.html import retro_html
from shipkeeper.evidence.retro_markdown import retro_markdown
from shipkeeper.journal.names import CHECKS
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.book import ActionOpened, RetrospectiveHeld
from tests.evidence.sample_run import RUN, held_night, night, sample_forecast, sample_plan
from tests.people.desk import TEAM, Desk

SAY = (
    "retro", RUN, "--record", "--by", "on-call", "--present", "platform lead", "--present", "shop team",
    "--went-well", "nobody was paged", "--improve", "prometheus was away for three minutes",
    "--action", "a second replica; prometheus; of it; platform lead; 2199-01-10",
)  # fmt: skip


@pytest.fixture
def looked(desk: Desk) -> Desk:
    """The sample night is over, and its forecast is at hand."""
    desk.state.keep_forecast(sample_forecast(sample_plan()))
    desk.keep()
    return desk


@pytest.mark.requirement("R-C5")
def test_the_page_has_predicted_against_actual_and_a_start_for_each_question(looked: Desk) -> None:
    found = looked.json("retro", RUN)
    rows = {row["what"]: row for row in found["compared"]}
    assert rows["The whole run"]["predicted"].startswith("fits, P50 15m36s")
    assert (rows["The whole run"]["actual"], rows["The whole run"]["within"]) == ("18m02s", "yes")
    assert (rows["z1-worker-2"]["actual"], rows["z1-worker-2"]["within"]) == ("8m40s", "no")
    assert len(found["questions"]) == 3
    assert "the run took 18m02s, inside its forecast" in found["wentWell"]
    assert any("z1-worker-2/drain: 4m14s (2m39s over P95)" in line for line in found["toImprove"])
    assert any("gate nothing-blocks held" in line for line in found["toImprove"]), "what held it is named"
    felt = next(one for one in found["proposals"] if "monitoring/prometheus" in one["text"])
    assert felt["owner"] == "platform team", "whose it is stands in the scope"
    assert "had no ready pod for 3m22s; predicted P50 2m10s" in felt["text"]
    assert found["recorded"] is None


@pytest.mark.requirement("R-C5")
def test_what_people_said_is_on_record_and_its_actions_return_in_due(looked: Desk) -> None:
    assert "1 action" in looked.run(*SAY).stderr
    (held,) = looked.book.of_kind(RetrospectiveHeld)
    assert (held.run, held.by, held.present) == (RUN, "on-call", ("platform lead", "shop team"))
    (action,) = open_actions(looked.book)
    assert (action.text, action.owner, action.run) == ("a second replica; prometheus; of it", "platform lead", RUN)
    assert action.id in {item["id"] for item in looked.json("due")["items"]}
    found = looked.json("retro", RUN)
    assert found["recorded"]["wentWell"] == ["nobody was paged"]
    assert "On record, by on-call" in looked.ok("retro", RUN)


@pytest.mark.requirement("R-C5")
def test_the_report_of_the_run_carries_it_and_verifies(looked: Desk, tmp_path: Path) -> None:
    looked.ok(*SAY)
    out = tmp_path / "report"
    made = looked.bare("evidence", "write", RUN, "--out", str(out), "--state", str(looked.state.folder))
    assert made.exit_code == 0, made.stderr
    for name in ("index.html", "report.md"):
        text = (out / name).read_text()
        assert "nobody was paged" in text, f"{name} says nothing of the retrospective"
        assert "2199-01-10" in text
    checked = looked.bare("evidence", "verify", str(out))
    assert checked.exit_code == 0, "a page with a retrospective must follow from its record like any other"
    record = out / "record.json"
    record.write_bytes(record.read_bytes().replace(b"nobody was paged", b"nobody was found"))
    assert looked.bare("evidence", "verify", str(out)).exit_code == 1


def test_saying_it_again_replaces_the_words_and_doubles_no_action(looked: Desk) -> None:
    looked.ok(*SAY)
    looked.ok(*SAY[:-2], "--action", SAY[-1], "--improve", "and more")
    assert len(looked.book.of_kind(ActionOpened)) == 1
    record = looked.json("retro", RUN)["recorded"]
    assert record["toImprove"] == ["prometheus was away for three minutes", "and more"]
    assert len(record["actions"]) == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("retro", RUN, "--record", "--by", "on-call"), 2, "nothing is said"),
        (("retro", RUN, "--record", "--improve", "x"), 2, "nobody is named"),
        (("retro", RUN, "--record", "--by", "x", "--improve", "x"), 2, "knows nobody called 'x'"),
        (("retro", RUN, "--improve", "x"), 2, "add --record"),
        (("retro", "--record", "--by", "on-call", "--improve", "x"), 2, "say which run"),
        (("retro", "run-none", "--record", "--by", "on-call", "--improve", "x"), 2, "there is no run"),
        (("retro", "run-held", "--record", "--by", "on-call", "--improve", "x"), 4, "run-held is not over: held"),
        ((*SAY, "--action", "more replicas"), 2, "names no owner or no day"),
        ((*SAY, "--action", "x; nobody; 2199-01-01"), 2, "knows nobody called 'nobody'"),
        ((*SAY, "--action", "x; on-call; 2020-01-01"), 2, "is past"),
    ],
)
def test_a_record_that_says_nothing_or_cannot_be_followed_is_refused(
    looked: Desk, words: tuple[str, ...], code: int, said: str
) -> None:
    looked.keep("run-held", held_night())
    found, stderr = looked.refused(*words)
    assert said in stderr
    assert found == code
    journal = SqliteJournal(looked.state.journal_path)
    assert not journal.read(CHECKS + RUN), "half of it was written"
    journal.close()


def test_which_runs_nobody_looked_back_at(looked: Desk) -> None:
    looked.keep("run-held", held_night())
    looked.keep("run-2", night())
    looked.ok(*SAY)
    items = {item["run"]: item for item in looked.json("retro")["items"]}
    assert set(items) == {RUN, "run-2"}, "a run that is not over is not looked back at"
    assert (items[RUN]["heldBy"], items[RUN]["actionsOpen"], items["run-2"]["heldBy"]) == ("on-call", 1, "")
    table = looked.ok("retro")
    assert "not yet" in table
    assert "Next: shipkeeper retro run-2" in table


def test_an_action_is_proposed_for_before_the_next_agreed_window(tmp_path: Path) -> None:
    window = (
        "clusters: [{name: prod, uid: 5b1c-kube-system}]\n    windows:\n"
        "      - {name: monthly, rrule: FREQ=MONTHLY;BYDAY=1TU, start: 22:00, duration: 7h, zone: Europe/Stockholm}"
    )
    desk = Desk(tmp_path, TEAM.replace("clusters: [{name: prod, uid: 5b1c-kube-system}]", window))
    desk.keep()
    found = retrospective(desk.state, desk.platform, RUN, 1_796_500_000_000)  # 5 December 2026
    assert {one.due_on for one in found.proposals} == {"2027-01-04"}


@pytest.mark.parametrize("told", [night(), held_night()], ids=["done", "held"])
def test_page_and_markdown_say_what_the_values_say(desk: Desk, told: list) -> None:
    desk.keep(RUN, told)
    found = retrospective(desk.state, desk.platform, RUN, 1_796_500_000_000)
    for text in (retro_html(found), retro_markdown(found)):
        for question in found.questions:
            assert question in text
        for node in found.compared:
            assert node.actual in text
    hostile = replace(found, to_improve=("<script>alert(1)</script>", "a|b"))
    assert "<script>" not in retro_html(hostile)
    assert "<script>" not in retro_markdown(hostile)


def test_without_a_forecast_nothing_is_called_as_predicted(desk: Desk) -> None:
    desk.keep()
    rows = desk.json("retro", RUN)["compared"]
    assert {row["within"] for row in rows} == {"not predicted"}
    assert desk.run("retro", RUN, "-o", "html").stdout.startswith("<!doctype html>")
    assert desk.ok("retro", RUN, "-o", "markdown").startswith("# Retrospective")
