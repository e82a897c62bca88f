"""Knowledge files: JSON or YAML, read strictly, with the place of a mistake."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from shipkeeper.model.errors import BadInput, Location

FORMAT = 1
"""Version of the format of every knowledge file. A file of another one is refused."""

T = TypeVar("T")

_PLACE = re.compile(r" - at `\$?\.?([^`]*)`$")
_BYTE = re.compile(r" \(byte (\d+)\)$")


def decode(data: bytes, kind: type[T], name: str) -> T:
    """Read a JSON knowledge file. Raises BadInput that names the file and the place in it."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise wrong(name, str(error)) from error
    except msgspec.DecodeError as error:
        raise _not_json(data, name, str(error)) from error
    except UnicodeDecodeError as error:
        raise _not_json(data, name, f"text that is not UTF-8 (byte {error.start})") from error


def wrong(name: str, told: str, hint: str = "") -> BadInput:
    """An error about what msgspec, or a check of ours, says of a place in a file."""
    place = _PLACE.search(told)
    what = _PLACE.sub("", told)
    what = what[:1].lower() + what[1:]
    at = f" at {place[1]}" if place and place[1] else ""
    return BadInput(
        f"this cannot be used as knowledge: {what}{at}",
        code="bad-knowledge",
        object=name,
        location=Location(name),
        why="a fact that is half understood would be worse than none: nothing of the file is used",
        hint=hint or "its format is described in docs/concepts/knowledge.md",
    )


def _not_json(data: bytes, name: str, told: str) -> BadInput:
    byte = _BYTE.search(told)
    before = data[: int(byte[1])] if byte else b""
    line = before.count(b"\n") + 1 if byte else 0
    column = len(before) - before.rfind(b"\n") if byte else 0
    return BadInput(
        f"this is not JSON: {_BYTE.sub('', told)}",
        code="bad-knowledge",
        object=name,
        location=Location(name, line, column),
        why="nothing of the file is used",
    )


def check_format(number: int, kind: str, wanted: str, name: str) -> None:
    """Raise BadInput when a file is of another format or about something else."""
    if number != FORMAT:
        raise wrong(
            name,
            f"its format is {number}, and this version of Shipkeeper reads format {FORMAT}",
            hint="use a file made for this version, or a newer Shipkeeper",
        )
    if kind != wanted:
        raise wrong(name, f"it holds {kind!r} where {wanted!r} is expected")


def check_sources(names: Iterable[tuple[str, str]], known: Iterable[str], name: str) -> None:
    """Raise BadInput for a fact whose source is not in the file. ``names``: (whose, source)."""
    have = set(known)
    for whose, source in names:
        if source not in have:
            raise wrong(name, f"{whose} names the source {source!r}, which the file does not describe")
