"""ResourceQuotas: what a pod is charged, and when its namespace has no room for one more.

Source: Kubernetes documentation, "Resource Quotas"; ``apiserver/pkg/admission/plugin/resourcequota``. A pod counts from
its creation until its object is gone or it has finished, so one that terminates still does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shipkeeper.model.cluster import Quota
from shipkeeper.model.pods import PodShape

_PODS = ("pods", "count/pods")
_BARE = ("cpu", "memory", "ephemeral-storage")
_REQUESTS, _LIMITS = "requests.", "limits."


def charge(entry: str, shape: PodShape) -> int:
    """What one pod of the shape is charged under an entry of ``hard``; 0 for entries that are not about its requests
    (limits, other objects).
    """
    if entry in _PODS:
        return 1
    if entry in _BARE:
        return shape.requests.get(entry, 0)
    return shape.requests.get(entry.removeprefix(_REQUESTS), 0) if entry.startswith(_REQUESTS) else 0


def covers(quota: Quota, shape: PodShape) -> bool | None:
    """Whether pods of that shape are charged: every pod under a quota without scopes, else those that all its scopes
    select; None where the shape does not tell.
    """
    answers = [_selects(scope, shape) for scope in quota.scopes]
    if False in answers:
        return False
    return None if None in answers else True


def lacking(quota: Quota, used: Mapping[str, int], shape: PodShape) -> tuple[str, ...]:
    """Entries under which one more pod of the shape, beside all that are there, would be too much; sorted."""
    return tuple(
        sorted(
            entry
            for entry, hard in quota.hard.items()
            if (amount := charge(entry, shape)) and used.get(entry, 0) + amount > hard
        )
    )


def over(quota: Quota, shape: PodShape) -> tuple[str, ...]:
    """Entries that are over their limit already: a replacement is refused even once the pod it replaces is gone."""
    return tuple(entry for entry in _asked(quota, shape) if quota.used.get(entry, 0) > quota.hard[entry])


def untold(quota: Quota, shape: PodShape) -> tuple[str, ...]:
    """Entries whose use the quota's controller has not told: the API server refuses every pod until it has."""
    return tuple(entry for entry in _asked(quota, shape) if entry not in quota.used)


def _asked(quota: Quota, shape: PodShape) -> Iterator[str]:
    """Entries that are looked at when such a pod is made. A quota of limits refuses pods without any."""
    for entry in sorted(quota.hard):
        if charge(entry, shape) or entry.startswith(_LIMITS):
            yield entry


def _selects(scope: str, shape: PodShape) -> bool | None:
    """Whether a scope (``Name``, or ``Name Operator values`` of a scopeSelector) selects such a pod."""
    name, _, rest = scope.partition(" ")
    if name in ("BestEffort", "NotBestEffort"):
        nothing = not any(shape.requests.get(resource) for resource in ("cpu", "memory"))
        return nothing == (name == "BestEffort")
    if name == "PriorityClass":
        operator, _, values = rest.partition(" ")
        listed, named = shape.priority_class in values.split(","), bool(shape.priority_class)
        answers = {"": named, "Exists": named, "DoesNotExist": not named, "In": listed, "NotIn": not listed}
        return answers.get(operator)
    return None  # Terminating, CrossNamespacePodAffinity and what comes later: the shape does not keep it
