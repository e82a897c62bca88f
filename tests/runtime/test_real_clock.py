"""The asyncio runtime under asyncio's own loop and the machine's clock; commands and ids."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import pytest

from shipkeeper.integrations.system.commands import run_command
from shipkeeper.integrations.system.entropy import SystemEntropy, new_run_id
from shipkeeper.integrations.system.runtime import AsyncioRuntime
from shipkeeper.ports.runtime import DeadlineExceeded


def test_real_sleeps_never_end_early() -> None:
    async def body() -> list[float]:
        runtime = AsyncioRuntime()
        took = []
        for ms in (1, 7, 20):
            before = time.monotonic()
            await runtime.sleep(ms)
            took.append((time.monotonic() - before) * 1_000 - ms)
        return took

    late = asyncio.run(body())
    assert min(late) >= 0, f"a sleep ended {-min(late)} ms early"


def test_a_real_deadline_ends_the_work() -> None:
    async def body() -> float:
        runtime = AsyncioRuntime()
        before = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            await runtime.deadline(20, lambda: runtime.sleep(10_000))
        return time.monotonic() - before

    assert 0.02 <= asyncio.run(body()) < 5


def test_the_wall_clock_is_the_machines() -> None:
    async def body() -> int:
        return AsyncioRuntime().now_ms()

    assert abs(asyncio.run(body()) - time.time_ns() // 1_000_000) < 5_000


def test_a_command_gets_arguments_as_they_are_and_never_a_shell() -> None:
    code = "import sys, os; print(sys.argv[1:], os.environ['SHIP']); sys.exit(3)"
    finished = asyncio.run(
        run_command([sys.executable, "-c", code, "$HOME; rm -rf x", "a b"], 20_000, {"SHIP": "keeper"})
    )
    assert finished.code == 3
    assert finished.output.decode().strip() == "['$HOME; rm -rf x', 'a b'] keeper"


def test_a_command_that_does_not_end_is_ended_with_its_children() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    before = time.monotonic()
    finished = asyncio.run(run_command([sys.executable, "-c", code], 500))
    assert finished.code is None
    assert finished.started
    assert "did not end within 0.5 s" in finished.why
    assert time.monotonic() - before < 20


def test_what_a_command_leaves_in_the_background_is_not_waited_for() -> None:
    code = "import os, time\nif os.fork() == 0:\n os.setsid(); time.sleep(3); os._exit(0)\nprint('asked', flush=True)"
    before = time.monotonic()
    finished = asyncio.run(run_command([sys.executable, "-c", code], 60_000))
    assert finished.code == 0
    assert finished.output == b"asked\n"
    assert time.monotonic() - before < 2.9, "it waited for the background process"


def test_a_command_that_is_not_there_was_not_started() -> None:
    finished = asyncio.run(run_command([os.path.join(os.sep, "nowhere", "reboot")], 1_000))
    assert not finished.started
    assert "cannot be started" in finished.why


def test_ids_differ_between_processes_and_stay_within_one() -> None:
    one, other = SystemEntropy(), SystemEntropy()
    assert one.bits("token", "a") == one.bits("token", "a")
    assert one.bits("token", "a") != other.bits("token", "a")
    ids = {new_run_id() for _ in range(500)}
    assert len(ids) == 500
    assert all(name.startswith("run-") and len(name) == 12 for name in ids)
