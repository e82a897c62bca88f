"""The platform file: found, read with every mistake told at once, and what holds where there is none."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from shipkeeper.app.field_docs import field_docs
from shipkeeper.app.platform_checks import FIELD_CHECKS, check_together
from shipkeeper.app.platform_yaml import Path as KeyPath
from shipkeeper.app.platform_yaml import Reading, compose
from shipkeeper.model.errors import BadInput, Location, Problems
from shipkeeper.model.platform import Platform

NAMES = ("shipkeeper.yaml", "shipkeeper.yml")
LARGEST = 1 << 20


class Parsed(Struct, frozen=True):
    """A platform file as read: its values, and the place of each value that the file has."""

    platform: Platform
    places: dict[KeyPath, Location]


def load_platform(path: str | os.PathLike[str] | None, cwd: Path) -> tuple[Platform, tuple[str, ...]]:
    """The platform file named, else the nearest ``shipkeeper.yaml`` upwards from ``cwd``, else the defaults.

    The second value says, in sentences, what is assumed because nothing says it. Raises BadInput when the file named
    is not there, Problems with every mistake in it.
    """
    found = Path(path) if path is not None else find_platform(cwd)
    if found is None:
        return Platform(), (
            "no shipkeeper.yaml found: assuming times in UTC, no agreed windows, a person to reboot nodes, "
            "default drain rules and the default schedule with nothing done yet",
        )
    return read_platform(found)


def find_platform(cwd: Path) -> Path | None:
    """The nearest platform file, from ``cwd`` upwards."""
    for folder in (cwd.absolute(), *cwd.absolute().parents):
        for name in NAMES:
            if (folder / name).is_file():
                return folder / name
    return None


def base_folder(path: str | os.PathLike[str] | None, cwd: Path) -> Path:
    """What the paths in a platform file are relative to; ``cwd`` where there is none."""
    found = Path(path) if path is not None else find_platform(cwd)
    return found.parent if found is not None else cwd


def read_platform(path: Path) -> tuple[Platform, tuple[str, ...]]:
    """Read that file. Raises as ``load_platform``."""
    platform = parse_file(path).platform
    return platform, assumptions(platform)


def parse_file(path: Path) -> Parsed:
    """Read that file, with the place of every value in it. Raises as ``load_platform``."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise BadInput(
            f"the platform file cannot be read: {error.strerror}",
            location=Location(str(path)),
            hint="name another with --platform FILE",
        ) from error
    if len(data) > LARGEST:
        raise BadInput("a platform file is not larger than 1 MiB", location=Location(str(path)))
    return parse(data, str(path))


def parse_platform(data: bytes, name: str) -> Platform:
    """Read a platform file's bytes. Raises BadInput for what is not YAML, Problems with every mistake."""
    return parse(data, name).platform


def parse(data: bytes, name: str) -> Parsed:
    """``parse_platform`` with the place of every value."""
    root = compose(data, name)
    if root is None:
        return Parsed(Platform(), {})
    reading = Reading(name, FIELD_CHECKS)
    plain = reading.read(root, msgspec.inspect.type_info(Platform), ())
    try:
        platform = msgspec.convert(plain, Platform)
    except msgspec.ValidationError:
        if not reading.problems:
            raise
    else:
        # Also where single values are wrong: all mistakes are told at once.
        check_together(platform, reading)
    if reading.problems:
        problems = sorted(
            reading.problems, key=lambda p: (p.location.line, p.location.column) if p.location else (0, 0)
        )
        raise Problems(f"{name} cannot be used as it is", tuple(problems))
    return Parsed(platform, reading.places)


def assumptions(platform: Platform) -> tuple[str, ...]:
    """What a platform file leaves open, and what is assumed instead."""
    said = []
    if not platform.environments:
        said.append("the platform file names no environment: no agreed windows, default drain rules")
    elif not any(env.windows for env in platform.environments):
        said.append("the platform file has no windows: a plan has one only where --window says so")
    if not platform.reboot_drivers:
        said.append("the platform file has no reboot driver: a person reboots nodes")
    return tuple(said)


def platform_schema() -> dict[str, Any]:
    """The JSON Schema of the platform file, for editors: with the meaning of every setting."""
    schema = msgspec.json.schema(Platform)
    for cls in _sections(msgspec.inspect.type_info(Platform)):
        words = field_docs(cls)
        made = schema["$defs"][cls.__name__]
        # Python strips the indentation of docstrings since 3.13; the schema is the same whoever writes it.
        made["description"] = inspect.cleandoc(made.get("description", ""))
        properties = made["properties"]
        for field in msgspec.structs.fields(cls):
            if field.name in words:
                properties[field.encode_name]["description"] = words[field.name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Shipkeeper platform file, version 1",
        **_closed(schema),
    }


def _sections(kind: msgspec.inspect.Type) -> set[type]:
    """The structs that a type is made of."""
    if isinstance(kind, msgspec.inspect.StructType):
        return {kind.cls}.union(*(_sections(field.type) for field in kind.fields))
    if isinstance(kind, msgspec.inspect.UnionType):
        return set().union(*(_sections(one) for one in kind.types))
    if isinstance(kind, msgspec.inspect.VarTupleType):
        return _sections(kind.item_type)
    return _sections(kind.value_type) if isinstance(kind, msgspec.inspect.DictType) else set()


def _closed(schema: Any) -> Any:
    """The same schema with every object of fixed fields closed to others, as the loader closes them."""
    if isinstance(schema, dict):
        made = {key: _closed(value) for key, value in schema.items()}
        if "properties" in made:
            made["additionalProperties"] = False
        return made
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    return schema


def schema_text() -> str:
    """The schema as the file ``docs/reference/platform.schema.json`` holds it."""
    return msgspec.json.format(msgspec.json.encode(platform_schema(), order="deterministic"), indent=2).decode() + "\n"
