"""From the files of a chart to what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shipkeeper.model.chart import Chart, ChartDependency
from shipkeeper.model.errors import BadInput, Location
from shipkeeper.ports.files import Piece, Reading

_DEEPEST = 5
"""Charts inside charts that are followed."""
_CRD = re.compile(rb"^kind:\s*['\"]?CustomResourceDefinition\b", re.MULTILINE)
_ACTION_LINE = re.compile(rb"^[ \t]*(?:\{\{.*?\}\}[ \t]*)+\r?\n?", re.MULTILINE)
_YAML = (".yaml", ".yml")

Files = dict[str, bytes]


def read_chart(path: str, reading: Reading) -> Chart:
    """Read a chart folder or archive, with the charts inside it. Raises BadInput naming the file and place in it."""
    return _chart(_wanted(reading.pieces(path), path), path, reading, 0)


def _wanted(pieces: Iterable[Piece], place: str) -> Files:
    """Contents of the files that tell something, with the chart's own folder as their root."""
    found: Files = {}
    for piece in pieces:
        name = piece.path.rpartition("/")[2]
        in_folder = re.search(r"(?:^|/)(crds|templates|charts)/", piece.path)
        kept = name in ("Chart.yaml", "values.yaml", "values.schema.json", "requirements.yaml")
        if kept or (in_folder and name.endswith((*_YAML, ".tgz"))):
            found[piece.path] = piece.read()
    roots = {path.removesuffix("Chart.yaml") for path in found if path == "Chart.yaml" or path.endswith("/Chart.yaml")}
    if not roots:
        raise BadInput(
            "there is no Chart.yaml in it",
            location=Location(place),
            hint="give the folder that holds Chart.yaml, or the .tgz that helm package or helm pull wrote",
        )
    root = min(roots, key=lambda folder: (folder.count("/"), folder))
    beside = [other for other in roots if other.count("/") == root.count("/") and other != root]
    if beside:
        raise BadInput(
            f"there is more than one chart in it: {', '.join(sorted([root, *beside])[:5])}",
            location=Location(place),
            hint="give the folder of one chart",
        )
    return {path.removeprefix(root): data for path, data in found.items() if path.startswith(root)}


def _chart(files: Files, place: str, reading: Reading, depth: int) -> Chart:
    about = _mapping(files, "Chart.yaml", place, reading)
    where = Location(f"{place}: Chart.yaml")
    name, version = about.get("name"), about.get("version")
    if not isinstance(name, str) or not isinstance(version, str | int | float) or not name:
        raise BadInput("a chart needs a name and a version", location=where, hint="helm lint says what else is missing")
    required = about.get("dependencies") or _mapping(files, "requirements.yaml", place, reading).get("dependencies")
    annotations = about.get("annotations") or {}
    if not isinstance(annotations, Mapping):
        raise BadInput("annotations is no mapping", location=where)
    crds, unread = _definitions(files, place, reading)
    return Chart(
        name=name,
        version=str(version),
        place=place,
        app_version=_text(about.get("appVersion")),
        kube_version=_text(about.get("kubeVersion")),
        deprecated=about.get("deprecated") is True,
        changes=_changes(annotations.get("artifacthub.io/changes"), place, reading),
        security_updates=_truth(annotations.get("artifacthub.io/containsSecurityUpdates")),
        dependencies=tuple(_dependencies(required, where)),
        defaults=_mapping(files, "values.yaml", place, reading),
        schema=_mapping(files, "values.schema.json", place, reading) if "values.schema.json" in files else None,
        crds=crds,
        crds_in_folder=sum(1 for path, data in files.items() if path.startswith("crds/") and _CRD.search(data)),
        unread_crds=unread,
        charts=tuple(_inside(files, place, reading, depth)),
    )


def _changes(text: Any, place: str, reading: Reading) -> tuple[tuple[str, str], ...] | None:
    """The list in the annotation: texts, or mappings of kind and description. None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        documents = list(reading.documents(text.encode(), f"{place}: artifacthub.io/changes"))
    except BadInput:
        return None
    listed = documents[0] if len(documents) == 1 else None
    if not isinstance(listed, list):
        return None
    found = []
    for item in listed:
        kind = _text(item.get("kind")) if isinstance(item, Mapping) else ""
        words = _text(item.get("description") if isinstance(item, Mapping) else item)
        found.append((kind.lower(), words.strip()))
    return tuple(found)


def _truth(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(_text(value).lower())


def _inside(files: Files, place: str, reading: Reading, depth: int) -> Iterator[Chart]:
    """Charts in the ``charts`` folder: folders of their own, and archives."""
    folders: dict[str, Files] = {}
    for path, data in files.items():
        folder, _, rest = path.removeprefix("charts/").partition("/")
        if not path.startswith("charts/"):
            continue
        if rest:
            folders.setdefault(folder, {})[rest] = data
        elif folder.endswith(".tgz"):
            folders[folder] = _wanted(reading.unpack(data, f"{place}: {path}"), f"{place}: {path}")
    if folders and depth >= _DEEPEST:
        raise BadInput(f"charts are nested deeper than {_DEEPEST} levels", location=Location(place))
    for folder in sorted(folders):
        if "Chart.yaml" in folders[folder]:
            yield _chart(folders[folder], f"{place}: charts/{folder}", reading, depth + 1)


def _dependencies(listed: Any, where: Location) -> Iterator[ChartDependency]:
    for one in listed or ():
        if not isinstance(one, Mapping) or not isinstance(one.get("name"), str):
            raise BadInput("a dependency has no name", location=where)
        parts = {key: _text(one.get(key)) for key in ("version", "repository", "alias")}
        yield ChartDependency(name=one["name"], **parts)


def _definitions(files: Files, place: str, reading: Reading) -> tuple[tuple[Mapping[str, Any], ...], tuple[str, ...]]:
    """(definitions, templates that hold some and cannot be read without rendering)."""
    found: list[Mapping[str, Any]] = []
    unread: list[str] = []
    for path in sorted(files):
        if not path.startswith(("crds/", "templates/")) or not _CRD.search(files[path]):
            continue
        data = files[path]
        if path.startswith("templates/"):
            data = _ACTION_LINE.sub(b"", data)
            if b"{{" in data or re.search(rb"\{\{-?\s*else\b", files[path]):
                unread.append(path)
                continue
        try:
            documents = list(reading.documents(data, f"{place}: {path}"))
        except BadInput:
            if path.startswith("crds/"):
                raise
            unread.append(path)
            continue
        found.extend(document for document in documents if isinstance(document, Mapping))
    return tuple(found), tuple(unread)


def _mapping(files: Files, name: str, place: str, reading: Reading) -> Mapping[str, Any]:
    """The one document of a file; nothing for an empty file, or none of that name."""
    if name not in files:
        return {}
    documents = [one for one in reading.documents(files[name], f"{place}: {name}") if one is not None]
    if len(documents) > 1 or (documents and not isinstance(documents[0], Mapping)):
        raise BadInput("this must be one mapping", location=Location(f"{place}: {name}"))
    return documents[0] if documents else {}


def _text(value: Any) -> str:
    """A scalar as it was written, more or less: ``appVersion: 1.10`` without quotes has lost its nought already."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""
