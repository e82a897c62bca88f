"""One writing process a run: an advisory lock on a file that the kernel frees when the process dies."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

from shipkeeper.model.errors import Failed, Refused


class RunLocks:
    """The locks this process holds, one file a run, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, int] = {}

    def take(self, run: str) -> None:
        """Lock the run until ``close``; idempotent.

        Raises Refused (code run-elsewhere) naming the holder's process, Failed (code journal-unwritable) when the
        lock file cannot be made.
        """
        if run in self._held:
            return
        path = self._path(run)
        try:
            self._folder.mkdir(exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Failed(
                f"the lock {path} cannot be made: {error.strerror}",
                code="journal-unwritable",
                object=str(path),
                why="two processes could carry out the same run",
                hint="mend the folder's rights, or name another with --state DIR",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 64).decode(errors="replace").strip()
            os.close(descriptor)
            raise Refused(
                f"{run} is being written by another process on this machine" + (f" (pid {holder})" if holder else ""),
                code="run-elsewhere",
                object=run,
                why="two processes carrying out one run would drain and reboot twice",
                hint=f"look at it with: shipkeeper runs status {run}",
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._held[run] = descriptor

    def held(self, run: str) -> bool:
        """Whether another process holds the run. Takes nothing, and makes no file."""
        try:
            descriptor = os.open(self._path(run), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _path(self, run: str) -> Path:
        return self._folder / (re.sub(r"[^0-9A-Za-z._-]", "_", run) + ".lock")

    def close(self) -> None:
        """Give the locks up. Idempotent."""
        for descriptor in self._held.values():
            os.close(descriptor)
        self._held.clear()
