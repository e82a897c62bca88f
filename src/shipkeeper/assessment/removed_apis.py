"""Removed and deprecated APIs that are in use: by which object, whose, gone in which hop, and what to use instead.

What a cluster stores does not tell in which version an object was written, so use is seen in what people keep (the
manifests of Helm releases and Kustomizations) and in the requests for deprecated APIs that an API server counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from shipkeeper.knowledge.removals import Removal, Removals
from shipkeeper.model.facts import DeprecatedRequest
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.record import Record
from shipkeeper.model.releases import Crd, ManifestObject
from shipkeeper.semantics.skew import minor_of

STATES = ("gone", "removed", "deprecated")
"""gone: the cluster as it is no longer serves it. removed: a hop takes it away. deprecated: later than the goal."""
RELEASE, KUSTOMIZATION, REQUESTS = "Helm release", "Kustomization", "requests"
_MOST = 5
_HELM = "upgrade it before, or rewrite its record with helm mapkubeapis"


class Kept(Struct, frozen=True):
    """An object as somebody keeps it in a manifest. ``owner``: ``namespace/name`` of what applies it."""

    object: ManifestObject
    owner: str
    told_by: str
    """Helm release or Kustomization."""


class ApiUse(Record, frozen=True, kw_only=True):
    """One use of an API that is gone, goes, or will go."""

    api_version: str
    kind: str
    namespace: str
    name: str
    """Empty where only the requests are known, not the object."""
    owner: str
    told_by: str
    state: str
    removed_in: str
    """Minor of Kubernetes; empty where a CRD withdraws it and nobody says when."""
    hop: str
    """``1.33 → 1.34``; empty when no hop asked about takes it away."""
    replacement: str
    """``policy/v1 PodDisruptionBudget``; empty: there is none."""
    text: str
    fix: str


class ApiReport(Record, frozen=True, kw_only=True):
    """The answer. ``unknown``: what could not be looked at, in sentences; an empty list of uses is a pass only without.

    ``source``: where the removals are from.
    """

    stops: tuple[str, ...]
    uses: tuple[ApiUse, ...]
    unknown: tuple[str, ...]
    source: str


def removed_apis(inventory: Inventory, removals: Removals, stops: Sequence[str]) -> ApiReport:
    """What an inventory shows to use APIs that go on this way. ``stops``: the minor now, then each one reached."""
    uses = find_uses(removals, stops, kept_objects(inventory), inventory.deprecated_requests, inventory.crds)
    unknown = (*_unseen(inventory), *_unannounced(removals, stops))
    return ApiReport(stops=tuple(stops), uses=uses, unknown=unknown, source=removals.source.cite())


def kept_objects(inventory: Inventory) -> tuple[Kept, ...]:
    """Every object that a Helm release or a Kustomization of the inventory keeps. Hooks are kept too."""
    found = [
        Kept(item, f"{release.namespace}/{release.name}", RELEASE)
        for release in inventory.releases
        for item in (*release.objects, *release.hooks)
    ]
    found += [
        Kept(item, f"{flux.namespace}/{flux.name}", KUSTOMIZATION)
        for flux in inventory.flux
        if flux.kind == "Kustomization"
        for item in flux.objects
    ]
    return tuple(found)


def find_uses(
    removals: Removals,
    stops: Sequence[str],
    kept: Iterable[Kept],
    requests: Iterable[DeprecatedRequest],
    crds: Iterable[Crd],
) -> tuple[ApiUse, ...]:
    """Uses from plain records: what is gone first, then by hop, then what is only deprecated."""
    served = {(crd.group, crd.kind): crd for crd in crds}
    found = [use for item in kept if (use := _of_object(removals, stops, item, served)) is not None]
    found += [use for item in requests if (use := _of_request(removals, stops, item)) is not None]
    return tuple(sorted(set(found), key=_order))


def uses_by_api(kept: Iterable[Kept]) -> Mapping[tuple[str, str, str], tuple[str, ...]]:
    """(group, version, kind in lower case) → what keeps such objects, as the hops of a path ask for it."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for item in kept:
        group, _, version = item.object.api_version.rpartition("/")
        names = found.setdefault((group, version, item.object.kind.lower()), [])
        names.append(f"{item.object.ref} of {item.told_by} {item.owner}")
    return {key: tuple(dict.fromkeys(names)) for key, names in found.items()}


def _of_object(
    removals: Removals, stops: Sequence[str], item: Kept, served: Mapping[tuple[str, str], Crd]
) -> ApiUse | None:
    kept = item.object
    row = removals.find(kept.api_version, kept.kind)
    if row is None:
        group = kept.api_version.rpartition("/")[0]
        crd = served.get((group, kept.kind))
        return _of_crd(item, crd) if crd is not None else None
    state, hop = _when(removals, row, stops)
    if not state:
        return None
    return _kept_use(
        item,
        state,
        f"; {_fate(state, row)}",
        removed_in=row.removed,
        hop=hop,
        replacement=_replacement(removals, row, stops[-1]),
        fix=_fix(removals, row, stops, item.told_by),
    )


def _of_crd(item: Kept, crd: Crd) -> ApiUse | None:
    """A custom object kept in a version that its CRD no longer serves, or means to drop."""
    version = item.object.api_version.rpartition("/")[2]
    known = next((one for one in crd.versions if one.name == version), None)
    if known is not None and known.served and not known.deprecated:
        return None
    state = "deprecated" if known is not None and known.served else "gone"
    others = [one.name for one in crd.versions if one.served and not one.deprecated]
    better = crd.storage_version if crd.storage_version in others else next(iter(others), "")
    fate = "which its CRD calls deprecated" if state == "deprecated" else "which its CRD does not serve"
    return _kept_use(
        item,
        state,
        f", {fate}",
        replacement=f"{crd.group}/{better} {crd.kind}" if better else "",
        fix=f"write it as {crd.group}/{better}" if better else "ask the project that owns the CRD what takes its place",
    )


def _kept_use(
    item: Kept, state: str, fate: str, *, replacement: str, fix: str, removed_in: str = "", hop: str = ""
) -> ApiUse:
    """The use that an object makes, by what keeps it; ``fate`` ends the sentence."""
    kept = item.object
    return ApiUse(
        api_version=kept.api_version,
        kind=kept.kind,
        namespace=kept.namespace,
        name=kept.name,
        owner=item.owner,
        told_by=item.told_by,
        state=state,
        removed_in=removed_in,
        hop=hop,
        replacement=replacement,
        text=f"{item.told_by} {item.owner} keeps {kept.ref} as {kept.api_version}{fate}",
        fix=fix,
    )


def _of_request(removals: Removals, stops: Sequence[str], item: DeprecatedRequest) -> ApiUse | None:
    """A client that asked. The API server names a first release without it; our own facts know the replacement."""
    row = removals.find_resource(item.group, item.version, item.resource)
    removed = item.removed_release or (row.removed if row else "")
    if not removed:
        return None
    hop = _hop(removed, stops)
    here = minor_of(stops[0])
    gone = minor_of(removed)
    state = "removed" if hop else "gone" if here and gone and gone <= here else "deprecated"
    api = "/".join(filter(None, (item.group, item.version)))
    what = f"{item.resource}/{item.subresource}" if item.subresource else item.resource
    when = "is no longer served" if state == "gone" else f"goes in {removed}"
    return ApiUse(
        api_version=api,
        kind=row.kind if row else item.resource,
        namespace="",
        name="",
        owner="",
        told_by=REQUESTS,
        state=state,
        removed_in=removed,
        hop=hop,
        replacement=_replacement(removals, row, stops[-1]) if row else "",
        text=f"somebody asks for {what} as {api}, which {when}",
        fix="the audit log names who: its events carry the annotation k8s.io/deprecated",
    )


def _when(removals: Removals, row: Removal, stops: Sequence[str]) -> tuple[str, str]:
    """(state, hop); state is empty for what is not even deprecated at the end of the way."""
    if removals.is_removed_in(row, stops[0]):
        return "gone", ""
    hop = _hop(row.removed, stops)
    if hop:
        return "removed", hop
    return ("deprecated", "") if removals.is_deprecated_in(row, stops[-1]) else ("", "")


def _hop(removed: str, stops: Sequence[str]) -> str:
    gone = minor_of(removed)
    for before, after in pairwise(stops):
        here, there = minor_of(before), minor_of(after)
        if gone and here and there and here < gone <= there:
            return f"{_minor(before)} → {_minor(after)}"
    return ""


def _minor(text: str) -> str:
    found = minor_of(text)
    return f"{found[0]}.{found[1]}" if found else text


def _fate(state: str, row: Removal) -> str:
    if state == "gone":
        return f"it is no longer served since {row.removed}"
    least = " at the latest" if row.basis == "gone" else ""
    return f"it goes in {row.removed}{least}"


def _replacement(removals: Removals, row: Removal, at: str) -> str:
    found = removals.replacement_of(row.api_version, row.kind, at)
    return f"{found.api_version} {found.kind}" if found else ""


def _fix(removals: Removals, row: Removal, stops: Sequence[str], told_by: str) -> str:
    found = removals.replacement_of(row.api_version, row.kind, stops[-1])
    if found is None:
        return f"there is no replacement: take it out, and whatever needs it, before {row.removed}"
    since, here = minor_of(found.since), minor_of(stops[0])
    served = "now: it is served already"
    when = f"once the API server is at {found.since}" if since and here and since > here else served
    change = f"write it as {found.api_version} {found.kind} {when}"
    if told_by == RELEASE:
        change += f"; Helm cannot upgrade a release whose stored manifest names an API that is gone: {_HELM}"
    return change


def _unseen(inventory: Inventory) -> Iterable[str]:
    """What of the inventory could not be read, or tells only part."""
    for field, what in (("releases", "Helm releases"), ("crds", "CRDs"), ("flux", "Flux objects")):
        for item in inventory.missing_in(field):
            yield f"{what} were not read ({item.why}): what they keep is not known"
    partly = [f"{item.namespace}/{item.name}" for item in inventory.releases if not item.whole or item.dropped]
    if partly:
        more = f" and {len(partly) - _MOST} more" if len(partly) > _MOST else ""
        yield f"of these Helm releases not every object is known: {', '.join(partly[:_MOST])}{more}"
    missing = inventory.missing_in("deprecated_requests")
    if missing:
        yield (
            f"requests for deprecated APIs were not read ({missing[0].why}): objects that no release or Kustomization "
            "keeps, and clients, may use removed APIs unseen"
        )


def _unannounced(removals: Removals, stops: Sequence[str]) -> Iterable[str]:
    if any(minor_of(stop) is None for stop in stops):
        yield f"the minors {', '.join(stops)} cannot all be read: which hop takes what away is not known"
    elif not removals.knows(stops[-1]):
        yield f"removals after {removals.newest} are known only as they were announced, not as they came"


def _order(use: ApiUse) -> tuple[int, tuple[int, int], str, str, str, str, str]:
    removed = minor_of(use.removed_in) or (0, 0)
    return STATES.index(use.state), removed, use.namespace, use.kind, use.name, use.api_version, use.owner
