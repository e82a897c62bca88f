"""Versions that files pin: charts in HelmReleases and helmfiles, sources of Flux, images wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shipkeeper.model.untyped import mapping, sequence

_DEEPEST = 60
_REF = ("digest", "tag", "semver", "branch", "commit")
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._/:-]*(?:@sha256:[0-9a-f]{64})?", re.ASCII)


def pins_of(documents: Iterable[Any]) -> dict[str, str]:
    """Dependency → version, over all documents of a file. What stands twice at two versions has both, sorted."""
    found: dict[str, set[str]] = {}
    for document in documents:
        if isinstance(document, Mapping):
            for name, version in (*_of_kind(document), *_images(document, 0)):
                if name and version:
                    found.setdefault(name, set()).add(version)
    return {name: ", ".join(sorted(versions)) for name, versions in found.items()}


def _of_kind(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind, spec = document.get("kind"), mapping(document.get("spec"))
    if kind == "HelmRelease":
        chart = mapping(mapping(spec.get("chart")).get("spec"))
        yield _text(chart.get("chart")).rpartition("/")[2], _text(chart.get("version"))
    elif kind == "HelmChart":
        yield _text(spec.get("chart")), _text(spec.get("version"))
    elif kind in ("OCIRepository", "GitRepository"):
        yield _last(_text(spec.get("url"))), _ref(mapping(spec.get("ref")))
    elif kind == "Application":  # of Argo CD
        sources = [spec.get("source"), *sequence(spec.get("sources"))]
        for source in map(mapping, sources):
            yield _text(source.get("chart")), _text(source.get("targetRevision"))
    elif kind is None:
        for listed in ("dependencies", "releases"):
            for item in sequence(document.get(listed)):
                one = mapping(item)
                name = _text(one.get("chart") or one.get("name")).rpartition("/")[2]
                yield name, _text(one.get("version"))
    for image in sequence(document.get("images")):
        one = mapping(image)
        yield _text(one.get("newName") or one.get("name")), _text(one.get("digest") or one.get("newTag"))


def _ref(ref: Mapping[str, Any]) -> str:
    return next((_text(ref[name]) for name in _REF if ref.get(name)), "")


def _images(value: Any, depth: int) -> Iterator[tuple[str, str]]:
    """Images by their reference, and by repository and tag beside each other."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for item in value:
            yield from _images(item, depth + 1)
        return
    if not isinstance(value, Mapping):
        return
    image, repository = value.get("image"), value.get("repository")
    if isinstance(image, str) and _IMAGE.fullmatch(image):
        yield _split(image)
    if isinstance(repository, str) and isinstance(value.get("tag"), str | int | float):
        registry = _text(value.get("registry"))
        yield f"{registry}/{repository}" if registry else repository, _text(value["tag"])
    for item in value.values():
        yield from _images(item, depth + 1)


def _split(image: str) -> tuple[str, str]:
    name, _, digest = image.partition("@")
    head, slash, last = name.rpartition("/")
    base, _, tag = last.partition(":")
    return f"{head}{slash}{base}", tag or digest


def _last(url: str) -> str:
    return url.rstrip("/").removesuffix(".git").rpartition("/")[2]


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
