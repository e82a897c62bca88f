"""Errors as a person, or a program, reads them: on stderr, with what to do next."""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec

from shipkeeper.cli.commands import repeat_flags
from shipkeeper.model.errors import Failed, Problems, ShipkeeperError, UsageProblem
from shipkeeper.model.record import API_VERSION
from shipkeeper.model.words import count


def report(error: ShipkeeperError, argv: Sequence[str]) -> int:
    """Write the error to stderr, as JSON when ``-o json`` was asked for; returns the exit code."""
    if wants_json(argv):
        click.echo(msgspec.json.format(msgspec.json.encode(as_document(error, argv)), indent=2).decode(), err=True)
    else:
        for one in _each(error):
            _write(one, argv)
        if isinstance(error, Problems):
            click.echo(f"{count(len(error.problems), 'problem')}; nothing was done.", err=True)
    return error.exit_code


def as_document(error: ShipkeeperError, argv: Sequence[str] = ()) -> dict[str, object]:
    """The error as an object of kind Error. Commands in its hint repeat the flags of the call ``argv``."""
    document: dict[str, object] = {
        "apiVersion": API_VERSION,
        "kind": "Error",
        "code": error.code,
        "message": error.message,
        "object": error.object,
        "why": error.why,
        "hint": repeat_flags(error.hint, argv),
        "location": None
        if error.location is None
        else {"file": error.location.file, "line": error.location.line, "column": error.location.column},
    }
    if isinstance(error, Problems):
        document["problems"] = [as_document(one, argv) for one in error.problems]
    return document


def usage(error: click.ClickException) -> ShipkeeperError:
    """What click says of a wrong call, as an error of ours."""
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx is not None else "shipkeeper"
    return UsageProblem(error.format_message(), hint=f"{path} --help")


def unexpected(error: Exception) -> ShipkeeperError:
    """What nobody foresaw: the system's own words for a file, and for anything else a plea to report it."""
    if isinstance(error, OSError):
        return Failed(error.strerror or str(error), object=str(error.filename or ""))
    return Failed(
        f"this should not happen: {type(error).__name__}: {error}",
        code="internal",
        why="what was asked for was not finished",
        hint="shipkeeper -vv … shows where it happened; please report it with that",
    )


def _each(error: ShipkeeperError) -> Sequence[ShipkeeperError]:
    return error.problems if isinstance(error, Problems) and error.problems else (error,)


def _write(error: ShipkeeperError, argv: Sequence[str]) -> None:
    where = f"{error.location}: " if error.location else ""
    about = f"{error.object}: " if error.object and error.object not in error.message else ""
    click.echo(f"error: {where}{about}{error.message}", err=True)
    if error.why:
        click.echo(f"  why it matters: {error.why}", err=True)
    if error.hint:
        click.echo(f"  what to do: {repeat_flags(error.hint, argv)}", err=True)


def wants_json(argv: Sequence[str]) -> bool:
    """Whether ``-o json`` stands among the words, in any of its spellings."""
    pairs = zip(argv, [*argv[1:], ""], strict=False)
    return any(
        (flag in ("-o", "--output") and value == "json") or flag in ("-ojson", "--output=json") for flag, value in pairs
    )
