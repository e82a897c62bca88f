"""Data on stdout: an envelope for programs, a table for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click
import msgspec

from shipkeeper.model.record import API_VERSION

if TYPE_CHECKING:
    from rich.console import Console


def emit(
    kind: str,
    payload: msgspec.Struct | Mapping[str, Any],
    output: str,
    table: Callable[[Console], None],
    markdown: Callable[[], str] | None = None,
) -> None:
    """Write the payload in the asked format. ``table`` draws on a Console; ``markdown`` returns text."""
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(envelope(kind, payload)), indent=2).decode())
    elif output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(envelope(kind, payload), sort_keys=False, allow_unicode=True), nl=False)
    elif output == "markdown" and markdown is not None:
        click.echo(markdown())
    else:
        table(console())


def envelope(kind: str, payload: msgspec.Struct | Mapping[str, Any]) -> dict[str, Any]:
    """The payload's keys behind ``apiVersion`` and ``kind``."""
    body = msgspec.to_builtins(payload)
    return {"apiVersion": API_VERSION, "kind": kind, **{k: v for k, v in body.items() if k not in _HEAD}}


_HEAD = ("apiVersion", "kind")


def console(stderr: bool = False) -> Console:
    """A rich console that honours NO_COLOR, FORCE_COLOR, TERM=dumb and COLUMNS; wide enough when it is not a TTY."""
    import os

    from rich.console import Console

    made = Console(stderr=stderr, highlight=False, soft_wrap=False, emoji=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made = Console(stderr=stderr, highlight=False, soft_wrap=False, emoji=False, width=140)
    return made


def hint(text: str) -> None:
    """A progress line or hint, on stderr."""
    click.echo(text, err=True)


def markdown_table(headers: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; pipes in cells are escaped."""
    lines = ["| " + " | ".join(headers) + " |", "|" + "---|" * len(headers)]
    for row in rows:
        cells = (cell.replace("|", "\\|").replace("\n", " ") for cell in row)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
