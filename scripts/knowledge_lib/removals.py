"""Removed APIs from the lifecycle markers of k8s.io/api, over its tags.

The newest tag alone is not enough: what is already deleted has vanished from it. And a marker alone is not enough: an
alpha kind may be deleted before the minor that its marker names. So: over all tags, removed in the earlier of what the
last tag that has the kind says, and the first tag that no longer has it. Versions that are neither alpha nor beta are
never removed within Kubernetes 1; a kind of theirs that vanishes was never served.

CustomResourceDefinition and APIService live in modules of their own, whose newest tag still has all of their kinds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .lifecycle import Key, Mark, Tag

TITLE = "Lifecycle markers and registered kinds in Kubernetes' API modules (k8s.io/api v0.{first}.0 to v0.{last}.0)"
STABILITY = ("alpha", "beta", "")
CHANGELOG = {
    ("rbac.authorization.k8s.io", "v1alpha1"): 23,
    ("scheduling.k8s.io", "v1alpha1"): 23,
}
"""Removals that neither a marker nor a tag tells: the types stayed in the module for years after they were no longer
served. PriorityClass only; another kind came into the second group later."""
NOT_THOSE = frozenset({("scheduling.k8s.io", "v1alpha1", "Workload"), ("scheduling.k8s.io", "v1alpha1", "PodGroup")})


def build(tags: Iterable[Tag], beside: Iterable[Tag], retrieved: str) -> dict[str, Any]:
    """The whole file as plain values. ``beside``: the newest tags of the other modules."""
    ordered = sorted(tags, key=lambda tag: tag.minor)
    for other in beside:
        for tag in ordered:
            tag.kinds |= other.kinds
            tag.marks.update(other.marks)
    first, last = ordered[0].minor, ordered[-1].minor
    rows = [row for key in sorted(_everything(ordered)) if (row := _row(key, ordered)) is not None]
    changelog = {
        "title": "Kubernetes changelog 1.23, API changes",
        "url": "https://github.com/kubernetes/kubernetes/pull/104248",
        "retrieved": retrieved,
        "shelfDays": 3650,
    }
    source = {
        "title": TITLE.format(first=first, last=last),
        "url": "https://pkg.go.dev/k8s.io/api",
        "licence": "Apache-2.0",
        "retrieved": retrieved,
        "shelfDays": 150,
    }
    return {
        "format": 1,
        "kind": "removals",
        "issued": retrieved,
        "source": "api",
        "sources": {"api": source, "changelog": changelog},
        "newest": f"1.{last}",
        "rows": rows,
    }


def _everything(tags: list[Tag]) -> set[Key]:
    kinds = {key for tag in tags for key in (*tag.kinds, *tag.marks)}
    return {key for key in kinds if not (key[2].endswith("List") and (*key[:2], key[2][:-4]) in kinds)}


def _row(key: Key, tags: list[Tag]) -> list[Any] | None:
    having = [tag for tag in tags if key in tag.kinds or key in tag.marks]
    mark = next((tag.marks[key] for tag in reversed(having) if key in tag.marks), Mark())
    unstable = any(word in key[1] for word in STABILITY if word)
    gone = next((tag.minor for tag in tags if tag.minor > having[-1].minor), 0) if unstable else 0
    told = CHANGELOG.get(key[:2], 0) if key not in NOT_THOSE else 0
    removed = min(filter(None, (mark.removed, gone, told)), default=0)
    if not removed:
        return None
    introduced = mark.introduced or (having[0].minor if having[0] is not tags[0] else 0)
    deprecated = mark.deprecated if mark.deprecated < removed else 0
    replacement = mark.replacement or _successor(key, tags)
    since = _since(replacement, tags) if replacement else 0
    return [
        "/".join(filter(None, key[:2])),
        key[2],
        plural(key[2]),
        _minor(introduced),
        _minor(deprecated),
        _minor(removed),
        "/".join(filter(None, replacement[:2])) if replacement else "",
        replacement[2] if replacement else "",
        _minor(since),
        {mark.removed: "marker", told: "changelog"}.get(removed, "gone"),
    ]


def _successor(key: Key, tags: list[Tag]) -> Key | None:
    """The most stable version of the same kind in the newest tag, where no marker names one."""
    group, version, kind = key
    alive = [
        other
        for other in tags[-1].kinds
        if other[0] == group and other[2] == kind and _rank(other[1]) > _rank(version) and not _ends(other, tags[-1])
    ]
    return max(alive, key=lambda other: _rank(other[1]), default=None)


def _ends(key: Key, tag: Tag) -> bool:
    mark = tag.marks.get(key)
    return mark is not None and 0 < mark.removed <= tag.minor


def _rank(version: str) -> tuple[int, tuple[int, ...]]:
    level = next(i for i, word in enumerate(STABILITY) if word in version)
    return level, tuple(map(int, re.findall(r"\d+", version)))


def _since(key: Key, tags: list[Tag]) -> int:
    """The first minor known to have a kind; 0: the oldest tag already has it, or none does."""
    for tag in tags:
        if key in tag.kinds:
            marked = tag.marks.get(key)
            if marked is not None and marked.introduced:
                return marked.introduced
            return 0 if tag is tags[0] else tag.minor
    return 0


def _minor(number: int) -> str:
    return f"1.{number}" if number else ""


def plural(kind: str) -> str:
    """A resource's name as Kubernetes derives it from its kind."""
    word = kind.lower()
    if word.endswith(("endpoints", "parameters")):
        return word
    if word.endswith("s"):
        return f"{word}es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"
