"""Options that the words of ``upgrade`` share, and what they add up to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from shipkeeper.app.identity import who_am_i
from shipkeeper.app.knowledge import knowledge_of
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.sources import source_of
from shipkeeper.app.speaker import Speaker, person_of, speaker
from shipkeeper.app.state import State
from shipkeeper.app.survey import read_inventory
from shipkeeper.app.upgrade import Upgrade, Wish, look_ahead
from shipkeeper.cli.options import platform_option, state_option
from shipkeeper.cli.output import hint
from shipkeeper.model.errors import Refused
from shipkeeper.model.platform import Platform

F = TypeVar("F", bound=Callable[..., Any])


def path_options(function: F) -> F:
    """What names a path: the component, its ends, the rule, and where its releases and facts are known from."""
    for option in (
        state_option,
        platform_option,
        click.option(
            "--releases", default="", metavar="FILE", help="A list of releases, a line each: TAG YYYY-MM-DD. Or JSON."
        ),
        click.option(
            "--checkout", default="", metavar="DIR",
            help="A git checkout of the component: its tags are the releases, its notes are read at them.",
        ),
        click.option("--skip-late", is_flag=True, help="Leave out patches that came out after the next minor."),
        click.option("--policy", default="", metavar="ID", help="The path policy; else the platform file's."),
        click.option(
            "--to", "target", default="", metavar="VERSION", help="A version, a minor (then its newest), or newest."
        ),
        click.option("--from-version", "start", default="", metavar="VERSION", help="What runs now; else as surveyed."),
        click.argument("component", metavar="COMPONENT"),
    ):  # fmt: skip
        function = option(function)
    return function


def speaker_options(function: F) -> F:
    """``--by``, ``--context``, ``--kubeconfig``: who speaks, and the cluster that says so."""
    for option in (
        click.option("--kubeconfig", metavar="PATH", help="kubeconfig file, instead of $KUBECONFIG or ~/.kube/config."),
        click.option(
            "--context", metavar="NAME", help="The cluster that is asked who you are; else this login is noted."
        ),
        click.option("--by", required=True, metavar="NAME", help="Who says so, as in people: of the platform file."),
    ):
        function = option(function)
    return function


def look(
    asked: dict[str, Any], state: str | None, inventory_from: tuple[str | None, str | None, str | None] | None = None
) -> Upgrade:
    """The path that the options name; doubts go to stderr."""
    platform, _ = load_platform(asked["platform"], Path.cwd())
    inventory = None
    if inventory_from is not None and any(inventory_from):
        inventory = read_inventory(source_of(*inventory_from))
    wish = Wish(
        component=asked["component"],
        start=asked["start"],
        target=asked["target"],
        policy=asked["policy"],
        skip_late=asked["skip_late"],
        via=tuple(asked.get("via", ())),
        checkout=asked["checkout"],
        releases=asked["releases"],
    )
    found = look_ahead(
        wish,
        platform,
        asked["platform"],
        inventory,
        knowledge=knowledge_of(State.open(state), platform, asked["platform"], Path.cwd()),
    )
    for sentence in found.assumptions:
        hint(f"note: {sentence}")
    return found


def who_speaks(platform: Platform, by: str, context: str | None, kubeconfig: str | None) -> Speaker:
    """The person, with what the API server calls them when one is asked."""
    identity = who_am_i(context or "", kubeconfig or "") if context or kubeconfig else ""
    who = speaker(platform, by, identity)
    owner = person_of(platform, identity) if identity else None
    if owner is not None and owner.name != who.name:
        raise Refused(
            f"the API server says that you are {identity}, and that is {owner.name}, not {who.name}",
            code="somebody-else",
            object=who.name,
            why="a record in another person's name would count as a second person",
            hint=f"speak as --by {owner.name!r}, or let {who.name} log in",
        )
    return who
