"""What the README and the guide quote of the demo's platform is what the verbs print."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from shipkeeper.app.clock import standing_at
from shipkeeper.app.demo_platform import SELECTOR, WINDOW, dump_path, platform_path
from shipkeeper.cli.main import main
from shipkeeper.model.time import parse_instant

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "README.md": "2026-11-20T10:00:00+01:00",
    "docs/guides/a-night.md": "2026-11-20T10:00:00+01:00",
    "docs/guides/windows.md": "2026-11-24T10:00:00+01:00",
}
"""Page → the day that it is of."""
WIDTH = "108"
EXTRA = "2026-12-03T22:00/2026-12-04T02:00 Europe/Stockholm"
"""The single night of the guide to windows."""
_TOOK = re.compile(r" · [\d.]+ s$")


def quotes() -> list[tuple[str, str, tuple[str, ...]]]:
    """(page, command, quoted lines) of every block that shows a command with its output."""
    found = []
    for page in PAGES:
        for block in re.findall(r"^```console\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL):
            command, *lines = block.splitlines()
            whole = lines and not lines[0].startswith("$ ") and not command.endswith("\\")
            if command.startswith("$ shipkeeper ") and whole:
                found.append((page, command.removeprefix("$ shipkeeper "), tuple(lines)))
    return found


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder as a reader has it after the demo, with the night planned."""
    (tmp_path / "shipkeeper-demo").mkdir()
    shutil.copy(dump_path(), tmp_path / "shipkeeper-demo")
    shutil.copy(platform_path(), tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHIPKEEPER_STATE", "state")
    monkeypatch.setenv("COLUMNS", WIDTH)
    source = f"--from shipkeeper-demo/{dump_path().name}"
    night = f"-l {SELECTOR} {source} --window {WINDOW} --change security-patch --delete-emptydir-data"
    run(f"plan nodes {night} --save night.plan")
    run(f"plan nodes {night} --save extra.plan".replace(f"--window {WINDOW}", f"--window '{EXTRA}'"))
    return tmp_path


def run(line: str, page: str = "README.md") -> str:
    with standing_at(parse_instant(PAGES[page])):
        result = CliRunner().invoke(main, shlex.split(line))
    assert result.exit_code in (0, 4), result.output
    return result.stdout


def holds(line: str, quoted: tuple[str, ...], told: str) -> None:
    """Every quoted line is there, in order, and next to the one before unless the quote leaves something out."""
    rest, after_gap = iter(_TOOK.sub("", text.rstrip()) for text in told.splitlines()), True
    for text in (_TOOK.sub("", text.rstrip()) for text in quoted):
        if text == "…":
            after_gap = True
            continue
        if after_gap:
            assert any(found == text for found in rest), f"{line} does not print {text!r} there"
        else:
            found = next(rest, "(its end)")
            assert found == text, f"{line} prints {found!r}, and {text!r} is quoted"
        after_gap = False


def test_there_are_quotes():
    assert {line.split()[0] for _, line, _ in quotes()} >= {"due", "rehearse", "check", "windows"}


@pytest.mark.parametrize(("page", "line", "quoted"), quotes())
def test_a_quote_is_what_is_printed(here, monkeypatch, page, line, quoted):
    if line == "windows gates night.plan":
        monkeypatch.setenv("COLUMNS", "140")
    holds(line, quoted, run(line, page))
