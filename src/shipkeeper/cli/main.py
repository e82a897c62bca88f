"""The entry point: a group that imports a verb only when it is called, and turns errors into words and exit codes."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys
from typing import Any

import click

from shipkeeper import __version__
from shipkeeper.model.errors import ShipkeeperError

VERBS = {
    "init": "Write a first platform file from what a cluster shows and what you answer.",
    "survey": "Read what really runs, from a cluster or a dump.",
    "due": "What must be done by when, and why.",
    "classify": "What class a change is of: security patch, minor or major, critical or not, and why.",
    "check": "What would block or hurt a drain, and the fix.",
    "upgrade": "The way to a version, what to read before each hop, and who has.",
    "plan": "Order nodes into batches and windows; explain and compare plans.",
    "rehearse": "Play the plan on a twin of the cluster, many times, in virtual time.",
    "report": "Whether an environment is ready: runs normally, is sized, its go-live list is done.",
    "checklist": "The boxes a person would tick before and after.",
    "windows": "When maintenance may happen, who agreed to it, and how windows were used.",
    "notices": "Who is told what, and when.",
    "run": "Carry out a plan, durably and behind gates.",
    "runs": "List runs; status, pause, resume, approve, abort, release.",
    "evidence": "Write and verify the record of a run.",
    "retro": "Look back at a run: predicted against actual, what to improve, who does it.",
    "actions": "What people decided to improve: list, open, close.",
    "record": "Put work on record that was carried out by other means.",
    "people": "Who has carried out what, and what only one person knows.",
    "attest": "Put on record that a human check was done: audits, laptops, tests.",
    "knowledge": "The facts that decisions rest on: look at them, update, verify, hand on.",
    "doctor": "Reach, rights, clock, keys, state: what is missing and how to mend it.",
    "scope": "What is inside the fence and outside, who owns it, whom to escalate to.",
    "config": "Explain and check the platform file.",
    "demo": "The whole story in a minute, on an embedded twin.",
}
"""Verb → one line of help. The module is ``shipkeeper.cli.<verb>``; its command is called ``command``."""

SHORT = ("status", "pause", "resume", "approve", "abort")
"""Words that stand for ``runs WORD``; they are not listed."""

_YOUNG = 200_000
"""Objects made before Python looks for cycles among them. A big cluster is a million objects that stay and have none:
looking every 700 of them, as Python does unless told otherwise, took a fifth of a verb's time.
"""


class LazyVerbs(click.Group):
    """Lists verbs without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Verbs in the order of a maintenance night."""
        return [verb for verb in VERBS if importlib.util.find_spec(f"shipkeeper.cli.{verb}") is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module; None for a word that is not a verb."""
        if cmd_name in SHORT:
            runs: click.Group = importlib.import_module("shipkeeper.cli.runs").command
            return runs.commands[cmd_name]
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"shipkeeper.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs with their one line each, from the table."""
        rows = [(verb, VERBS[verb]) for verb in self.list_commands(ctx)]
        if rows:
            with formatter.section("Verbs"):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; an error becomes words on stderr and the exit code of its kind."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            from shipkeeper.cli.errors import report, usage, wants_json

            if not wants_json(sys.argv[1:]):
                raise
            ctx.exit(report(usage(error), sys.argv[1:]))
        except (click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if (ctx.obj or {}).get("verbose", 0) >= 2:
                raise
            from shipkeeper.cli.errors import report, unexpected

            ctx.exit(report(error if isinstance(error, ShipkeeperError) else unexpected(error), sys.argv[1:]))


@click.command(cls=LazyVerbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="shipkeeper")
@click.option("-v", "--verbose", count=True, help="Say more; -vv shows a stack trace with an error.")
@click.pass_context
def main(ctx: click.Context, verbose: int) -> None:
    """Shipkeeper looks after Kubernetes platforms: it knows what maintenance is due, plans it, rehearses it,
    carries it out behind gates, and proves it.
    """
    gc.set_threshold(_YOUNG)
    ctx.obj = {"verbose": verbose}


if __name__ == "__main__":
    main(prog_name="shipkeeper")
