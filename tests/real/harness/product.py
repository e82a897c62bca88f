"""The product as a user calls it: a subprocess with a state folder, a kubeconfig and a platform file of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
OK, FAILED, USAGE, REFUSED, DOES_NOT_FIT, PAUSED, UNREACHABLE, INTERRUPTED = 0, 1, 2, 4, 5, 6, 7, 130


@dataclass(frozen=True)
class Answer:
    """How a call ended. ``out`` is its stdout, ``err`` its stderr."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        """Its stdout as JSON; fails the test with both streams when it is none."""
        try:
            return json.loads(self.out)
        except json.JSONDecodeError:
            raise AssertionError(f"no JSON on stdout\n{self}") from None

    def __str__(self) -> str:
        words = " ".join(self.argv)
        return (
            f"$ shipkeeper {words}\nexit {self.code} after {self.seconds:.1f} s\n{self.out[-3000:]}\n{self.err[-3000:]}"
        )


@dataclass(frozen=True)
class Product:
    """Shipkeeper at work in ``folder``: its state, its home, its files."""

    folder: Path
    kubeconfig: Path
    platform: Path | None = None
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.state / "journal.db"

    def environment(self) -> dict[str, str]:
        """What the subprocess sees: nothing of the caller's clusters or state."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("SHIPKEEPER", "KUBE"))}
        return {
            **kept,
            "HOME": str(self.folder),
            "SHIPKEEPER_STATE": str(self.state),
            "NO_COLOR": "1",
            "COLUMNS": "160",
            **self.extra,
        }

    def argv(self, *words: str) -> list[str]:
        """The command line of a call."""
        return [sys.executable, "-m", "shipkeeper", *words]

    def live(self) -> list[str]:
        """The options that name the cluster."""
        return ["--kubeconfig", str(self.kubeconfig)]

    def with_platform(self) -> list[str]:
        """The options that name the platform file."""
        return [] if self.platform is None else ["--platform", str(self.platform)]

    def call(self, *words: str, codes: Sequence[int] = (OK,), timeout_s: float = 600) -> Answer:
        """Run it to its end; fails the test when it ends with another code."""
        begun = time.monotonic()
        done = subprocess.run(
            self.argv(*words),
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        answer = Answer(words, done.returncode, done.stdout, done.stderr, time.monotonic() - begun)
        assert answer.code in codes, f"expected exit {' or '.join(map(str, codes))}\n{answer}"
        return answer

    def start(self, *words: str, argv: Sequence[str] | None = None) -> Running:
        """Begin a call that the test watches, stops or kills."""
        log = self.folder / f"run-{time.monotonic_ns()}.log"
        with log.open("wb") as out:
            child = subprocess.Popen(
                list(argv) if argv is not None else self.argv(*words),
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                # A group of its own: a signal to the tests' terminal is not one to it.
                start_new_session=True,
            )
        return Running(child, log, words)


@dataclass(frozen=True)
class Running:
    """A call under way; its output goes to ``log``."""

    child: subprocess.Popen[bytes]
    log: Path
    words: tuple[str, ...]

    def text(self) -> str:
        """What it wrote so far."""
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL: no word, no clean-up."""
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(30)

    def wait(self, timeout_s: float) -> int:
        """Its exit code; fails the test when it takes longer."""
        try:
            return self.child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"not over after {timeout_s:g} s\n{self}") from None

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.child.poll() is not None

    def __str__(self) -> str:
        return f"$ shipkeeper {' '.join(self.words)}\nexit {self.child.returncode}\n{self.text()[-4000:]}"
