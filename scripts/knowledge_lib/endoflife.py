"""Release lines from endoflife.date, in any layout that it publishes.

- the API, version 1 (`/api/v1/products/<product>`) and version 0 (`/api/<product>.json`);
- the product pages of its repository (`products/<product>.md`), whose front matter has the dates;
- the folder `releases` of its release-data repository: newest tags, and dates only where the project publishes a table.

A folder may hold any of them. Where several tell of one line, a page or API answer gives its dates; the newest release
is the newest that any knows, because release-data runs ahead of the pages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from .errors import GeneratorError

DEPTH = 2
"""Most projects count their lines in the first two numbers; said of tags where nothing better is known."""


@dataclass(frozen=True)
class Line:
    """A release line as one layout tells it. Dates are YYYY-MM-DD; empty: not told."""

    name: str
    released: str = ""
    eoas: str = ""
    eol: str | bool = ""
    latest: str = ""
    latest_released: str = ""
    extended: str = ""


@dataclass(frozen=True)
class Told:
    """What one file tells: lines, and tags with their days. Of two files the lower rank is believed about dates."""

    rank: int
    lines: list[Line]
    tags: dict[str, str] = field(default_factory=dict)


def read_product(folders: Iterable[Path], product: str) -> list[Line]:
    """Every line of a product that these folders tell of, newest first. Raises GeneratorError when none does."""
    told = [read_file(path) for folder in folders for path in _files(folder, product)]
    if not told:
        raise GeneratorError(f"none of the folders has endoflife.date's {product!r}")
    lines: dict[tuple[int, ...], Line] = {}
    for file in sorted(told, key=lambda file: file.rank):
        for line in file.lines:
            key = numbers(line.name)
            lines[key] = _join(lines[key], line) if key in lines else line
    for file in told:
        _add_tags(lines, file.tags)
    return [lines[key] for key in sorted(lines, reverse=True)]


def _files(folder: Path, product: str) -> Iterable[Path]:
    for part in ("", "products", "releases", "api", "api/v1/products"):
        for suffix in (".json", ".md"):
            path = folder / part / f"{product}{suffix}"
            if path.is_file():
                yield path


def read_file(path: Path) -> Told:
    """One file. Raises GeneratorError when it has none of the layouts."""
    try:
        if path.suffix == ".md":
            return Told(0, [_page(row) for row in _front_matter(path).get("releases", [])])
        data = json.loads(path.read_bytes())
    except (ValueError, yaml.YAMLError) as error:
        raise GeneratorError(f"{path}: not readable: {error}") from error
    if isinstance(data, list):
        return Told(0, [_v0(row) for row in data])
    if "result" in data:
        return Told(0, [_v1(row) for row in data["result"]["releases"]])
    if "versions" in data:
        table = [_table(row) for row in (data.get("releases") or {}).values()]
        return Told(1, table, {name: _day(row.get("date")) for name, row in data["versions"].items()})
    raise GeneratorError(f"{path}: none of endoflife.date's layouts")


def numbers(text: str) -> tuple[int, ...]:
    """The dotted numbers in a name."""
    found = re.search(r"\d+(?:\.\d+)*", text)
    return tuple(map(int, found[0].split("."))) if found else ()


def _front_matter(path: Path) -> dict[str, Any]:
    parts = path.read_text().split("\n---", 1)
    if not parts[0].startswith("---"):
        raise GeneratorError(f"{path}: no front matter")
    loaded = yaml.safe_load(parts[0].removeprefix("---"))
    return loaded if isinstance(loaded, dict) else {}


def _day(value: object) -> str:
    """A date as text; what is false, none or a bare true has no date."""
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) else ""


def _end(value: object) -> str | bool:
    return True if value is True else _day(value)


def _page(row: Mapping[str, Any]) -> Line:
    return Line(
        name=str(row["releaseCycle"]),
        released=_day(row.get("releaseDate")),
        eoas=_day(row.get("eoas")),
        eol=_end(row.get("eol")),
        latest=str(row.get("latest") or ""),
        latest_released=_day(row.get("latestReleaseDate")),
        extended=_day(row.get("eoes") or row.get("extendedSupport")),
    )


def _v0(row: Mapping[str, Any]) -> Line:
    return Line(
        name=str(row["cycle"]),
        released=_day(row.get("releaseDate")),
        eoas=_day(row.get("support")),
        eol=_end(row.get("eol")),
        latest=str(row.get("latest") or ""),
        latest_released=_day(row.get("latestReleaseDate")),
        extended=_day(row.get("eoes") or row.get("extendedSupport")),
    )


def _v1(row: Mapping[str, Any]) -> Line:
    latest = row.get("latest") or {}
    return Line(
        name=str(row["name"]),
        released=_day(row.get("releaseDate")),
        eoas=_day(row.get("eoasFrom")),
        eol=_day(row.get("eolFrom")) or row.get("isEol") is True or "",
        latest=str(latest.get("name") or ""),
        latest_released=_day(latest.get("date")),
        extended=_day(row.get("eoesFrom")),
    )


def _table(row: Mapping[str, Any]) -> Line:
    return Line(
        name=str(row["name"]),
        released=_day(row.get("releaseDate")),
        eoas=_day(row.get("eoas")),
        eol=_end(row.get("eol")),
        extended=_day(row.get("eoes")),
    )


def _add_tags(lines: dict[tuple[int, ...], Line], tags: Mapping[str, str]) -> None:
    """Put tags into the lines they belong to; what is newer than every line opens one of its own."""
    depths = [len(key) for key in lines]
    depth = max(set(depths), key=depths.count) if depths else DEPTH
    newest = max(lines, default=())
    for name, day in tags.items():
        if not re.fullmatch(r"v?\d+(?:\.\d+)*", name):
            continue
        mine = numbers(name)
        key = next((mine[:size] for size in range(len(mine), 0, -1) if mine[:size] in lines), mine[:depth])
        if key not in lines:
            if newest and key <= newest:
                continue
            lines[key] = Line(".".join(name.lstrip("v").split(".")[:depth]), released=day)
        line = lines[key]
        if day and (not newest or key > newest):
            line = replace(line, released=min(line.released or day, day))
        if mine > numbers(line.latest):
            line = replace(line, latest=name.lstrip("v"), latest_released=day)
        lines[key] = line


def _join(old: Line, new: Line) -> Line:
    """What ``old`` says, filled up with what only ``new`` says; the newest release of both."""
    ahead = numbers(new.latest) > numbers(old.latest)
    return replace(
        old,
        released=old.released or new.released,
        eoas=old.eoas or new.eoas,
        eol=old.eol or new.eol,
        latest=new.latest if ahead else old.latest,
        latest_released=new.latest_released if ahead else old.latest_released or new.latest_released,
        extended=old.extended or new.extended,
    )
