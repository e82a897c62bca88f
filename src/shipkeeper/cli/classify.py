"""``shipkeeper classify``: what class a change is of, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from msgspec.structs import replace

from shipkeeper.app.classify import Around, Given, classify_given, exposure_answer
from shipkeeper.app.clock import now_ms
from shipkeeper.app.knowledge import load_knowledge
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.platform_file import find_platform, load_platform
from shipkeeper.app.sources import source_of
from shipkeeper.app.state import State
from shipkeeper.app.survey import read_inventory
from shipkeeper.app.updates import class_updates, find_updates
from shipkeeper.cli.classify_screen import draw, draw_updates, markdown, updates_markdown
from shipkeeper.cli.options import output_option, platform_option, source_options, state_option
from shipkeeper.cli.output import emit, hint
from shipkeeper.knowledge.library import Knowledge
from shipkeeper.model.book import EmergencyDeclared, ExposureAnswered
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.time import moment, parse_instant


@click.command("classify")
@click.option("--component", default="", metavar="NAME", help="What changes, such as kyverno or kubernetes.")
@click.option(
    "--updates",
    multiple=True,
    metavar="REPO",
    help="List the updates that wait as Renovate's branches here, instead of one component.",
)
@click.option(
    "--from-version", default="", metavar="V", help="The version that runs; else the chart's, or what --from shows."
)
@click.option("--to-version", default="", metavar="V", help="The version to go to; else the new chart's.")
@click.option("--chart-old", default="", metavar="PATH", help="The chart that is installed: folder or .tgz.")
@click.option("--chart-new", default="", metavar="PATH", help="The chart to go to: folder or .tgz.")
@click.option("--values", default="", metavar="FILE", help="Your values; only their keys and types are looked at.")
@click.option("--crds-old", default="", metavar="PATH", help="Definitions that are installed: file, folder or archive.")
@click.option("--crds-new", default="", metavar="PATH", help="Definitions to go to.")
@click.option(
    "--objects", default="", metavar="PATH", help="Custom objects that exist, as kubectl get -A -o yaml writes them."
)
@click.option("--objects-complete", is_flag=True, help="--objects has all there are: a kind without any has none.")
@click.option("--manifests-old", default="", metavar="PATH", help="What helm template makes of the old chart.")
@click.option("--manifests-new", default="", metavar="PATH", help="What helm template makes of the new chart.")
@click.option(
    "--changelog", "changelogs", multiple=True, metavar="FILE", help="Change log or release notes; may be repeated."
)
@click.option("--kubernetes", default="", metavar="V", help="The Kubernetes that it has to run on; else the cluster's.")
@click.option("--mends", multiple=True, metavar="CVE", help="A vulnerability that the change mends; may be repeated.")
@click.option("--exploited", default="", metavar="FILE", help="Catalogue of exploited vulnerabilities (CISA's JSON).")
@click.option("--exposed", multiple=True, metavar="CVE=REASON", help="Record: it can be used here, and why.")
@click.option("--not-exposed", multiple=True, metavar="CVE=REASON", help="Record: it cannot be used here, and why.")
@click.option("--by", default="", metavar="NAME", help="Who says so, as in people: of the platform file.")
@click.option("--all", "whole", is_flag=True, help="In the table: every piece of evidence.")
@click.option("--at", metavar="TIME", help="Answer as of this time (RFC 3339) instead of now.")
@source_options
@platform_option
@state_option
@output_option()
def command(
    component: str,
    updates: tuple[str, ...],
    exploited: str,
    exposed: tuple[str, ...],
    not_exposed: tuple[str, ...],
    by: str,
    whole: bool,
    at: str | None,
    from_path: str | None,
    context: str | None,
    kubeconfig: str | None,
    platform: str | None,
    state: str | None,
    output: str,
    **given: str | bool | tuple[str, ...],
) -> None:
    """Say what class a change is of (security patch, minor, major), whether it is critical, and why.

    Minor: application developers will not notice. Major: they may. Everything given is compared, and everything that
    was not is named.
    """
    said, assumed = load_platform(platform, Path.cwd())
    for line in assumed:
        hint(line)
    at_ms = parse_instant(at) if at else now_ms()
    kept = State.open(state)
    folder = _folder(platform)
    sources = replace(said.sources, exploited=str(Path(exploited).absolute())) if exploited else said.sources
    knowledge = load_knowledge(kept, sources, folder)
    if not component:
        _list_updates(updates or tuple(str(folder / one) for one in sources.updates), knowledge, at_ms, output)
        return
    book = Logbook.of(kept, said)
    pairs = [*(_pair("exposed", one) for one in exposed), *(_pair("not-exposed", one) for one in not_exposed)]
    answers = [exposure_answer(said, knowledge, component, *pair, by) for pair in pairs]
    inventory: Inventory | None = None
    if from_path or context or kubeconfig:
        inventory = read_inventory(source_of(from_path, context, kubeconfig))
    around = Around(
        platform=said,
        knowledge=knowledge,
        today=moment(at_ms, said.zone).date(),
        inventory=inventory,
        answers=(*book.of_kind(ExposureAnswered), *answers),
        emergencies=book.of_kind(EmergencyDeclared),
    )
    found = classify_given(Given(component=component, **given), around)  # type: ignore[arg-type]
    if answers:  # everything else was read: nothing is on record of a call that could not be answered
        book.write(at_ms, answers)
        hint(f"recorded in the logbook: {', '.join(f'{one.vulnerability} {one.answer}' for one in answers)}")
    emit(
        "ChangeClass",
        found,
        output,
        lambda console: draw(console, found, said.notices, whole),
        lambda: markdown(found, said.notices),
    )


def _pair(flag: str, text: str) -> tuple[str, str, str]:
    id, equals, reason = text.partition("=")
    if not equals or not reason.strip():
        raise UsageProblem(
            f"--{flag} {text!r} gives no reason",
            why="whoever reads the record asks why",
            hint=f"write --{flag} {id or 'CVE-2026-1234'}='the vulnerable part is switched off here'",
        )
    return id.strip().upper(), flag, reason.strip()


def _folder(platform: str | None) -> Path:
    """The folder that the platform file's paths are relative to."""
    file = Path(platform) if platform else find_platform(Path.cwd())
    return file.absolute().parent if file is not None else Path.cwd()


def _list_updates(folders: Sequence[str], knowledge: Knowledge, at_ms: int, output: str) -> None:
    """Every update that waits in these repositories, with the class that its versions give it."""
    if not folders:
        raise UsageProblem(
            "what changes is not said",
            hint="--component NAME for one change; --updates REPO for the updates that wait as Renovate's branches",
        )
    found = class_updates(*find_updates(folders), knowledge, at_ms)
    for line in found.unknown:
        hint(f"unknown: {line}")
    emit(
        "OpenUpdates",
        found,
        output,
        lambda console: draw_updates(console, found),
        lambda: updates_markdown(found),
    )
