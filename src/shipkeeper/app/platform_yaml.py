"""YAML against a msgspec type, with the place of every mistake: all of them at once, each with line and column."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec.inspect as shapes
import yaml

from shipkeeper.model.errors import BadInput, Location, Problems, ShipkeeperError

MOST_NODES = 20_000
"""A platform file that unfolds to more values than this is taken for an attack, or a mistake."""
MOST_DEEP = 40

Path = tuple[str | int, ...]
FieldCheck = Callable[[Any], object]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STRING, _INT, _FLOAT, _BOOL, _NULL, _MERGE = (
    f"tag:yaml.org,2002:{tag}" for tag in ("str", "int", "float", "bool", "null", "merge")
)


class Reading:
    """What was read: plain values, the place of each, and the mistakes."""

    def __init__(
        self, file: str, checks: Mapping[tuple[str, str], FieldCheck], what: str = "the platform file"
    ) -> None:
        self.file = file
        self.what = what
        self.problems: list[ShipkeeperError] = []
        self.places: dict[Path, Location] = {}
        self._checks = checks
        self._seen = 0

    def add(self, message: str, place: Location, *, hint: str = "", why: str = "") -> None:
        """Note a mistake, once."""
        if any(known.message == message and known.location == place for known in self.problems):
            return
        self.problems.append(BadInput(message, location=place, hint=hint, why=why))

    def at(self, path: Path) -> Location:
        """The place of a value, or of what holds it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Location(self.file))

    def read(self, node: yaml.Node, kind: shapes.Type, path: Path, above: tuple[int, ...] = ()) -> Any:
        """The node as plain values of that type. Mistakes are noted; what is wrong comes out as None."""
        place = self._place(node)
        self.places[path] = place
        self._seen += 1
        if self._seen > MOST_NODES or len(above) > MOST_DEEP:
            raise Problems(
                f"the file is too big to be {self.what}",
                (
                    BadInput(
                        "it unfolds to too many values", location=place, hint="write values out instead of aliases"
                    ),
                ),
            )
        if id(node) in above:
            self.add("this refers to itself", place, hint="write the value out instead of an alias")
            return None
        above = (*above, id(node))
        if isinstance(kind, shapes.UnionType):
            if node.tag == _NULL:
                return None
            kind = next(one for one in kind.types if not isinstance(one, shapes.NoneType))
        if isinstance(kind, shapes.StructType):
            return self._struct(node, kind, path, above)
        if isinstance(kind, shapes.DictType):
            return self._dict(node, kind, path, above)
        if isinstance(kind, shapes.VarTupleType | shapes.TupleType):
            return self._sequence(node, kind, path, above)
        return self._scalar(node, kind, path)

    def _struct(self, node: yaml.Node, kind: shapes.StructType, path: Path, above: tuple[int, ...]) -> Any:
        if not isinstance(node, yaml.MappingNode):
            return self._wrong(node, path, "settings (key: value)")
        fields = {field.encode_name: field for field in kind.fields}
        found: dict[str, Any] = {}
        for key, key_node, value_node in self._pairs(node):
            field = fields.get(key)
            if field is None:
                close = difflib.get_close_matches(key, sorted(fields), n=1)
                hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(sorted(fields))}"
                self.add(f"{self._named(path)}has no setting {key!r}", self._place(key_node), hint=hint)
                continue
            before = len(self.problems)
            found[key] = self.read(value_node, field.type, (*path, key), above)
            check = self._checks.get((kind.cls.__name__, field.name))
            if check is not None and len(self.problems) == before:
                self._run(check, found[key], value_node)
        for name, field in fields.items():
            if field.required and name not in found:
                self.add(f"{self._named(path)}lacks {name!r}", self._place(node), hint=f"add {name}: …")
        return found

    def _dict(self, node: yaml.Node, kind: shapes.DictType, path: Path, above: tuple[int, ...]) -> Any:
        if not isinstance(node, yaml.MappingNode):
            return self._wrong(node, path, "names with values (name: value)")
        return {key: self.read(value, kind.value_type, (*path, key), above) for key, _, value in self._pairs(node)}

    def _sequence(
        self, node: yaml.Node, kind: shapes.VarTupleType | shapes.TupleType, path: Path, above: tuple[int, ...]
    ) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            return self._wrong(node, path, "a list", hint="write [a, b] or one `- item` a line")
        if isinstance(kind, shapes.VarTupleType):
            types = [kind.item_type] * len(node.value)
        else:
            types = list(kind.item_types)
            if len(types) != len(node.value):
                self.add(f"{self._named(path)}takes exactly {len(types)} items", self._place(node))
                return None
        return [
            self.read(item, one, (*path, i), above) for i, (item, one) in enumerate(zip(node.value, types, strict=True))
        ]

    def _scalar(self, node: yaml.Node, kind: shapes.Type, path: Path) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            return self._wrong(node, path, _word(kind))
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.endswith("binary"):
            return self._wrong(node, path, _word(kind), hint=f"the tag {node.tag} is not read")
        if node.tag == _NULL and not isinstance(kind, shapes.StrType | shapes.NoneType):
            return self._wrong(node, path, _word(kind))
        if isinstance(kind, shapes.StrType):
            if node.tag == _NULL:
                self.add(
                    f"{self._named(path)}has no value", self._place(node), hint="give it one, or leave the line out"
                )
                return None
            # Plain 22:00, 1h or yes would be a number, text or truth to YAML; here text is text, as it is written.
            return node.value
        if isinstance(kind, shapes.LiteralType):
            if node.value in kind.values:
                return node.value
            return self._wrong(node, path, f"one of {', '.join(map(str, kind.values))}")
        if isinstance(kind, shapes.BoolType) and node.tag == _BOOL:
            return node.value.lower() in ("true", "yes", "on")
        if isinstance(kind, shapes.IntType) and node.tag == _INT and node.value.lstrip("+-").isdigit():
            return int(node.value)
        if isinstance(kind, shapes.FloatType) and node.tag in (_INT, _FLOAT):
            return float(node.value)
        return self._wrong(node, path, _word(kind))

    def _pairs(self, node: yaml.MappingNode) -> list[tuple[str, yaml.Node, yaml.Node]]:
        """Keys with their nodes, each key once."""
        seen: dict[str, Location] = {}
        pairs: list[tuple[str, yaml.Node, yaml.Node]] = []
        for key_node, value_node in node.value:
            place = self._place(key_node)
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == _MERGE:
                self.add("a key must be a plain word", place, hint="merge keys (<<) and composed keys are not read")
            elif key_node.value in seen:
                first = seen[key_node.value]
                self.add(
                    f"{key_node.value!r} is given twice", place, hint=f"first given at {first.line}:{first.column}"
                )
            else:
                seen[key_node.value] = place
                pairs.append((key_node.value, key_node, value_node))
        return pairs

    def _run(self, check: FieldCheck, value: Any, node: yaml.Node) -> None:
        try:
            check(value)
        except BadInput as error:
            self.add(error.message, self._inner(node, error), hint=error.hint, why=error.why)

    def _inner(self, node: yaml.Node, error: BadInput) -> Location:
        """The place of the item that a check names in ``object`` (an index or key), else the whole value's."""
        if isinstance(node, yaml.SequenceNode) and error.object.isdigit():
            return self._place(node.value[int(error.object)])
        if isinstance(node, yaml.MappingNode):
            for key_node, value_node in node.value:
                if isinstance(key_node, yaml.ScalarNode) and key_node.value == error.object:
                    return self._place(value_node)
        return self._place(node)

    def _wrong(self, node: yaml.Node, path: Path, wanted: str, hint: str = "") -> None:
        # What stands where a secret's reference belongs may be the secret: it is not repeated.
        is_now = "something else" if "environment" in path else _kind_of(node)
        self.add(f"{self._named(path)}must be {wanted}, and is {is_now}", self._place(node), hint=hint)

    def _named(self, path: Path) -> str:
        """``environments[0].name `` for messages; what the file is for the root."""
        text = ""
        for part in path:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
        return f"{text} " if text else f"{self.what} "

    def _place(self, node: yaml.Node) -> Location:
        return Location(self.file, node.start_mark.line + 1, node.start_mark.column + 1)


def compose(data: bytes, file: str) -> yaml.Node | None:
    """The document's root; None for an empty file. Raises BadInput with the place for what is not one YAML document."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadInput("this is not UTF-8 text", location=Location(file, line)) from error
    loader = _LOADER(text)
    try:
        root: yaml.Node | None = loader.get_single_node()
        return root
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file)
        raise BadInput(f"this is not YAML: {error.problem or error.context}", location=place) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise BadInput(f"this is not YAML: {error}", location=Location(file)) from error
    finally:
        loader.dispose()


def _word(kind: shapes.Type) -> str:
    words = {
        shapes.StrType: "text",
        shapes.IntType: "a whole number",
        shapes.BoolType: "true or false",
        shapes.FloatType: "a number",
    }
    return words.get(type(kind), "a value")


def _kind_of(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a group of settings"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if node.tag == _NULL:
        return "empty"
    return repr(node.value if len(node.value) <= 60 else node.value[:57] + "…")
