"""Commands of the user's, started from an argument list. Never a shell."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence

from msgspec import Struct

_KEEP = 64 * 1024
"""Bytes of output kept."""


class Finished(Struct, frozen=True):
    """How a command ended. ``code`` None: it could not be started, or did not end in time; ``why`` says which."""

    code: int | None
    output: bytes = b""
    why: str = ""
    started: bool = True


async def run_command(argv: Sequence[str], timeout_ms: int, environment: Mapping[str, str] | None = None) -> Finished:
    """Run it with nothing on stdin, stdout and stderr together, at most that long; then its whole group is ended.

    ``environment`` is added to ours. Never raises for what the command does.
    """
    # A file and not a pipe: whatever the command leaves running in the background cannot keep us waiting for its end.
    with tempfile.TemporaryFile() as output:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        except OSError as error:
            return Finished(None, why=f"{argv[0]} cannot be started: {error.strerror}", started=False)
        why = ""
        code: int | None = None
        try:
            async with asyncio.timeout(timeout_ms / 1_000):
                code = await process.wait()
        except TimeoutError:
            await _end(process)
            why = f"{argv[0]} did not end within {timeout_ms / 1_000:g} s"
        except BaseException:
            await _end(process)
            raise
        output.seek(0)
        return Finished(code, output.read(_KEEP), why)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
