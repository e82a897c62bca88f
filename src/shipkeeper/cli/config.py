"""``shipkeeper config``: check the platform file, show what holds and why, print its schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.clock import now_ms
from shipkeeper.app.config_explain import FILE, Explained, explain, load_parsed
from shipkeeper.app.platform_file import NAMES, find_platform, load_platform, schema_text
from shipkeeper.app.workdays import check_countries
from shipkeeper.cli.options import output_option, platform_option
from shipkeeper.cli.output import emit, hint
from shipkeeper.model.words import count

if TYPE_CHECKING:
    from rich.console import Console


@click.group("config")
def command() -> None:
    """Check the platform file, show what holds and where it comes from, print its schema."""


@command.command("check")
@platform_option
@output_option()
def check(platform: str | None, output: str) -> None:
    """Read the platform file and tell every mistake in it, with line and column."""
    found = Path(platform) if platform else find_platform(Path.cwd())
    said, assumed = load_platform(platform, Path.cwd())
    for line in assumed:
        hint(line)
    for line in check_countries(load_parsed(platform, Path.cwd()), now_ms()):
        hint(line)
    if found is None:
        hint(f"looked for {' or '.join(NAMES)} from {Path.cwd()} upwards")
    counts = {
        "environments": len(said.environments),
        "clusters": sum(len(env.clusters) for env in said.environments),
        "rebootDrivers": len(said.reboot_drivers),
        "scheduleRows": len(said.schedule),
    }
    names = ("environment", "cluster", "reboot driver", "schedule row")
    told = ", ".join(count(n, name) for n, name in zip(counts.values(), names, strict=True))
    line = f"{found}: in order · {told}" if found is not None else "no platform file: the defaults hold"
    payload = {"file": str(found or ""), "inOrder": True, "counts": counts, "assumed": list(assumed)}
    emit("PlatformCheck", payload, output, lambda _: click.echo(line), lambda: line)


@command.command("show")
@platform_option
@output_option()
def show(platform: str | None, output: str) -> None:
    """Show what holds: the platform file with its defaults filled in."""
    said, assumed = load_platform(platform, Path.cwd())
    for line in assumed:
        hint(line)

    def table(console: Console) -> None:
        import msgspec
        import yaml

        console.print(
            yaml.safe_dump(msgspec.to_builtins(said), sort_keys=False, allow_unicode=True), markup=False, end=""
        )

    emit("Platform", said, output, table)


@command.command("explain")
@click.argument("key")
@platform_option
@output_option()
def explain_key(key: str, platform: str | None, output: str) -> None:
    """Tell where a setting's value comes from, and what it means: notices.major, environments.production.windows.

    Items of lists go by their name, or by number: people[0].roles.
    """
    found = explain(load_parsed(platform, Path.cwd()), key)
    emit("Setting", found, output, lambda _: click.echo(_explained(found)), lambda: _explained(found))


def _explained(found: Explained) -> str:
    import yaml

    where = found.location if found.source == FILE else "not in the platform file: this is the default"
    value = yaml.safe_dump(found.value, sort_keys=False, allow_unicode=True).removesuffix("...\n").rstrip()
    if "\n" in value or (isinstance(found.value, list | dict) and found.value):
        value = "\n" + "\n".join(f"  {line}" for line in value.splitlines())
    lines = [f"{found.key} = {value}", f"from     {where}", f"means    {found.meaning}"]
    if found.below:
        lines.append(f"below    {', '.join(found.below)}")
    return "\n".join(lines)


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of the platform file, for editors."""
    click.echo(schema_text(), nl=False)
