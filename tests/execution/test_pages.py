"""The pages that people read say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from shipkeeper.execution.gates.catalogue import GATES, STANDING
from shipkeeper.execution.stops import TABLE
from shipkeeper.model.run import GateRead
from tests.execution.stage import HOUR, Stage, Standing, window
from tests.execution.test_reboot import control_plane

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ("person", "window", "abort", "gate")


def test_the_stop_table_of_the_page_is_the_one_in_the_code() -> None:
    rows = re.findall(r"^\| (\w+): [^|]*\|([^\n]*)\|$", (ROOT / "docs/concepts/stopping.md").read_text(), re.MULTILINE)
    page = {
        phase: dict(zip(COLUMNS, (cell.strip() for cell in cells.split("|")), strict=True)) for phase, cells in rows
    }
    assert page == TABLE


def test_every_gate_that_a_run_reads_is_documented_and_every_documented_one_is_read() -> None:
    page = (ROOT / "docs/reference/gates.md").read_text()
    documented = re.findall(r"^## `([a-z-]+)`$", page, re.MULTILINE)
    assert documented == list(GATES)
    parts = control_plane()
    asked = {"names": ("cp1", "n1"), "allow_control_plane": True, "confirm": "each"}
    stage = Stage(*parts, window=window(lasts_ms=8 * HOUR), **asked)

    async def approves(stage: Stage) -> None:
        for name in ("n1", "cp1"):
            await stage.until(stage.seen(GateRead, gate="confirmed", step=f"{name}/cordon"))
            await stage.kernel.sleep(2_000)
            stage.say("approve", step=name)

    world = stage.world(standing=tuple(Standing(name) for name in STANDING))
    assert stage.play(approves, world=world).state == "done"
    read = {event.gate for event in stage.of(GateRead)}
    assert read == set(GATES), "a gate nobody reads, or one without a page"


def test_when_it_holds_names_real_commands() -> None:
    text = (ROOT / "docs/guides/when-it-holds.md").read_text() + (ROOT / "docs/concepts/stopping.md").read_text()
    for word in re.findall(r"shipkeeper runs (\w[\w-]*) RUN", text):
        assert word in ("status", "pause", "resume", "abort", "approve", "reboot-done", "release")
