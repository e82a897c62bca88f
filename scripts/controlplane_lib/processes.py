"""Starting processes that outlive this script, and ending only those.

A process is known by its id and its start time, so that an id used again by something else is never
signalled.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from .errors import PlaneError

POLL_S = 0.05


def started_at(pid: int) -> str | None:
    """What tells one process from a later one with the same id; None when it is gone."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        # Field 3 is the state, field 22 the start time in ticks since boot.
        return None if fields[0] in ("Z", "X") else fields[19]
    done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def is_ours(record: dict[str, Any]) -> bool:
    """Whether the process of a state record still runs."""
    return started_at(int(record["pid"])) == str(record["startedAt"])


def spawn(name: str, argv: list[str], logs: Path, cwd: Path) -> dict[str, Any]:
    """Start one component in a session of its own; its record for the state file."""
    log = logs / f"{name}.log"
    with log.open("ab") as out:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            start_new_session=True,
            env={key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "TMPDIR", "LANG")},
        )
    begun = started_at(child.pid)
    if begun is None:
        raise PlaneError(f"{name} ended at once:\n{tail(log)}")
    # The script ends before its children do: nobody waits for them here.
    child.returncode = 0
    return {"name": name, "pid": child.pid, "startedAt": begun, "log": str(log)}


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:])


def _wait_gone(records: list[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    deadline = time.monotonic() + seconds
    left = [record for record in records if is_ours(record)]
    while left and time.monotonic() < deadline:
        for record in left:
            # Reaps it when this very process is its parent; elsewhere its parent does.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(int(record["pid"]), os.WNOHANG)
        time.sleep(POLL_S)
        left = [record for record in left if is_ours(record)]
    return left


def end(records: list[dict[str, Any]], grace_s: float = 1.5) -> list[str]:
    """End processes by id, the last started first; the names of those that ran.

    The grace is short: nothing of a plane is worth an orderly end.
    """
    running = [record for record in reversed(records) if is_ours(record)]
    for record in running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(record["pid"]), signal.SIGTERM)
    for record in _wait_gone(running, grace_s):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(record["pid"]), signal.SIGKILL)
    stuck = _wait_gone(running, 5.0)
    if stuck:
        names = ", ".join(f"{record['name']} (pid {record['pid']})" for record in stuck)
        raise PlaneError(f"still running after SIGKILL: {names}")
    return [record["name"] for record in running]


def resident_mb(pid: int) -> float | None:
    """Resident memory of a process in MB, where the system tells it."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return None


def free_ports(count: int) -> list[int]:
    """Loopback ports that were free a moment ago, all different."""
    held = []
    try:
        for _ in range(count):
            probe = socket.socket()
            probe.bind(("127.0.0.1", 0))
            held.append(probe)
        return [probe.getsockname()[1] for probe in held]
    finally:
        for probe in held:
            probe.close()
