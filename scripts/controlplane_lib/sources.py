"""Where each binary comes from: given assets, the cache, the official release, Go modules.

The order is fixed; `SHIPKEEPER_CONTROLPLANE_SOURCES` (a comma list of `assets`, `release`, `modules`)
leaves some out, for a closed network for example. The cache is always asked.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from . import cache, gobuild, release
from .errors import PlaneError, Unavailable
from .versions import Component, components, fits

ALL = ("assets", "cache", "release", "modules")


@dataclass(frozen=True)
class Found:
    """A binary ready to run, and which source gave it."""

    component: Component
    path: Path
    origin: str


def allowed() -> tuple[str, ...]:
    """The sources in force, in order. Raises PlaneError for an unknown name."""
    configured = os.environ.get("SHIPKEEPER_CONTROLPLANE_SOURCES")
    if not configured:
        return ALL
    names = [name.strip() for name in configured.split(",") if name.strip()]
    for name in names:
        if name not in ALL:
            known = ", ".join(ALL)
            raise PlaneError(f"SHIPKEEPER_CONTROLPLANE_SOURCES: {name!r} is none of {known}")
    return tuple(name for name in ALL if name == "cache" or name in names)


def _from_assets(component: Component, why_not: list[str]) -> Path | None:
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    if not folder:
        return None
    path = Path(folder) / component.name
    if not os.access(path, os.X_OK):
        return None
    good, reason = fits(component, path)
    if good:
        return path
    why_not.append(reason)
    return None


def present(minor: str) -> tuple[list[Found], list[Component]]:
    """What is at hand without building or downloading, and what is missing."""
    sources, found, missing = allowed(), [], []
    for component in components(minor):
        path, origin = None, ""
        if "assets" in sources:
            reasons: list[str] = []
            path, origin = _from_assets(component, reasons), "assets"
            for reason in reasons:
                print(f"KUBEBUILDER_ASSETS: {reason}; not used", file=sys.stderr)
        if path is None:
            path, origin = cache.binary(component), "cache"
        if path is None:
            missing.append(component)
        else:
            found.append(Found(component, path, origin))
    return found, missing


def _download(missing: list[Component], why_not: dict[str, str]) -> list[Component]:
    left = []
    for component in missing:
        with cache.workspace() as folder:
            try:
                made = release.download(component, folder)
            except Unavailable as error:
                why_not[component.name] = str(error)
                left.append(component)
                continue
            cache.place(component, made, "release")
    return left


def _build(missing: list[Component]) -> None:
    for component in missing:
        if component.name == "etcd":
            with cache.workspace() as folder:
                cache.place(component, gobuild.build_etcd(component, folder), "modules")
        elif component.name == "kwok":
            with cache.workspace() as folder:
                made, stages = gobuild.build_kwok(component, folder)
                cache.place(component, made, "modules", stages)
    kubernetes = [component for component in missing if component.is_kubernetes]
    if kubernetes:
        with cache.workspace() as folder:
            made_by_name = gobuild.build_kubernetes(kubernetes, folder)
            for component in kubernetes:
                cache.place(component, made_by_name[component.name], "modules")


def obtain(minor: str) -> list[Found]:
    """Every component of a minor, built or downloaded where need be.

    Raises Unavailable when one can be had from nowhere, BuildFailed when a build breaks.
    """
    found, missing = present(minor)
    if not missing:
        return found
    sources = allowed()
    with cache.lock():
        found, missing = present(minor)
        why_not: dict[str, str] = {}
        if missing and "release" in sources:
            missing = _download(missing, why_not)
        if missing and "modules" in sources:
            try:
                _build(missing)
            except Unavailable as error:
                names = ", ".join(component.key for component in missing)
                raise Unavailable(f"cannot be had here: {names}: {error}") from error
            missing = []
        if missing:
            names = ", ".join(component.key for component in missing)
            reason = next(iter(why_not.values()), f"sources allowed: {', '.join(sources)}")
            raise Unavailable(f"cannot be had here: {names}: {reason}")
    found, missing = present(minor)
    if missing:
        names = ", ".join(component.key for component in missing)
        raise PlaneError(f"built, but not found again in the cache {cache.root()}: {names}")
    return found
