"""Commands of the user's, started from an argument list. Never a shell."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from shipkeeper.ports.reboot import CommandEnd

_MOST = 4 << 20
"""Bytes of output after which a command is ended: it is not what it was meant to be."""

_LOOK_S = 0.5
"""Its output is measured this often."""


async def run_command(
    argv: Sequence[str], timeout_ms: int, environment: Mapping[str, str] | None = None, *, inherit: bool = True
) -> CommandEnd:
    """Run it with nothing on stdin, stdout and stderr together, at most that long; then its whole group is ended.

    ``environment`` is added to ours, or with ``inherit`` off is all it gets. Never raises for what the command does.
    """
    # A file and not a pipe: whatever the command leaves running in the background cannot keep us waiting for its end.
    with tempfile.TemporaryFile() as output:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env={**(os.environ if inherit else {}), **(environment or {})},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "its arguments hold a NUL or cannot be encoded"
            return CommandEnd(None, why=f"{argv[0]} cannot be started: {reason}", started=False)
        why = ""
        code: int | None = None
        try:
            async with asyncio.timeout(timeout_ms / 1_000):
                code = await _wait(process, output.fileno())
            if code is None:
                await _end(process)
                why = f"{argv[0]} wrote more than {_MOST >> 20} MiB and was ended"
        except TimeoutError:
            await _end(process)
            why = f"{argv[0]} did not end within {timeout_ms / 1_000:g} s"
        except BaseException:
            await _end(process)
            raise
        output.seek(max(0, os.fstat(output.fileno()).st_size - _MOST))
        return CommandEnd(code, output.read(_MOST), why)


class SystemCommands:
    """``ports.reboot.Commands`` on this machine."""

    async def run(self, argv: Sequence[str], timeout_ms: int, environment: Mapping[str, str]) -> CommandEnd:
        """See ports.reboot.Commands."""
        return await run_command(argv, timeout_ms, environment, inherit=False)

    def running(self, variable: str, value: str) -> bool:
        """See ports.reboot.Commands. Sees our own processes, where there is a ``/proc``."""
        wanted = os.fsencode(f"{variable}={value}")
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if wanted in path.read_bytes().split(b"\0"):
                    return True
            except OSError:
                continue  # it ended, or is somebody else's
        return False


async def _wait(process: asyncio.subprocess.Process, output: int) -> int | None:
    """Its exit code; None when it has written too much and still runs."""
    ended = asyncio.ensure_future(process.wait())
    try:
        while not ended.done():
            await asyncio.wait((ended,), timeout=_LOOK_S)
            if not ended.done() and os.fstat(output).st_size > _MOST:
                return None
        return ended.result()
    finally:
        ended.cancel()


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
