"""``shipkeeper demo``: a stranger's first minute, told with the verbs themselves.

Each part is printed as the command that does it and then really run, as of the day on which it happens; only the
night itself is carried out on an embedded twin, because there is no cluster here.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from shipkeeper.app.clock import Hands
from shipkeeper.app.demo_platform import SELECTOR, WINDOW, dump_path, platform_path
from shipkeeper.app.demo_platform.generate import host_facts, packed
from shipkeeper.app.demo_platform.mailbox import VARIABLE, Mailbox
from shipkeeper.app.demo_platform.naming import EVENING
from shipkeeper.app.inventory_file import save
from shipkeeper.app.notices.herald import Herald
from shipkeeper.app.platform_file import read_platform
from shipkeeper.app.propose import load_plan
from shipkeeper.app.rehearse import stopwatch
from shipkeeper.app.standing import keep_agreements, standing_gates
from shipkeeper.app.state import State, read_forecast
from shipkeeper.app.survey import load_inventory
from shipkeeper.app.twin_night import run_on_twin
from shipkeeper.cli.demo_stage import Cut, Stage
from shipkeeper.cli.output import hint
from shipkeeper.cli.screen import Night
from shipkeeper.model.errors import Failed
from shipkeeper.ports.journal import Entry

RUN = "run-demo"
ZONE = "Europe/Stockholm"
FRIDAY, PLANNED, STAGED, MONDAY, TUESDAY, AFTER = (
    "2026-11-20T10:00:00+01:00",
    "2026-11-20T10:40:00+01:00",
    "2026-11-25T08:45:00+01:00",
    "2026-11-30T09:00:00+01:00",
    "2026-12-01T20:15:00+01:00",
    "2026-12-02T08:30:00+01:00",
)
_WHOLE_NODES = 2
"""So many nodes of the night are shown step by step; of the others it is told that they serve."""
SEEN = {
    "users-told": ("on-call", "announced on 20 November, reminded on 30 November"),
    "jobs-settled": ("on-call", "month-end import runs on a node that stays up"),
    "changes-pending": ("on-call", "no merge request waits"),
    "sized": ("platform lead", "reviewed 2 November: each pool bears the loss of a node"),
    "go-live": ("platform lead", "seen: what is unmet is on the board, and none of it is about these nodes"),
    "alerts-known": ("on-call", "one alert fires: the mailer of team-legacy"),
    "alerts-silenced": ("on-call", "silenced for the window; the heartbeat is not"),
}
"""Box → who answers it, and what they saw: what no cluster tells."""
WAIVED = ("platform lead", "team-legacy knows: its mailer has crashed for weeks")


@click.command("demo")
@click.option("--out", default="shipkeeper-demo", show_default=True, metavar="DIR", help="Where everything is written.")
@click.option("--seeds", type=click.IntRange(min=1), default=20, show_default=True, help="Nights to rehearse.")
@click.option(
    "--speed", type=click.FloatRange(min=0), default=600, show_default=True, help="Virtual seconds per second; 0: max."
)
@click.option("--seed", type=int, default=4242, show_default=True, help="The night that is carried out.")
def command(out: str, seeds: int, speed: float, seed: int) -> None:
    """The whole story on an embedded twin of a realistic platform: survey, scope, due, plan, check, rehearse, notices,
    checklist, run, evidence, retrospective. About a minute; needs no cluster and no network.
    """
    began = stopwatch()
    stage = Stage(Path(out), ZONE)
    stage.prepare(
        {
            "platform.json.gz": dump_path().read_bytes(),
            "facts.jsonl": host_facts(),
            "shipkeeper.yaml": platform_path().read_bytes(),
        }
    )
    click.secho(f"$ cd {shlex.quote(out)} && export SHIPKEEPER_STATE=$PWD/state", fg="cyan")
    click.echo("A made-up platform of 30 nodes. Its clock is its own: each part is run as of the day that it says.")
    with Mailbox() as mailbox:
        variables = {"SHIPKEEPER_STATE": "state", VARIABLE: mailbox.url, **_no_proxy()}
        with stage.entered(variables):
            with stage.day(FRIDAY, "what runs, what is due, and what would hurt"):
                _look(stage)
            with stage.day(PLANNED, "a night is planned, rehearsed and announced"):
                _prepare(stage, seeds, mailbox)
            with stage.day(STAGED, "staging went first"):
                _staging(stage)
            with stage.day(MONDAY, "the reminder"):
                _reminder(stage)
            _write_evening()
            with stage.day(TUESDAY, "the last look"):
                _last_look(stage, seeds)
            with stage.day(TUESDAY, "the night") as hands:
                _night(seed, speed, hands)
            click.echo(f"{len(mailbox.letters)} letters by now: announced, reminded, begun, and over.")
            with stage.day(AFTER, "the morning after"):
                _morning(stage)
    _end(out, stopwatch() - began)


def _no_proxy() -> dict[str, str]:
    """No proxy stands between this machine and itself."""
    names = ("NO_PROXY", "no_proxy")
    return {name: ",".join(part for part in (os.environ.get(name, ""), "127.0.0.1") if part) for name in names}


def _look(stage: Stage) -> None:
    stage.tell(
        "What really runs: nodes, releases, Flux, kinds, backups, certificates, findings. It only reads.",
        "survey --from platform.json.gz --facts facts.jsonl --save friday.inv",
        Cut(rows=5, parts=("Source", "Flux objects", "Backups that", "CRDs with", "Unknown")),
    )
    stage.tell(
        "Who owns it, whom to call, and what nobody claims.",
        "scope --from friday.inv",
        Cut(rows=4, parts=("Inside", "Nobody")),
    )
    stage.tell("What must be done by when, and why.", "due --from friday.inv", Cut(rows=3, without=" ok$"))
    stage.tell(
        "Into which window each of it goes: deadlines, notices, a freeze, and what needs what.",
        "plan propose --from friday.inv",
        Cut(rows=4, parts=("Tuesday", "Any time")),
    )
    stage.tell("What would block or hurt a drain, and the fix.", "check --from friday.inv --fail-on never", Cut(5, 1))


def _prepare(stage: Stage, seeds: int, mailbox: Mailbox) -> None:
    stage.tell(
        "One night of it: which node when, bound to this cluster under a digest.",
        f"plan nodes -l {SELECTOR} --from friday.inv --window {WINDOW} --change security-patch "
        "--delete-emptydir-data --save night.plan",
        Cut(10, 2),
    )
    stage.tell(
        f"The night before it happens: {seeds} times on a twin, in virtual time, with the executor that runs it.",
        f"rehearse night.plan --from friday.inv --seeds {seeds} --svg night.svg",
        Cut(21),
        live=True,
    )
    stage.tell(
        "What people are told, in their words.",
        "notices preview night.plan --audience users --kind announcement",
        Cut(rows=3, parts=("announcement", "You do", "Tuesday", "What you", "- ", "Everything")),
    )
    stage.tell("And told, each once, with proof.", "notices send night.plan --by on-call")
    click.echo(f"{len(mailbox.letters)} letters arrived in the demo's own mailbox, on this machine.")
    stage.tell(
        "May the window open? Not yet: these gates are asked again when it does.",
        "windows gates night.plan",
        Cut(9),
        refuses=4,
    )


def _staging(stage: Stage) -> None:
    click.echo(
        "Staging is not part of the demo: that it was maintained on Tuesday is put on record, as for work by hand."
    )
    stage.note('record node-os --environment staging --on 2026-11-24 --by on-call --note "six nodes, no surprises"')


def _reminder(stage: Stage) -> None:
    stage.tell("What is to be told by now.", "notices send night.plan --by on-call")
    stage.tell("What became of each, and whether the window may open.", "notices status night.plan", Cut(5, 1))


def _write_evening() -> None:
    """The same platform on the evening of the night, as another dump. The file of host facts is written anew."""
    Path("evening.json.gz").write_bytes(packed(EVENING))
    Path("facts.jsonl").write_bytes(host_facts(EVENING))


def _last_look(stage: Stage, seeds: int) -> None:
    stage.tell(
        "The platform again: the team has mended what the first survey found.",
        "survey --from evening.json.gz --facts facts.jsonl --save evening.inv --diff friday.inv",
        Cut(9, parts=("Changes",)),
    )
    stage.tell(
        "A run wants a rehearsal of the last 24 hours.",
        f"rehearse night.plan --from evening.inv --seeds {max(1, seeds // 2)} --no-compare",
        Cut(2),
        live=True,
    )
    stage.tell(
        "The boxes that a person would tick. The cluster answers those that it can.",
        "checklist before night.plan --from evening.inv",
        Cut(12, without="^✓ done|^· not"),
    )
    click.secho("\n# People answer the rest, by name. What is not well is set aside on record, or holds.", bold=True)
    for item in stage.read("checklist before night.plan")["items"]:
        if item["state"] == "open":
            who, saw = SEEN[item["id"]]
            stage.note(
                f"checklist before night.plan --tick {item['id']} --by {shlex.quote(who)} --note {shlex.quote(saw)}"
            )
    who, why = WAIVED
    stage.note(f"checklist before night.plan --waive pods-healthy --by {shlex.quote(who)} --note {shlex.quote(why)}")


def _night(seed: int, speed: float, hands: Hands) -> None:
    click.secho("\n# On the twin, journalled and behind the same gates as any run.", bold=True)
    at_speed = f", {speed:g}× time" if speed else ""
    click.secho(f"$ shipkeeper run night.plan --context demo      (here: on the twin{at_speed})", fg="cyan")
    state, plan = State.open(), load_plan("night.plan")
    forecast = read_forecast(state.forecast_path(plan.digest))
    platform, _ = read_platform(Path("shipkeeper.yaml"))
    keep_agreements(plan, platform, state, hands.at_ms)
    screen = Night(forecast, ZONE)

    def show(entry: Entry) -> None:
        line = screen.take(entry)
        if line is not None and (len(screen.finished) < _WHOLE_NODES or " serves (" in line or " → " in line):
            click.echo(line)

    with Herald(plan, platform, Path.cwd(), state, RUN, hint) as herald:
        result, after = run_on_twin(
            plan,
            load_inventory("evening.inv"),
            RUN,
            state,
            forecast=forecast,
            seed=seed,
            speed=speed,
            on_entry=herald.around(show),
            on_time=hands.move,
            standing=standing_gates(plan, platform, state),
        )
    if result.exit_code != 0:
        raise Failed(f"the night ended {result.state}: {result.reason}", code="demo-failed")
    save(after, "after.inv")


def _morning(stage: Stage) -> None:
    stage.tell("The boxes afterwards.", f"checklist after {RUN} --from after.inv", Cut(9, without="^· not"))
    stage.tell("One page for people, one record for machines.", f"evidence write {RUN} --out report", Cut(4))
    stage.tell("The key that anybody can check it with.", "evidence key --out signing.pub")
    stage.tell("And that nobody edited it.", "evidence verify report --key signing.pub", Cut(3, 2))
    stage.tell(
        "Looking back: what was predicted, what came, and what is done about it. That comes back in due.",
        f'retro {RUN} --record --by "platform lead" --present on-call --went-well "nobody noticed" '
        '--improve "two services had all replicas on one node" '
        '--action "spread wishlist over nodes; application owners; 2026-12-18"',
        Cut(5, 5),
    )


def _end(out: str, seconds: float) -> None:
    click.secho(f"\nThat was a maintenance, from the first look to the record, in {seconds:.0f} s.", bold=True)
    folder = Path(out)
    click.echo(f"The report      {folder / 'report' / 'index.html'}")
    click.echo(f"The chart       {folder / 'night.svg'}")
    click.echo(f"Try next, in {shlex.quote(out)} with SHIPKEEPER_STATE=$PWD/state")
    for line in (
        "due --from friday.inv --at 2026-11-20T10:00:00+01:00 --svg life.svg",
        "upgrade path flux --to newest --from friday.inv      (what stands in its way)",
        "report readiness --from friday.inv      (does it run normally, is it sized, was it made ready)",
        "plan explain night.plan z1-general-1/drain",
        "survey --context YOUR-CONTEXT --save mine.inv      (reads only)",
    ):
        click.echo(f"  shipkeeper {line}")
