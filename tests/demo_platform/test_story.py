"""``shipkeeper demo`` as a stranger sees it: every part really run, in its order, short enough to be read."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from shipkeeper.app.demo_platform.helm import CANARY
from shipkeeper.app.survey import load_inventory
from shipkeeper.cli.demo_stage import Cut
from shipkeeper.cli.main import main

PARTS = (
    "survey --from platform.json.gz", "scope ", "due ", "plan propose", "check ", "plan nodes", "rehearse ",
    "notices preview", "notices send", "windows gates", "record node-os", "notices send", "notices status",
    "survey --from evening", "rehearse ", "checklist before", "run night.plan", "checklist after", "evidence write",
    "evidence key", "evidence verify", "retro ",
)  # fmt: skip
MOST_LINES, MOST_OF_A_PART = 375, 45


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The demo's output with one night rehearsed, its folder, and where it was called from."""
    folder = tmp_path_factory.mktemp("story")
    here, before = Path.cwd(), dict(os.environ)
    result = CliRunner().invoke(main, ["demo", "--out", str(folder / "demo"), "--seeds", "1", "--speed", "0"])
    assert result.exit_code == 0, result.output[-3000:]
    assert Path.cwd() == here, "the demo leaves its caller in another folder"
    assert dict(os.environ) == before, "the demo leaves variables behind"
    return result.output, folder / "demo"


def test_every_part_is_told_with_its_command_in_order(told):
    commands = re.findall(r"^\$ shipkeeper (.*)$", told[0], re.MULTILINE)
    rest = iter(commands)
    for part in PARTS:
        assert any(line.startswith(part) for line in rest), f"{part!r} is not told, or not in its place: {commands}"


def test_it_is_no_wall_of_text(told):
    lines = told[0].splitlines()
    assert len(lines) <= MOST_LINES
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")] + [len(lines)]
    first, last = max(pairwise(starts), key=lambda pair: pair[1] - pair[0])
    assert last - first <= MOST_OF_A_PART, lines[first]


def test_the_night_passes_every_gate_by_what_was_put_on_record_and_not_by_a_waiver_of_it(told):
    output = told[0]
    assert "staging-first     closed" in output, "that staging goes first was never in the way"
    for gate in ("window-agreed", "window-content", "not-frozen", "staging-first", "notices-sent", "checklist-before"):
        assert re.search(rf"^[\d:]+ ✓ {gate}: ", output, re.MULTILINE), f"the run did not pass {gate}"
    assert "windows waive" not in output
    assert "8 letters by now" in output, "the run did not tell people that it began, and that it is over"
    assert re.search(r"→ done after .*: every node is done", output)


def test_what_it_leaves_is_a_report_that_holds_and_a_platform_that_went_on(told):
    output, folder = told
    assert "HOLDS:" in output
    assert (folder / "report" / "index.html").exists()
    before, after = (load_inventory(str(folder / f"{name}.inv")) for name in ("evening", "after"))
    rebooted = {a.name for a, b in zip(after.nodes, before.nodes, strict=True) if a.info.boot_id != b.info.boot_id}
    assert len(rebooted) == 12
    facts = {fact.node: fact.reboot_required for fact in after.node_facts}
    assert all(facts[name] is False for name in rebooted), "a node that rebooted still wants to"


def test_no_secret_is_told_or_left_behind(told):
    output, folder = told
    assert CANARY not in output
    kept = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".json.gz")]
    assert kept
    for path in kept:
        assert CANARY.encode() not in path.read_bytes(), f"{path.name} keeps a secret"


def test_a_cut_keeps_what_hangs_below_a_row_and_drops_it_with_its_row():
    text = "HEAD\na ok\n    why a\nb due\n    why b\n    more\nc due\n\nOTHER\nd\n"
    shown = ["HEAD", "b due", "    why b", "    more", "", "OTHER", "d"]
    assert Cut(rows=2, without=" ok$").of(text) == shown
    assert Cut(parts=("OTHER",)).of(text) == ["OTHER", "d"]
    assert Cut(1, 1).of(text) == ["HEAD", "d"]
    assert Cut().of("") == []
