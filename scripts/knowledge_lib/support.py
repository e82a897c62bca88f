"""Join endoflife.date and the supplement into one file of support dates."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from .endoflife import Line, numbers, read_product
from .errors import GeneratorError

SUPPLEMENT = Path(__file__).with_name("supplement.yaml")
ENDOFLIFE = "endoflife"
SHELF_DAYS = 180


def read_supplement(path: Path = SUPPLEMENT) -> dict[str, Any]:
    """The hand-kept part."""
    loaded = yaml.safe_load(path.read_text())
    if not isinstance(loaded, dict) or {"sources", "endoflife", "products"} - set(loaded):
        raise GeneratorError(f"{path}: sources, endoflife and products are expected")
    return loaded


def build(folders: Iterable[Path], retrieved: str, issued: str, supplement: Mapping[str, Any]) -> dict[str, Any]:
    """The whole file as plain values. ``retrieved``: the day of the endoflife.date copy; ``issued``: this file's."""
    folders = list(folders)
    products = [_of_endoflife(id, row or {}, folders) for id, row in supplement["endoflife"].items()]
    products += [_of_supplement(id, row) for id, row in supplement["products"].items()]
    used = {name for row in products for name in _sources(row)}
    sources = {name: row for name, row in supplement["sources"].items() if name in used}
    unknown = used - set(sources) - {ENDOFLIFE}
    if unknown:
        raise GeneratorError(f"the supplement does not describe the sources {sorted(unknown)}")
    home = {
        "title": "endoflife.date",
        "url": "https://endoflife.date",
        "licence": "MIT, Copyright 2020 endoflife.date contributors",
        "retrieved": retrieved,
        "shelfDays": SHELF_DAYS,
    }
    return {
        "format": 1,
        "kind": "support",
        "issued": issued,
        "sources": {ENDOFLIFE: home, **sources},
        "products": sorted(products, key=lambda row: str(row["id"])),
    }


def _of_endoflife(id: str, row: Mapping[str, Any], folders: list[Path]) -> dict[str, Any]:
    lines = {line.name: _row(line) for line in read_product(folders, row.get("name", id))}
    for more in row.get("cycles", ()):
        known = lines.get(more[0])
        if known is None:
            lines[more[0]] = [*more, row["source"]]
        elif len(known) < 6 or numbers(more[4]) > numbers(known[4]):
            lines[more[0]] = [*[*known, *[""] * 4][:4], more[4], more[5], *[*known[6:], "", ""][:2], row["source"]]
    return _product(id, ENDOFLIFE, lines.values(), row)


def _of_supplement(id: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return _product(id, row.get("source", id), [_short(list(cycle)) for cycle in row.get("cycles", ())], row)


def _product(id: str, source: str, rows: Iterable[list[Any]], said: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"id": id, "source": source}
    if said.get("policy"):
        made["policy"] = {"source": source, **said["policy"]}
    for word in ("like", "retired", "remark"):
        if said.get(word):
            made[word] = said[word]
    ordered = sorted(rows, key=lambda row: numbers(row[0]), reverse=True)
    if ordered:
        made["cycles"] = ordered
    return made


def _row(line: Line) -> list[Any]:
    told = [line.name, line.released, line.eoas, line.eol, line.latest, line.latest_released]
    return _short([*told, "", line.extended])


def _short(row: list[Any]) -> list[Any]:
    while row and row[-1] == "":
        row.pop()
    return row


def _sources(product: Mapping[str, Any]) -> Iterable[str]:
    yield product["source"]
    if "policy" in product:
        yield product["policy"]["source"]
    for row in product.get("cycles", ()):
        yield from filter(None, (*row[6:7], *row[8:9]))


def write(document: Mapping[str, Any], rows: str) -> str:
    """Compact JSON that a person can still compare: one line a source, one a row of ``rows``."""

    def plain(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    parts = [f'"{key}":{plain(value)}' for key, value in document.items() if key not in ("sources", rows)]
    parts.append(
        _lines("sources", [f"{plain(key)}:{plain(value)}" for key, value in document["sources"].items()], "{}")
    )
    parts.append(_lines(rows, [plain(row) for row in document[rows]], "[]"))
    return "{" + ",\n".join(parts) + "}\n"


def _lines(key: str, lines: list[str], brackets: str) -> str:
    return f'"{key}":{brackets[0]}\n' + ",\n".join(lines) + f"\n{brackets[1]}"
