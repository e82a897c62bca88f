"""Path policies and the releases they lead over: dated data with sources."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

import msgspec

from shipkeeper.knowledge.sources import Source
from shipkeeper.knowledge.support import SupportDates
from shipkeeper.model.errors import BadInput, UsageProblem
from shipkeeper.model.hops import DroppedVersion, KubernetesRange
from shipkeeper.model.paths import PathPolicy, Release
from shipkeeper.model.time import instant
from shipkeeper.model.version import Version, parse_version


class ReleaseList(msgspec.Struct, frozen=True):
    """The releases of a component, and how far the list can be relied on."""

    component: str
    source: Source
    releases: tuple[Release, ...]

    def cite(self) -> str:
        """Where the list is from and as of when."""
        return f"{self.source.title}, as of {self.source.retrieved}"


class _Range(msgspec.Struct, frozen=True):
    """From ``from_minor`` on, minor m supports Kubernetes up to 1.(m + offset), and ``span`` minors in all."""

    component: str
    from_minor: str
    newest_offset: int
    span: int
    source: str


class _Policies(msgspec.Struct, frozen=True):
    sources: dict[str, Source]
    policies: tuple[PathPolicy, ...]
    components: dict[str, tuple[str, ...]]
    kubernetes_ranges: tuple[_Range, ...]
    dropped_versions: tuple[DroppedVersion, ...]


class _Releases(msgspec.Struct, frozen=True):
    source: Source
    releases: dict[str, str]


class _Components(msgspec.Struct, frozen=True):
    source: Source
    releases: dict[str, dict[str, str]]


RELEASE_LISTS = {"kubespray": "kubespray", "ck8s-kubespray": "ck8s", "ck8s-apps": "ck8s"}
"""Components whose releases come with Shipkeeper, and the scheme they are written in."""


@cache
def _policies() -> _Policies:
    return msgspec.json.decode(_data("paths.json"), type=_Policies)


def path_policies() -> tuple[PathPolicy, ...]:
    """All policies that are known."""
    return _policies().policies


def path_policy(name: str) -> PathPolicy:
    """The policy of that id or alias. Raises UsageProblem when there is none."""
    for policy in path_policies():
        if name == policy.id or name in policy.aliases:
            return policy
    raise UsageProblem(
        f"there is no path policy called {name!r}",
        code="unknown-path-policy",
        object=name,
        hint=f"use one of: {', '.join(policy.id for policy in path_policies())}",
    )


def policies_of(component: str) -> tuple[PathPolicy, ...]:
    """The policies of a component, the one that holds by default first. Empty for a component without any."""
    return tuple(path_policy(name) for name in _policies().components.get(component, ()))


def sources_of(policy: PathPolicy) -> tuple[Source, ...]:
    """Where the policy's rule was read."""
    known = _policies().sources
    return tuple(known[key] for key in policy.sources)


def cite(policy: PathPolicy) -> tuple[str, ...]:
    """The policy's sources in words."""
    return tuple(source.cite() for source in sources_of(policy))


@cache
def known_releases(component: str) -> ReleaseList | None:
    """The releases of a component that come with Shipkeeper; None when none do."""
    scheme = RELEASE_LISTS.get(component)
    if scheme is None:
        return None
    file = msgspec.json.decode(_data(f"releases-{component}.json"), type=_Releases)
    releases = tuple(
        Release(parse_version(tag, scheme), released_ms=day_ms(day), tag=tag) for tag, day in file.releases.items()
    )
    return ReleaseList(component, file.source, releases)


@cache
def installed_by(component: str) -> dict[str, dict[str, str]]:
    """Release → component → version that it installs by default. Empty for a component that installs no others.

    What a release's own files do not tell in a way that can be read is left out.
    """
    if component != "kubespray":
        return {}
    return msgspec.json.decode(_data("components-kubespray.json"), type=_Components).releases


def installed_releases(component: str) -> dict[Version, dict[str, str]]:
    """Release → component → version, by version. Of Kubespray as Compliant Kubernetes ships it only the minor of
    Kubernetes is told: its own fork may take another patch than upstream's release of that number.
    """
    if component != "ck8s-kubespray":
        scheme = RELEASE_LISTS.get(component, "loose")
        return {parse_version(tag, scheme): parts for tag, parts in installed_by(component).items()}
    upstream = {
        parse_version(tag, "kubespray").minor_key: ".".join(parts["kubernetes"].split(".")[:2])
        for tag, parts in installed_by("kubespray").items()
    }
    known = known_releases(component)
    versions = [release.version for release in known.releases] if known else []
    return {v: {"kubernetes": upstream[v.minor_key]} for v in versions if v.minor_key in upstream}


def kubernetes_range(component: str, version: Version) -> KubernetesRange | None:
    """The minors of Kubernetes that a version supports; None for a component of which nothing is known here."""
    for row in _policies().kubernetes_ranges:
        first = tuple(map(int, row.from_minor.split(".")))
        if row.component != component:
            continue
        if version.minor_key < first or version.major != first[0]:
            return KubernetesRange(component=component, version=version.text)
        highest = version.minor + row.newest_offset
        return KubernetesRange(
            component=component,
            version=version.text,
            lowest=f"1.{highest - row.span + 1}",
            highest=f"1.{highest}",
            source=_policies().sources[row.source].cite(),
        )
    return None


def dropped_versions() -> tuple[DroppedVersion, ...]:
    """Versions of CRDs that releases of their components no longer have."""
    return _policies().dropped_versions


def installed_source(component: str) -> Source | None:
    """Where ``installed_by`` is from; None when there is nothing."""
    if component != "kubespray":
        return None
    return msgspec.json.decode(_data("components-kubespray.json"), type=_Components).source


def day_ms(day: str) -> int | None:
    """A day (YYYY-MM-DD) as epoch milliseconds, UTC midnight; None for an empty one. Raises BadInput."""
    if not day:
        return None
    try:
        return instant(datetime.fromisoformat(day).replace(tzinfo=UTC))
    except ValueError as error:
        raise BadInput(f"{day!r} is not a day", object=day, hint="write it like 2020-09-18") from error


def _data(name: str) -> bytes:
    return files("shipkeeper.knowledge").joinpath(f"data/{name}").read_bytes()


def newest_of_lines(support: SupportDates, product: str, scheme: str) -> tuple[Release, ...]:
    """The newest release of each line whose support is known: what there is where no list of releases is."""
    found = []
    for cycle in support.cycles(product):
        try:
            version = parse_version(cycle.latest or cycle.name, scheme)
        except BadInput:  # a line that is called by a word
            continue
        found.append(Release(version, released_ms=day_ms(cycle.latest_released)))
    return tuple(found)
