"""A person at a terminal, with a platform file and a state folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.platform_file import read_platform
from shipkeeper.app.state import State
from shipkeeper.cli.main import main
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.platform import Platform
from tests.evidence.sample_run import RUN, Timed, night

TEAM = """
name: payments
zone: Europe/Stockholm
environments:
  - name: staging
    production: false
    clusters: [{name: staging}]
  - name: production
    clusters: [{name: prod, uid: 5b1c-kube-system}]
scope:
  - {component: monitoring, owner: platform team, namespaces: [monitoring]}
  - {component: shop, inside: false, owner: shop team, namespaces: [team-3]}
people:
  - {name: on-call, roles: [on-call], identity: ana@example.org}
  - {name: platform lead, roles: [lead], identity: ben@example.org}
  - {name: security officer, roles: [security]}
"""


class Desk:
    """Calls verbs as a person does. ``team`` is the platform file; empty: there is none."""

    def __init__(self, folder: Path, team: str = TEAM) -> None:
        self.folder, self.file = folder, folder / "shipkeeper.yaml"
        self.state = State.open(folder / "state")
        self.file.write_text(team or "name: payments\n")

    @property
    def platform(self) -> Platform:
        return read_platform(self.file)[0]

    @property
    def book(self) -> Logbook:
        return Logbook.of(self.state, self.platform)

    def run(self, *words: str, typed: str = "") -> Result:
        known = ["--platform", str(self.file), "--state", str(self.state.folder)]
        return CliRunner().invoke(main, [*words, *known], input=typed or None)

    def bare(self, *words: str) -> Result:
        """A verb that takes no platform file."""
        return CliRunner().invoke(main, list(words))

    def ok(self, *words: str) -> str:
        result = self.run(*words)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def json(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ok(*words, "-o", "json"))
        return found

    def refused(self, *words: str) -> tuple[int, str]:
        """(exit code, what stderr says) of a call that must not succeed; nothing is written by it."""
        before = self.book.read()
        result = self.run(*words)
        assert result.exit_code, f"{words} should not have been accepted"
        assert self.book.read() == before, "a refused word is on record"
        return result.exit_code, result.stderr

    def keep(self, run: str = RUN, told: list[Timed] | None = None) -> None:
        """Put a run into the journal."""
        journal = SqliteJournal(self.state.journal_path)
        for at_ms, event in night() if told is None else told:
            journal.append(run, at_ms, [event])
        journal.close()
