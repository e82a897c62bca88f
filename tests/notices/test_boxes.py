"""The checklist's boxes about notices: computed from the record, so that nobody ticks what is not so."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipkeeper.app.clock import now_ms
from shipkeeper.app.notices.boxes import notice_boxes
from shipkeeper.app.platform_file import read_platform
from shipkeeper.model.platform import Platform
from shipkeeper.model.time import DAY, HOUR
from tests.notices.desk import Desk, mail_channel
from tests.notices.smtp import Mailbox, serving
from tests.notices.test_sending import BY, by_mail


def boxes(desk: Desk, when: str = "before") -> dict[str, tuple[str, str]]:
    platform = read_platform(desk.folder / "shipkeeper.yaml")[0]
    return dict(notice_boxes(when, desk.plan, platform, desk.state, now_ms()))


def test_they_follow_the_record(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net", opens_in_ms=6 * DAY, more="  reminder: ''")
        before = boxes(desk)
        assert before["users-told"] == ("open", "0 of 1 notices sent")
        assert before["developers-told"][0] == "not-applicable", "the file says that there are none"
        desk.says("send", *BY)
        state, reading = boxes(desk)["users-told"]
        assert state == "done"
        assert reading.startswith("1 of 1 notices sent, the last 20")
        assert boxes(desk, "after")["users-told"][0] == "open"
        desk.says("send", "--kind", "done", *BY)
        assert boxes(desk, "after")["users-told"][0] == "done"


def test_late_and_unknown_are_no_tick(tmp_path: Path) -> None:
    with serving(Mailbox(after_data=lambda number: "drop")) as server:
        desk = by_mail(tmp_path, server, "a@example.net", opens_in_ms=3 * DAY)
        assert boxes(desk)["users-told"][0] == "failed", "it is too late"
        desk.says("send", "--late", *BY)
        assert boxes(desk)["users-told"][0] == "unknown"


def test_where_nothing_is_declared_a_person_ticks(tmp_path: Path) -> None:
    desk = Desk.make(tmp_path, now_ms(), mail_channel(1, "a@example.net"), opens_in_ms=HOUR)
    assert notice_boxes("before", desk.plan, Platform(), desk.state, now_ms()) == {}


@pytest.mark.requirement("R-C2")
def test_the_checklist_shows_them(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from shipkeeper.cli.main import main

    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net", opens_in_ms=6 * DAY, more="  reminder: ''")
        desk.says("send", *BY)
    places = ["--state", str(tmp_path / "state"), "--platform", str(tmp_path / "shipkeeper.yaml")]
    result = CliRunner().invoke(main, ["checklist", "before", str(tmp_path / "night.plan"), *places, "-o", "markdown"])
    assert result.exit_code == 0, result.stderr
    assert "- [x] Users were told when it begins and what they may notice" in result.stdout
