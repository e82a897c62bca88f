"""The releases that a path leads over: from a checkout, from a file, or what comes with Shipkeeper."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from shipkeeper.integrations.git.repository import GitRepository, open_repository
from shipkeeper.knowledge.library import Knowledge
from shipkeeper.knowledge.paths import day_ms, known_releases, newest_of_lines
from shipkeeper.model.errors import BadInput, Location
from shipkeeper.model.paths import Release
from shipkeeper.model.platform import Platform
from shipkeeper.model.version import find_version
from shipkeeper.semantics.paths import Known


class ReleasesKnown(NamedTuple):
    """The releases, and where they are from in words."""

    known: Known
    source: str
    repository: GitRepository | None = None


def checkout_of(component: str, given: str, platform: Platform, base: Path) -> GitRepository | None:
    """The checkout named, else the platform file's for that component; None when there is neither."""
    said = platform.sources.checkouts.get(component, "")
    if given:
        return open_repository(given, os.environ)
    return open_repository(base / Path(said).expanduser(), os.environ) if said else None


def find_releases(
    component: str,
    product: str,
    scheme: str,
    releases_file: str,
    repository: GitRepository | None,
    knowledge: Knowledge,
) -> ReleasesKnown:
    """The releases of a component: of the file, else of the checkout's tags, else of what is known here.

    Raises BadInput for a file or a checkout in which nothing is a release of the scheme.
    """
    if releases_file:
        return ReleasesKnown(Known(read_releases(releases_file, scheme)), releases_file, repository)
    if repository is not None:
        return ReleasesKnown(Known(_of_tags(repository, scheme)), f"tags of {repository.place}", repository)
    packaged = known_releases(product) or known_releases(component)
    if packaged is not None:
        return ReleasesKnown(Known(packaged.releases), packaged.cite())
    found = newest_of_lines(knowledge.support, product, scheme)
    lines = knowledge.support.row(product)
    if found and lines is not None:
        told_by = [line.latest_source or line.source or lines.source for line in knowledge.support.cycles(product)]
        cited = "; ".join(knowledge.support.source(name).cite() for name in dict.fromkeys(told_by))
        return ReleasesKnown(Known(found, partial=True), f"newest release of each line: {cited}")
    return ReleasesKnown(Known(()), "no list of releases is known here")


def read_releases(path: str, scheme: str) -> tuple[Release, ...]:
    """A list of releases: a line a tag with its day (``v2.13.4 2020-09-18``), or JSON, tag → day.

    Lines that are no version of the scheme are no releases, and left out; raises BadInput when all are.
    """
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}", object=path, location=Location(path)) from error
    found = []
    pairs = _json_pairs(text, path) if text.lstrip().startswith("{") else _text_pairs(text)
    for number, tag, day in pairs:
        version = find_version(tag, scheme)
        if version is None:
            continue
        try:
            found.append(Release(version, released_ms=day_ms(day), tag=tag))
        except BadInput as error:
            raise BadInput(error.message, object=tag, location=Location(path, number), hint=error.hint) from error
    if not found:
        raise BadInput(
            f"{path} has no release of scheme {scheme}",
            code="no-releases",
            object=path,
            location=Location(path, 1),
            hint="a line each: TAG YYYY-MM-DD, as git for-each-ref --format='%(refname:short) %(creatordate:short)' "
            "refs/tags writes them",
        )
    return tuple(found)


def _text_pairs(text: str) -> list[tuple[int, str, str]]:
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#")[0].split()
        if words:
            found.append((number, re.sub(r"^(refs/)?tags/", "", words[0]), words[1] if len(words) > 1 else ""))
    return found


def _json_pairs(text: str, path: str) -> list[tuple[int, str, str]]:
    try:
        read = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise BadInput(f"{path} is not JSON: {error}", object=path, location=Location(path)) from error
    inner = read.get("releases", read) if isinstance(read, Mapping) else read
    if not isinstance(inner, Mapping) or not all(isinstance(day, str) for day in inner.values()):
        raise BadInput(f"{path} does not give a day for each tag", object=path, location=Location(path))
    return [(0, str(tag), day) for tag, day in inner.items()]


def _of_tags(repository: GitRepository, scheme: str) -> tuple[Release, ...]:
    """Releases by the repository's tags. Where tags begin with v, those that do not are no releases."""
    found = []
    for tag in repository.tags():
        version = find_version(tag.name, scheme)
        if version is not None:
            found.append(Release(version, released_ms=tag.at_ms, tag=tag.name))
    if not found:
        raise BadInput(
            f"{repository.place} has no tag that is a release of scheme {scheme}",
            code="no-releases",
            object=repository.place,
            hint=f"fetch them: git -C {repository.place} fetch --tags",
        )
    lettered = [release for release in found if release.tag.startswith("v")]
    return tuple(lettered or found)
