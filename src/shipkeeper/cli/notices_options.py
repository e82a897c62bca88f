"""What the verbs of ``shipkeeper notices`` have in common: what is told of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from shipkeeper.app.clock import now_ms
from shipkeeper.app.notices.desk import Asked, Desk, open_desk
from shipkeeper.app.platform_file import base_folder, load_platform
from shipkeeper.app.sources import source_of
from shipkeeper.app.state import State
from shipkeeper.app.survey import read_inventory
from shipkeeper.cli.options import platform_option, source_options, state_option
from shipkeeper.cli.output import hint
from shipkeeper.model.declared_windows import CHANGES
from shipkeeper.model.notices import AGREEMENT
from shipkeeper.model.time import parse_instant

F = TypeVar("F", bound=Callable[..., Any])


def matter_options(function: F) -> F:
    """What is told of: a plan or a window, and what those cannot tell by themselves."""
    for option in (
        state_option,
        platform_option,
        source_options,
        click.option("--at", metavar="TIME", help="As of this time (RFC 3339) instead of now."),
        click.option(
            "--kubernetes",
            "reached",
            default="",
            metavar="MINOR",
            help="The Kubernetes minor that is reached: what uses APIs that go away is listed (--from, --context).",
        ),
        click.option("--until", default="", metavar="TIME", help="overrun: when it is now expected to be over."),
        click.option("--zone", default="", metavar="ZONE", help="The readers' zone (IANA name); else the window's."),
        click.option("--forecast", default="", metavar="FILE", help="The plan's forecast; else the one kept in state."),
        click.option("--what", multiple=True, metavar="TEXT", help="A line on what changes, for the readers."),
        click.option(
            "--change",
            "changes",
            multiple=True,
            type=click.Choice(CHANGES),
            help="Class of change of --window; several.",
        ),
        click.option("--cluster", default="", metavar="NAME", help="The cluster that --window is for."),
        click.option(
            "--window",
            default="",
            metavar="WINDOW",
            help="Instead of a plan: a window's name, a date, or one written out.",
        ),
        click.argument("plan", metavar="[PLAN]", required=False, default=""),
    ):
        function = option(function)
    return function


def gather(kinds: tuple[str, ...] = (), *, writes: bool = False, **said: Any) -> tuple[Desk, State, int]:
    """The desk, the state folder and the time, from the options of ``matter_options``."""
    platform, _ = load_platform(said["platform"], Path.cwd())
    state = State.open(said["state"])
    given = said["from_path"] or said["context"] or said["kubeconfig"]
    inventory = read_inventory(source_of(said["from_path"], said["context"], said["kubeconfig"])) if given else None
    at_ms = parse_instant(said["at"]) if said["at"] and not writes else now_ms()
    asked = Asked(
        plan_path=said["plan"],
        window=said["window"],
        cluster=said["cluster"],
        changes=said["changes"],
        what=said["what"],
        forecast_path=said["forecast"],
        zone=said["zone"],
        until=said["until"],
        reached=said["reached"],
        agreement=kinds == (AGREEMENT,),
    )
    desk = open_desk(asked, platform, base_folder(said["platform"], Path.cwd()), state, at_ms, inventory)
    for doubt in desk.doubts:
        hint(f"note: {doubt}")
    return desk, state, at_ms
