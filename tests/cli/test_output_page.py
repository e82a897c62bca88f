"""Other programs read our JSON: the page that promises its keys must name all of them."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

import shipkeeper
from shipkeeper.model.record import Record

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "output.md"


def _below(kind: type[Record]) -> Iterator[type[Record]]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)


def test_every_key_of_every_envelope_is_on_the_page() -> None:
    for package in ("model", "assessment", "planning", "rehearsal", "evidence", "app", "cli"):
        for module in pkgutil.walk_packages([str(Path(shipkeeper.__path__[0]) / package)], f"shipkeeper.{package}."):
            importlib.import_module(module.name)
    rows = {
        kind: set(re.findall(r"`(\w+)(?:\[\])*`", line))
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
        for kind in re.findall(r"`(\w+)`", line.split(" | ")[0])
    }
    seen, silent = set(), []
    for record in _below(Record):
        fields = {field.name: field for field in msgspec.structs.fields(record)}
        kind = fields["kind"].default if "kind" in fields else None
        if not isinstance(kind, str) or not kind[:1].isupper():
            continue
        seen.add(kind)
        keys = {field.encode_name for field in fields.values()} - {"apiVersion", "kind"}
        silent += [f"{kind}.{key}" for key in sorted(keys - rows.get(kind, set()))]
    assert {"Findings", "Plan", "Forecast"} <= seen, "no envelope was looked at"
    assert silent == [], "docs/reference/output.md does not name these keys"
