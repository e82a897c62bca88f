"""Which process carries a run out, and whether another one has certainly ended."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def process_name() -> str:
    """This process, told from every other: ``host/boot/pid namespace/pid/start``."""
    return "/".join((socket.gethostname(), _boot(), _namespace(), str(os.getpid()), _start(os.getpid()) or "0"))


def process_gone(name: str) -> bool:
    """Whether the process of that name has certainly ended. False when it lives, or when that is not known here."""
    parts = name.split("/")
    if len(parts) != 5:
        return False
    host, boot, namespace, pid, start = parts
    if host != socket.gethostname() or not boot or not _boot() or not pid.isdigit():
        return False
    if boot != _boot():
        return True  # this machine has booted since
    if not namespace or namespace != _namespace():
        return False  # a container's numbers mean nothing outside it, and ours nothing in there
    now = _start(int(pid))
    return now != start and (bool(now) or not _exists(int(pid)))


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _exists(pid: int) -> bool:
    """Whether there may be such a process; ``/proc`` can be mounted so that other people's are not shown."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    # It is there and ours to signal, and yet without a start: it has ended and is only waited for.
    return not Path(f"/proc/{pid}").exists()


def _start(pid: int) -> str:
    """When the process started, in the kernel's ticks; empty when there is none, or it is only waited for."""
    try:
        # The name in parentheses may hold anything; what follows the last one is fixed.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in ("Z", "X") else fields[19]
