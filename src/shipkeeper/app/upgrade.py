"""An upgrade looked at before it is planned: the path, what each hop means here, and how its notes stand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from shipkeeper.app.platform_file import find_platform
from shipkeeper.app.upgrade_releases import ReleasesKnown, checkout_of, find_releases
from shipkeeper.assessment.removed_apis import kept_objects, uses_by_api
from shipkeeper.integrations.git.repository import GitRepository
from shipkeeper.knowledge.library import Knowledge
from shipkeeper.knowledge.paths import (
    cite,
    dropped_versions,
    installed_releases,
    installed_source,
    kubernetes_range,
    path_policy,
    policies_of,
)
from shipkeeper.knowledge.quirks import QuirkHit
from shipkeeper.model.errors import BadInput, DoesNotFit, UsageProblem
from shipkeeper.model.hops import ControlPlaneVersions, CrdBlocker, KubernetesHop
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.paths import Broken, OtherPath, PathPolicy, UpgradePath
from shipkeeper.model.platform import Component, Platform
from shipkeeper.model.record import Record
from shipkeeper.model.version import Version, guess_version, parse_version
from shipkeeper.semantics.paths import (
    charts_of,
    crd_blockers,
    find_path,
    judge_path,
    kubernetes_hops,
    versions_of,
    with_components,
)

NEWEST = "newest"
_MINOR = re.compile(r"v?\d+\.\d+", re.ASCII)


class Wish(Struct, frozen=True, kw_only=True):
    """What a person asks for. Empty: what the platform file, the inventory or the product's default says."""

    component: str
    start: str = ""
    target: str = ""
    policy: str = ""
    skip_late: bool = False
    via: tuple[str, ...] = ()
    checkout: str = ""
    releases: str = ""


class HopQuirk(Record, frozen=True, kw_only=True):
    """Something known of the version that a hop reaches, or of the way to it."""

    hop: str
    quirk: QuirkHit


class Upgrade(Struct, frozen=True, kw_only=True):
    """The answer. ``broken`` is about the stops a person named with ``via``."""

    path: UpgradePath
    others: tuple[OtherPath, ...] = ()
    broken: tuple[Broken, ...] = ()
    kubernetes: tuple[KubernetesHop, ...] = ()
    crds: tuple[CrdBlocker, ...] = ()
    known: tuple[HopQuirk, ...] = ()
    assumptions: tuple[str, ...] = ()
    repository: GitRepository | None = None

    def payload(self) -> dict[str, Any]:
        """What other programs read."""
        body = msgspec.to_builtins(self.path)
        more = {
            "others": self.others,
            "broken": self.broken,
            "kubernetes": self.kubernetes,
            "crds": self.crds,
            "known": self.known,
            "assumptions": self.assumptions,
        }
        return {**body, **{key: msgspec.to_builtins(value) for key, value in more.items()}}


def look_ahead(
    wish: Wish,
    platform: Platform,
    platform_path: str | None,
    inventory: Inventory | None = None,
    *,
    knowledge: Knowledge,
) -> Upgrade:
    """The way of a component from one version to another, and what it means here.

    Raises UsageProblem where something is asked for that nobody knows, BadInput for a version, list or checkout that
    cannot be read, DoesNotFit when the policy knows no way.
    """
    declared = next((item for item in platform.components if item.name == wish.component), None)
    product = (declared.product if declared else "") or wish.component
    policy = _policy(wish, declared, product, knowledge)
    scheme = policy.scheme or _scheme(product, wish, knowledge)
    repository = checkout_of(wish.component, wish.checkout, platform, base_folder(platform_path))
    found = find_releases(wish.component, product, scheme, wish.releases, repository, knowledge)
    start = _start(wish, declared, product, scheme, inventory, knowledge)
    target = _target(wish, declared, scheme, found)
    path = find_path(
        policy, start, target, found.known, component=wish.component, skip_late=wish.skip_late, cited=cite(policy),
        releases=found.source,
    )  # fmt: skip
    path = with_components(path, installed_releases(product))
    stops = [parse_version(text, scheme) for text in (*wish.via, path.to_version)] if wish.via else []
    return Upgrade(
        path=path,
        others=_others(policy, product, start, target, found, path),
        broken=judge_path(policy, start, stops, found.known, skip_late=wish.skip_late) if stops else (),
        kubernetes=_kubernetes(path, product, inventory, knowledge),
        crds=_crds(path, product, inventory),
        known=_quirks(path, product, knowledge),
        assumptions=_assumptions(wish, policy, product, inventory, found),
        repository=repository,
    )


def base_folder(platform_path: str | None) -> Path:
    """What the paths in a platform file are relative to."""
    path = Path(platform_path) if platform_path else find_platform(Path.cwd())
    return path.parent if path else Path.cwd()


def _policy(wish: Wish, declared: Component | None, product: str, knowledge: Knowledge) -> PathPolicy:
    name = wish.policy or (declared.path_policy if declared else "")
    if name:
        return path_policy(name)
    own = policies_of(product)
    if own:
        return own[0]
    row = knowledge.products.find(product)
    if row is None:
        raise UsageProblem(
            f"no path policy is known for {wish.component!r}",
            code="unknown-component",
            object=wish.component,
            why="each kind of software has its own rule about what may be skipped",
            hint="name one with --policy (docs/reference/path-policies.md lists them), or the product it is in "
            "components: of the platform file",
        )
    return path_policy(row.path or "patch-free")


def _scheme(product: str, wish: Wish, knowledge: Knowledge) -> str:
    row = knowledge.products.find(product)
    if row is not None:
        return row.scheme
    guessed = guess_version(wish.start) or guess_version(wish.target)
    return guessed.scheme if guessed is not None else "loose"


def _start(
    wish: Wish, declared: Component | None, product: str, scheme: str, inventory: Inventory | None, knowledge: Knowledge
) -> Version:
    said = wish.start or (declared.version if declared else "")
    if said:
        return parse_version(said, scheme)
    seen = installed_versions(product, inventory, knowledge) if inventory is not None else ()
    versions = sorted({parse_version(text, scheme) for text in seen})
    if len(versions) == 1:
        return versions[0]
    if versions:
        raise UsageProblem(
            f"{wish.component} runs in {len(versions)} versions: {', '.join(map(str, versions))}",
            code="several-versions",
            object=wish.component,
            why="each has a way of its own",
            hint="name the one you mean with --from-version",
        )
    raise UsageProblem(
        f"which version of {wish.component} runs is not known",
        object=wish.component,
        hint="name it with --from-version, or give an inventory with --from or --context",
    )


def installed_versions(product: str, inventory: Inventory, knowledge: Knowledge) -> tuple[str, ...]:
    """Versions of a product that an inventory shows."""
    if product == "kubernetes":
        return (inventory.identity.server_version,) if inventory.identity.server_version else ()
    found: list[str] = []
    for use in inventory.images:
        known = knowledge.identify_image(use.image)
        if known is not None and known.product == product and known.version:
            found.append(known.version)
    if product in ("talos", "flatcar"):
        nodes = (knowledge.products.identify_node(node.info.os_image) for node in inventory.nodes)
        found.extend(known.version for known in nodes if known is not None and known.product == product)
    return tuple(dict.fromkeys(found))


def _target(wish: Wish, declared: Component | None, scheme: str, found: ReleasesKnown) -> Version:
    """A version, the newest of a minor where only that is named, or the newest of all."""
    said = wish.target or (declared.target if declared else "")
    if not said:
        raise UsageProblem(
            f"where {wish.component} should go is not said",
            object=wish.component,
            hint="name it with --to VERSION, or --to newest",
        )
    if said == NEWEST:
        if not found.known.path:
            raise UsageProblem(
                f"no release of {wish.component} is known here",
                object=wish.component,
                hint="name a version with --to, or give a list with --checkout DIR or --releases FILE",
            )
        return found.known.path[-1].version
    if _MINOR.fullmatch(said) and scheme not in ("calver", "loose"):
        major, minor = (int(number) for number in said.removeprefix("v").split("."))
        of_minor = found.known.of_minor((major, minor))
        if of_minor:
            return of_minor[-1].version
    return parse_version(said, scheme)


def _others(
    policy: PathPolicy, product: str, start: Version, target: Version, found: ReleasesKnown, path: UpgradePath
) -> tuple[OtherPath, ...]:
    """What the component's other policies would do."""
    others = []
    for other in policies_of(product):
        if other.id == policy.id:
            continue
        try:
            stops = find_path(other, start, target, found.known).stops
        except (DoesNotFit, BadInput) as error:
            others.append(OtherPath(by=other.id, stops=(), why=f"no way: {error.message}"))
            continue
        if stops != path.stops:
            others.append(OtherPath(by=other.id, stops=stops, why=other.rule))
    return tuple(others)


def _kubernetes(
    path: UpgradePath, product: str, inventory: Inventory | None, knowledge: Knowledge
) -> tuple[KubernetesHop, ...]:
    """The hops of Kubernetes that a path makes: its own, or those of what it installs."""
    stops = _kubernetes_stops(path, product)
    if len(stops) < 2:
        return ()
    if inventory is None:
        why = "no inventory was given: kubelets, controllers and what uses removed APIs are not known"
        now = ControlPlaneVersions(api_servers=(("", stops[0]),), unknown=(why,))
        return kubernetes_hops(stops, now, removals=knowledge.removals.announced(), requests=None)
    ranges = []
    for name in ("talos", "kubespray"):
        for text in installed_versions(name, inventory, knowledge) if name != product else ():
            known = kubernetes_range(name, parse_version(text, "semver"))
            ranges.extend([known] if known else [])
    return kubernetes_hops(
        stops,
        versions_of(inventory),
        removals=knowledge.removals.announced(),
        uses=_uses(inventory),
        requests=None if inventory.missing_in("deprecated_requests") else inventory.deprecated_requests,
        ranges=ranges,
        charts=charts_of(inventory),
    )


def _uses(inventory: Inventory) -> Mapping[tuple[str, str, str], Sequence[str]] | None:
    """What keeps objects of which API. None when neither Helm releases nor Kustomizations could be read."""
    if inventory.missing_in("releases") and inventory.missing_in("flux"):
        return None
    return uses_by_api(kept_objects(inventory))


def _kubernetes_stops(path: UpgradePath, product: str) -> tuple[str, ...]:
    if product == "kubernetes":
        return (path.from_version, *path.stops) if path.hops else ()
    found: list[str] = []
    for hop in path.hops:
        for move in hop.components:
            if move.name == "kubernetes" and move.before and move.after:
                found.extend([move.after] if found else [move.before, move.after])
    return tuple(found)


def _quirks(path: UpgradePath, product: str, knowledge: Knowledge) -> tuple[HopQuirk, ...]:
    """What is known to go wrong on each hop. What holds at several is said once, versions to refuse every time."""
    found: dict[str, HopQuirk] = {}
    for hop in path.hops:
        for hit in knowledge.quirks_for(product, hop.from_version, hop.to_version):
            if hit.role != "installed":
                key = f"{hit.id} {hop.to_version}" if hit.kind == "refuse" else hit.id
                found.setdefault(key, HopQuirk(hop=hop.to_version, quirk=hit))
    return tuple(found.values())


def _crds(path: UpgradePath, product: str, inventory: Inventory | None) -> tuple[CrdBlocker, ...]:
    if inventory is None:
        return ()
    return tuple(
        blocker
        for hop in path.hops
        for blocker in crd_blockers(inventory.crds, dropped_versions(), product, hop.from_version, hop.to_version)
    )


def _assumptions(
    wish: Wish, policy: PathPolicy, product: str, inventory: Inventory | None, found: ReleasesKnown
) -> tuple[str, ...]:
    said = []
    if not wish.policy:
        said.append(f"policy {policy.id}, because nothing names another for {wish.component}")
    if found.known.partial:
        said.append("of each minor only its newest release is known here: others exist")
    source = installed_source(product)
    if source is not None:
        said.append(f"what each release installs is its default ({source.cite()}); your own settings may differ")
    drops = any(item.component == product for item in dropped_versions())
    if drops and (inventory is None or inventory.missing_in("crds")):
        said.append("stored versions of CRDs were not looked at: no inventory with CRDs was given")
    return tuple(said)


def hop_named(path: UpgradePath, version: str) -> Sequence[int]:
    """Indexes of the hops that reach a version, or of all when none is named. Raises UsageProblem for another."""
    if not version:
        return range(len(path.hops))
    wanted = parse_version(version, path.scheme)
    for index, hop in enumerate(path.hops):
        if parse_version(hop.to_version, path.scheme) == wanted:
            return (index,)
    raise UsageProblem(
        f"{version} is no stop on this path",
        object=version,
        hint=f"its stops are {', '.join(path.stops)}" if path.hops else "there is nothing to upgrade",
    )
