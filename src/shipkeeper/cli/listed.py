"""Flags of a drain policy that stand alone for all, or with a list for some."""

from __future__ import annotations

import click

ALL_OR_LISTED = ("--delete-emptydir-data", "--allow-unmanaged")


class NodesCommand(click.Command):
    """Takes ``--flag`` alone for all, and ``--flag=a,b`` for some; a word after the flag stays a node's name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write the flag that stands alone as the list that holds all."""
        end = args.index("--") if "--" in args else len(args)
        written = [f"{arg}=*" if arg in ALL_OR_LISTED else arg for arg in args[:end]]
        return super().parse_args(ctx, [*written, *args[end:]])


def listed(values: tuple[str, ...]) -> tuple[str, ...] | None:
    """Comma-separated items of a flag that may come several times; None when it did not come."""
    items = [item.strip() for value in values for item in value.split(",")]
    if any(not item for item in items):
        raise click.UsageError("an empty item in a list of namespaces or pods")
    return tuple(dict.fromkeys(items)) if items else None
