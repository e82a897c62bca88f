"""ResourceQuotas: what a pod is charged, and when its namespace has no room for one more.

Source: Kubernetes documentation, "Resource Quotas". A pod counts from its creation until its object is gone or it has
finished, so one that terminates still does.
"""

from __future__ import annotations

from collections.abc import Mapping

from shipkeeper.model.cluster import Quota
from shipkeeper.model.pods import PodShape

_PODS = ("pods", "count/pods")
_BARE = ("cpu", "memory", "ephemeral-storage")
_REQUESTS = "requests."


def charge(entry: str, shape: PodShape) -> int:
    """What one pod of the shape is charged under an entry of ``hard``; 0 for entries that are not about its requests
    (limits, other objects).
    """
    if entry in _PODS:
        return 1
    if entry in _BARE:
        return shape.requests.get(entry, 0)
    return shape.requests.get(entry.removeprefix(_REQUESTS), 0) if entry.startswith(_REQUESTS) else 0


def applies(quota: Quota) -> bool:
    """Whether every pod of the namespace is charged; a scoped quota is about some of them only."""
    return not quota.scopes


def lacking(quota: Quota, used: Mapping[str, int], shape: PodShape) -> tuple[str, ...]:
    """Entries under which one more pod of the shape would be too much, sorted."""
    return tuple(
        sorted(
            entry
            for entry, hard in quota.hard.items()
            if (amount := charge(entry, shape)) and used.get(entry, 0) + amount > hard
        )
    )
