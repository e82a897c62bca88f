"""Whether a process that held the lease has certainly ended: a wrong yes lets two runs drain one cluster."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

import click
import pytest

from shipkeeper.app import carry_out, processes
from shipkeeper.app.processes import process_gone, process_name
from shipkeeper.cli.run import _Screen
from shipkeeper.cli.screen import Night
from shipkeeper.journal.memory import MemoryJournal
from shipkeeper.model.run import Noted

NAME = "import shipkeeper.app.processes as p; print(p.process_name(), flush=True); input()"


def test_a_process_that_lives_is_not_gone_and_one_that_ended_is() -> None:
    assert not process_gone(process_name())
    with subprocess.Popen(
        [sys.executable, "-c", NAME], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        name = child.stdout.readline().strip()
        assert not process_gone(name), "a run that lives was taken for a dead one"
        child.communicate("\n")
    assert process_gone(name)


def test_numbers_of_another_container_mean_nothing_here() -> None:
    """Two containers may share the host's name and boot id, and each counts its processes from 1."""
    host, boot, _, _, start = process_name().split("/")
    theirs = "/".join((host, boot, "pid:[1]", "4000000", start))
    assert not process_gone(theirs), "a living run in another container was taken for a dead one"


def test_a_process_that_proc_does_not_show_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with hidepid: another user's process is there, and /proc does not show it."""
    name = process_name()
    monkeypatch.setattr(processes, "_start", lambda pid: "")

    def not_ours(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(processes.os, "kill", not_ours)
    assert not process_gone(name), "a living run of another user was taken for a dead one"


@pytest.mark.parametrize("name", ["", "a/b/c", "a/b/c/d", "a/b/c/d/e", "stage/1"])
def test_what_is_not_a_name_of_ours_is_not_known_to_be_gone(name: str) -> None:
    assert not process_gone(name)


def test_a_terminal_that_goes_away_asks_for_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    assert signal.SIGTERM in carry_out._stop_signals()
    assert signal.SIGHUP in carry_out._stop_signals(), "a closed connection would end the process with a node half way"
    monkeypatch.setattr(carry_out.signal, "getsignal", lambda number: signal.SIG_IGN)
    assert signal.SIGHUP not in carry_out._stop_signals(), "nohup means what it says"


def test_a_terminal_that_is_gone_does_not_stop_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*args: Any, **kwargs: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(click, "echo", gone)
    screen = _Screen(Night())
    (entry,) = MemoryJournal().append("run-0001", 1, [Noted(topic="x", text="something was seen")])
    screen.take(entry)
    assert "something was seen" in screen._night.events[-1]
