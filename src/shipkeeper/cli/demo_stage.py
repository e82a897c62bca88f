"""What the demo tells its story with: verbs really run, in a folder and on a day of their own, their output cut."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from shipkeeper.app.clock import Hands, standing_at
from shipkeeper.cli.main import main
from shipkeeper.model.errors import Failed, UsageProblem
from shipkeeper.model.time import moment, parse_instant

MARKER = ".shipkeeper-demo"
_MOST_HINTS = 2
_HANGS = "    "
"""What a line begins with that goes on with the row above it."""


@dataclass(frozen=True)
class Cut:
    """What of a verb's output is shown. 0 and empty: all.

    ``parts``: only paragraphs that begin with one of these words; ``rows``: so many rows of each paragraph, and what
    hangs below them; ``without``: no rows in which this pattern is found; ``head``: so many lines of what is left, and
    ``tail`` of its end.
    """

    head: int = 0
    tail: int = 0
    rows: int = 0
    parts: tuple[str, ...] = ()
    without: str = ""

    def of(self, text: str) -> list[str]:
        """The lines that are shown."""
        filled = groupby(text.splitlines(), key=lambda line: bool(line.strip()))
        paragraphs = [list(lines) for is_text, lines in filled if is_text]
        if self.parts:
            paragraphs = [lines for lines in paragraphs if click.unstyle(lines[0]).startswith(self.parts)]
        shown = [line for lines in paragraphs for line in (*self._rows(lines), "")][:-1]
        if not self.head or len(shown) <= self.head + self.tail:
            return shown
        return [*shown[: self.head], *shown[len(shown) - self.tail :]]

    def _rows(self, lines: list[str]) -> list[str]:
        """A paragraph's first rows, each with the lines that hang below it."""
        found: list[str] = []
        rows, dropped = 0, False
        for line in lines:
            hangs = click.unstyle(line).startswith(_HANGS)
            if not hangs:
                dropped = bool(self.without) and re.search(self.without, click.unstyle(line).rstrip()) is not None
                rows += not dropped
                if self.rows and rows > self.rows:
                    break
            if not dropped:
                found.append(line)
        return found


class Stage:
    """The demo's folder, its clock, and the way a verb is told."""

    def __init__(self, folder: Path, zone: str) -> None:
        self.folder = folder
        self._zone = zone

    def prepare(self, files: Mapping[str, bytes]) -> None:
        """Make the folder anew with these files. Raises Failed for one that is somebody's, UsageProblem for none."""
        marker = self.folder / MARKER
        if self.folder.is_dir() and not marker.exists() and any(self.folder.iterdir()):
            raise Failed(
                f"{self.folder} exists and was not made by a demo",
                why="the demo writes its files there, and would mix them with yours",
                hint="name another folder: shipkeeper demo --out DIR",
            )
        try:
            if self.folder.exists():
                shutil.rmtree(self.folder)
            self.folder.mkdir(parents=True)
            marker.touch()
            for name, data in files.items():
                (self.folder / name).write_bytes(data)
        except OSError as error:
            raise UsageProblem(
                f"{self.folder} cannot be written: {error.strerror}",
                hint="name another folder: shipkeeper demo --out DIR",
            ) from error

    @contextmanager
    def entered(self, variables: Mapping[str, str]) -> Iterator[None]:
        """Work in the folder, with these variables and the terminal's width in the environment; then as before."""
        here, before = Path.cwd(), dict(os.environ)
        os.chdir(self.folder)
        os.environ.update(variables)
        if sys.stdout.isatty():
            os.environ["COLUMNS"] = str(shutil.get_terminal_size().columns)
            if "NO_COLOR" not in os.environ:
                os.environ["FORCE_COLOR"] = "1"
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            os.chdir(here)

    @contextmanager
    def day(self, at: str, title: str) -> Iterator[Hands]:
        """A chapter. Every verb in it is run as of that moment (RFC 3339), or as of where its clock is moved to."""
        at_ms = parse_instant(at)
        when = moment(at_ms, self._zone).strftime("%A %-d %B %Y, %H:%M")
        click.secho(f"\n── {when} ── {title}", bold=True, fg="yellow")
        with standing_at(at_ms) as hands:
            yield hands

    def tell(self, why: str, line: str, cut: Cut = Cut(), *, refuses: int = 0, live: bool = False) -> None:
        """Print a command, run it, and print what is worth showing of what it wrote.

        ``refuses``: the exit code that it is meant to end with; ``live``: what it says on stderr is shown at once.
        Raises Failed when it ends otherwise.
        """
        click.secho(f"\n# {why}", bold=True)
        click.secho(f"$ shipkeeper {line}", fg="cyan")
        out, err = self._run(line, refuses, live)
        shown = cut.of(out)
        if shown:
            click.echo("\n".join(shown))
        left = len([text for text in out.splitlines() if text.strip()]) - len([text for text in shown if text.strip()])
        if left > 0:
            click.secho(f"… {left} more lines: the command above prints them", dim=True)
        _hints(err.splitlines())

    def read(self, line: str) -> Any:
        """What a verb says as JSON; nothing is shown of it. Raises Failed when it fails."""
        return json.loads(self._run(f"{line} -o json", 0, False)[0])

    def note(self, line: str) -> None:
        """Print a command that puts a person's word on record, and run it; nobody needs to read what it prints.

        Raises Failed when it fails.
        """
        click.secho(f"$ shipkeeper {line}", fg="cyan")
        self._run(line, 0, False)

    def _run(self, line: str, refuses: int, live: bool) -> tuple[str, str]:
        """(stdout, stderr) of the verb."""
        out, err = StringIO(), StringIO()
        sys.stdout.flush()
        with redirect_stdout(out), redirect_stderr(sys.stderr if live else err):
            code = main.main(shlex.split(line), prog_name="shipkeeper", standalone_mode=False)
        if (code if isinstance(code, int) else 0) != refuses:
            click.echo(out.getvalue() + err.getvalue(), nl=False)
            raise Failed(f"shipkeeper {line} ended with exit code {code}", code="demo-failed")
        return out.getvalue(), err.getvalue()


def _hints(lines: Sequence[str]) -> None:
    for line in lines[:_MOST_HINTS]:
        click.secho(f"({line})", dim=True)
