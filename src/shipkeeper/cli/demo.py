"""``shipkeeper demo``: a stranger's first minute, told with the verbs themselves.

Each part is printed as the command that does it and then really run; only the night itself is carried out on an
embedded twin, because there is no cluster here.
"""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import shutil
from pathlib import Path

import click
from msgspec.structs import replace

from shipkeeper.app.clock import now_ms, standing_at
from shipkeeper.app.demo_platform import SELECTOR, WINDOW, dump_path, platform_path
from shipkeeper.app.inventory_file import save
from shipkeeper.app.platform_file import read_platform
from shipkeeper.app.propose import load_plan
from shipkeeper.app.rehearse import stopwatch
from shipkeeper.app.standing import standing_gates
from shipkeeper.app.state import State, read_forecast
from shipkeeper.app.survey import load_inventory
from shipkeeper.app.twin_night import run_on_twin
from shipkeeper.cli.main import main
from shipkeeper.cli.screen import Night
from shipkeeper.model.errors import Failed, UsageProblem
from shipkeeper.model.time import HOUR
from shipkeeper.ports.journal import Entry

RUN = "run-demo"
ACCEPTED = {
    "pods-healthy": "team-legacy knows that its mailer crashes",
    "backups-recent": "the databases of the demo have no backup",
}
"""Boxes of the demo's platform that are not well, and why the night goes on all the same."""


@click.command("demo")
@click.option("--out", default="shipkeeper-demo", show_default=True, metavar="DIR", help="Where everything is written.")
@click.option("--seeds", type=click.IntRange(min=1), default=30, show_default=True, help="Nights to rehearse.")
@click.option(
    "--speed", type=click.FloatRange(min=0), default=400, show_default=True, help="Virtual seconds per second; 0: max."
)
@click.option("--seed", type=int, default=4242, show_default=True, help="The night that is carried out.")
def command(out: str, seeds: int, speed: float, seed: int) -> None:
    """The whole story on an embedded twin of a realistic platform: survey, due, check, plan, rehearse, checklist,
    notices, run, evidence. About a minute; needs no cluster and no network.
    """
    began = stopwatch()
    story = _Story(Path(out))
    story.prepare()
    story.tell("What really runs, from an ordinary dump.", "survey --from {dump} --save {inv}")
    story.tell("What must be done by when, and why.", "due --from {inv} --platform {platform}")
    story.tell(
        "What would block or hurt a drain, anywhere on the platform, and the fix.",
        "check --from {inv} --platform {platform} --fail-on never",
    )
    story.tell(
        "The night: which node when, bound to this cluster under a digest.",
        f"plan nodes -l {SELECTOR} --from {{inv}} --platform {{platform}} --window {WINDOW} "
        "--delete-emptydir-data --save {plan}",
    )
    story.tell(
        f"The night before it happens: {seeds} times on a twin, in virtual time, with the executor that runs it.",
        f"rehearse {{plan}} --from {{inv}} --seeds {seeds} --state {{state}} --save {{forecast}} --svg {{svg}}",
    )
    story.tell(
        "What people are told, in their words.",
        "notices preview {plan} --forecast {forecast} --platform {platform} --audience users --kind announcement",
    )
    story.tell(
        "When it may happen, and who agreed to it.", "windows list --plan {plan} --platform {platform} --state {state}"
    )
    story.tell(
        "The gates about people and calendars, as of that night: production goes after staging.",
        "windows gates {plan} --platform {platform} --state {state}",
        refused=4,
    )
    story.tell(
        "There is no staging cluster here, so somebody says so, on record.",
        'windows waive staging-first {plan} --reason "the demo has no staging cluster" --by "platform lead" '
        "--platform {platform} --state {state}",
    )
    story.tell(
        "And nobody here is told anything, which is said on record too.",
        'windows waive notices-sent {plan} --reason "the demo tells nobody" --by "platform lead" '
        "--platform {platform} --state {state}",
    )
    story.evening()
    story.night(seed, speed)
    story.tell(
        "The boxes afterwards.",
        f"checklist after {RUN} --from {{after}} --platform {{platform}} --state {{state}}",
    )
    story.tell("The proof.", f"evidence write {RUN} --state {{state}} --forecast {{forecast}} --out {{report}}")
    story.tell("The key that anybody can check it with.", "evidence key --state {state} --out {key}")
    story.tell("And that nobody edited it.", "evidence verify {report} --key {key}")
    story.end(stopwatch() - began)


class _Story:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = {
            "dump": folder / "platform.json.gz",
            "platform": folder / "shipkeeper.yaml",
            "inv": folder / "prod.inv",
            "plan": folder / "night.plan",
            "forecast": folder / "night.forecast",
            "svg": folder / "night.svg",
            "state": folder / "state",
            "report": folder / "report",
            "key": folder / "signing.pub",
            "evening": folder / "evening.inv",
            "after": folder / "after.inv",
        }

    def prepare(self) -> None:
        marker = self.folder / ".shipkeeper-demo"
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
            shutil.copy(dump_path(), self.paths["dump"])
            shutil.copy(platform_path(), self.paths["platform"])
        except OSError as error:
            raise UsageProblem(
                f"{self.folder} cannot be written: {error.strerror}",
                hint="name another folder: shipkeeper demo --out DIR",
            ) from error

    def tell(self, why: str, line: str, refused: int = 0) -> None:
        """Print a command and run it. ``refused``: the exit code with which it is meant to refuse."""
        args = line.format(**{name: shlex.quote(str(path)) for name, path in self.paths.items()})
        click.secho(f"\n# {why}", bold=True)
        click.secho(f"$ shipkeeper {args}", fg="cyan")
        code = main.main(shlex.split(args), prog_name="shipkeeper", standalone_mode=False)
        if (code if isinstance(code, int) else 0) != refused:
            raise Failed(f"shipkeeper {args} ended with exit code {code}", code="demo-failed")

    def evening(self) -> None:
        """Two hours before the window: the boxes are read, ticked by a person, or set aside on record."""
        plan = load_plan(str(self.paths["plan"]))
        opens_ms = plan.window.opens_ms if plan.window is not None else now_ms()
        with standing_at(opens_ms - 2 * HOUR):
            save(replace(load_inventory(str(self.paths["inv"])), taken_ms=now_ms()), str(self.paths["evening"]))
            known = "--platform {platform} --state {state}"
            self.tell(
                "The evening: the boxes a person would tick, computed where the cluster can tell.",
                f"checklist before {{plan}} --from {{evening}} {known}",
            )
            click.secho(
                "\n# What is not well is set aside on record by somebody who says why; the rest is seen to.", bold=True
            )
            for box, why in ACCEPTED.items():
                self.do(f'checklist before {{plan}} --waive {box} --by "platform lead" --note "{why}" {known}')
            boxes = self.do(f"checklist before {{plan}} {known} -o json", shown=False)
            waiting = [box["id"] for box in json.loads(boxes)["items"] if box["state"] in ("open", "unknown")]
            for n, box in enumerate(waiting):
                self.do(f"checklist before {{plan}} --tick {box} --by on-call --note seen {known}", shown=not n)
            click.echo(f"  … and {len(waiting) - 1} more ticks")

    def do(self, line: str, shown: bool = True) -> str:
        """Run a command for what it does; what it says is returned, and not printed."""
        args = line.format(**{name: shlex.quote(str(path)) for name, path in self.paths.items()})
        if shown:
            click.secho(f"$ shipkeeper {args}", fg="cyan")
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            code = main.main(shlex.split(args), prog_name="shipkeeper", standalone_mode=False)
        if isinstance(code, int) and code:
            raise Failed(f"shipkeeper {args} ended with exit code {code}", code="demo-failed")
        return said.getvalue()

    def night(self, seed: int, speed: float) -> None:
        click.secho("\n# The night itself, on the twin, journalled like any run.", bold=True)
        click.secho(
            f"$ shipkeeper run {self.paths['plan']} --context demo      (here: on the twin, {speed:g}× time)", fg="cyan"
        )
        plan, forecast = load_plan(str(self.paths["plan"])), read_forecast(self.paths["forecast"])
        platform, _ = read_platform(self.paths["platform"])
        state = State.open(self.paths["state"])
        screen = Night(forecast)

        def show(entry: Entry) -> None:
            line = screen.take(entry)
            if line is not None:
                click.echo(line)

        result, after = run_on_twin(
            plan,
            load_inventory(str(self.paths["inv"])),
            RUN,
            state,
            forecast=forecast,
            seed=seed,
            speed=speed,
            on_entry=show,
            on_time=lambda now_ms: None,
            standing=standing_gates(plan, platform, state),
        )
        if result.exit_code != 0:
            raise Failed(f"the night ended {result.state}: {result.reason}", code="demo-failed")
        save(after, str(self.paths["after"]))

    def end(self, seconds: float) -> None:
        quoted = {name: shlex.quote(str(path)) for name, path in self.paths.items()}
        click.secho(f"\nThat was a maintenance night, in {seconds:.0f} s.", bold=True)
        click.echo(f"The report      {self.paths['report'] / 'index.html'}")
        click.echo(f"The chart       {self.paths['svg']}")
        click.echo("Try next")
        for line in (
            "check --from {dump} --platform {platform}",
            "plan explain {plan} z1-general-1/drain",
            f"plan nodes -l {SELECTOR} --from {{inv}} --order zones --max-parallel 2",
            "survey --context YOUR-CONTEXT --save mine.inv      (reads only)",
        ):
            click.echo(f"  shipkeeper {line.format(**quoted)}")
