"""Columns that fit: words stay whole where they can, names stay whole always, and long reasons go below their row."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_GAP = 2
_BESIDE = 44
"""A last column narrower than this is read more easily under its row."""
_LEAST = 8
_INDENT = 4


def show_columns(
    console: Console,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    whole: Sequence[int] = (),
    last_below: bool = False,
    right: Sequence[int] = (),
    styles: Mapping[tuple[int, int], str] | None = None,
) -> None:
    """Print a table no wider than the console.

    ``whole``: columns that are never broken, such as names somebody copies. ``last_below``: the last column is prose;
    where little room is left beside the others it goes under its row. ``styles``: a style by (row, column).
    """
    for line in lay_out(heads, rows, console.width, whole, last_below, right, styles or {}):
        console.print(line, no_wrap=True, overflow="ignore", crop=False)


def say(console: Console, label: str, text: str, style: str = "") -> None:
    """Print text that wraps between words and hangs behind its label, which may have a style."""
    for i, line in enumerate(_wrapped(text, max(_LEAST, console.width - len(label)))):
        console.print(label if i == 0 else " " * len(label), markup=False, style=style or None, end="")
        console.print(line, markup=False, soft_wrap=True)


def lay_out(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    whole: Sequence[int],
    last_below: bool,
    right: Sequence[int],
    styles: Mapping[tuple[int, int], str],
) -> list[Text]:
    """The table's lines."""
    from rich.text import Text

    below = last_below and _is_cramped(heads, rows, width)
    shown = len(heads) - 1 if below else len(heads)
    widths = _widths(heads[:shown], [row[:shown] for row in rows], width, whole)
    lines = [_line([[head] for head in heads[:shown]], 0, widths, right, ["bold"] * shown)]
    for number, row in enumerate(rows):
        cells = [_wrapped(text, widths[i]) for i, text in enumerate(row[:shown])]
        look = [styles.get((number, i), "") for i in range(shown)]
        lines.extend(_line(cells, k, widths, right, look) for k in range(max(map(len, cells))))
        if below and row[shown]:
            lines.extend(Text(" " * _INDENT + part) for part in _wrapped(row[shown], width - _INDENT))
    return lines


def _is_cramped(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> bool:
    natural = [max(len(text) for text in column) for column in zip(heads, *rows, strict=True)]
    return natural[-1] > width - sum(natural[:-1]) - _GAP * (len(heads) - 1) < _BESIDE


def _widths(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int, whole: Sequence[int]) -> list[int]:
    """Natural widths, and where these are too much, the widest column that may gives way first, down to its words."""
    columns = list(zip(heads, *rows, strict=True))
    found = [max(len(text) for text in column) for column in columns]
    words = [max((len(word) for text in column for word in text.split()), default=0) for column in columns]
    room = width - _GAP * (len(heads) - 1)
    for floor in (words, [min(word, max(_LEAST, len(head))) for word, head in zip(words, heads, strict=True)]):
        while sum(found) > room:
            able = [i for i in range(len(found)) if i not in whole and found[i] > floor[i]]
            if not able:
                break
            found[max(able, key=lambda i: (found[i], -i))] -= 1
    return found


def _wrapped(text: str, width: int) -> list[str]:
    found = [
        part
        for line in text.splitlines()
        for part in textwrap.wrap(line, max(1, width), break_on_hyphens=False) or [""]
    ]
    return found or [""]


def _line(
    cells: Sequence[Sequence[str]], k: int, widths: Sequence[int], right: Sequence[int], styles: Sequence[str]
) -> Text:
    from rich.text import Text

    line = Text()
    for i, cell in enumerate(cells):
        text = cell[k] if k < len(cell) else ""
        line.append(text.rjust(widths[i]) if i in right else text, style=styles[i] or None)
        if i not in right:
            line.append(" " * (widths[i] - len(text)))
        line.append(" " * _GAP)
    line.rstrip()
    return line
