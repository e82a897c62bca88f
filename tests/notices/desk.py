"""A small platform with a plan, a forecast and channels on loopback, as the verbs find it in a folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from click.testing import CliRunner, Result

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.platform_file import read_platform
from shipkeeper.app.state import State
from shipkeeper.assessment.standing.agreement import once, terms_once
from shipkeeper.cli.main import main
from shipkeeper.model.book import BookEvent, WindowAgreed
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.plan import Plan, PlanWindow
from shipkeeper.model.time import DAY, HOUR, iso
from tests.evidence.sample_run import sample_forecast, sample_plan

FILE = """
apiVersion: shipkeeper/v1alpha1
kind: Platform
name: Harbour
zone: Europe/Stockholm
environments:
  - name: production
    follows: ""
    clusters: [{{name: prod}}]
    windows:
      - {{name: monthly, rrule: FREQ=MONTHLY;BYDAY=1TU, start: 22:00, duration: 7h, zone: Europe/Stockholm}}
people:
  - {{name: ops desk, roles: [on-call], contact: ops@example.net, identity: ops}}
  - {{name: platform lead, roles: [lead], identity: lead}}
channels:
{channels}
notices:
  major: 2 months
  kubernetesMinor: 4 weeks
  channels: {{users: [{users}], developers: [{developers}]}}
{more}
"""


@dataclass
class Desk:
    """A folder. ``says`` runs a verb of notices in it."""

    folder: Path
    plan: Plan
    forecast: Forecast
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(
        cls, folder: Path, now_ms: int, channels: str, users: str = "mail", developers: str = "", more: str = "",
        opens_in_ms: int = 30 * DAY, change: str = "security-patch", agreed: bool = True,
    ) -> Desk:  # fmt: skip
        opens_ms = (now_ms + opens_in_ms) // 60_000 * 60_000
        zone = "Europe/Stockholm"
        window = PlanWindow(opens_at=iso(opens_ms, zone), closes_at=iso(opens_ms + 7 * HOUR, zone), zone=zone)
        plan = msgspec.structs.replace(sample_plan(), window=window, change=change).sealed()
        text = FILE.format(channels=channels, users=users, developers=developers, more=more)
        (folder / "shipkeeper.yaml").write_text(text)
        (folder / "night.plan").write_bytes(msgspec.json.encode(plan))
        made = cls(folder, plan, sample_forecast(plan))
        made.state.keep_forecast(made.forecast)
        if agreed:
            name = once(window)
            made.book.write(
                now_ms,
                [
                    WindowAgreed(
                        environment="production",
                        window=name,
                        terms=terms_once(name),
                        by="M-ops",
                        agreed_on="2026-01-01",
                    )
                ],
            )
        return made

    @property
    def state(self) -> State:
        return State.open(self.folder / "state")

    @property
    def book(self) -> Logbook:
        return Logbook.of(self.state, read_platform(self.folder / "shipkeeper.yaml")[0])

    def events(self) -> tuple[BookEvent, ...]:
        return tuple(item.event for item in self.book.read())  # type: ignore[misc]

    def args(self, verb: str, *words: str, plan: bool = True) -> list[str]:
        named = [str(self.folder / "night.plan")] if plan else []
        places = ["--state", str(self.folder / "state"), "--platform", str(self.folder / "shipkeeper.yaml")]
        return ["notices", verb, *named, *places, *words]

    def says(self, verb: str, *words: str, plan: bool = True) -> Result:
        return CliRunner().invoke(main, self.args(verb, *words, plan=plan), env=self.environ)


def mail_channel(port: int, *to: str, name: str = "mail", more: str = "tls: none") -> str:
    return (
        f"  - {{name: {name}, kind: email, server: '127.0.0.1:{port}', sender: ops@example.net, {more}, "
        f"to: [{', '.join(to)}]}}\n"
    )
