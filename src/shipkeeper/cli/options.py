"""Options that several verbs share."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("table", "json", "yaml", "markdown")


def source_options(function: F) -> F:
    """``--from``, ``--context``, ``--kubeconfig``: keyword arguments ``from_path``, ``context``, ``kubeconfig``."""
    for option in (
        click.option("--kubeconfig", metavar="PATH", help="kubeconfig file, instead of $KUBECONFIG or ~/.kube/config."),
        click.option("--context", metavar="NAME", help="Read the live cluster of this kubeconfig context."),
        click.option(
            "--from", "from_path", metavar="PATH", help="Read a saved inventory or a dump (folder, archive or file)."
        ),
    ):
        function = option(function)
    return function


def platform_option(function: F) -> F:
    """``--platform``: keyword argument ``platform``."""
    return click.option(
        "--platform",
        metavar="FILE",
        help="The platform file; else shipkeeper.yaml is looked for upwards from the current folder.",
    )(function)


def output_option(*more: str) -> Callable[[F], F]:
    """``-o``: keyword argument ``output``, one of table, json, yaml, markdown and what the verb adds."""
    return click.option(
        "-o", "--output", type=click.Choice([*FORMATS, *more]), default="table", show_default=True, help="Format."
    )


def state_option(function: F) -> F:
    """``--state``: keyword argument ``state``, the folder with the journal and forecasts."""
    return click.option(
        "--state", metavar="DIR", envvar="SHIPKEEPER_STATE", help="State folder (journal, forecasts, keys)."
    )(function)


def given(*names: str) -> str:
    """The flags of that name that stood on the command line, to be repeated in a command that comes next.

    A value from the environment is not repeated: it is still there then.
    """
    ctx = click.get_current_context()
    found = [
        f" --{name.removesuffix('_path')} {shlex.quote(str(ctx.params[name]))}"
        for name in names
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    ]
    return "".join(found)
