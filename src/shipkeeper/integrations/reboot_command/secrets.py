"""Secrets in what a command wrote: replaced before anybody keeps it."""

from __future__ import annotations

from collections.abc import Iterable

HIDDEN = b"[hidden]"
_SHORTEST_LINE = 4
"""A line of a secret shorter than this is hidden only as part of the whole."""


def hide(output: bytes, values: Iterable[str]) -> bytes:
    """The output with every secret, and every line of one, replaced."""
    parts = set()
    for value in values:
        parts.add(value.strip())
        parts.update(line.strip() for line in value.splitlines() if len(line.strip()) >= _SHORTEST_LINE)
    for part in sorted(parts, key=lambda text: (-len(text), text)):
        if part:
            output = output.replace(part.encode(), HIDDEN)
    return output
