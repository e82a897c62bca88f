"""Actions: somebody does it by a day, and until it is closed it comes back."""

from __future__ import annotations

import pytest

from shipkeeper.app.actions import all_actions, open_actions
from tests.people.desk import Desk

OPEN = ("actions", "open", "a second replica of grafana", "--owner", "platform lead", "--by", "on-call")


@pytest.mark.requirement("R-C5")
def test_an_open_action_returns_in_due_until_it_is_closed(desk: Desk) -> None:
    desk.ok(*OPEN, "--due", "2199-01-05")
    (action,) = open_actions(desk.book)
    row = next(item for item in desk.json("due")["items"] if item["id"] == action.id)
    assert (row["owner"], row["task"]) == ("platform lead", "a second replica of grafana")
    assert action.id in desk.ok("actions")
    desk.ok("actions", "close", action.id[:9], "--by", "platform lead", "--note", "merged")
    assert open_actions(desk.book) == ()
    assert "no action is open" in desk.ok("actions")
    assert all(item["id"] != action.id for item in desk.json("due")["items"])
    (closed,) = desk.json("actions", "--all")["items"]
    assert (closed["state"], closed["closedBy"], closed["note"]) == ("done", "platform lead", "merged")


def test_one_that_is_past_its_day_is_overdue_and_the_oldest_comes_first(desk: Desk) -> None:
    for text, day in (("late", "2199-03-01"), ("soon", "2199-01-01")):
        desk.ok("actions", "open", text, "--owner", "on-call", "--by", "on-call", "--due", day)
    assert [item["text"] for item in desk.json("actions")["items"]] == ["soon", "late"]
    after = all_actions(desk.book, "UTC", 7_230_000_000_000)  # 10 February 2199
    assert [(item.text, item.state) for item in after] == [("soon", "overdue"), ("late", "open")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*OPEN, "--due", "2020-01-01"), "is past"),
        ((*OPEN, "--due", "soon"), "is not a date"),
        (("actions", "open", " ", "--owner", "on-call", "--by", "on-call", "--due", "2199-01-01"), "says nothing"),
        (("actions", "open", "x", "--owner", "", "--by", "on-call", "--due", "2199-01-01"), "no owner"),
        (("actions", "open", "x", "--owner", "shop tam", "--by", "on-call", "--due", "2199-01-01"), "shop team?"),
        (("actions", "open", "x", "--owner", "on-call", "--by", "x", "--due", "2199-01-01"), "knows nobody"),
        (("actions", "close", "action-1", "--by", "on-call"), "no open action"),
    ],
)
def test_an_action_that_nobody_would_do_is_refused(desk: Desk, words: tuple[str, ...], said: str) -> None:
    code, stderr = desk.refused(*words)
    assert (code, said in stderr) == (2, True), stderr


def test_the_same_action_is_not_opened_twice_and_may_be_opened_again(desk: Desk) -> None:
    desk.ok(*OPEN, "--due", "2199-01-05")
    code, stderr = desk.refused(*OPEN, "--due", "2199-02-05")
    assert (code, "is open already" in stderr) == (2, True)
    (action,) = open_actions(desk.book)
    code, stderr = desk.refused("actions", "close", action.id, "--by", "on-call", "--dropped")
    assert "needs a reason" in stderr
    desk.ok("actions", "close", action.id, "--by", "on-call", "--dropped", "--note", "grafana goes away")
    desk.ok(*OPEN, "--due", "2199-02-05")
    assert [one.due_on for one in open_actions(desk.book)] == ["2199-02-05"]
    assert [item["state"] for item in desk.json("actions", "--all")["items"]] == ["open"]


def test_an_action_may_belong_to_somebody_outside_the_fence(desk: Desk) -> None:
    desk.ok("actions", "open", "two replicas", "--owner", "shop team", "--by", "on-call", "--due", "2199-01-01")
    assert open_actions(desk.book)[0].owner == "shop team"
    assert "| shop team |" in desk.ok("actions", "-o", "markdown")
