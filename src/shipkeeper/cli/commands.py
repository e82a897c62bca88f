"""Commands inside words for people: each repeats the flags it needs to work where it is pasted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

import click

_REPEATED = ("context", "kubeconfig", "platform", "state")
"""Flags that say where everything is. A value from the environment is not repeated: it is still there then."""

_COMMAND = re.compile(r"\bshipkeeper((?: [a-z][a-z-]*)+)")


def repeat_flags(text: str, argv: Sequence[str]) -> str:
    """The text, with the flags of this call in every shipkeeper command that takes them and does not name them."""
    given = [(name, value) for name in _REPEATED if (value := _value(argv, name))]
    found = list(_COMMAND.finditer(text))
    if not given or not found:
        return text
    parts: list[str] = []
    at = 0
    for match, following in zip(found, [*found[1:], None], strict=True):
        rest = text[match.end() : following.start() if following is not None else len(text)]
        words = match.group(1).split()
        command, taken = _resolve(words)
        if command is None or rest.startswith(" --help"):
            continue
        end = match.start(1) + len("".join(f" {word}" for word in words[:taken]))
        parts += [text[at:end], *_flags(command, given, text[end : match.end()] + rest)]
        at = end
    return "".join((*parts, text[at:]))


def _flags(command: click.Command, given: Sequence[tuple[str, str]], rest: str) -> list[str]:
    known = {option for parameter in command.params for option in parameter.opts}
    if "--from" in rest:
        known -= {"--context", "--kubeconfig"}  # it reads a file instead
    said = [(f"--{name}", value) for name, value in given]
    return [f" {flag} {shlex.quote(value)}" for flag, value in said if flag in known and flag not in rest]


def _resolve(words: Sequence[str]) -> tuple[click.Command | None, int]:
    """The command that the words name, and how many of them name it; None for what is no verb of ours."""
    from shipkeeper.cli.main import main

    command: click.Command = main
    taken = 0
    for word in words:
        child = command.get_command(click.Context(command), word) if isinstance(command, click.Group) else None
        if child is None:
            break
        command, taken = child, taken + 1
    return (command, taken) if taken else (None, 0)


def _value(argv: Sequence[str], name: str) -> str:
    """The value of a flag among the words of a call; empty when it is not there."""
    flag = f"--{name}"
    value = ""
    for word, following in zip(argv, [*argv[1:], ""], strict=False):
        if word == "--":
            break
        if word == flag:
            value = following
        elif word.startswith(f"{flag}="):
            value = word.partition("=")[2]
    return value
