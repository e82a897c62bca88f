"""Objects in etcd that are written in a version which goes away.

Source: Kubernetes documentation, "Versions in CustomResourceDefinitions": a version that is in
``status.storedVersions`` cannot be taken out of a CRD. The API server refuses the change; where it was forced, the
objects can no longer be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shipkeeper.model.hops import CrdBlocker, DroppedVersion
from shipkeeper.model.releases import Crd
from shipkeeper.semantics.skew import minor_of


def crd_blockers(
    crds: Sequence[Crd], dropped: Iterable[DroppedVersion], component: str, before: str, after: str
) -> tuple[CrdBlocker, ...]:
    """CRDs that stand in the way of a hop: a stored version that a release on the way no longer has."""
    here, there = minor_of(before), minor_of(after)
    found: list[CrdBlocker] = []
    for drop in dropped:
        at = minor_of(drop.release)
        if drop.component != component or here is None or there is None or at is None or not here < at <= there:
            continue
        why = f"{component} {drop.release} no longer has it"
        held = (crd for crd in crds if _covers(drop.group, crd.group) and drop.version in crd.stored_versions)
        found.extend(_blocker(crd, drop.version, why, drop.fix) for crd in held)
    return tuple(sorted(found, key=lambda item: (item.crd, item.version)))


def _blocker(crd: Crd, version: str, why: str, fix: str = "") -> CrdBlocker:
    return CrdBlocker(
        crd=crd.name,
        version=version,
        storage_version=crd.storage_version,
        blocks=True,
        text=f"objects of {crd.name} may still be stored in {version}, and {why}",
        fix=fix or _rewrite(crd, version),
        owner=crd.owner,
    )


def _rewrite(crd: Crd, version: str) -> str:
    return (
        f"write every object once in {crd.storage_version or 'the storage version'} "
        f"(read and replace it unchanged), then take {version} out of the CRD's status.storedVersions"
    )


def _covers(pattern: str, group: str) -> bool:
    return group == pattern or (pattern.startswith("*.") and (group.endswith(pattern[1:]) or group == pattern[2:]))
